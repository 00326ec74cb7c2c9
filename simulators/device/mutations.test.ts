import { describe, expect, it } from "vitest";
import { decode } from "../../src/coap/index.js";
import { mutate } from "./mutations.js";

const datagram = Buffer.from("42021234beefb27264", "hex");
const hex = (list: readonly Uint8Array[]): string[] => list.map((bytes) => Buffer.from(bytes).toString("hex"));

describe("a mutation", () => {
  it("drops, duplicates, cuts, appends and replaces", () => {
    expect(hex(mutate(datagram, { kind: "drop" }))).toEqual([]);
    expect(hex(mutate(datagram, { kind: "duplicate" }))).toEqual([datagram.toString("hex"), datagram.toString("hex")]);
    expect(hex(mutate(datagram, { kind: "truncate", bytes: 3 }))).toEqual(["42021234beef"]);
    expect(hex(mutate(datagram, { kind: "truncate", bytes: 300 }))).toEqual([""]);
    expect(hex(mutate(datagram, { kind: "append", hex: "ff00" }))).toEqual(["42021234beefb27264ff00"]);
    expect(hex(mutate(datagram, { kind: "replace", hex: "70001234" }))).toEqual(["70001234"]);
  });

  it("changes code, token, message id and single bytes, and leaves the original alone", () => {
    expect(hex(mutate(datagram, { kind: "code", code: "4.06" }))).toEqual(["42861234beefb27264"]);
    expect(hex(mutate(datagram, { kind: "message-id", by: 1 }))).toEqual(["42021235beefb27264"]);
    expect(hex(mutate(datagram, { kind: "token" }))).toEqual(["4202123441efb27264"]);
    expect(hex(mutate(datagram, { kind: "xor", at: -1, mask: 1 }))).toEqual(["42021234beefb27265"]);
    expect(datagram.toString("hex")).toBe("42021234beefb27264");
  });

  it("gives a message without a token one", () => {
    const [changed] = mutate(Buffer.from("40021234b27264", "hex"), { kind: "token" });
    expect(decode(changed ?? Buffer.alloc(0)).token).toHaveLength(1);
  });
});
