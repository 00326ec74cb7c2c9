/** A reference to an object instance (type Objlnk). 65535:65535 refers to nothing. */
export interface ObjectLink {
  readonly object: number;
  readonly instance: number;
}

/**
 * A resource's value. Integer, Unsigned Integer and Time (seconds since 1970) are numbers, and bigints beyond 2^53; Float is a number; Opaque is
 * bytes; Objlnk an `ObjectLink`; String and Corelnk strings.
 */
export type Value = string | number | bigint | boolean | Uint8Array | ObjectLink;

export interface ResourceInstanceNode {
  readonly kind: "resource-instance";
  readonly id: number;
  readonly value: Value;
}

export interface SingleResourceNode {
  readonly kind: "resource";
  readonly id: number;
  readonly value: Value;
}

export interface MultipleResourceNode {
  readonly kind: "multiple-resource";
  readonly id: number;
  readonly instances: readonly ResourceInstanceNode[];
}

export type ResourceNode = SingleResourceNode | MultipleResourceNode;

export interface InstanceNode {
  readonly kind: "instance";
  readonly id: number;
  readonly resources: readonly ResourceNode[];
}

export interface ObjectNode {
  readonly kind: "object";
  readonly id: number;
  readonly instances: readonly InstanceNode[];
}

/** What a path names, with everything below it. */
export type Node = ObjectNode | InstanceNode | ResourceNode | ResourceInstanceNode;

export const single = (id: number, value: Value): SingleResourceNode => ({ kind: "resource", id, value });

/** A multiple resource from `[[instance id, value], ...]`. */
export const multiple = (id: number, values: Iterable<readonly [number, Value]>): MultipleResourceNode => ({
  kind: "multiple-resource",
  id,
  instances: Array.from(values, ([instance, value]) => ({ kind: "resource-instance", id: instance, value })),
});

export const instance = (id: number, resources: readonly ResourceNode[]): InstanceNode => ({ kind: "instance", id, resources });

export const object = (id: number, instances: readonly InstanceNode[]): ObjectNode => ({ kind: "object", id, instances });

export const resourceInstance = (id: number, value: Value): ResourceInstanceNode => ({ kind: "resource-instance", id, value });

/** The value of a single resource of an instance; undefined when it is absent or multiple. */
export function valueOf(node: InstanceNode, resourceId: number): Value | undefined {
  const found = node.resources.find((resource) => resource.id === resourceId);
  return found?.kind === "resource" ? found.value : undefined;
}

export const isObjectLink = (value: Value): value is ObjectLink => typeof value === "object" && !(value instanceof Uint8Array);

/** Equality of values: bytes and links by content, NaN equals NaN, 1 equals 1n. */
export function sameValue(a: Value, b: Value): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (typeof a === "object") return typeof b === "object" && !(b instanceof Uint8Array) && a.object === b.object && a.instance === b.instance;
  if (typeof a === "bigint" || typeof b === "bigint") return (typeof a === "bigint" || typeof a === "number") && (typeof b === "bigint" || typeof b === "number") && a == b;
  return Object.is(a, b) || a === b;
}
