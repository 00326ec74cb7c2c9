import { definitionFor } from "../../../lwm2m/index.js";
import type { DeviceOperation, JsonResources, JsonValue, OperationResult, RegistrationView } from "../../../operator/index.js";
import type { Clock } from "../../../ports/index.js";
import { Unsupported } from "../../scenario/recorder.js";
import { AdapterError, type AdapterCredential, type AdapterFacts, type AdapterFinding, type Lacks, type Property, type ServerAdapter, type TriggerAnswer } from "../adapter.js";
import type { OperationCallFile, RegistrationFieldsFile, ServerCallsFile, TemplateFile } from "./schema.js";
import { TemplateSession } from "./session.js";
import { placeholdersIn, take, type Variables } from "./template.js";

const mapped: readonly (readonly [keyof ServerCallsFile, Property])[] = [
  ["list", "registrations"],
  ["install", "credential"],
  ["trigger", "trigger"],
  ["read", "read"],
  ["write", "write"],
  ["writeInstance", "write-instance"],
  ["execute", "execute"],
  ["discover", "discover"],
  ["create", "create"],
  ["delete", "delete"],
  ["writeAttributes", "write-attributes"],
  ["writeAttributes", "observe-attributes"],
  ["observe", "observe"],
  ["cancelObservation", "cancel-observation"],
];

/** What the calls of a target file leave out. */
export function templateServerFacts(calls: ServerCallsFile, lacks: TemplateFile["lacks"]): AdapterFacts {
  const nothing = "the target file maps no call to it";
  const left = new Map<Property, string>([
    ["faults", "an interface for its users does nothing wrong on purpose"],
    ["admission", "whether it turns strangers away over NoSec is not stated"],
    ["trigger-queued", nothing],
    ["trigger-lifetime", nothing],
    ["trigger-coalesced", nothing],
    ["cancel-by-reset", nothing],
    ["two-slots", "one credential of a device is installed at a time"],
    ["session-loss", nothing],
    ["smp-server", "it has no Server Management interface"],
  ]);
  for (const [call, property] of mapped) if (calls[call] === undefined) left.set(property, nothing);
  if (calls.list === undefined && calls.registration !== undefined) left.delete("registrations");
  const { fields } = calls.registration ?? calls.list ?? {};
  if (fields !== undefined && [fields.lifetime, fields.lwm2m, fields.binding].includes(undefined)) left.set("registration-details", "the target file does not say where lifetime, enabler version and binding are in its list");
  if (fields?.objects === undefined) left.set("object-list", "the target file does not say where the objects are in its list");
  if (calls.trigger === undefined || calls.trigger.code === undefined) left.set("trigger-outcome", "the target file does not say where the device's answer is");
  if (calls.trigger !== undefined && usesInstance(calls.trigger)) left.set("trigger-instance", "the call names the instance, which the adapter finds");
  const formats = [calls.read, calls.write].every((call) => call !== undefined && placeholdersIn([call.path, call.body]).includes("format"));
  if (!formats) {
    left.set("read-format", nothing);
    left.set("write-format", nothing);
  }
  for (const [property, reason] of Object.entries(lacks)) left.set(property as Property, reason);
  // A property that is said to be there after all.
  for (const [property, reason] of left) if (reason === "") left.delete(property);
  return { name: "http-template", lacks: left, ...(formats ? {} : { formats: new Set<number>() }) };
}

const usesInstance = (call: OperationCallFile): boolean => placeholdersIn([call.path, call.body]).includes("serverInstance");

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);
/** A member as text; nothing where it is no single value. */
const textAt = (body: unknown, path: string): string => {
  const value = take(body, path);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
};
const scalar = (value: unknown): JsonValue | undefined => (typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined);

export interface TemplateServerOptions {
  readonly api: string;
  readonly file: TemplateFile;
  readonly calls: ServerCallsFile;
  /** Values of `secrets`. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** A LwM2M Server whose interface a target file describes call by call. */
export class TemplateServer implements ServerAdapter {
  readonly name: string;
  readonly lacks: Lacks;
  readonly formats: ReadonlySet<number> | undefined;
  readonly #session: TemplateSession;

  constructor(private readonly options: TemplateServerOptions) {
    ({ name: this.name, lacks: this.lacks, formats: this.formats } = templateServerFacts(options.calls, options.file.lacks));
    this.#session = new TemplateSession(options.api, options.file, options.secrets, options.clock);
  }

