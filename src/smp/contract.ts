import { join } from "node:path";
import { parse } from "yaml";
import { packageRoot, realFiles } from "../ports/real/files.js";
import type { operations } from "./schema.generated.js";

export type OperationId = keyof operations;
export type Api = "BS-API" | "SV-API";
export type Method = "GET" | "PUT" | "POST" | "DELETE";
export type Place = "path" | "query" | "header";

type Node = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly place: Place;
  readonly required: boolean;
  readonly schema: Node;
}

export interface AnswerContract {
  /** Absent where the answer has no body. */
  readonly schema?: Node;
  readonly mediaType?: string;
  /** Headers that have to be there, in lower case. */
  readonly headers: readonly string[];
  /** Values by name, references resolved. */
  readonly examples: Readonly<Record<string, unknown>>;
}

/** One operation of openapi.yaml with its references to parameters and answers resolved; those to schemas stay. */
export interface Operation {
  readonly id: OperationId;
  readonly apis: readonly Api[];
  readonly method: Method;
  /** With `/smp/v1` and `{name}` for parameters. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body?: { readonly schema: Node; readonly maxBytes: number; readonly examples: Readonly<Record<string, unknown>> };
  /** By status, or `default`. */
  readonly answers: Readonly<Record<string, AnswerContract>>;
}

export interface Contract {
  readonly operations: Readonly<Record<OperationId, Operation>>;
  /** `components.schemas`. */
  readonly schemas: Node;
}

const text = await realFiles.read(join(packageRoot, "src/smp/openapi.yaml"));
let loaded: Contract | undefined;

/** openapi.yaml, parsed once per thread at the first call. */
export function contract(): Contract {
  return (loaded ??= readContract(parse(text)));
}

export const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);

/** The parts of the document are under our control: what does not have its shape is a defect of the package, not of a caller. */
function node(value: unknown, what: string): Node {
  if (!isNode(value)) throw new TypeError(`openapi.yaml: ${what} is not an object`);
  return value;
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);
const string = (value: unknown, what: string): string => {
  if (typeof value !== "string") throw new TypeError(`openapi.yaml: ${what} is not a text`);
  return value;
};

const methods = ["get", "put", "post", "delete"] as const;
const upper = { get: "GET", put: "PUT", post: "POST", delete: "DELETE" } as const;

function readContract(document: unknown): Contract {
  const root = node(document, "the document");
  const components = node(root["components"], "components");
  const found: Partial<Record<OperationId, Operation>> = {};
  for (const [path, item] of Object.entries(node(root["paths"], "paths"))) {
    const pathItem = node(item, path);
    for (const method of methods) {
      if (pathItem[method] === undefined) continue;
      const operation = readOperation(root, node(pathItem[method], path), { path, method: upper[method], shared: list(pathItem["parameters"]) });
      if (found[operation.id] !== undefined) throw new TypeError(`openapi.yaml: two operations are called ${operation.id}`);
      found[operation.id] = operation;
    }
  }
  return { operations: complete(found), schemas: node(components["schemas"], "schemas") };
}

/** The generated types name every operation; `schema.generated.ts` out of step with openapi.yaml is found here at the latest. */
function complete(found: Partial<Record<OperationId, Operation>>): Readonly<Record<OperationId, Operation>> {
  const missing = operationIds.filter((id) => found[id] === undefined);
  if (missing.length > 0) throw new TypeError(`openapi.yaml: ${missing.join(", ")} is missing`);
  return found as Readonly<Record<OperationId, Operation>>;
}

function readOperation(root: Node, operation: Node, at: { readonly path: string; readonly method: Method; readonly shared: readonly unknown[] }): Operation {
  const id = string(operation["operationId"], `${at.path} operationId`);
  if (!isOperationId(id)) throw new TypeError(`openapi.yaml: ${id} is not among the generated types; run npm run generate`);
  const body = operation["requestBody"] === undefined ? undefined : readBody(root, node(operation["requestBody"], `${id} requestBody`), id);
  return {
    id,
    apis: list(operation["tags"]).filter((tag) => tag === "BS-API" || tag === "SV-API"),
    method: at.method,
    path: at.path,
    parameters: [...at.shared, ...list(operation["parameters"])].map((parameter) => readParameter(resolve(root, parameter), id)),
    ...(body === undefined ? {} : { body }),
    answers: Object.fromEntries(Object.entries(node(operation["responses"], `${id} responses`)).map(([status, answer]) => [status, readAnswer(root, resolve(root, answer), id)])),
  };
}

function readParameter(parameter: Node, id: string): Parameter {
  const place = parameter["in"];
  if (place !== "path" && place !== "query" && place !== "header") throw new TypeError(`openapi.yaml: ${id} has a parameter in an unknown place`);
  return { name: string(parameter["name"], `${id} parameter`), place, required: parameter["required"] === true, schema: node(parameter["schema"], `${id} parameter`) };
}

function readBody(root: Node, body: Node, id: string): NonNullable<Operation["body"]> {
  const media = node(node(body["content"], `${id} content`)["application/json"], `${id} content`);
  const maxBytes = body["x-max-bytes"];
  if (typeof maxBytes !== "number") throw new TypeError(`openapi.yaml: ${id} has no x-max-bytes`);
  return { schema: node(media["schema"], `${id} schema`), maxBytes, examples: readExamples(root, media) };
}

function readAnswer(root: Node, answer: Node, id: string): AnswerContract {
  const headers = Object.entries(isNode(answer["headers"]) ? answer["headers"] : {})
    .filter(([, header]) => resolve(root, header)["required"] === true)
    .map(([name]) => name.toLowerCase());
  if (answer["content"] === undefined) return { headers, examples: {} };
  const [entry] = Object.entries(node(answer["content"], `${id} content`));
  if (entry === undefined) return { headers, examples: {} };
  const media = node(entry[1], `${id} content`);
  return { schema: node(media["schema"], `${id} answer`), mediaType: entry[0], headers, examples: readExamples(root, media) };
}

function readExamples(root: Node, media: Node): Readonly<Record<string, unknown>> {
  const examples = isNode(media["examples"]) ? media["examples"] : {};
  return Object.fromEntries(Object.entries(examples).map(([name, example]) => [name, resolve(root, example)["value"]]));
}

/** The object itself, or what its `$ref` points to within the document. */
function resolve(root: Node, value: unknown): Node {
  const given = node(value, "a reference");
  const reference = given["$ref"];
  if (typeof reference !== "string") return given;
  let target: unknown = root;
  for (const part of reference.replace(/^#\//, "").split("/")) target = node(target, reference)[part];
  return node(target, reference);
}

const operationNames = {
  getCapabilities: true, getJwks: true, listEvents: true, createAccount: true, listAccounts: true, getAccount: true, replaceAccount: true, deleteAccount: true,
  createOrder: true, listOrders: true, getOrder: true, cancelOrder: true, listItems: true, getItem: true, getClient: true, createConfirmation: true,
  createTrigger: true, getTrigger: true, withdrawTrigger: true, getReachability: true, stageCredential: true, getCredential: true, revokeCredential: true,
  activateCredential: true, rollBackActivation: true, listCredentials: true, batchCredentials: true,
} as const satisfies Record<OperationId, true>;

export const isOperationId = (name: string): name is OperationId => Object.hasOwn(operationNames, name);
export const operationIds: readonly OperationId[] = Object.keys(operationNames).filter(isOperationId);
