import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reader, WireError, Writer } from "../../wire/index.js";
import { bytes, extensions } from "../testing/arbitraries.js";
import { readExtensions, readNumber, readNumbers16, readNumbers8, readServerName, type Extensions, writeExtensions, writeNumbers16, writeNumbers8, writeServerName } from "./extensions.js";

const written = (list: Extensions): Buffer => {
  const writer = new Writer();
  writeExtensions(writer, list);
  return writer.finish();
};
const read = (data: Buffer): Extensions => readExtensions(new Reader(data));

describe("extensions", () => {
  it("are read as they were written, in their order", () => {
    fc.assert(fc.property(extensions, (list) => {
      expect([...read(written(list))]).toEqual([...list]);
    }));
  });

  it("may be missing altogether, or be an empty list", () => {
    expect(written(new Map())).toHaveLength(0);
    expect(read(Buffer.alloc(0)).size).toBe(0);
    expect(read(Buffer.from([0, 0])).size).toBe(0);
  });

  it.each([
    ["one that stands twice", "0008" + "00170000" + "00170000", "extension 23 twice"],
    ["bytes behind the list", "0004" + "00170000" + "00", "bytes behind the extensions"],
    ["a list longer than the message", "0005" + "00170000", "extensions: 5 bytes wanted, 4 left"],
    ["one longer than the list", "0004" + "00170001", "extension: 1 bytes wanted, 0 left"],
    ["a length cut short", "0003" + "001700", "extension length: 2 bytes wanted, 1 left"],
  ])("are refused with %s", (_name, hex, problem) => {
    expect(() => read(Buffer.from(hex, "hex"))).toThrow(problem);
  });

  it("are no more than 64", () => {
    const many = (count: number): Buffer => written(new Map(Array.from({ length: count }, (_, type) => [type, Buffer.alloc(0)])));
    expect(read(many(64)).size).toBe(64);
    expect(() => read(many(65))).toThrow("more than 64 extensions");
  });

  it("are read from any bytes, or refused with a WireError", () => {
    fc.assert(
      fc.property(bytes(80), (data) => {
        for (const one of [read, readServerName]) {
          try {
            one(data);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
    );
  });
});

describe("a server name", () => {
  it("is read as it was written", () => {
    expect(readServerName(writeServerName("bs.example.org"))).toBe("bs.example.org");
    expect(writeServerName("a").toString("hex")).toBe("0004" + "00" + "0001" + "61");
  });

  it("is the first host name of the list", () => {
    expect(readServerName(Buffer.from("000c" + "07000178" + "00000161" + "00000162", "hex"))).toBe("a");
    expect(readServerName(Buffer.from("0000", "hex"))).toBeUndefined();
  });

  it("has 1 to 255 bytes", () => {
    expect(readServerName(writeServerName("n".repeat(255)))).toHaveLength(255);
    expect(() => readServerName(writeServerName("n".repeat(256)))).toThrow("a server name of 256 bytes");
    expect(() => readServerName(writeServerName(""))).toThrow("a server name of 0 bytes");
  });
});

describe("lists of numbers", () => {
  it("are read as they were written, with their length in front", () => {
    expect(writeNumbers16([23, 29]).toString("hex")).toBe("0004" + "0017" + "001d");
    expect(readNumbers16(Buffer.from("00040017001d", "hex"), "groups")).toEqual([23, 29]);
    expect(writeNumbers8([2, 0]).toString("hex")).toBe("02" + "0200");
    expect(readNumbers8(Buffer.from("020200", "hex"), "types")).toEqual([2, 0]);
    expect(readNumber(Buffer.from("0040", "hex"), 2, "limit")).toBe(64);
  });

  it.each([
    ["none", "0000"],
    ["half a number", "0003001700"],
    ["bytes behind them", "00020017ff"],
    ["fewer than they say", "00040017"],
  ])("are refused with %s", (_name, bytes) => {
    expect(() => readNumbers16(Buffer.from(bytes, "hex"), "groups")).toThrow("groups");
  });

  it("of one byte are refused when empty or of another length, and so is a single number", () => {
    for (const bytes of ["00", "0102ff", "0201"]) expect(() => readNumbers8(Buffer.from(bytes, "hex"), "types")).toThrow("types");
    for (const bytes of ["", "0102"]) expect(() => readNumber(Buffer.from(bytes, "hex"), 1, "type")).toThrow("type");
  });
});
