import type { Value } from "./values.js";

/** A resource, or several instances of one by their ids. Never changed in place. */
export type Resource = { readonly value: Value } | { readonly values: ReadonlyMap<number, Value> };
/** Resources of an object instance by id. Never changed in place. */
export type Instance = ReadonlyMap<number, Resource>;

/** All object instances of a device. */
export class ObjectStore {
  readonly #objects = new Map<number, Map<number, Instance>>();

  /** A store that can be written without touching this one. */
  clone(): ObjectStore {
    const copy = new ObjectStore();
    for (const [object, instances] of this.#objects) copy.#objects.set(object, new Map(instances));
    return copy;
  }

  /** Object ids, ascending; objects without an instance are not there. */
  objects(): number[] {
    return [...this.#objects].filter(([, instances]) => instances.size > 0).map(([id]) => id).sort(ascending);
  }

  /** Instance ids of an object, ascending. */
  instances(object: number): number[] {
    return [...(this.#objects.get(object)?.keys() ?? [])].sort(ascending);
  }

  get(object: number, instance: number): Instance | undefined {
    return this.#objects.get(object)?.get(instance);
  }

  put(object: number, instance: number, content: Instance): void {
    let instances = this.#objects.get(object);
    if (instances === undefined) this.#objects.set(object, (instances = new Map<number, Instance>()));
    instances.set(instance, content);
  }

  putResource(object: number, instance: number, id: number, resource: Resource): void {
    this.put(object, instance, new Map([...(this.get(object, instance) ?? []), [id, resource]]));
  }

  delete(object: number, instance: number): boolean {
    return this.#objects.get(object)?.delete(instance) ?? false;
  }

  /** The lowest id that no instance of the object has. */
  freeInstance(object: number): number {
    let id = 0;
    while (this.get(object, id) !== undefined) id++;
    return id;
  }

  number(object: number, instance: number, id: number): number | undefined {
    const value = this.#value(object, instance, id);
    return typeof value === "number" ? value : undefined;
  }

  text(object: number, instance: number, id: number): string | undefined {
    const value = this.#value(object, instance, id);
    return typeof value === "string" ? value : undefined;
  }

  bytes(object: number, instance: number, id: number): Buffer | undefined {
    const value = this.#value(object, instance, id);
    return Buffer.isBuffer(value) ? value : undefined;
  }

  flag(object: number, instance: number, id: number): boolean | undefined {
    const value = this.#value(object, instance, id);
    return typeof value === "boolean" ? value : undefined;
  }

  #value(object: number, instance: number, id: number): Value | undefined {
    const resource = this.get(object, instance)?.get(id);
    return resource !== undefined && "value" in resource ? resource.value : undefined;
  }
}

const ascending = (a: number, b: number): number => a - b;
