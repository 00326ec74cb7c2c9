import { contract, isNode, isOperationId } from "./contract.js";
import type { AnswerContract, Operation, OperationId, Parameter, Place } from "./contract.js";
import { ProblemError, problemTypeOf, problemTypes } from "./problem.js";
import { checkCredential, checkRules } from "./rules.js";
import type { Answers, Shapes } from "./shapes.js";
import type { BatchItem, Problem } from "./types.js";
import { Validators } from "./validators.js";
import type { Judge } from "./validators.js";
import type { Fault } from "./wording.js";

export { parseBody } from "./json.js";
export type { AnsweredOperation, Answers } from "./shapes.js";

let requestSide: Validators | undefined;
let answerSide: Validators | undefined;
const requests = (): Validators => (requestSide ??= new Validators("requests"));
const answers = (): Validators => (answerSide ??= new Validators("answers"));

/** What came over HTTP, percent-decoded. */
export interface RawRequest {
  readonly path?: unknown;
  /** Values are texts; one given several times is an array, and a fault. */
  readonly query?: unknown;
  /** Judged where given; names in lower case. */
  readonly headers?: unknown;
  readonly body?: unknown;
}

/** A request that fits openapi.yaml, its defaults filled in. The accessors name the operation again, for its types. */
export interface ValidRequest {
  path<K extends OperationId>(operation: K): Shapes[K]["path"];
  query<K extends OperationId>(operation: K): Shapes[K]["query"];
  body<K extends OperationId>(operation: K): Shapes[K]["body"];
}

/**
 * Judges a request by openapi.yaml and the profile's rules beside it. Throws `ProblemError`: `schema`, with the field; `precondition-required`
 * for a missing If-Match; `unsupported-mode` for a `sink`; `context-mismatch`. Defaults are written into `request.body`.
 */
export function validRequest(operation: string, request: RawRequest): ValidRequest {
  const known = operationOf(operation);
  const path = parameters(known, "path", request.path);
  const query = parameters(known, "query", request.query);
  if (request.headers !== undefined) parameters(known, "header", request.headers);
  const body = validBody(known, request.body);
  checkRules(known.id, path, body);
  return new Validated(known.id, path, query, body);
}

class Validated implements ValidRequest {
  constructor(
    private readonly operation: OperationId,
    private readonly pathValues: object,
    private readonly queryValues: object,
    private readonly bodyValue: unknown,
  ) {}

  // The schemas have judged these values; the generated types and `Shapes` state the same schemas.
  path<K extends OperationId>(operation: K): Shapes[K]["path"] {
    this.#same(operation);
    return this.pathValues;
  }

  query<K extends OperationId>(operation: K): Shapes[K]["query"] {
    this.#same(operation);
    return this.queryValues;
  }

  body<K extends OperationId>(operation: K): Shapes[K]["body"] {
    this.#same(operation);
    return this.bodyValue as Shapes[K]["body"];
  }

  #same(operation: OperationId): void {
    if (operation !== this.operation) throw new TypeError(`a request of ${this.operation} was read as one of ${operation}`);
  }
}

function operationOf(name: string): Operation {
  if (!isOperationId(name)) throw new TypeError(`openapi.yaml has no operation ${name}`);
  return contract().operations[name];
}

function validBody(operation: Operation, body: unknown): unknown {
  if (operation.body === undefined) {
    if (body !== undefined) throw new ProblemError("schema", "is not expected; send none", { field: "body" });
    return undefined;
  }
  if (body === undefined) throw new ProblemError("schema", "is missing; send a JSON object", { field: "body" });
  const { schema } = operation.body;
  throwFault(requests().judge(`${operation.id} body`, () => schema)(body), "");
  return body;
}

function throwFault(fault: Fault | undefined, prefix: string): void {
  if (fault !== undefined) throw new ProblemError("schema", fault.text, { field: prefix + fault.pointer === "" ? "body" : prefix + fault.pointer });
}

/** One entry of a batch. Throws `ProblemError`, whose `field` is a pointer into the request's body when `index` is given, else into the entry. */
export function validateBatchItem(item: unknown, index?: number): BatchItem {
  const prefix = index === undefined ? "" : `/items/${index}`;
  throwFault(requests().named("BatchItem")(item), prefix);
  const entry = isNode(item) ? item : {};
  if (isNode(entry["credential"])) checkCredential(entry["credential"], entry, `${prefix}/credential`);
  return item as BatchItem;
}

