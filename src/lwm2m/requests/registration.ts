import type { Request, Response } from "../../coap/index.js";
import { Codes, ContentFormat } from "../../coap/index.js";
import { ContentError, RequestError } from "../errors.js";
import type { ObjectList } from "../links/object-list.js";
import { parseObjectList } from "../links/object-list.js";
import type { LwM2mVersion } from "../version.js";
import { isLwM2mVersion, lwm2mVersions, versionRules } from "../version.js";
import type { Binding } from "./binding.js";
import { bindingQuery, parseBinding, udpBinding } from "./binding.js";
import { methodNotAllowed } from "./paths.js";
import { badRequest, endpointName, parameterName, parameterValue, parseWhole, unknownParameter } from "./query.js";

const registrationPath: readonly string[] = ["rd"];

/** Longest lifetime that /1/x/1 and `lt` are taken to hold. */
const maximumLifetime = 0xffff_ffff;

export interface RegisterParameters {
  readonly version: LwM2mVersion;
  /** From 1.1 on it may be left to the security layer. */
  readonly endpoint?: string;
  /** Seconds; 0 is without end. */
  readonly lifetime: number;
  /** Default: UDP without queue mode. */
  readonly binding?: Binding;
  readonly smsNumber?: string;
}

/** Encoded object lists: every device of a kind sends the same one. */
const payloads = new Map<string, Buffer>();

function linkPayload(objects: Uint8Array | string): Uint8Array {
  if (typeof objects !== "string") return objects;
  let payload = payloads.get(objects);
  if (payload === undefined) {
    if (payloads.size === 256) payloads.clear();
    payload = Buffer.from(objects, "utf8");
    if (objects.length <= 4096) payloads.set(objects, payload);
  }
  return payload;
}

/** POST /rd (LwM2M Core 1.1 §6.2.1). `objects` is what `formatObjectList` wrote. */
export function registerRequest(parameters: RegisterParameters, objects: Uint8Array | string): Request {
  const { version, endpoint, lifetime, binding = udpBinding, smsNumber } = parameters;
  const query: string[] = [];
  if (endpoint !== undefined) query.push(`ep=${endpoint}`);
  query.push(`lt=${lifetime}`, `lwm2m=${version}`, ...bindingQuery(binding, version));
  if (smsNumber !== undefined) query.push(`sms=${smsNumber}`);
  return { code: Codes.POST, path: registrationPath, query, contentFormat: ContentFormat.Link, payload: linkPayload(objects) };
}

export interface UpdateParameters {
  readonly lifetime?: number;
  readonly binding?: Binding;
  readonly smsNumber?: string;
}

/** POST to the registration's location: only what changed; nothing at all refreshes the lifetime (LwM2M Core 1.1 §6.2.2). */
export function updateRequest(location: readonly string[], version: LwM2mVersion, changed: UpdateParameters = {}, objects?: Uint8Array | string): Request {
  const query: string[] = [];
  if (changed.lifetime !== undefined) query.push(`lt=${changed.lifetime}`);
  if (changed.binding !== undefined) query.push(...bindingQuery(changed.binding, version));
  if (changed.smsNumber !== undefined) query.push(`sms=${changed.smsNumber}`);
  const request: Request = { code: Codes.POST, path: location, query };
  return objects === undefined ? request : { ...request, contentFormat: ContentFormat.Link, payload: linkPayload(objects) };
}

export const deregisterRequest = (location: readonly string[]): Request => ({ code: Codes.DELETE, path: location });

/** Where a successful Register put the registration; undefined when the answer is not 2.01 with a location under /rd. */
export function locationOf(response: Response): readonly string[] | undefined {
  const location = response.locationPath;
  return response.code === Codes.Created && location !== undefined && location.length > 1 && location[0] === registrationPath[0] ? location : undefined;
}

export type RegistrationOperation =
  | { readonly operation: "register" }
  | { readonly operation: "update"; readonly location: readonly string[] }
  | { readonly operation: "deregister"; readonly location: readonly string[] };

/** Which operation of the registration interface a request is; undefined when its path is not under /rd. Throws 4.05 for another method there. */
export function classifyRegistrationOperation(request: Request): RegistrationOperation | undefined {
  const { code, path } = request;
  if (path[0] !== registrationPath[0]) return undefined;
  if (path.length === 1 && code === Codes.POST) return { operation: "register" };
  if (path.length > 1 && code === Codes.POST) return { operation: "update", location: path };
  if (path.length > 1 && code === Codes.DELETE) return { operation: "deregister", location: path };
  throw methodNotAllowed("not an operation of the registration interface");
}

export interface Register {
  readonly version: LwM2mVersion;
  readonly endpoint: string;
  /** Seconds; 0 is without end. */
  readonly lifetime: number;
  readonly binding: Binding;
  readonly smsNumber?: string;
  readonly objects: ObjectList;
}

export interface RegisterOptions {
  /** Enabler versions the server takes; default: all this tool knows. */
  readonly versions?: readonly LwM2mVersion[];
  /** Endpoint name that the security layer states. */
  readonly identity?: string;
}

