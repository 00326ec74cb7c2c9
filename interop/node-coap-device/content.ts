import { Format, Refused, type Answer } from "./answers.js";
import { modelOf, type ObjectModel, type ResourceModel } from "./model.js";
import type { Instance, Resource } from "./store.js";
import { readTlv, TlvError, writeTlv, type TlvEntry } from "./tlv.js";
import { fromBytes, fromText, toBytes, toText, ValueError, type Value } from "./values.js";

/** What a Read found: instances of an object, the resources of an instance, one resource, one instance of it. */
export type Found =
  | { readonly kind: "object"; readonly instances: ReadonlyMap<number, Instance> }
  | { readonly kind: "instance"; readonly resources: Instance }
  | { readonly kind: "resource"; readonly id: number; readonly resource: Resource }
  | { readonly kind: "resource-instance"; readonly id: number; readonly of: number; readonly value: Value };

function typed(object: number, id: number): ResourceModel {
  const model = modelOf(object)?.resources.get(id);
  if (model === undefined) throw new Refused("4.04", `/${object}/x/${id} is not known here`);
  return model;
}

function resourceEntry(object: number, id: number, resource: Resource): TlvEntry {
  const { type } = typed(object, id);
  if ("value" in resource) return { kind: "resource", id, value: toBytes(type, resource.value) };
  return { kind: "multiple-resource", id, entries: [...resource.values].map(([instance, value]) => ({ kind: "resource-instance", id: instance, value: toBytes(type, value) })) };
}

const instanceEntries = (object: number, resources: Instance): TlvEntry[] =>
  [...resources].sort(([a], [b]) => a - b).map(([id, resource]) => resourceEntry(object, id, resource));

function entriesOf(object: number, found: Found): TlvEntry[] {
  switch (found.kind) {
    case "object":
      return [...found.instances].map(([id, resources]) => ({ kind: "instance", id, entries: instanceEntries(object, resources) }));
    case "instance":
      return instanceEntries(object, found.resources);
    case "resource":
      return [resourceEntry(object, found.id, found.resource)];
    case "resource-instance":
      return [{ kind: "resource-instance", id: found.id, value: toBytes(typed(object, found.of).type, found.value) }];
  }
}

const singleValue = (found: Found): Value | undefined => {
  if (found.kind === "resource-instance") return found.value;
  return found.kind === "resource" && "value" in found.resource ? found.resource.value : undefined;
};

/** 2.05 with the content in the format asked for, or 4.06; without a wish text for a single value and TLV for more. */
export function contentAnswer(object: number, found: Found, accept: number | undefined): Answer {
  const value = singleValue(found);
  const format = accept ?? (value === undefined ? Format.tlv : Buffer.isBuffer(value) ? Format.opaque : Format.text);
  if (format === Format.tlv) return { code: "2.05", contentFormat: format, payload: writeTlv(entriesOf(object, found)) };
  if (format === Format.text && value !== undefined) return { code: "2.05", contentFormat: format, payload: Buffer.from(toText(value)) };
  if (format === Format.opaque && Buffer.isBuffer(value)) return { code: "2.05", contentFormat: format, payload: value };
  throw new Refused("4.06", `not to be had in content format ${format}`);
}

/** Codec errors are the sender's: 4.00. */
function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TlvError || error instanceof ValueError) throw new Refused("4.00", error.message);
    throw error;
  }
}

/** What to do with a resource the device does not know: a bootstrap passes over it, a Write is refused. */
export type Unknown = "skip" | "refuse";

function resourcesOf(model: ObjectModel, entries: readonly TlvEntry[], unknown: Unknown): Instance {
  const resources = new Map<number, Resource>();
  for (const entry of entries) {
    if (entry.kind === "instance" || entry.kind === "resource-instance") throw new Refused("4.00", `${entry.kind} where a resource is expected`);
    const known = model.resources.get(entry.id);
    if (known !== undefined) resources.set(entry.id, resourceOf(known, entry));
    else if (unknown === "refuse") throw new Refused("4.04", `/${model.id}/x/${entry.id} is not known here`);
  }
  return resources;
}

function resourceOf(known: ResourceModel, entry: TlvEntry): Resource {
  if ("value" in entry) {
    if (known.multiple) throw new Refused("4.00", `resource ${entry.id} has instances`);
    return { value: fromBytes(known.type, entry.value) };
  }
  if (!known.multiple) throw new Refused("4.00", `resource ${entry.id} has no instances`);
  const values = new Map<number, Value>();
  for (const each of entry.entries) if ("value" in each) values.set(each.id, fromBytes(known.type, each.value));
  return { values };
}

function requireTlv(format: number | undefined): void {
  if (format !== Format.tlv) throw new Refused("4.15", `content format ${format ?? "none"} cannot be written here`);
}

/** Content of a whole object: instances with their ids. */
export function readInstances(model: ObjectModel, payload: Buffer, format: number | undefined, unknown: Unknown): ReadonlyMap<number, Instance> {
  requireTlv(format);
  return checked(() => {
    const instances = new Map<number, Instance>();
    for (const entry of readTlv(payload)) {
      if (entry.kind !== "instance") throw new Refused("4.00", "an object is written with the ids of its instances");
      instances.set(entry.id, resourcesOf(model, entry.entries, unknown));
    }
    return instances;
  });
}

/** Content of one instance: its resources, or the instance around them when it names the same id. */
export function readInstance(model: ObjectModel, instance: number | undefined, payload: Buffer, format: number | undefined, unknown: Unknown): { readonly id: number | undefined; readonly resources: Instance } {
  requireTlv(format);
  return checked(() => {
    const entries = readTlv(payload);
    const [first] = entries;
    if (first?.kind !== "instance") return { id: instance, resources: resourcesOf(model, entries, unknown) };
    if (entries.length > 1 || (instance !== undefined && first.id !== instance)) throw new Refused("4.00", "the payload is about another instance");
    return { id: first.id, resources: resourcesOf(model, first.entries, unknown) };
  });
}

/** Content of one resource. */
export function readResource(known: ResourceModel, id: number, payload: Buffer, format: number | undefined): Resource {
  return checked(() => {
    if (format === Format.tlv) {
      const [entry, ...more] = readTlv(payload);
      if (entry === undefined || more.length > 0 || entry.id !== id || entry.kind === "instance" || entry.kind === "resource-instance") throw new Refused("4.00", `the payload is not resource ${id}`);
      return resourceOf(known, entry);
    }
    if (known.multiple) throw new Refused("4.15", "a resource with instances is written in TLV");
    return { value: plainValue(known, payload, format) };
  });
}

/** Content of one instance of a resource. */
export function readResourceInstance(known: ResourceModel, id: number, payload: Buffer, format: number | undefined): Value {
  return checked(() => {
    if (format !== Format.tlv) return plainValue(known, payload, format);
    const [entry] = readTlv(payload);
    if (entry?.kind !== "resource-instance" || entry.id !== id) throw new Refused("4.00", `the payload is not resource instance ${id}`);
    return fromBytes(known.type, entry.value);
  });
}

function plainValue(known: ResourceModel, payload: Buffer, format: number | undefined): Value {
  if (format === Format.text) return fromText(known.type, payload);
  if (format === Format.opaque && known.type === "opaque") return Buffer.from(payload);
  throw new Refused("4.15", `content format ${format ?? "none"} cannot be written here`);
}
