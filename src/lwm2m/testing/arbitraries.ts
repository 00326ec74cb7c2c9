import fc from "fast-check";
import type { InstanceNode, Node, ResourceNode, Value } from "../nodes.js";
import type { ValueType } from "../objects/facts.js";
import type { ObjectDefinition, ResourceDefinition } from "../objects/registry.js";

/** Bytes as people write them: `c8 00 05 ...`. */
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s+/g, ""), "hex");

/** One string per character, for `fc.constantFrom`. */
export const characters = (text: string): string[] => Array.from(text);

const types: readonly ValueType[] = ["String", "Integer", "Unsigned Integer", "Float", "Boolean", "Opaque", "Time", "Objlnk", "Corelnk"];

/** An object with one single and one multiple resource of each type: single at 0-8, multiple at 300-308 (ids of 16 bits). */
export const everyType: ObjectDefinition = {
  id: 30_000,
  version: "1.0",
  lwm2mVersion: "1.0",
  name: "Every type",
  multiple: true,
  mandatory: false,
  resources: new Map(types.flatMap((type, id) => [definition(id, type, false), definition(300 + id, type, true)]).map((resource) => [resource.id, resource])),
};

function definition(id: number, type: ValueType, multiple: boolean): ResourceDefinition {
  return { id, name: type, operations: "RW", readable: true, writable: true, executable: false, type, multiple, mandatory: false, range: undefined, bounds: undefined, units: undefined };
}

const narrow = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
const edges = [0n, 1n, 127n, 128n, 255n, 256n, 32767n, 32768n, 65535n, 65536n, 2147483647n, 2147483648n, 4294967295n, 4294967296n, 9007199254740991n, 9007199254740992n, (1n << 63n) - 1n];
const signed = fc.oneof(fc.constantFrom(...edges, ...edges.map((edge) => -edge), -(1n << 63n)), fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })).map(narrow);
const unsigned = fc.oneof(fc.constantFrom(...edges, (1n << 64n) - 1n), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })).map(narrow);
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 12 }), fc.string({ unit: "grapheme-ascii", maxLength: 300 }));

export function valueOfType(type: ValueType, finite = false): fc.Arbitrary<Value> {
  switch (type) {
    case "String":
    case "Corelnk":
      return text;
    case "Integer":
    case "Time":
      return signed;
    case "Unsigned Integer":
      return unsigned;
    case "Float":
      return finite ? fc.double({ noNaN: true, noDefaultInfinity: true }) : fc.oneof(fc.double(), fc.float());
    case "Boolean":
      return fc.boolean();
    case "Opaque":
      return fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 400 }));
    case "Objlnk":
      return fc.record({ object: fc.nat(65535), instance: fc.nat(65535) }, { noNullPrototype: true });
  }
}

const id = fc.oneof(fc.nat(255), fc.integer({ min: 256, max: 65534 }));

export const anyType = fc.constantFrom(...types);

export const anyResource: fc.Arbitrary<ResourceNode> = fc.nat(types.length - 1).chain((at) => {
  const type = types[at] ?? "String";
  const value = valueOfType(type);
  return fc.oneof(
    value.map((one): ResourceNode => ({ kind: "resource", id: at, value: one })),
    fc
      .uniqueArray(fc.record({ kind: fc.constant("resource-instance" as const), id, value }, { noNullPrototype: true }), { maxLength: 4, selector: (entry) => entry.id })
      .map((instances): ResourceNode => ({ kind: "multiple-resource", id: 300 + at, instances })),
  );
});

export const anyInstance: fc.Arbitrary<InstanceNode> = fc.record(
  { kind: fc.constant("instance" as const), id, resources: fc.uniqueArray(anyResource, { maxLength: 6, selector: (entry) => entry.id }) },
  { noNullPrototype: true },
);

export const anyNode: fc.Arbitrary<Node> = fc.oneof(
  anyResource,
  anyInstance,
  fc.uniqueArray(anyInstance, { maxLength: 3, selector: (entry) => entry.id }).map((instances): Node => ({ kind: "object", id: everyType.id, instances })),
);

/** Valid bytes with up to four bytes changed, and perhaps an end cut off: what random bytes alone hardly reach. */
export function damaged(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(1 << 16), fc.nat(255));
  return fc.tuple(valid, fc.array(change, { maxLength: 4 }), fc.option(fc.nat(1 << 16))).map(([bytes, changes, cut]) => {
    const copy = Uint8Array.from(bytes);
    if (copy.length > 0) for (const [at, value] of changes) copy[at % copy.length] = value;
    return cut === null ? copy : copy.subarray(0, cut % (copy.length + 1));
  });
}
