import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTlv, TlvError, writeTlv, type TlvEntry } from "./tlv.js";
import { fromBytes, toBytes, type Value, type ValueType } from "./values.js";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("TLV", () => {
  const vectors: readonly (readonly [name: string, bytes: string, entries: readonly TlvEntry[]])[] = [
    ["a short resource", "c1 09 64", [{ kind: "resource", id: 9, value: Buffer.of(100) }]],
    ["a resource with a length byte", "c8 00 09 6e 6f 64 65 2d 63 6f 61 70", [{ kind: "resource", id: 0, value: Buffer.from("node-coap") }]],
    ["a resource with a long id", "e4 16 44 41 ac 00 00", [{ kind: "resource", id: 5700, value: hex("41ac0000") }]],
    ["an empty resource", "c0 05", [{ kind: "resource", id: 5, value: Buffer.alloc(0) }]],
    [
      "a resource with instances",
      "86 06 41 00 01 41 01 05",
      [
        {
          kind: "multiple-resource",
          id: 6,
          entries: [
            { kind: "resource-instance", id: 0, value: Buffer.of(1) },
            { kind: "resource-instance", id: 1, value: Buffer.of(5) },
          ],
        },
      ],
    ],
    [
      "an instance of /2 with rights of server 127",
      "08 00 0e c1 00 01 c1 01 00 83 02 41 7f 07 c1 03 7f",
      [
        {
          kind: "instance",
          id: 0,
          entries: [
            { kind: "resource", id: 0, value: Buffer.of(1) },
            { kind: "resource", id: 1, value: Buffer.of(0) },
            { kind: "multiple-resource", id: 2, entries: [{ kind: "resource-instance", id: 127, value: Buffer.of(7) }] },
            { kind: "resource", id: 3, value: Buffer.of(127) },
          ],
        },
      ],
    ],
  ];

  it.each(vectors)("reads and writes %s", (_name, bytes, entries) => {
    expect(readTlv(hex(bytes))).toEqual(entries);
    expect(writeTlv(entries).toString("hex")).toBe(hex(bytes).toString("hex"));
  });

  it("writes lengths of one, two and three bytes", () => {
    for (const length of [7, 8, 255, 256, 65_535, 65_536]) {
      const entry: TlvEntry = { kind: "resource", id: 1, value: Buffer.alloc(length, 1) };
      expect(readTlv(writeTlv([entry]))).toEqual([entry]);
    }
  });

  it.each([
    ["a header cut off", "c8 00"],
    ["a value cut off", "c4 01 00 00"],
    ["an instance inside an instance", "03 00 01 00 00"],
    ["a resource instance right inside an instance", "03 00 41 00 01"],
    ["a resource inside a resource with instances", "83 00 c1 00 01"],
  ])("refuses %s", (_name, bytes) => {
    expect(() => readTlv(hex(bytes))).toThrow(TlvError);
  });

  it("throws nothing but its own error on any bytes, and writes again what it read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let entries: TlvEntry[];
        try {
          entries = readTlv(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(TlvError);
          return;
        }
        expect(readTlv(writeTlv(entries))).toEqual(entries);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("values of resources", () => {
  it.each<readonly [ValueType, Value, string]>([
    ["integer", -1, "ff"],
    ["integer", 127, "7f"],
    ["integer", 128, "0080"],
    ["integer", 300, "012c"],
    ["integer", 86_400, "00015180"],
    ["integer", 2 ** 31, "0000000080000000"],
    ["unsigned", 200, "c8"],
    ["unsigned", 4_294_967_295, "ffffffff"],
    ["time", 1_800_000_000, "6b49d200"],
    ["float", 21.5, "41ac0000"],
    ["float", 0.1, "3fb999999999999a"],
    ["boolean", true, "01"],
    ["objlnk", "3:0", "00030000"],
    ["string", "Grüße", "4772c3bcc39f65"],
  ])("%s %s is %s", (type, value, bytes) => {
    expect(toBytes(type, value).toString("hex")).toBe(bytes);
    expect(fromBytes(type, hex(bytes))).toEqual(value);
  });
});
