import { contract, isNode } from "../contract.js";

/** Places below a schema of openapi.yaml whose values have no bound: a text without length, a number without range, a list without end, an object that may grow. */
export function limitsOf(schema: unknown, where = ""): string[] {
  if (!isNode(schema)) return [];
  const reference = schema["$ref"];
  const referred = typeof reference === "string" ? limitsOf(contract().schemas[reference.slice(reference.lastIndexOf("/") + 1)], where) : [];
  const parts = ["allOf", "oneOf"].flatMap((name) => listOf(schema[name]).flatMap((part) => limitsOf(part, where)));
  const members = Object.entries(isNode(schema["properties"]) ? schema["properties"] : {}).flatMap(([name, member]) => limitsOf(member, `${where}/${name}`));
  const open = typeof reference !== "string" && isUnbounded(schema) ? [where] : [];
  return [...open, ...referred, ...parts, ...members, ...limitsOf(schema["items"], `${where}/0`)];
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);

function isUnbounded(schema: Readonly<Record<string, unknown>>): boolean {
  if (schema["enum"] !== undefined || schema["const"] !== undefined) return false;
  const pattern = schema["pattern"];
  switch (schema["type"]) {
    case "string":
      return schema["maxLength"] === undefined && (typeof pattern !== "string" || /[*+]|,\}/.test(pattern));
    case "integer":
    case "number":
      return schema["maximum"] === undefined || schema["minimum"] === undefined;
    case "array":
      return schema["maxItems"] === undefined;
    default:
      return false;
  }
}
