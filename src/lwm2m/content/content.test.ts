import { describe, expect, it } from "vitest";
import { ContentFormat } from "../../coap/index.js";
import { ContentError } from "../errors.js";
import { instance, multiple, resourceInstance, sameValue, single, valueOf } from "../nodes.js";
import { objectDefinition } from "../objects/registry.js";
import { hex } from "../testing/arbitraries.js";
import { decodeContent, encodeContent } from "./content.js";

const resource = { object: 3, instance: 0, resource: 9 };

describe("content of a path", () => {
  it("takes the types of the enabler version's own object versions", () => {
    const at = { object: 1, instance: 0, resource: 13 };
    expect(decodeContent(ContentFormat.Tlv, at, hex("c1 0d c8"), "1.1")).toEqual(single(13, 200));
    expect(decodeContent(ContentFormat.Tlv, at, hex("c1 0d c8"), "1.0")).toEqual(single(13, Uint8Array.of(200)));
  });

  it("takes the types of a definition that a client announced", () => {
    const definition = objectDefinition(3303, "1.1");
    if (definition === undefined) throw new Error("object 3303 is missing");
    expect(decodeContent(ContentFormat.Text, { object: 3303, instance: 0, resource: 5700 }, Buffer.from("21.5"), definition)).toEqual(single(5700, 21.5));
  });

  it("is the same value in each format that can carry it", () => {
    for (const format of [ContentFormat.Tlv, ContentFormat.Text]) {
      expect(decodeContent(format, resource, encodeContent(format, resource, single(9, 77), "1.1"), "1.1")).toEqual(single(9, 77));
    }
    const key = { object: 0, instance: 1, resource: 5 };
    for (const format of [ContentFormat.Tlv, ContentFormat.Text, ContentFormat.Opaque]) {
      expect(decodeContent(format, key, encodeContent(format, key, single(5, Uint8Array.of(1, 2, 3)), "1.0"), "1.0")).toEqual(single(5, Uint8Array.of(1, 2, 3)));
    }
  });

  it("is one value in text and opaque, and an unsupported format otherwise", () => {
    const unsupported = expect.objectContaining({ problem: "unsupported" }) as Error;
    expect(() => encodeContent(ContentFormat.Text, { object: 3, instance: 0 }, instance(0, []), "1.1")).toThrow(unsupported);
    expect(() => encodeContent(ContentFormat.Text, { object: 3, instance: 0, resource: 11 }, multiple(11, [[0, 0]]), "1.1")).toThrow(unsupported);
    expect(() => decodeContent(ContentFormat.Text, { object: 3, instance: 0 }, Buffer.from("1"), "1.1")).toThrow(unsupported);
    expect(() => decodeContent(ContentFormat.SenmlCbor, resource, Buffer.from("1"), "1.1")).toThrow(unsupported);
    expect(() => encodeContent(ContentFormat.SenmlJson, resource, single(9, 1), "1.1")).toThrow(unsupported);
  });

  it("reads text at a resource instance", () => {
    expect(decodeContent(ContentFormat.Text, { ...resource, resource: 11, resourceInstance: 2 }, Buffer.from("5"), "1.1")).toEqual(resourceInstance(2, 5));
  });

  it("must be the node that the path names", () => {
    expect(() => encodeContent(ContentFormat.Tlv, resource, single(10, 1), "1.1")).toThrow(ContentError);
    expect(() => encodeContent(ContentFormat.Tlv, { object: 3, instance: 0 }, single(0, "a"), "1.1")).toThrow(ContentError);
    expect(() => encodeContent(ContentFormat.Tlv, {}, single(0, "a"), "1.1")).toThrow(ContentError);
    expect(() => decodeContent(ContentFormat.Tlv, {}, Buffer.alloc(0), "1.1")).toThrow(ContentError);
  });
});

describe("values", () => {
  it("are equal by content", () => {
    expect(sameValue(Uint8Array.of(1), Buffer.of(1))).toBe(true);
    expect(sameValue({ object: 1, instance: 2 }, { object: 1, instance: 2 })).toBe(true);
    expect(sameValue(1, 1n)).toBe(true);
    expect(sameValue(Number.NaN, Number.NaN)).toBe(true);
    expect(sameValue("1", 1)).toBe(false);
    expect(sameValue(Uint8Array.of(1), { object: 1, instance: 2 })).toBe(false);
  });

  it("are looked up in an instance", () => {
    const node = instance(0, [single(1, 60), multiple(2, [[0, 1]])]);
    expect([valueOf(node, 1), valueOf(node, 2), valueOf(node, 3)]).toEqual([60, undefined, undefined]);
  });
});
