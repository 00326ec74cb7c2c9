import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentError } from "../errors.js";
import { instance, multiple, object, resourceInstance, single } from "../nodes.js";
import type { Node } from "../nodes.js";
import { objectDefinition } from "../objects/registry.js";
import type { Path } from "../paths.js";
import { anyInstance, anyNode, damaged, everyType, hex } from "../testing/arbitraries.js";
import { decodeTlv, decodeTlvCreate, encodeTlv, encodeTlvResources } from "./tlv.js";

const device = objectDefinition(3, "1.0");
const server = objectDefinition(1, "1.1");
const accessControl = objectDefinition(2, "1.0");

function pathOf(node: Node): Path {
  switch (node.kind) {
    case "object":
      return { object: everyType.id };
    case "instance":
      return { object: everyType.id, instance: node.id };
    case "resource-instance":
      return { object: everyType.id, instance: 0, resource: 300, resourceInstance: node.id };
    default:
      return { object: everyType.id, instance: 0, resource: node.id };
  }
}

const vectors: readonly [what: string, path: Path, node: Node, definition: typeof device, bytes: string][] = [
  [
    "a device instance: strings with a length byte, numbers of one and two bytes, multiple resources, time",
    { object: 3, instance: 0 },
    instance(0, [
      single(0, "Muster works"),
      single(3, "1.0"),
      multiple(6, [[0, 1], [1, 5]]),
      multiple(7, [[0, 3800], [1, 5000]]),
      single(9, 100),
      multiple(11, [[0, 0]]),
      single(13, 1_700_000_000),
      single(14, "+02:00"),
      single(16, "U"),
    ]),
    device,
    `c8 00 0c 4d 75 73 74 65 72 20 77 6f 72 6b 73
     c3 03 31 2e 30
     86 06 41 00 01 41 01 05
     88 07 08 42 00 0e d8 42 01 13 88
     c1 09 64
     83 0b 41 00 00
     c4 0d 65 53 f1 00
     c6 0e 2b 30 32 3a 30 30
     c1 10 55`,
  ],
  [
    "two access control instances, wrapped because the path names none; an instance id and an ACL key of two bytes",
    { object: 2 },
    object(2, [
      instance(0, [single(0, 1), single(1, 0), multiple(2, [[127, 7]]), single(3, 127)]),
      instance(259, [single(0, 3), single(1, 0), multiple(2, [[300, -1]]), single(3, 300)]),
    ]),
    accessControl,
    `08 00 0e  c1 00 01 c1 01 00 83 02 41 7f 07 c1 03 7f
     28 01 03 10  c1 00 03 c1 01 00 84 02 61 01 2c ff c2 03 01 2c`,
  ],
  ["a boolean resource", { object: 1, instance: 0, resource: 6 }, single(6, true), server, "c1 06 01"],
  ["an integer of four bytes", { object: 1, instance: 0, resource: 1 }, single(1, 86400), server, "c4 01 00 01 51 80"],
  ["an unsigned integer that a signed byte would not hold", { object: 1, instance: 0, resource: 11 }, single(11, 200), server, "c1 0b c8"],
  ["an object link", { object: 1, instance: 0, resource: 10 }, single(10, { object: 11, instance: 65535 }), server, "c4 0a 00 0b ff ff"],
  ["a resource instance inside its resource", { object: 3, instance: 0, resource: 7, resourceInstance: 1 }, resourceInstance(1, 5000), device, "84 07 42 01 13 88"],
  ["an integer of eight bytes", { object: 3, instance: 0, resource: 13 }, single(13, -9_007_199_254_740_993n), device, "c8 0d 08 ff df ff ff ff ff ff ff"],
  ["a float that four bytes hold", { object: 3303, instance: 0, resource: 5700 }, single(5700, -1.5), objectDefinition(3303, "1.0"), "e4 16 44 bf c0 00 00"],
  ["a float that needs eight", { object: 3303, instance: 0, resource: 5700 }, single(5700, 0.1), objectDefinition(3303, "1.0"), "e8 16 44 08 3f b9 99 99 99 99 99 9a"],
  ["an empty string", { object: 3, instance: 0, resource: 0 }, single(0, ""), device, "c0 00"],
  ["a multiple resource without instances", { object: 3, instance: 0, resource: 6 }, multiple(6, []), device, "80 06"],
];