/** Parameters of one place as an object: integers as numbers, defaults filled in. Headers that the operation does not name are left alone. */
function parameters(operation: Operation, place: Place, given: unknown): Readonly<Record<string, unknown>> {
  const declared = operation.parameters.filter((parameter) => parameter.place === place);
  const values = isNode(given) ? given : {};
  const result: Record<string, unknown> = {};
  for (const parameter of declared) {
    const value = values[place === "header" ? parameter.name.toLowerCase() : parameter.name];
    if (value === undefined) {
      if (parameter.required) throw missing(parameter);
      if (defaultOf(parameter) !== undefined) result[parameter.name] = defaultOf(parameter);
    } else {
      result[parameter.name] = parameterValue(operation, parameter, value);
    }
  }
  if (place === "query") {
    const unknown = Object.keys(values).find((name) => !declared.some((parameter) => parameter.name === name));
    if (unknown !== undefined) {
      const names = declared.map((parameter) => parameter.name);
      throw new ProblemError("schema", names.length === 0 ? "is not known here; this operation takes no query" : `is not known here; known are ${names.join(", ")}`, { field: unknown.slice(0, 64) });
    }
  }
  return result;
}

function missing(parameter: Parameter): ProblemError {
  if (parameter.name === "If-Match") return new ProblemError("precondition-required", "is missing; send the ETag you read", { field: parameter.name });
  return new ProblemError("schema", parameter.name === "Idempotency-Key" ? "is missing; send a key of your own choice with every POST" : "is missing; it is required", { field: parameter.name });
}

function defaultOf(parameter: Parameter): unknown {
  return parameter.schema["default"];
}

function parameterValue(operation: Operation, parameter: Parameter, value: unknown): unknown {
  if (Array.isArray(value)) throw new ProblemError("schema", "is given more than once; give it once", { field: parameter.name });
  const wantsInteger = isInteger(parameter.schema);
  const read = wantsInteger && typeof value === "string" && /^-?[0-9]{1,16}$/.test(value) ? Number(value) : value;
  if (wantsInteger && typeof read !== "number") throw new ProblemError("schema", "must be a whole number", { field: parameter.name });
  const fault = judgeOf(operation.id, parameter)(read);
  if (fault !== undefined) throw new ProblemError("schema", fault.text, { field: parameter.name });
  return read;
}

function judgeOf(operation: OperationId, parameter: Parameter): Judge {
  // The default is filled in by `parameters`; at the root of a schema it would have no effect.
  return requests().judge(`${operation} ${parameter.place} ${parameter.name}`, () => Object.fromEntries(Object.entries(parameter.schema).filter(([name]) => name !== "default")));
}

function isInteger(schema: Readonly<Record<string, unknown>>): boolean {
  const reference = schema["$ref"];
  const named = typeof reference === "string" ? contract().schemas[reference.slice(reference.lastIndexOf("/") + 1)] : schema;
  return isNode(named) && named["type"] === "integer";
}

/**
 * What is wrong with an answer, as text with the place first; undefined for one that fits. Secrets in an answer, a status that the operation
 * does not know, a problem whose type and status do not go together, and (where `headers` are given, in lower case) a missing header are faults.
 */
export function answerFault(operation: string, status: number, body: unknown, headers?: Readonly<Record<string, unknown>>): string | undefined {
  const known = operationOf(operation);
  const expected: AnswerContract | undefined = known.answers[String(status)] ?? (status >= 400 ? known.answers["default"] : undefined);
  if (expected === undefined) return `status ${status} is none of ${Object.keys(known.answers).filter((name) => name !== "default").join(", ")}`;
  const absent = headers === undefined ? undefined : expected.headers.find((name) => headers[name] === undefined);
  if (absent !== undefined) return `header ${absent} is missing`;
  const { schema } = expected;
  if (schema === undefined) return body === undefined ? undefined : "body is not expected";
  if (body === undefined) return "body is missing";
  const fault = answers().judge(`${known.id} ${status}`, () => schema)(body);
  if (fault !== undefined) return `${fault.pointer === "" ? "body" : fault.pointer} ${fault.text}`;
  return status >= 400 ? problemFault(status, body) : undefined;
}

function problemFault(status: number, body: unknown): string | undefined {
  const problem = isNode(body) ? body : {};
  if (problem["status"] !== status) return `/status is not the status of the answer, ${status}`;
  const type = problemTypeOf(problem["type"]);
  return type !== undefined && problemTypes[type].status !== status ? `/type ${type} goes with status ${problemTypes[type].status}` : undefined;
}

/** A successful answer with its type, or what is wrong with it. */
export function readAnswer<K extends OperationId>(operation: K, status: number, body: unknown): { readonly value: Answers[K] } | { readonly wrong: string } {
  const wrong = answerFault(operation, status, body);
  return wrong === undefined ? { value: body as Answers[K] } : { wrong };
}

/** A problem, where the body is one. */
export function readProblem(body: unknown): Problem | undefined {
  return answers().named("Problem")(body) === undefined ? (body as Problem) : undefined;
}

/** Compiles what `operations` need, before the first call pays for it. */
export function prepareValidation(operations: readonly OperationId[]): void {
  for (const id of operations) {
    const { body, answers: expected, parameters: declared } = contract().operations[id];
    if (body !== undefined) requests().judge(`${id} body`, () => body.schema);
    for (const parameter of declared) judgeOf(id, parameter);
    for (const [status, { schema }] of Object.entries(expected)) if (schema !== undefined && status < "4") answers().judge(`${id} ${status}`, () => schema);
  }
}
