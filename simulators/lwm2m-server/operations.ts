import { ContentFormat, formatCode, isSuccess, type Request, type Response } from "../../src/coap/index.js";
import { matchesPattern } from "../../src/config/index.js";
import {
  ContentError,
  createRequest,
  decodeContent,
  deleteRequest,
  discoverRequest,
  executeRequest,
  formatLink,
  objectDefinition,
  parseArguments,
  parseLinks,
  parsePath,
  readRequest,
  writeAttributesRequest,
  writeRequest,
  type AttributeChange,
  type Definitions,
  type Node,
  type Path,
} from "../../src/lwm2m/index.js";
import type { DeviceOperation, Forgetting, Forgotten, HandshakePage, JsonAttributes, LwM2mServerOperations, OperationResult, RegistrationPage, RegistrationView, RelayAnswer, RelayRequest, Restarted, Restarting, SecureSessionView } from "../../src/operator/index.js";
import { formatAddress, type Clock } from "../../src/ports/index.js";
import type { DeviceSession } from "./credential-record.js";
import { DeliveryError, type DeviceLink } from "./device-link.js";
import type { DeviceSecurity } from "./device-security.js";
import { fromJson, instancesFrom, JsonValueError, linksOf, objectVersionOf, resourcesOf, valueTypeOf } from "./json-values.js";
import type { Observations } from "./observations.js";
import type { Registration, Registry } from "./registry.js";

/** An operation that cannot be put into a request; the operator API answers 400. */
export class OperationError extends Error {
  readonly statusCode = 400;

  constructor(message: string) {
    super(message);
    this.name = "OperationError";
  }
}

export interface ServerOperationsOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly link: DeviceLink;
  readonly observations: Observations;
  readonly security: DeviceSecurity;
  relay(request: RelayRequest): Promise<RelayAnswer>;
  forgetSessions(what: Forgetting): Forgotten;
  restart(how: Restarting): Promise<Restarted>;
}

/** What an operator does with the devices of this server. */
export class ServerOperations implements LwM2mServerOperations {
  constructor(readonly options: ServerOperationsOptions) {}

  registrations(query: { readonly after?: string | undefined; readonly limit: number; readonly endpoint?: string | undefined }): RegistrationPage {
    const { registry } = this.options;
    const found: RegistrationView[] = [];
    let skipping = query.after !== undefined && registry.byEndpoint(query.after) !== undefined;
    for (const registration of registry.all()) {
      if (skipping) {
        skipping = registration.endpoint !== query.after;
        continue;
      }
      if (query.endpoint !== undefined && !matchesPattern(query.endpoint, registration.endpoint)) continue;
      if (found.length === query.limit) {
        const last = found.at(-1)?.endpoint;
        return { total: registry.size, registrations: found, ...(last === undefined ? {} : { next: last }) };
      }
      found.push(this.#view(registration));
    }
    return { total: registry.size, registrations: found };
  }

  registration(endpoint: string): RegistrationView | undefined {
    const registration = this.options.registry.byEndpoint(endpoint);
    return registration === undefined ? undefined : this.#view(registration);
  }

  operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult | undefined> {
    const registration = this.options.registry.byEndpoint(endpoint);
    if (registration === undefined) return Promise.resolve(undefined);
    const { link } = this.options;
    const path = pathOf(operation.path);
    let request: Request;
    try {
      request = requestFor(registration, operation, path);
    } catch (error) {
      if (error instanceof JsonValueError || error instanceof ContentError) return Promise.reject(new OperationError(error.message));
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    return this.#result(registration, path, () => link.inTurn(registration, (current) => link.exchange(current, operation.operation, request)));
  }

  async observe(endpoint: string, path: string, attributes: JsonAttributes | undefined): Promise<OperationResult | undefined> {
    const { registry, link, observations } = this.options;
    const registration = registry.byEndpoint(endpoint);
    if (registration === undefined) return undefined;
    const at = pathOf(path);
    if (attributes !== undefined) {
      // Up to 1.1 the conditions of an observation are attributes of what is observed.
      const set = await this.#result(registration, at, () => link.inTurn(registration, (current) => link.exchange(current, "write-attributes", writeAttributesRequest(at, changeOf(attributes)))));
      if (set.failure !== undefined || set.code?.startsWith("2.") !== true) return set;
    }
    return this.#result(registration, at, () => observations.observe(registration, at, ContentFormat.Tlv));
  }

  async cancelObservation(endpoint: string, path: string, how: "reset" | "deregister"): Promise<OperationResult | undefined> {
    const registration = this.options.registry.byEndpoint(endpoint);
    const at = pathOf(path);
    const cancelled = this.options.observations.cancel(endpoint, at, how);
    if (registration === undefined || cancelled === undefined) return undefined;
    return this.#result(registration, at, () => cancelled);
  }

  relay(request: RelayRequest): Promise<RelayAnswer> {
    return this.options.relay(request);
  }

  handshakes(query: { readonly after?: string | undefined; readonly limit: number; readonly endpoint?: string | undefined }): HandshakePage {
    return this.options.security.options.handshakes.page(query);
  }

  secureSessions({ endpoint, limit }: { readonly endpoint?: string | undefined; readonly limit: number }): { readonly total: number; readonly sessions: readonly SecureSessionView[] } {
    const { security } = this.options;
    const sessions: SecureSessionView[] = [];
    for (const session of security.sessions()) {
      if (sessions.length === limit) break;
      if (endpoint === undefined || matchesPattern(endpoint, session.context.record.endpoint)) sessions.push(sessionView(session));
    }
    return { total: security.size, sessions };
  }

  forgetSessions(what: Forgetting): Forgotten {
    return this.options.forgetSessions(what);
  }

  restart(how: Restarting): Promise<Restarted> {
    return this.options.restart(how);
  }

  async #result(registration: Registration, path: Path, ask: () => Promise<Response | undefined>): Promise<OperationResult> {
    try {
      const response = await ask();
      return response === undefined ? {} : resultOf(registration, path, response);
    } catch (error) {
      if (error instanceof DeliveryError) return { failure: error.reason };
      throw error;
    }
  }

  #view(registration: Registration): RegistrationView {
    const { clock, link } = this.options;
    const epochAt = (at: number): number => Math.round(clock.epoch() - clock.now() + at);
    return {
      endpoint: registration.endpoint,
      location: registration.location,
      address: link.addressOf(registration),
      lwm2m: registration.version,
      lifetime: registration.lifetime,
      binding: registration.binding.transports,
      queueMode: registration.queueMode,
      awake: link.awake(registration),
      objects: linksOf(registration.objects, registration.version),
      registeredAt: epochAt(registration.registeredAt),
      lastSeen: epochAt(registration.lastSeen),
      ...(registration.expiresAt === Infinity ? {} : { expiresAt: epochAt(registration.expiresAt) }),
      security: registration.security,
    };
  }
}