  check(): Promise<readonly AdapterFinding[]> {
    return checkTemplate(this.#session, this.options.api, this.options.file, this.options.calls.list);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async registration(endpoint: string): Promise<RegistrationView | undefined> {
    const { registration } = this.options.calls;
    if (registration === undefined) return (await this.registrations()).find((view) => view.endpoint === endpoint);
    const outcome = await this.#session.call("registration", registration, { endpoint });
    return outcome.kind === "done" && take(outcome.answer.body, registration.fields.endpoint) !== undefined ? viewOf(outcome.answer.body, registration.fields) : undefined;
  }

  async registrations(): Promise<readonly RegistrationView[]> {
    const list = this.#mapped("list");
    const outcome = await this.#session.call("list", list, {});
    const items = outcome.kind === "done" ? take(outcome.answer.body, list.items) : [];
    return Array.isArray(items) ? items.map((item: unknown) => viewOf(item, list.fields)) : [];
  }

  async install(credential: AdapterCredential): Promise<void> {
    // Without security there is nothing to install.
    if (credential.mode === "nosec") return;
    const { endpoint, identity, key } = credential;
    const bytes = Buffer.from(key);
    const outcome = await this.#session.call("install", this.#mapped("install"), { endpoint, identity, keyHex: bytes.toString("hex"), keyBase64: bytes.toString("base64") });
    if (outcome.kind !== "done") throw new AdapterError("install: the system knows no such device");
  }

  async uninstall(endpoint: string): Promise<void> {
    const { uninstall } = this.options.calls;
    if (uninstall !== undefined) await this.#session.call("uninstall", uninstall, { endpoint });
  }

  async trigger(endpoint: string, shortServerId: number | undefined): Promise<TriggerAnswer> {
    const call = this.#mapped("trigger");
    const serverInstance = usesInstance(call) ? await this.#ownInstance(endpoint, shortServerId) : undefined;
    if (usesInstance(call) && serverInstance === undefined) return { kind: "not-registered" };
    const result = await this.#operation("trigger", call, "/1", { endpoint, ssid: shortServerId, serverInstance });
    if (result === undefined) return { kind: "not-registered" };
    if (result.failure !== undefined) return { kind: "no-answer" };
    return result.code === undefined ? { kind: "taken" } : { kind: "answered", code: result.code };
  }

  async #ownInstance(endpoint: string, shortServerId: number | undefined): Promise<string | undefined> {
    const read = await this.operate(endpoint, { operation: "read", path: "/1" });
    if (read === undefined) return undefined;
    const found = Object.entries(read.resources ?? {}).find(([path, value]) => /^\/1\/\d+\/0$/.test(path) && (shortServerId === undefined || Number(value) === shortServerId));
    return found?.[0].split("/")[2] ?? "0";
  }

  operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult | undefined> {
    const { path } = operation;
    const [, object = "", instance = "", resource = ""] = path.split("/");
    const resources = Object.entries(operation.resources ?? {}).map(([at, value]) => ({ path: at, id: Number(at.split("/")[3]), value: plain(value), type: typeOf(at, value) }));
    const attributes = Object.entries(operation.attributes ?? {}).map(([name, value]) => `${name}=${String(value)}`);
    const variables: Variables = {
      endpoint,
      path: path.replace(/\/$/, ""),
      object,
      instance,
      resource,
      id: Number(path.slice(path.lastIndexOf("/") + 1)),
      replace: operation.replace ?? operation.value !== undefined,
      resources,
      query: attributes.join("&"),
      argument: operation.argument ?? "",
      ...(operation.format === undefined ? { format: "" } : { format: operation.format }),
      ...(operation.value === undefined ? {} : { value: plain(operation.value), type: typeOf(path, operation.value) }),
    };
    const names = { read: "read", write: operation.value === undefined ? "writeInstance" : "write", execute: "execute", discover: "discover", create: "create", delete: "delete", "write-attributes": "writeAttributes" } as const;
    const name = names[operation.operation];
    return this.#operation(name, this.#mapped(name), path.replace(/\/$/, ""), variables);
  }

  observe(endpoint: string, path: string): Promise<OperationResult | undefined> {
    return this.#operation("observe", this.#mapped("observe"), path, { endpoint, path, ...partsOf(path) });
  }

  cancelObservation(endpoint: string, path: string, how: "reset" | "deregister"): Promise<OperationResult | undefined> {
    if (how === "reset") throw new Unsupported("the target file maps no call to ending an observation by a reset");
    return this.#operation("cancelObservation", this.#mapped("cancelObservation"), path, { endpoint, path, ...partsOf(path) });
  }

  async #operation(name: string, call: OperationCallFile, path: string, variables: Variables): Promise<OperationResult | undefined> {
    const outcome = await this.#session.call(name, call, variables);
    if (outcome.kind === "absent") return undefined;
    if (outcome.kind === "no-answer") return { failure: "timeout" };
    const body = call.wait === undefined ? outcome.answer.body : await this.#session.wait(name, call.wait, { ...variables, ...outcome.taken });
    if (call.wait !== undefined && body === undefined) return { failure: "timeout" };
    const code = call.code === undefined ? undefined : codeIn(name, call.code, body);
    const content = call.tree === undefined ? undefined : take(body, call.tree.at);
    const links = call.links === undefined ? undefined : take(body, call.links.at);
    return {
      ...(code === undefined ? {} : { code }),
      ...(call.tree === undefined || content === undefined || content === null ? {} : { resources: resourcesIn(path, content, call.tree) }),
      ...(call.links === undefined || !Array.isArray(links) ? {} : { links: linksIn(links, call.links) }),
    };
  }

