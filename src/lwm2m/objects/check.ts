import type { Node, ResourceNode, Value } from "../nodes.js";
import { isObjectLink } from "../nodes.js";
import type { ValueType } from "./facts.js";
import type { ObjectDefinition, ResourceDefinition } from "./registry.js";

/** Types whose resources may carry gt, lt and st. */
export const isNumeric = (type: ValueType | undefined): boolean => type === "Integer" || type === "Unsigned Integer" || type === "Float" || type === "Time";

function hasType(value: Value, type: ValueType): boolean {
  switch (type) {
    case "String":
    case "Corelnk":
      return typeof value === "string";
    case "Integer":
    case "Time":
      return typeof value === "bigint" || Number.isSafeInteger(value);
    case "Unsigned Integer":
      return (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) && value >= 0;
    case "Float":
      return typeof value === "number" || typeof value === "bigint";
    case "Boolean":
      return typeof value === "boolean";
    case "Opaque":
      return value instanceof Uint8Array;
    case "Objlnk":
      return isObjectLink(value);
  }
}

/** Why a value is not one of this resource (type, range, length); undefined when it is. */
export function valueFault(definition: ResourceDefinition, value: Value): string | undefined {
  const { type, bounds } = definition;
  if (type === undefined) return `${definition.name} has no value`;
  if (!hasType(value, type)) return `${definition.name} is of type ${type}`;
  if (bounds === undefined) return undefined;
  const size = typeof value === "string" ? Buffer.byteLength(value) : value instanceof Uint8Array ? value.length : value;
  const within = (typeof size !== "number" && typeof size !== "bigint") || (size >= bounds.minimum && size <= bounds.maximum);
  return within ? undefined : `${definition.name} is ${bounds.minimum} to ${bounds.maximum}${typeof value === "object" || typeof value === "string" ? " bytes" : ""}`;
}

/** Why a resource does not fit its definition: single or multiple, type, range. */
export function resourceFault(definition: ResourceDefinition, node: ResourceNode): string | undefined {
  if (definition.multiple !== (node.kind === "multiple-resource")) return `${definition.name} is ${definition.multiple ? "a multiple" : "a single"} resource`;
  if (node.kind === "resource") return valueFault(definition, node.value);
  for (const { value } of node.instances) {
    const fault = valueFault(definition, value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The first fault of all known resources in a node; unknown resources have none. */
export function nodeFault(definition: ObjectDefinition, node: Node, resourceId?: number): string | undefined {
  switch (node.kind) {
    case "object":
      return firstFault(node.instances, (instance) => nodeFault(definition, instance));
    case "instance":
      return firstFault(node.resources, (resource) => nodeFault(definition, resource));
    case "resource-instance": {
      const known = resourceId === undefined ? undefined : definition.resources.get(resourceId);
      return known === undefined ? undefined : valueFault(known, node.value);
    }
    default: {
      const known = definition.resources.get(node.id);
      return known === undefined ? undefined : resourceFault(known, node);
    }
  }
}

function firstFault<T>(items: readonly T[], faultOf: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const fault = faultOf(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Mandatory resources with a value that a node set lacks: what a Create must not leave out. */
export function missingMandatory(definition: ObjectDefinition, resources: readonly ResourceNode[]): readonly ResourceDefinition[] {
  const missing: ResourceDefinition[] = [];
  for (const resource of definition.resources.values()) {
    if (resource.mandatory && !resource.executable && !resources.some(({ id }) => id === resource.id)) missing.push(resource);
  }
  return missing;
}