describe("TLV", () => {
  it.each(vectors)("writes and reads %s", (_what, path, node, definition, bytes) => {
    expect(encodeTlv(node, definition, path.resource).toString("hex")).toBe(hex(bytes).toString("hex"));
    expect(decodeTlv(path, hex(bytes), definition)).toEqual(node);
  });

  it.each([
    [7, 0, "c7 00"],
    [8, 0, "c8 00 08"],
    [255, 0, "c8 00 ff"],
    [256, 0, "d0 00 01 00"],
    [65535, 0, "d0 00 ff ff"],
    [65536, 0, "d8 00 01 00 00"],
    [70000, 600, "f8 02 58 01 11 70"],
  ])("writes %i bytes at id %i under the shortest header", (length, id, header) => {
    const value = new Uint8Array(length).fill(7);
    const bytes = encodeTlv(single(id, value), undefined);
    expect(bytes.subarray(0, bytes.length - length)).toEqual(hex(header));
    expect(decodeTlv({ object: 9, instance: 0, resource: id }, bytes, undefined)).toEqual(single(id, value));
  });

  it("gives values of unknown resources as bytes", () => {
    expect(decodeTlv({ object: 3, instance: 0 }, hex("c2 63 01 02"), device)).toEqual(instance(0, [single(99, Uint8Array.of(1, 2))]));
  });

  it("writes values of unknown resources by what they are", () => {
    const node = instance(0, [single(1, "a"), single(2, 300), single(3, 1.5), single(4, true), single(5, { object: 3, instance: 0 })]);
    expect(encodeTlv(node, undefined)).toEqual(hex("c1 01 61 c2 02 01 2c c4 03 3f c0 00 00 c1 04 01 c4 05 00 03 00 00"));
  });

  it("reads an instance wrapped in itself, and refuses another one there", () => {
    expect(decodeTlv({ object: 1, instance: 2 }, hex("03 02 c1 06 01"), server)).toEqual(instance(2, [single(6, true)]));
    expect(() => decodeTlv({ object: 1, instance: 1 }, hex("03 02 c1 06 01"), server)).toThrow(ContentError);
    expect(() => decodeTlv({ object: 1, instance: 2 }, hex("03 02 c1 06 01 03 03 c1 06 01"), server)).toThrow(ContentError);
  });

  it("reads a resource instance alone or inside its resource", () => {
    const path = { object: 3, instance: 0, resource: 7, resourceInstance: 1 };
    expect(decodeTlv(path, hex("42 01 13 88"), device)).toEqual(resourceInstance(1, 5000));
    expect(() => decodeTlv(path, hex("88 07 08 42 00 0e d8 42 01 13 88"), device)).toThrow(ContentError);
  });

  it("reads lengths that a shorter field would have held, and ignores the unused length bits", () => {
    expect(decodeTlv({ object: 1, instance: 0, resource: 6 }, hex("df 06 00 00 01 01"), server)).toEqual(single(6, true));
  });

  it.each([
    ["an entry longer than the payload", { object: 3, instance: 0 }, "c8 00 05 61"],
    ["a header cut short", { object: 3, instance: 0 }, "e8 00"],
    ["an inner entry longer than its outer one", { object: 3, instance: 0 }, "83 06 42 00 01 02"],
    ["an integer of three bytes", { object: 3, instance: 0 }, "c3 09 00 00 01"],
    ["an integer of no bytes", { object: 3, instance: 0 }, "c0 09"],
    ["a boolean of value 2", { object: 1, instance: 0 }, "c1 06 02"],
    ["a float of two bytes", { object: 3303, instance: 0 }, "e2 16 44 00 00"],
    ["an object link of three bytes", { object: 1, instance: 0 }, "c3 0a 00 0b ff"],
    ["text that is not UTF-8", { object: 3, instance: 0 }, "c2 00 c3 28"],
    ["a resource where instances are wanted", { object: 3 }, "c1 09 64"],
    ["an instance inside an instance", { object: 3 }, "03 00 01 01 64"],
    ["a resource instance outside its resource", { object: 3, instance: 0 }, "41 00 01"],
    ["a resource inside a multiple resource", { object: 3, instance: 0 }, "83 06 c1 00 01"],
    ["the reserved id", { object: 3, instance: 0 }, "e1 ff ff 01"],
    ["the same resource twice", { object: 3, instance: 0 }, "c1 09 64 c1 09 63"],
    ["the same instance twice", { object: 3 }, "00 01 00 01"],
    ["another resource than the one asked for", { object: 3, instance: 0, resource: 9 }, "c1 0a 64"],
    ["two resources where one is asked for", { object: 3, instance: 0, resource: 9 }, "c1 09 64 c1 0a 64"],
    ["nothing where a resource is asked for", { object: 3, instance: 0, resource: 9 }, ""],
  ])("refuses %s", (_what, path, bytes) => {
    const definition = objectDefinition(path.object, path.object === 1 ? "1.1" : "1.0");
    expect(() => decodeTlv(path, hex(bytes), definition)).toThrow(ContentError);
  });

  it.each([
    ["a text for an integer", single(1, "60")],
    ["a fraction for an integer", single(1, 1.5)],
    ["a negative unsigned integer", single(11, -1)],
    ["an unsigned integer of 65 bits", single(11, 1n << 64n)],
    ["a number for a boolean", single(6, 1)],
    ["an object link outside 16 bits", single(10, { object: 65536, instance: 0 })],
    ["the reserved id", single(65535, 1)],
  ])("does not write %s", (_what, node) => {
    expect(() => encodeTlv(node, server)).toThrow(ContentError);
  });

  it("reads a Create with and without an instance id", () => {
    expect(decodeTlvCreate(hex("03 02 c1 06 01"), server)).toEqual({ instance: 2, resources: [single(6, true)] });
    expect(decodeTlvCreate(hex("c1 06 01"), server)).toEqual({ resources: [single(6, true)] });
    expect(decodeTlvCreate(encodeTlvResources([single(6, true)], server), server)).toEqual({ resources: [single(6, true)] });
    expect(() => decodeTlvCreate(hex("03 02 c1 06 01 03 03 c1 06 01"), server)).toThrow(ContentError);
  });

  it("reads back whatever it writes", () => {
    fc.assert(
      fc.property(anyNode, (node) => {
        expect(decodeTlv(pathOf(node), encodeTlv(node, everyType), everyType)).toEqual(node);
      }),
      { numRuns: 3000 },
    );
  });

  it("writes bytes that do not depend on what was written before", () => {
    const small = encodeTlv(single(6, true), server);
    const large = encodeTlv(single(0, new Uint8Array(300_000)), undefined);
    expect(large).toHaveLength(300_005);
    expect(small).toEqual(hex("c1 06 01"));
    expect(encodeTlv(single(6, true), server)).toEqual(small);
  });

  const paths: readonly Path[] = [{ object: 30_000 }, { object: 30_000, instance: 0 }, { object: 30_000, instance: 0, resource: 1 }, { object: 30_000, instance: 0, resource: 300, resourceInstance: 0 }];

  function readsOrRefuses(bytes: Uint8Array): void {
    for (const path of paths) {
      try {
        const node = decodeTlv(path, bytes, everyType);
        expect(decodeTlv(path, encodeTlv(node, everyType, path.resource), everyType)).toEqual(node);
      } catch (error) {
        if (!(error instanceof ContentError)) throw error;
      }
    }
    try {
      decodeTlvCreate(bytes, everyType);
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
    }
  }

  it("throws nothing but ContentError on any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readsOrRefuses), { numRuns: 40_000 });
  });

  it("throws nothing but ContentError on damaged payloads", () => {
    const wrapped = anyInstance.map((node) => encodeTlv({ kind: "object", id: 30_000, instances: [node] }, everyType));
    const bare = anyInstance.map((node) => encodeTlv({ ...node, id: 0 }, everyType));
    fc.assert(fc.property(damaged(fc.oneof(wrapped, bare)), readsOrRefuses), { numRuns: 20_000 });
  });
});