function sessionView({ context, info, peer }: DeviceSession): SecureSessionView {
  const { endpoint, credentialId } = context.record;
  return { endpoint, address: formatAddress(peer), suite: info.suite, resumed: info.resumed, credentialId, version: context.version, state: context.state };
}

function pathOf(text: string): Path {
  try {
    return parsePath(text);
  } catch (error) {
    throw new OperationError(error instanceof Error ? error.message : String(error));
  }
}

function definitionsFor(registration: Registration, object: number): Definitions {
  return objectDefinition(object, objectVersionOf(registration, object)) ?? registration.version;
}

/** Throws `OperationError`, `JsonValueError` or `ContentError`. */
function requestFor(registration: Registration, operation: DeviceOperation, path: Path): Request {
  const { object } = path;
  if (object === undefined) throw new OperationError("the operation needs the path of an object");
  const definitions = definitionsFor(registration, object);
  switch (operation.operation) {
    case "read":
      return readRequest(path, operation.format ?? ContentFormat.Tlv);
    case "discover":
      return discoverRequest(path);
    case "execute":
      return executeRequest(path, operation.argument === undefined ? [] : parseArguments(operation.argument));
    case "delete":
      return deleteRequest(path);
    case "write-attributes":
      return writeAttributesRequest(path, changeOf(operation.attributes ?? {}));
    case "write":
      return writeRequest(path, nodeToWrite(registration, operation, path), definitions, {
        replace: operation.replace ?? path.resource !== undefined,
        ...(operation.format === undefined ? {} : { format: operation.format }),
      });
    case "create": {
      const given = instancesFrom(registration, operation.resources ?? {});
      if (given.length > 1) throw new OperationError("one instance is created at a time");
      // The path of an object leaves the id to the client; the path of an instance names it.
      const content = { resources: given[0]?.resources ?? [] };
      return createRequest(object, path.instance === undefined ? content : { ...content, instance: path.instance }, definitions);
    }
  }
}

function nodeToWrite(registration: Registration, operation: DeviceOperation, path: Path): Node {
  const { value, resources } = operation;
  if ((value === undefined) === (resources === undefined)) throw new OperationError("write wants either value or resources");
  if (path.instance === undefined) throw new OperationError("write wants the path of an instance or a resource");
  if (value !== undefined) {
    if (path.resource === undefined) throw new OperationError("value wants the path of a resource");
    const typed = fromJson(value, valueTypeOf(registration, path));
    return path.resourceInstance === undefined ? { kind: "resource", id: path.resource, value: typed } : { kind: "resource-instance", id: path.resourceInstance, value: typed };
  }
  const instances = instancesFrom(registration, resources ?? {});
  const instance = instances.find((candidate) => candidate.id === path.instance);
  if (instance === undefined || instances.length !== 1) throw new OperationError(`resources must lie below /${path.object ?? ""}/${path.instance}`);
  if (path.resource === undefined) return instance;
  const resource = instance.resources.find((candidate) => candidate.id === path.resource);
  if (resource === undefined || instance.resources.length !== 1) throw new OperationError("resources must lie below the resource that is written");
  return resource;
}

function changeOf(attributes: JsonAttributes): AttributeChange {
  const change: Record<string, number> = {};
  for (const [name, value] of Object.entries(attributes)) if (typeof value === "number") change[name] = value;
  return change;
}

/** What a response says, decoded as far as its format is known. */
export function resultOf(registration: Registration, path: Path, response: Response): OperationResult {
  const code = formatCode(response.code);
  const location = response.locationPath === undefined ? {} : { location: `/${response.locationPath.join("/")}` };
  const { payload } = response;
  if (payload === undefined || payload.length === 0) return { code, ...location, ...(isSuccess(response.code) && response.contentFormat !== undefined ? { format: response.contentFormat } : {}) };
  const raw = { code, ...location, ...(response.contentFormat === undefined ? {} : { format: response.contentFormat }), payloadHex: Buffer.from(payload).toString("hex") };
  if (!isSuccess(response.code)) return raw;
  try {
    if (response.contentFormat === ContentFormat.Link) return { ...raw, links: parseLinks(payload).map((link) => formatLink(link)) };
    const format = response.contentFormat ?? (path.resource === undefined ? ContentFormat.Tlv : ContentFormat.Text);
    return { ...raw, resources: resourcesOf(path, decodeContent(format, path, payload, definitionsFor(registration, path.object ?? 0))) };
  } catch (error) {
    if (error instanceof ContentError) return { ...raw, failure: "undecodable" };
    throw error;
  }
}
