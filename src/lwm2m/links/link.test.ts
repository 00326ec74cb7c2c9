import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentError } from "../errors.js";
import { characters } from "../testing/arbitraries.js";
import { formatLink, formatLinks } from "./link.js";
import { parseLinks } from "./parse.js";
import { formatObjectList, parseObjectList } from "./object-list.js";
import { parseBootstrapList } from "./bootstrap-list.js";
import { parseDiscover } from "./discover.js";

describe("link format", () => {
  it("writes strictly", () => {
    expect(
      formatLinks([
        { target: "/", attributes: { rt: "oma.lwm2m", ct: "11542" } },
        { target: "/1", attributes: { ver: "1.1" } },
        { target: "/1/0", attributes: { pmin: "10", obs: true } },
        { target: "/x", attributes: { ct: "110 112", title: 'a "b" \\c' } },
      ]),
    ).toBe('</>;rt="oma.lwm2m";ct=11542,</1>;ver=1.1,</1/0>;pmin=10;obs,</x>;ct="110 112";title="a \\"b\\" \\\\c"');
  });

  it("puts the object version in quotes for LwM2M 1.0", () => {
    expect(formatLink({ target: "/1", attributes: { ver: "1.1" } }, { quotedVersion: true })).toBe('</1>;ver="1.1"');
  });

  it.each([
    ["a bracket in a target", { target: "/a>b", attributes: {} }],
    ["a line end in a value", { target: "/", attributes: { rt: "a\nb" } }],
    ["a name that is none", { target: "/", attributes: { "a=b": "c" } }],
  ])("does not write %s", (_what, link) => {
    expect(() => formatLink(link)).toThrow(ContentError);
  });

  it("reads spaces, line ends, empty items and trailing separators", () => {
    expect(parseLinks(' </1/0> ; ver = "1.1" ,\r\n, </3/0>;a ;b=; ,')).toEqual([
      { target: "/1/0", attributes: { ver: "1.1" } },
      { target: "/3/0", attributes: { a: true, b: "" } },
    ]);
    expect(parseLinks("")).toEqual([]);
  });

  it("reads quoted and bare values, with separators and escapes inside quotes", () => {
    expect(parseLinks('</1>;a="x,y;z";b=1.5;c="\\"q\\\\"')).toEqual([{ target: "/1", attributes: { a: "x,y;z", b: "1.5", c: '"q\\' } }]);
  });

  it("keeps the first of a repeated attribute", () => {
    expect(parseLinks("</1>;a=1;a=2")[0]?.attributes).toEqual({ a: "1" });
  });

  it("takes names of every object for what they are", () => {
    expect(Object.keys(parseLinks("</1>;__proto__=1;constructor=2")[0]?.attributes ?? {})).toEqual(["__proto__", "constructor"]);
  });

  it("reads an item that has no target", () => {
    expect(parseLinks('lwm2m="1.0",</1>')).toEqual([
      { target: "", attributes: { lwm2m: "1.0" } },
      { target: "/1", attributes: {} },
    ]);
  });

  it.each(["</1", '</1>;a="b', "</1></2>", "</1> x", ";", "=", '</1>;="x"', '"'])("refuses %s", (text) => {
    expect(() => parseLinks(text)).toThrow(ContentError);
  });

  it("refuses more than its bounds", () => {
    const limits = { maxBytes: 20, maxLinks: 3, maxAttributesPerLink: 2 };
    expect(() => parseLinks("</1>".padEnd(21), limits)).toThrow(ContentError);
    expect(() => parseLinks("<>,<>,<>,<>", limits)).toThrow(ContentError);
    expect(() => parseLinks("<>;a;b;c", limits)).toThrow(ContentError);
    expect(parseLinks("<>,<>,<>;a;b", limits)).toHaveLength(3);
  });

  const token = fc.string({ unit: fc.constantFrom(...characters("abcxyz019-._*+!")), minLength: 1, maxLength: 6 });
  const value = fc.oneof(fc.constant(true as const), token, fc.string({ unit: fc.constantFrom(...characters("abc ,;=<>\"\\/é09")), maxLength: 8 }));
  const target = fc.string({ unit: fc.constantFrom(...characters("/0123456789abc;,=\"")), maxLength: 10 });
  const link = fc.record({ target, attributes: fc.dictionary(token, value, { maxKeys: 4, noNullPrototype: true }) }, { noNullPrototype: true });

  it("reads back whatever it writes", () => {
    fc.assert(
      fc.property(fc.array(link, { maxLength: 5 }), (links) => {
        expect(parseLinks(formatLinks(links))).toEqual(links);
      }),
      { numRuns: 3000 },
    );
  });

  it("throws nothing but ContentError on any bytes or text, in every reader of link format", () => {
    const likely = fc.string({ unit: fc.constantFrom(...characters("<>/;,=\"\\ 0123ssidverlwm2m.\n"), "</1/0>", ";rt=\"oma.lwm2m\"", ";ct="), maxLength: 30 });
    const text = fc.oneof(likely, fc.array(link, { maxLength: 3 }).map((links) => formatLinks(links)));
    const payload = fc.oneof(text, text.map((from) => Buffer.from(from)), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(payload, (from) => {
        for (const read of [parseLinks, parseObjectList, parseBootstrapList, parseDiscover]) {
          try {
            read(from);
          } catch (error) {
            if (!(error instanceof ContentError)) throw error;
          }
        }
      }),
      { numRuns: 50_000 },
    );
  });

  it("writes an object list for whatever it read from one", () => {
    const ids = fc.uniqueArray(fc.nat(65534), { maxLength: 4 });
    const objects = fc.uniqueArray(fc.record({ object: fc.integer({ min: 1, max: 65534 }), instances: ids }, { noNullPrototype: true }), { maxLength: 6, selector: (entry) => entry.object });
    fc.assert(
      fc.property(objects, (listed) => {
        const text = formatObjectList(listed, { version: "1.0" });
        const ascending = [...listed].sort((a, b) => a.object - b.object).map(({ object, instances }) => ({ object, instances: [...instances].sort((a, b) => a - b) }));
        expect(parseObjectList(text).objects).toEqual(ascending);
      }),
    );
  });
});
