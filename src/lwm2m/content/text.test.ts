import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentError } from "../errors.js";
import type { Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";
import { anyType, characters, valueOfType } from "../testing/arbitraries.js";
import { decodeOpaque, encodeOpaque } from "./opaque.js";
import { decodeText, encodeText, formatValue, parseValue } from "./text.js";

const written: readonly [ValueType, Value, string][] = [
  ["String", "Grüße", "Grüße"],
  ["Integer", -42, "-42"],
  ["Integer", 9_223_372_036_854_775_807n, "9223372036854775807"],
  ["Unsigned Integer", 18_446_744_073_709_551_615n, "18446744073709551615"],
  ["Float", 3.25, "3.25"],
  ["Float", -1e-7, "-1e-7"],
  ["Boolean", true, "1"],
  ["Boolean", false, "0"],
  ["Opaque", Uint8Array.of(1, 2, 3, 4), "AQIDBA=="],
  ["Time", 1_700_000_000, "1700000000"],
  ["Objlnk", { object: 10, instance: 3 }, "10:3"],
  ["Corelnk", "</3/0>", "</3/0>"],
];

describe("text/plain", () => {
  it.each(written)("writes and reads %s %s", (type, value, text) => {
    expect(formatValue(value, type)).toBe(text);
    expect(decodeText(Buffer.from(text), type)).toEqual(value);
  });

  it.each<[ValueType, string]>([
    ["Integer", ""],
    ["Integer", "1.0"],
    ["Integer", "0x10"],
    ["Integer", "9223372036854775808"],
    ["Unsigned Integer", "-1"],
    ["Float", "NaN"],
    ["Float", "Infinity"],
    ["Float", "1e999"],
    ["Float", "."],
    ["Boolean", "true"],
    ["Boolean", ""],
    ["Opaque", "AQID BA=="],
    ["Opaque", "A"],
    ["Opaque", "AR=="],
    ["Objlnk", "3"],
    ["Objlnk", "65536:0"],
  ])("refuses %s from %j", (type, text) => {
    expect(() => parseValue(text, type)).toThrow(ContentError);
  });

  it("reads base64 whose padding was left out", () => {
    expect(parseValue("AQIDBA", "Opaque")).toEqual(Uint8Array.of(1, 2, 3, 4));
  });

  it("gives the text itself for an unknown resource", () => {
    expect(decodeText(Buffer.from("12"), undefined)).toBe("12");
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => decodeText(Uint8Array.of(0xc3, 0x28), "String")).toThrow(ContentError);
  });

  it("writes no number that is not finite", () => {
    expect(() => encodeText(Number.NaN, "Float")).toThrow(ContentError);
  });

  it("reads back whatever it writes", () => {
    fc.assert(
      fc.property(
        anyType.chain((type) => fc.tuple(fc.constant(type), valueOfType(type, true))),
        ([type, value]) => {
          expect(decodeText(encodeText(value, type), type)).toEqual(value);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("throws nothing but ContentError on any bytes or text", () => {
    const likely = fc.string({ unit: fc.constantFrom(...characters("0123456789+-.eE:=/AZaz \n")), maxLength: 24 }).map((text) => Buffer.from(text));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 24 }), likely), fc.option(anyType, { nil: undefined }), (bytes, type) => {
        try {
          const value = decodeText(bytes, type);
          expect(decodeText(encodeText(value, type), type)).toEqual(value);
        } catch (error) {
          if (!(error instanceof ContentError)) throw error;
        }
      }),
      { numRuns: 50_000 },
    );
  });
});

describe("application/octet-stream", () => {
  it("carries opaque bytes, of known and of unknown resources", () => {
    expect(encodeOpaque(Uint8Array.of(1, 2), "Opaque")).toEqual(Buffer.of(1, 2));
    expect(decodeOpaque(Buffer.of(1, 2))).toEqual(Uint8Array.of(1, 2));
  });

  it("carries no other type", () => {
    expect(() => decodeOpaque(Buffer.of(1), "Integer")).toThrow(expect.objectContaining({ problem: "unsupported" }));
    expect(() => encodeOpaque("a", "String")).toThrow(ContentError);
    expect(() => encodeOpaque("a")).toThrow(ContentError);
  });

  it("copies, so that nothing holds on to a datagram", () => {
    const datagram = Buffer.of(1, 2);
    const value = decodeOpaque(datagram);
    datagram[0] = 9;
    expect(value[0]).toBe(1);
  });
});