/** Digits and one point: a version text, whether known here or not. */
const versionText = /^\d{1,3}\.\d{1,3}(\.\d{1,3})?$/;

function versionOf(query: readonly string[], accepted: readonly LwM2mVersion[]): LwM2mVersion {
  let text: string | undefined;
  for (const parameter of query) if (parameter.startsWith("lwm2m=")) text = parameterValue(parameter, "lwm2m", text);
  if (text === undefined) throw badRequest("lwm2m is missing");
  if (isLwM2mVersion(text) && accepted.includes(text)) return text;
  if (!versionText.test(text)) throw badRequest("lwm2m is no version");
  throw new RequestError(Codes.PreconditionFailed, `LwM2M ${text} is not supported`);
}

interface Given {
  endpoint: string | undefined;
  lifetime: number | undefined;
  b: string | undefined;
  queue: boolean;
  smsNumber: string | undefined;
}

/** Reads what Register and Update share. Throws 4.00 for what does not belong there. */
function readParameters(query: readonly string[], version: LwM2mVersion, registering: boolean): Given {
  const given: Given = { endpoint: undefined, lifetime: undefined, b: undefined, queue: false, smsNumber: undefined };
  for (const parameter of query) {
    switch (parameterName(parameter)) {
      case "lt":
        given.lifetime = lifetimeOf(parameterValue(parameter, "lt", given.lifetime));
        break;
      case "b":
        given.b = parameterValue(parameter, "b", given.b);
        break;
      case "Q":
        if (parameter !== "Q" || given.queue || !versionRules(version).queueParameter) throw unknownParameter(parameter);
        given.queue = true;
        break;
      case "sms":
        given.smsNumber = parameterValue(parameter, "sms", given.smsNumber);
        break;
      case "ep":
        if (!registering) throw unknownParameter(parameter);
        given.endpoint = parameterValue(parameter, "ep", given.endpoint);
        break;
      case "lwm2m":
        if (!registering) throw unknownParameter(parameter);
        break;
      default:
        throw unknownParameter(parameter);
    }
  }
  return given;
}

function lifetimeOf(text: string): number {
  const lifetime = parseWhole(text);
  if (lifetime === undefined || lifetime > maximumLifetime) throw badRequest("lt is no number of seconds");
  return lifetime;
}

function bindingOf(b: string, version: LwM2mVersion, queue: boolean): Binding {
  const binding = parseBinding(b, version, queue);
  if (binding === undefined) throw badRequest(`b is no binding of LwM2M ${version}`);
  return binding;
}

function objectsOf(request: Request): ObjectList | undefined {
  const { payload, contentFormat } = request;
  if (payload === undefined || payload.length === 0) return undefined;
  // The table of codes has no 4.15 for this interface (LwM2M Transport 1.1 §6.4.3).
  if (contentFormat !== undefined && contentFormat !== ContentFormat.Link) throw badRequest("the object list is not in link format");
  try {
    return parseObjectList(payload);
  } catch (error) {
    if (error instanceof ContentError) throw badRequest(error.message);
    throw error;
  }
}

/** Reads a Register. Throws `RequestError` 4.00, or 4.12 for an enabler version not among `versions`. */
export function parseRegister(request: Request, options: RegisterOptions = {}): Register {
  const query = request.query ?? [];
  const version = versionOf(query, options.versions ?? lwm2mVersions);
  const given = readParameters(query, version, true);
  const endpoint = endpointName(given.endpoint, options.identity, versionRules(version).endpointOptional);
  if (given.lifetime === undefined) throw badRequest("lt is missing");
  const binding = bindingOf(given.b ?? "U", version, given.queue);
  const objects = objectsOf(request);
  if (objects === undefined) throw badRequest("the object list is missing");
  const register = { version, endpoint, lifetime: given.lifetime, binding, objects };
  return given.smsNumber === undefined ? register : { ...register, smsNumber: given.smsNumber };
}

/** What an Update changes; absent: as it was. */
export interface Update {
  readonly lifetime?: number;
  readonly binding?: Binding;
  readonly smsNumber?: string;
  /** The complete list, not a difference. */
  readonly objects?: ObjectList;
}

/** Reads an Update of a registration made in `version` with `binding`. Throws `RequestError` 4.00. */
export function parseUpdate(request: Request, version: LwM2mVersion, binding: Binding = udpBinding): Update {
  const given = readParameters(request.query ?? [], version, false);
  const objects = objectsOf(request);
  // `b` states the whole binding anew; `Q` alone adds queue mode to the one that was.
  const changed = given.b !== undefined ? bindingOf(given.b, version, given.queue) : given.queue ? { ...binding, queue: true } : undefined;
  return {
    ...(given.lifetime === undefined ? {} : { lifetime: given.lifetime }),
    ...(changed === undefined ? {} : { binding: changed }),
    ...(given.smsNumber === undefined ? {} : { smsNumber: given.smsNumber }),
    ...(objects === undefined ? {} : { objects }),
  };
}
