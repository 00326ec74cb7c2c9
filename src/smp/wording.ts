import type { ErrorObject } from "ajv/dist/2020.js";
import { isNode } from "./contract.js";

/** What is wrong with a value, where, and how to put it right. No value of the body is repeated: it could be a secret. */
export interface Fault {
  /** JSON Pointer from the value that was judged; empty for the value itself. */
  readonly pointer: string;
  readonly text: string;
}

/** Member names that an object schema knows, through `allOf` and `$ref`. */
export type KnownMembers = (schema: unknown) => readonly string[];

const longestPointer = 1200;

export function wordFault(error: ErrorObject, knownMembers: KnownMembers): Fault {
  const { pointer, text } = word(error, knownMembers);
  return { pointer: pointer.slice(0, longestPointer), text };
}

function word(error: ErrorObject, knownMembers: KnownMembers): Fault {
  const at = (text: string, member?: string): Fault => ({ pointer: member === undefined ? error.instancePath : `${error.instancePath}/${escapePointer(member)}`, text });
  const limit = String(error.params["limit"]);
  switch (error.keyword) {
    case "required":
      return at("is missing; it is required", String(error.params["missingProperty"]));
    case "additionalProperties":
      return at(unknownMember(String(error.params["additionalProperty"]), knownMembers(error.parentSchema)), String(error.params["additionalProperty"]));
    case "unevaluatedProperties":
      return at(unknownMember(String(error.params["unevaluatedProperty"]), knownMembers(error.parentSchema)), String(error.params["unevaluatedProperty"]));
    case "type":
      return at(`must be ${article(String(error.params["type"]))}, not ${article(typeName(error.data))}`);
    case "enum":
      return at(`must be one of ${listed(error.params["allowedValues"])}`);
    case "const":
      return at(`must be ${String(error.params["allowedValue"])}`);
    case "discriminator":
      return at("must say which operation it is: stage, activate, roll-back or revoke", String(error.params["tag"]));
    case "minimum":
      return at(`must be at least ${limit}`);
    case "maximum":
      return at(`must be at most ${limit}`);
    case "multipleOf":
      return at(`must be a multiple of ${String(error.params["multipleOf"])}`);
    case "minLength":
      return at(limit === "1" ? "must not be empty" : `must have at least ${limit} characters`);
    case "maxLength":
      return at(`must have at most ${limit} characters, has ${typeof error.data === "string" ? error.data.length : "more"}`);
    case "x-max-bytes":
      return at(`must have at most ${String(error.schema)} bytes of UTF-8`);
    case "minItems":
      return at(`must have at least ${limit} ${limit === "1" ? "entry" : "entries"}`);
    case "maxItems":
      return at(`must have at most ${limit} entries, has ${Array.isArray(error.data) ? error.data.length : "more"}`);
    case "uniqueItems":
      return at(`repeats entry ${Math.min(...repeated(error))}; name each once`, String(Math.max(...repeated(error))));
    case "format":
      return at(error.params["format"] === "date-time" ? "must be a time of RFC 3339 with its offset, such as 2026-11-22T09:00:00Z" : "must be an absolute URI");
    case "pattern":
      return at(`does not have the form asked for${explained(error.parentSchema)}`);
    case "false schema":
      return at("does not go with the other members; leave it out");
    case "writeOnly":
      return at("is a secret and must not be in an answer");
    default:
      return at("does not fit the schema");
  }
}

function unknownMember(name: string, known: readonly string[]): string {
  const near = known.find((candidate) => distance(candidate.toLowerCase(), name.toLowerCase()) <= 2);
  if (near !== undefined) return `is not known here; did you mean ${near}?`;
  return known.length === 0 ? "is not known here; leave it out" : `is not known here; known are ${known.join(", ")}`;
}

const repeated = (error: ErrorObject): number[] => [Number(error.params["i"]), Number(error.params["j"])];
const listed = (values: unknown): string => (Array.isArray(values) ? values.map(String).join(", ") : "the values listed");
const article = (type: string): string => (type === "null" ? "null" : /^[aio]/.test(type) ? `an ${type}` : `a ${type}`);
const escapePointer = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** The first sentence of the schema's description, where it has one. */
function explained(schema: unknown): string {
  const description = isNode(schema) ? schema["description"] : undefined;
  if (typeof description !== "string") return "";
  const sentence = description.replaceAll(/\s+/g, " ").trim().replace(/\. .*$/, "").replace(/\.$/, "");
  return `: ${sentence}`;
}

/** Levenshtein's, for names; one that is far longer than any member is far away without counting. */
function distance(left: string, right: string): number {
  if (Math.abs(left.length - right.length) > 2) return 3;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 3;
}
