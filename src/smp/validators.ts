import { Ajv2020 } from "ajv/dist/2020.js";
import type { AnySchema, ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { contract, isNode } from "./contract.js";
import { wordFault } from "./wording.js";
import type { Fault } from "./wording.js";

/** Returns the fault of a value, or undefined for one that fits. Fills in defaults where it judges requests. */
export type Judge = (value: unknown) => Fault | undefined;

const base = "https://smp.invalid/schemas/";
const pointer = "#/components/schemas/";

/**
 * Compiled schemas of one side, made at first use. Requests: defaults are filled in, and arrays marked `x-judged-alone` have their entries
 * left to whoever judges them one by one. Answers: no member marked `writeOnly` may be there.
 */
export class Validators {
  readonly #ajv: Ajv2020;
  readonly #judges = new Map<string, Judge>();

  constructor(private readonly side: "requests" | "answers") {
    this.#ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, verbose: true, discriminator: true, useDefaults: side === "requests", addUsedSchema: false });
    formats.default(this.#ajv, ["date-time", "uri"]);
    this.#ajv.addVocabulary(["x-judged-alone"]);
    this.#ajv.addKeyword({ keyword: "x-max-bytes", type: "string", schemaType: "number", validate: (limit: number, text: string) => text.length * 3 <= limit || Buffer.byteLength(text) <= limit });
    if (side === "answers") {
      this.#ajv.removeKeyword("writeOnly");
      this.#ajv.addKeyword({ keyword: "writeOnly", schemaType: "boolean", validate: (isSecret: boolean) => !isSecret });
    }
    for (const [name, schema] of Object.entries(contract().schemas)) this.#ajv.addSchema(asAnySchema(this.#prepare(schema)), base + name);
  }

  /** The judge of `schema`, compiled when `key` is asked for first. */
  judge(key: string, schema: () => unknown): Judge {
    const known = this.#judges.get(key);
    if (known !== undefined) return known;
    // A default at the root of a parameter's schema is its reader's business; ajv has no object to write it into.
    const wanted = Object.entries(asNode(schema())).filter(([name]) => name !== "default");
    const validate = this.#ajv.compile(asAnySchema(this.#prepare(Object.fromEntries(wanted))));
    const made: Judge = (value) => (validate(value) ? this.#inherited(value) : faultOf(validate));
    this.#judges.set(key, made);
    return made;
  }

  /** Of a schema under `components.schemas`. */
  named(name: string): Judge {
    return this.judge(`schema ${name}`, () => ({ $ref: pointer + name }));
  }

  /** Ajv takes a member for known that every object inherits, where which members are known depends on others. */
  #inherited(value: unknown): Fault | undefined {
    const pointer = this.side === "requests" ? inheritedMember(value, "") : undefined;
    return pointer === undefined ? undefined : { pointer, text: "is not known here; leave it out" };
  }

  /** A copy for ajv: references to schemas of the document become absolute, and what ajv does not know is left out. */
  #prepare(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.#prepare(entry));
    if (!isNode(value)) return value;
    const entries = Object.entries(value).flatMap(([key, member]): [string, unknown][] => {
      if (key === "$ref" && typeof member === "string") return [[key, member.replace(pointer, base)]];
      // OpenAPI's mapping from tag to schema is said by the schemas' constants too.
      if (key === "discriminator" && isNode(member)) return [[key, { propertyName: member["propertyName"] }]];
      if (key === "items" && value["x-judged-alone"] === true && this.side === "requests") return [];
      return [[key, this.#prepare(member)]];
    });
    return Object.fromEntries(entries);
  }
}

function asNode(value: unknown): Readonly<Record<string, unknown>> {
  if (!isNode(value)) throw new TypeError("openapi.yaml: a schema is not an object");
  return value;
}

/** The place of the first member, at any depth, whose name is one of `Object.prototype`. */
function inheritedMember(value: unknown, pointer: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const at = `${pointer}/${name}`;
    const found = Object.hasOwn(Object.prototype, name) ? at : inheritedMember(member, at);
    if (found !== undefined) return found;
  }
  return undefined;
}

const asAnySchema = (value: unknown): AnySchema => asNode(value);

function faultOf(validate: ValidateFunction): Fault {
  const [error] = validate.errors ?? [];
  return error === undefined ? { pointer: "", text: "does not fit the schema" } : wordFault(error, knownMembers);
}

/** Member names of an object schema as ajv holds it, through `allOf` and references. */
function knownMembers(schema: unknown): readonly string[] {
  if (!isNode(schema)) return [];
  const reference = schema["$ref"];
  const referred = typeof reference === "string" ? contract().schemas[reference.replace(base, "").replace(pointer, "")] : undefined;
  const parts = Array.isArray(schema["allOf"]) ? (schema["allOf"] as readonly unknown[]) : [];
  const own = isNode(schema["properties"]) ? Object.keys(schema["properties"]) : [];
  return [...new Set([...own, ...knownMembers(referred), ...parts.flatMap(knownMembers)])];
}
