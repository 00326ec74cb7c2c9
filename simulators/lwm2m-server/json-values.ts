import {
  coreObjectVersion,
  definitionFor,
  formatPath,
  isObjectLink,
  parsePath,
  type InstanceNode,
  type LwM2mVersion,
  type Node,
  type ObjectList,
  type Path,
  type ResourceNode,
  type Value,
  type ValueType,
} from "../../src/lwm2m/index.js";
import type { JsonResources, JsonValue } from "../../src/operator/index.js";

/** A value in the operator's request that the addressed resource cannot hold. */
export class JsonValueError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "JsonValueError";
  }
}

export function toJson(value: Value): JsonValue {
  if (typeof value === "bigint") return { integer: String(value) };
  if (value instanceof Uint8Array) return { hex: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  return isObjectLink(value) ? { object: value.object, instance: value.instance } : value;
}

const integerTypes: ReadonlySet<ValueType | undefined> = new Set<ValueType>(["Integer", "Unsigned Integer", "Time"]);

/** `type` undefined: the resource is unknown here, and the JSON type decides. Throws `JsonValueError`. */
export function fromJson(json: JsonValue, type: ValueType | undefined): Value {
  if (typeof json === "object") {
    if ("hex" in json) {
      if (!/^(?:[0-9a-fA-F]{2})*$/.test(json.hex)) throw new JsonValueError("hex wants an even number of hexadecimal digits");
      return Buffer.from(json.hex, "hex");
    }
    if ("integer" in json) {
      if (!/^-?\d{1,20}$/.test(json.integer)) throw new JsonValueError("integer wants decimal digits");
      return BigInt(json.integer);
    }
    return { object: json.object, instance: json.instance };
  }
  if (type === undefined) return json;
  const fits = integerTypes.has(type) ? Number.isSafeInteger(json) : type === "Float" ? typeof json === "number" : type === "Boolean" ? typeof json === "boolean" : (type === "String" || type === "Corelnk") && typeof json === "string";
  if (!fits) throw new JsonValueError(`${typeof json} does not fit a resource of type ${type}`);
  return json;
}

/** Every value below a path, by its own path. */
export function resourcesOf(at: Path, node: Node): JsonResources {
  const found: Record<string, JsonValue> = {};
  collect(node, at, found);
  return found;
}

function collect(node: Node, at: Path, into: Record<string, JsonValue>): void {
  switch (node.kind) {
    case "object":
      for (const instance of node.instances) collect(instance, { object: node.id, instance: instance.id }, into);
      return;
    case "instance":
      for (const resource of node.resources) collect(resource, { object: at.object ?? 0, instance: node.id, resource: resource.id }, into);
      return;
    case "resource":
      into[formatPath(at)] = toJson(node.value);
      return;
    case "multiple-resource":
      for (const one of node.instances) into[`${formatPath(at)}/${one.id}`] = toJson(one.value);
      return;
    case "resource-instance":
      into[formatPath(at)] = toJson(node.value);
  }
}

/** What a device announces of itself, as far as it decides how values are written. */
export interface DeviceModel {
  readonly version: LwM2mVersion;
  readonly objects: ObjectList;
}

/** Object version the device announces, or the one its enabler version implies. */
export function objectVersionOf(device: DeviceModel, object: number): string {
  return device.objects.objects.find((listed) => listed.object === object)?.version ?? coreObjectVersion(object, device.version);
}

export function valueTypeOf(device: DeviceModel, at: Path): ValueType | undefined {
  if (at.object === undefined || at.resource === undefined) return undefined;
  return definitionFor(at.object, device.version, objectVersionOf(device, at.object))?.resources.get(at.resource)?.type;
}

/** The instances that absolute resource paths make up, all of one object. Throws `JsonValueError`. */
export function instancesFrom(device: DeviceModel, resources: JsonResources): InstanceNode[] {
  const instances = new Map<number, Map<number, ResourceNode>>();
  let object: number | undefined;
  for (const [text, json] of Object.entries(resources)) {
    const at = parsePath(text);
    if (at.object === undefined || at.instance === undefined || at.resource === undefined) throw new JsonValueError(`${text} is not the path of a resource`);
    object ??= at.object;
    if (at.object !== object) throw new JsonValueError("resources of two objects cannot be written together");
    const value = fromJson(json, valueTypeOf(device, at));
    const instance = instances.get(at.instance) ?? new Map<number, ResourceNode>();
    instances.set(at.instance, instance);
    if (at.resourceInstance === undefined) {
      instance.set(at.resource, { kind: "resource", id: at.resource, value });
      continue;
    }
    const before = instance.get(at.resource);
    const one = { kind: "resource-instance", id: at.resourceInstance, value } as const;
    instance.set(at.resource, { kind: "multiple-resource", id: at.resource, instances: before?.kind === "multiple-resource" ? [...before.instances, one] : [one] });
  }
  return [...instances].map(([id, nodes]) => ({ kind: "instance", id, resources: [...nodes.values()] }));
}

/** The object list as links, one per object or instance. */
export function linksOf(list: ObjectList, version: LwM2mVersion): string[] {
  const root = list.rootPath.length === 0 ? "" : `/${list.rootPath.join("/")}`;
  return list.objects.flatMap((listed) => {
    const announced = listed.version === undefined || listed.version === coreObjectVersion(listed.object, version) ? "" : `;ver=${listed.version}`;
    const instances = listed.instances.map((instance) => `<${root}/${listed.object}/${instance}>`);
    return announced !== "" || instances.length === 0 ? [`<${root}/${listed.object}>${announced}`, ...instances] : instances;
  });
}
