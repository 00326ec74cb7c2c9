import type { InstanceNode, ResourceNode } from "../../src/lwm2m/index.js";

export interface StoredInstance {
  readonly object: number;
  readonly node: InstanceNode;
}

/**
 * The object instances of a device, ascending by object and instance id. Lists and instances are immutable: a change makes a new list that shares all
 * it did not touch. Ten thousand devices with the same content hold the same instances, and a rollback is keeping the earlier list.
 */
export type Objects = readonly StoredInstance[];

export const findStored = (objects: Objects, object: number, instance: number): StoredInstance | undefined => {
  for (const stored of objects) if (stored.object === object && stored.node.id === instance) return stored;
  return undefined;
};

export const findInstance = (objects: Objects, object: number, instance: number): InstanceNode | undefined => findStored(objects, object, instance)?.node;

export const instancesOf = (objects: Objects, object: number): InstanceNode[] => {
  const found: InstanceNode[] = [];
  for (const stored of objects) if (stored.object === object) found.push(stored.node);
  return found;
};

export const hasObject = (objects: Objects, object: number): boolean => objects.some((stored) => stored.object === object);

export function findResource(node: InstanceNode, id: number): ResourceNode | undefined {
  for (const resource of node.resources) if (resource.id === id) return resource;
  return undefined;
}

/** The value of a single resource when it is a number; big integers too, as far as a number holds them. */
export function numberOf(node: InstanceNode, id: number): number | undefined {
  const resource = findResource(node, id);
  if (resource?.kind !== "resource") return undefined;
  if (typeof resource.value === "bigint") return Number(resource.value);
  return typeof resource.value === "number" ? resource.value : undefined;
}

export function textOf(node: InstanceNode, id: number): string | undefined {
  const resource = findResource(node, id);
  return resource?.kind === "resource" && typeof resource.value === "string" ? resource.value : undefined;
}

export function flagOf(node: InstanceNode, id: number): boolean | undefined {
  const resource = findResource(node, id);
  return resource?.kind === "resource" && typeof resource.value === "boolean" ? resource.value : undefined;
}

export function bytesOf(node: InstanceNode, id: number): Uint8Array | undefined {
  const resource = findResource(node, id);
  return resource?.kind === "resource" && resource.value instanceof Uint8Array ? resource.value : undefined;
}

/** The list with this instance, in place of one with the same ids. */
export function withStored(objects: Objects, added: StoredInstance): Objects {
  const next: StoredInstance[] = [];
  let placed = false;
  for (const stored of objects) {
    if (!placed && (stored.object > added.object || (stored.object === added.object && stored.node.id >= added.node.id))) {
      next.push(added);
      placed = true;
      if (stored.object === added.object && stored.node.id === added.node.id) continue;
    }
    next.push(stored);
  }
  if (!placed) next.push(added);
  return next;
}

export const withInstance = (objects: Objects, object: number, node: InstanceNode): Objects => withStored(objects, { object, node });

/** The list without the instances that `gone` names; the same list when there are none. */
export function without(objects: Objects, gone: (object: number, node: InstanceNode) => boolean): Objects {
  const kept = objects.filter((stored) => !gone(stored.object, stored.node));
  return kept.length === objects.length ? objects : kept;
}

/** The instance with this resource, in place of one with the same id; resources stay ascending. */
export function withResource(node: InstanceNode, resource: ResourceNode): InstanceNode {
  const resources = node.resources.filter((other) => other.id !== resource.id);
  const at = resources.findIndex((other) => other.id > resource.id);
  resources.splice(at < 0 ? resources.length : at, 0, resource);
  return { ...node, resources };
}

export const withoutResource = (node: InstanceNode, id: number): InstanceNode => ({ ...node, resources: node.resources.filter((resource) => resource.id !== id) });

/**
 * A partial update (Write with POST): named resources are replaced; of a multiple resource the named instances are replaced and the others stay
 * (LwM2M Core 1.1 §6.3.3).
 */
export function mergeResource(node: InstanceNode, resource: ResourceNode): InstanceNode {
  const present = findResource(node, resource.id);
  if (resource.kind !== "multiple-resource" || present?.kind !== "multiple-resource") return withResource(node, resource);
  const named = new Set(resource.instances.map((instance) => instance.id));
  const instances = [...present.instances.filter((instance) => !named.has(instance.id)), ...resource.instances].sort((a, b) => a.id - b.id);
  return withResource(node, { kind: "multiple-resource", id: resource.id, instances });
}

/** The lowest id that no instance of the object has. */
export function freeInstance(objects: Objects, object: number): number {
  const taken = new Set(instancesOf(objects, object).map((node) => node.id));
  let id = 0;
  while (taken.has(id)) id++;
  return id;
}

/** Keeps one copy of equal bytes for all devices of a thread: what their servers are known by. Bounded as below. */
export class SharedBytes {
  readonly #known = new Map<string, Uint8Array>();

  constructor(readonly limit = 1024) {}

  copyOf(bytes: Uint8Array): Uint8Array {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    let shared = this.#known.get(key);
    if (shared === undefined) {
      shared = Uint8Array.from(bytes);
      if (this.#known.size >= this.limit) this.#known.clear();
      this.#known.set(key, shared);
    }
    return shared;
  }
}

/** Keeps one copy of equal instances for all devices of a thread. Bounded: when full it starts afresh, and older devices keep what they hold. */
export class InstanceCache {
  readonly #known = new Map<string, StoredInstance>();
  readonly #limit: number;

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  get(key: string): StoredInstance | undefined {
    return this.#known.get(key);
  }

  put(key: string, stored: StoredInstance): void {
    if (this.#known.size >= this.#limit) this.#known.clear();
    this.#known.set(key, stored);
  }
}
