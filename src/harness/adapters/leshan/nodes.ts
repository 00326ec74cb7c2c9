import { definitionFor, type ValueType } from "../../../lwm2m/index.js";
import type { DeviceOperation, JsonResources, JsonValue } from "../../../operator/index.js";

/** Nodes as Leshan's demos write them, in both dialects: from 2.0.0-M15 on each has a kind, and each resource a type. */

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);
const listIn = (value: unknown, name: string): readonly unknown[] => {
  const found: unknown = isObject(value) ? value[name] : undefined;
  return Array.isArray(found) ? found : [];
};
const idIn = (value: unknown): string => (isObject(value) && typeof value["id"] === "number" ? String(value["id"]) : "?");

const scalar = (value: unknown): JsonValue | undefined => (typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined);

/** Values by their paths, of what was read at `path`. */
export function resourcesIn(path: string, content: unknown): JsonResources {
  const found: Record<string, JsonValue> = {};
  const depth = path.split("/").length - 1;
  if (depth === 1) for (const instance of listIn(content, "instances")) ofInstance(`${path}/${idIn(instance)}`, instance, found);
  else if (depth === 2) ofInstance(path, content, found);
  else ofResource(path, content, found);
  return found;
}

function ofInstance(path: string, node: unknown, into: Record<string, JsonValue>): void {
  for (const resource of listIn(node, "resources")) ofResource(`${path}/${idIn(resource)}`, resource, into);
}

function ofResource(path: string, node: unknown, into: Record<string, JsonValue>): void {
  if (!isObject(node)) return;
  const values = node["values"];
  if (isObject(values)) {
    for (const [instance, value] of Object.entries(values)) {
      const one = scalar(value);
      if (one !== undefined) into[`${path}/${instance}`] = one;
    }
    return;
  }
  const value = scalar(node["value"]);
  if (value !== undefined) into[path] = value;
}

/** `</3/0/0>;pmin=5`, of the links that a Discover or a registration gives. */
export function linksIn(links: unknown): string[] {
  if (!Array.isArray(links)) return [];
  return links.map((link: unknown) => {
    const url = isObject(link) && typeof link["url"] === "string" ? link["url"] : "";
    const attributes = isObject(link) && isObject(link["attributes"]) ? Object.entries(link["attributes"]) : [];
    return [`<${url}>`, ...attributes.map(([name, value]) => (value === null || value === undefined ? name : `${name}=${String(value as string | number)}`))].join(";");
  });
}

const javaTypes: Readonly<Record<ValueType, string>> = {
  String: "STRING",
  Integer: "INTEGER",
  "Unsigned Integer": "UNSIGNED_INTEGER",
  Float: "FLOAT",
  Boolean: "BOOLEAN",
  Opaque: "OPAQUE",
  Time: "TIME",
  Objlnk: "OBJLNK",
  Corelnk: "CORELINK",
};

function typeOf(path: string, value: JsonValue): string {
  const [object = 0, , resource = 0] = path.slice(1).split("/").map(Number);
  const known = definitionFor(object, "1.1")?.resources.get(resource)?.type;
  if (known !== undefined) return javaTypes[known];
  return typeof value === "number" ? (Number.isInteger(value) ? "INTEGER" : "FLOAT") : typeof value === "boolean" ? "BOOLEAN" : "STRING";
}

const plain = (value: JsonValue): string | number | boolean => {
  if (typeof value !== "object") return value;
  if ("hex" in value) return value.hex;
  return "integer" in value ? value.integer : `${value.object}:${value.instance}`;
};

/** The body of a Write or a Create. `typed`: the newer dialect. */
export function bodyOf({ path, value, resources }: DeviceOperation, typed: boolean): unknown {
  const last = Number(path.slice(path.lastIndexOf("/") + 1));
  const resource = (at: string, content: JsonValue): unknown => {
    const id = Number(at.split("/")[3]);
    return { id, value: plain(content), ...(typed ? { kind: "singleResource", type: typeOf(at, content) } : {}) };
  };
  if (value !== undefined) {
    if (path.split("/").length === 5) return { id: last, value: plain(value), ...(typed ? { kind: "resourceInstance", type: typeOf(path, value) } : {}) };
    return resource(path, value);
  }
  return { id: last, resources: Object.entries(resources ?? {}).map(([at, content]) => resource(at, content)), ...(typed ? { kind: "instance" } : {}) };
}
