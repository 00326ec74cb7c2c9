import type { Request } from "../../coap/index.js";
import { Codes, ContentFormat } from "../../coap/index.js";
import type { Definitions } from "../content/content.js";
import { decodeContent, encodeContent } from "../content/content.js";
import { ContentError, RequestError } from "../errors.js";
import type { Node } from "../nodes.js";
import { ObjectId } from "../objects/ids.js";
import type { Path } from "../paths.js";
import { formatPath, pathSegments, tryParsePath } from "../paths.js";
import type { LwM2mVersion } from "../version.js";
import { versionRules } from "../version.js";
import { contentRefusal, methodNotAllowed } from "./paths.js";
import { badRequest, endpointName, parameterName, parameterValue, parseWhole } from "./query.js";

const bootstrapPath: readonly string[] = ["bs"];

/** Formats a client may prefer with `pct` (LwM2M Core 1.1 §6.1.3). */
export const preferredFormats: readonly number[] = [ContentFormat.SenmlJson, ContentFormat.SenmlCbor, ContentFormat.Tlv];

export interface BootstrapRequest {
  readonly endpoint: string;
  /** `pct`. */
  readonly preferredFormat?: number;
}

export interface BootstrapRequestParameters {
  /** From 1.1 on it may be left to the security layer. */
  readonly endpoint?: string;
  /** From 1.1 on. */
  readonly preferredFormat?: number;
}

/** POST /bs?ep= (LwM2M Core 1.1 §6.1.3). In LwM2M 1.0 `preferredFormat` is left out. */
export function bootstrapRequest(parameters: BootstrapRequestParameters, version: LwM2mVersion): Request {
  const query: string[] = [];
  if (parameters.endpoint !== undefined) query.push(`ep=${parameters.endpoint}`);
  if (parameters.preferredFormat !== undefined && versionRules(version).preferredContentFormat) query.push(`pct=${parameters.preferredFormat}`);
  return { code: Codes.POST, path: bootstrapPath, query };
}

export interface BootstrapRequestOptions {
  /** Endpoint name that the security layer states. */
  readonly identity?: string;
  /** Formats the Bootstrap-Server can write; default TLV. */
  readonly formats?: readonly number[];
}

/** Reads a Bootstrap-Request; parameters that are not known are passed over. Throws `RequestError` 4.00, or 4.15 for a `pct` not among `formats`. */
export function parseBootstrapRequest(request: Request, options: BootstrapRequestOptions = {}): BootstrapRequest {
  let given: string | undefined;
  let pct: string | undefined;
  for (const parameter of request.query ?? []) {
    const name = parameterName(parameter);
    if (name === "ep") given = parameterValue(parameter, name, given);
    else if (name === "pct") pct = parameterValue(parameter, name, pct);
  }
  const endpoint = endpointName(given, options.identity, true);
  if (pct === undefined) return { endpoint };
  const preferredFormat = parseWhole(pct);
  if (preferredFormat === undefined) throw badRequest("pct is no content format");
  const formats = options.formats ?? [ContentFormat.Tlv];
  if (!formats.includes(preferredFormat)) throw new RequestError(Codes.UnsupportedContentFormat, `content format ${preferredFormat} is not supported`);
  return { endpoint, preferredFormat };
}

/** True for POST /bs, which is a Bootstrap-Request to a Bootstrap-Server and Bootstrap-Finish to a client. */
export const isBootstrapPath = (request: Request): boolean => request.path.length === 1 && request.path[0] === bootstrapPath[0];

/** GET / or /o in link format. */
export const bootstrapDiscover = (object?: number): Request => ({ code: Codes.GET, path: object === undefined ? [] : [String(object)], accept: ContentFormat.Link });

/** GET of /1, /2 or an instance of them; from 1.1 on. */
export const bootstrapRead = (at: Path, accept: number = ContentFormat.Tlv): Request => ({ code: Codes.GET, path: pathSegments(at), accept });

/** PUT of an object, an instance or a resource. Throws `ContentError` when the node cannot be written so. */
export function bootstrapWrite(at: Path, node: Node, definitions: Definitions, format: number = ContentFormat.Tlv): Request {
  return { code: Codes.PUT, path: pathSegments(at), contentFormat: format, payload: encodeContent(format, at, node, definitions) };
}

/** DELETE of everything, an object, or an instance. */
export const bootstrapDelete = (at: Path = {}): Request => ({ code: Codes.DELETE, path: pathSegments(at) });

/** POST /bs with nothing in it. */
export const bootstrapFinish = (): Request => ({ code: Codes.POST, path: bootstrapPath });

export interface BootstrapWrite {
  readonly operation: "write";
  readonly path: Path;
  readonly contentFormat: number;
  readonly payload: Uint8Array;
}

/** What a Bootstrap-Server asks of a client. */
export type BootstrapOperation =
  | { readonly operation: "discover"; readonly path: Path }
  | { readonly operation: "read"; readonly path: Path; readonly accept?: number }
  | BootstrapWrite
  | { readonly operation: "delete"; readonly path: Path }
  | { readonly operation: "finish" };

const nothing = new Uint8Array();

/** Which operation of the bootstrap interface a client is asked for. Throws `RequestError` with a code of that operation's table. */
export function classifyBootstrapOperation(request: Request, version: LwM2mVersion): BootstrapOperation {
  if (isBootstrapPath(request)) {
    if (request.code === Codes.POST && (request.payload?.length ?? 0) === 0) return { operation: "finish" };
    throw badRequest("not a Bootstrap-Finish");
  }
  const at = tryParsePath(request.path);
  if (at === undefined) throw badRequest("not a path of the object model");
  switch (request.code) {
    case Codes.GET:
      return request.accept === ContentFormat.Link ? discover(at) : read(at, request.accept, version);
    case Codes.PUT:
      return write(at, request);
    case Codes.DELETE:
      if (at.resource !== undefined) throw badRequest("Bootstrap-Delete ends at instances");
      return { operation: "delete", path: at };
    default:
      throw methodNotAllowed("not an operation of the bootstrap interface");
  }
}

function discover(at: Path): BootstrapOperation {
  if (at.instance !== undefined) throw badRequest("Bootstrap-Discover ends at objects");
  return { operation: "discover", path: at };
}

function read(at: Path, accept: number | undefined, version: LwM2mVersion): BootstrapOperation {
  const readable = at.object === ObjectId.Server || at.object === ObjectId.AccessControl;
  if (!versionRules(version).bootstrapRead || !readable || at.resource !== undefined) throw methodNotAllowed(`Bootstrap-Read of ${formatPath(at)}`);
  return accept === undefined ? { operation: "read", path: at } : { operation: "read", path: at, accept };
}

function write(at: Path, request: Request): BootstrapWrite {
  if (at.object === undefined || at.resourceInstance !== undefined) throw badRequest(`Bootstrap-Write of ${formatPath(at)}`);
  if (request.contentFormat === undefined) throw badRequest("the content format is missing");
  return { operation: "write", path: at, contentFormat: request.contentFormat, payload: request.payload ?? nothing };
}

/** The node that a Write carries. Throws `RequestError` 4.00, or 4.15 for a content format that is not supported there. */
export function decodeWrite(write: { readonly path: Path; readonly contentFormat: number; readonly payload: Uint8Array }, definitions: Definitions): Node {
  try {
    return decodeContent(write.contentFormat, write.path, write.payload, definitions);
  } catch (error) {
    if (error instanceof ContentError) throw contentRefusal(error);
    throw error;
  }
}