  #mapped<K extends keyof ServerCallsFile>(name: K): NonNullable<ServerCallsFile[K]> {
    const call = this.options.calls[name];
    if (call === undefined) throw new Unsupported(`the target file maps no call to ${name}`);
    return call;
  }
}

/** The call of `check`, else the first one that changes nothing. */
export async function checkTemplate(session: TemplateSession, api: string, file: TemplateFile, fallback: TemplateFile["check"]): Promise<readonly AdapterFinding[]> {
  const call = file.check ?? fallback;
  if (call === undefined) return [{ what: api, ok: true, detail: "not tried: the target file has no call for it (check)" }];
  const what = `${api}${call.path}`;
  try {
    const outcome = await session.call("check", call, {});
    return [outcome.kind === "done" ? { what, ok: true, detail: file.login === undefined ? "answers" : "answers, the login works" } : { what, ok: false, detail: "is not there", repair: "correct api, or the path of check" }];
  } catch (error) {
    return [{ what, ok: false, detail: error instanceof Error ? error.message : String(error), repair: "start it, or correct api and the calls in the target file" }];
  }
}

const partsOf = (path: string): Variables => {
  const [, object = "", instance = "", resource = ""] = path.split("/");
  return { object, instance, resource };
};

const plain = (value: JsonValue): string | number | boolean => {
  if (typeof value !== "object") return value;
  if ("hex" in value) return value.hex;
  return "integer" in value ? value.integer : `${value.object}:${value.instance}`;
};

/** The type of a resource as its definition has it, in capitals: `INTEGER`. */
function typeOf(path: string, value: JsonValue): string {
  const [object = 0, , resource = 0] = path.slice(1).split("/").map(Number);
  const known = definitionFor(object, "1.1")?.resources.get(resource)?.type;
  return (known ?? (typeof value === "number" ? "Float" : typeof value === "boolean" ? "Boolean" : "String")).replace(" ", "_").toUpperCase();
}

function codeIn(name: string, code: NonNullable<OperationCallFile["code"]>, body: unknown): string {
  const found = textAt(body, code.from);
  const meant = code.means?.[found];
  if (meant !== undefined) return meant;
  const match = code.pattern === undefined ? undefined : new RegExp(code.pattern).exec(found);
  if (match === undefined || match === null) throw new AdapterError(`${name}: "${found.slice(0, 100)}" is no answer that the target file gives a meaning`);
  return code.as.replaceAll(/\$(\d)/g, (_whole, group: string) => match[Number(group)] ?? "");
}

function resourcesIn(path: string, content: unknown, tree: NonNullable<OperationCallFile["tree"]>): JsonResources {
  const found: Record<string, JsonValue> = {};
  const walk = (at: string, node: unknown): void => {
    if (!isObject(node)) {
      const value = scalar(node);
      if (value !== undefined) found[at] = value;
      return;
    }
    const values = node[tree.values];
    if (isObject(values)) for (const [id, value] of Object.entries(values)) walk(`${at}/${id}`, scalar(value));
    const value = scalar(node[tree.value]);
    if (value !== undefined) found[at] = value;
    for (const name of tree.children) {
      const children = node[name];
      if (Array.isArray(children)) for (const child of children as readonly unknown[]) walk(`${at}/${String(isObject(child) ? (child[tree.id] as string | number) : "")}`, child);
    }
  };
  walk(path, content);
  return found;
}

const linksIn = (links: readonly unknown[], { target, attributes }: NonNullable<OperationCallFile["links"]>): string[] =>
  links.map((link) => {
    const url = isObject(link) ? String(link[target]) : "";
    const given = isObject(link) && isObject(link[attributes]) ? Object.entries(link[attributes]) : [];
    return [`<${url}>`, ...given.map(([name, value]) => (value === null || value === undefined ? name : `${name}=${String(value as string | number)}`))].join(";");
  });

function listAt(body: unknown, path: string): readonly unknown[] {
  const found = take(body, path);
  return Array.isArray(found) ? found : [];
}

function viewOf(body: unknown, fields: RegistrationFieldsFile): RegistrationView {
  const text = (path: string | undefined): string => (path === undefined ? "" : textAt(body, path));
  return {
    endpoint: text(fields.endpoint),
    location: `/rd/${text(fields.location)}`,
    address: text(fields.address),
    lwm2m: text(fields.lwm2m),
    lifetime: Number(text(fields.lifetime)) || 0,
    binding: text(fields.binding),
    queueMode: text(fields.queueMode) === "true",
    awake: true,
    objects: fields.objects === undefined ? [] : linksIn(listAt(body, fields.objects.at), { at: "", target: fields.objects.target, attributes: "attributes" }),
    security: { mode: "nosec" },
    registeredAt: 0,
    lastSeen: 0,
  };
}
