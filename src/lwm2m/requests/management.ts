import type { Request } from "../../coap/index.js";
import { Codes, ContentFormat } from "../../coap/index.js";
import type { AttributeChange } from "../attributes.js";
import { formatAttributes, parseAttributes } from "../attributes.js";
import type { Definitions } from "../content/content.js";
import { definitionIn, encodeContent } from "../content/content.js";
import type { CreateContent } from "../content/tlv.js";
import { decodeTlvCreate, encodeTlv, encodeTlvResources } from "../content/tlv.js";
import { ContentError, RequestError } from "../errors.js";
import type { Node } from "../nodes.js";
import type { Path } from "../paths.js";
import { formatPath, pathSegments } from "../paths.js";
import type { LwM2mVersion } from "../version.js";
import { versionRules } from "../version.js";
import type { ExecuteArgument } from "./arguments.js";
import { formatArguments, parseArguments } from "./arguments.js";
import { contentRefusal, methodNotAllowed, requestedPath } from "./paths.js";
import { badRequest } from "./query.js";

export function readRequest(at: Path, accept?: number): Request {
  const request: Request = { code: Codes.GET, path: pathSegments(at) };
  return accept === undefined ? request : { ...request, accept };
}

export const discoverRequest = (at: Path): Request => ({ code: Codes.GET, path: pathSegments(at), accept: ContentFormat.Link });

export interface WriteOptions {
  /** True: PUT, the new value takes the place of the old. False: POST, it is laid over it (instances and multiple resources, no text nor opaque). */
  readonly replace: boolean;
  /** Default TLV. */
  readonly format?: number;
}

/** Throws `ContentError` when the node cannot be written in that format. */
export function writeRequest(at: Path, node: Node, definitions: Definitions, options: WriteOptions): Request {
  const { replace, format = ContentFormat.Tlv } = options;
  return { code: replace ? Codes.PUT : Codes.POST, path: pathSegments(at), contentFormat: format, payload: encodeContent(format, at, node, definitions) };
}

/** POST of a resource, with arguments as text if there are any. Throws `ContentError` for arguments the syntax cannot hold. */
export function executeRequest(at: Path, given: readonly ExecuteArgument[] = []): Request {
  const request: Request = { code: Codes.POST, path: pathSegments(at) };
  return given.length === 0 ? request : { ...request, contentFormat: ContentFormat.Text, payload: Buffer.from(formatArguments(given), "utf8") };
}

/** POST of an object; without `instance` the client chooses the id. */
export function createRequest(object: number, content: CreateContent, definitions: Definitions): Request {
  const definition = definitionIn(definitions, object);
  const { instance, resources } = content;
  const payload =
    instance === undefined ? encodeTlvResources(resources, definition) : encodeTlv({ kind: "object", id: object, instances: [{ kind: "instance", id: instance, resources }] }, definition);
  return { code: Codes.POST, path: [String(object)], contentFormat: ContentFormat.Tlv, payload };
}

export const deleteRequest = (at: Path): Request => ({ code: Codes.DELETE, path: pathSegments(at) });

/** PUT with the attributes in the query and no payload. */
export const writeAttributesRequest = (at: Path, change: AttributeChange): Request => ({ code: Codes.PUT, path: pathSegments(at), query: formatAttributes(change) });

export interface WriteOperation {
  readonly operation: "write";
  readonly path: Path;
  readonly replace: boolean;
  readonly contentFormat: number;
  readonly payload: Uint8Array;
}

export interface CreateOperation {
  readonly operation: "create";
  readonly path: Path;
  readonly object: number;
  /** Undefined with an empty payload: an instance with nothing set. */
  readonly contentFormat?: number;
  readonly payload: Uint8Array;
}

/** What a LwM2M Server asks of a client in device management and reporting. */
export type ManagementOperation =
  | { readonly operation: "read"; readonly path: Path; readonly accept?: number }
  | { readonly operation: "observe"; readonly path: Path; readonly accept?: number }
  | { readonly operation: "cancel-observation"; readonly path: Path; readonly accept?: number }
  | { readonly operation: "discover"; readonly path: Path }
  | WriteOperation
  | { readonly operation: "write-attributes"; readonly path: Path; readonly change: AttributeChange }
  | { readonly operation: "execute"; readonly path: Path; readonly arguments: readonly ExecuteArgument[] }
  | CreateOperation
  | { readonly operation: "delete"; readonly path: Path };

const nothing = new Uint8Array();

/**
 * Which operation a client is asked for. `request.path` is below the client's root path. What only the object store can know (4.04, access rights,
 * a resource's operations) is not judged here; what the request itself shows is: throws `RequestError` 4.00, 4.01 (an object no LwM2M Server may
 * see), 4.04, 4.05, 4.15 (LwM2M Transport 1.1 §6.4.4).
 */
export function classifyManagementOperation(request: Request, version: LwM2mVersion): ManagementOperation {
  const at = requestedPath(request.path, version);
  if (at.object !== undefined && versionRules(version).bootstrapOnlyObjects.includes(at.object)) throw new RequestError(Codes.Unauthorized, `object ${at.object} belongs to the Bootstrap-Server`);
  if (at.object === undefined) throw methodNotAllowed("no operation on the root");
  switch (request.code) {
    case Codes.GET:
      return get(at, request);
    case Codes.PUT:
      return put(at, request, version);
    case Codes.POST:
      return post(at, at.object, request);
    case Codes.DELETE:
      if (at.instance === undefined || at.resource !== undefined) throw methodNotAllowed(`Delete of ${formatPath(at)}`);
      return { operation: "delete", path: at };
    default:
      throw methodNotAllowed("not an operation of device management");
  }
}

function get(at: Path, request: Request): ManagementOperation {
  const accept = request.accept === undefined ? {} : { accept: request.accept };
  if (request.observe === undefined) {
    if (request.accept !== ContentFormat.Link) return { operation: "read", path: at, ...accept };
    if (at.resourceInstance !== undefined) throw methodNotAllowed("Discover ends at resources");
    return { operation: "discover", path: at };
  }
  if ((request.query?.length ?? 0) > 0) throw badRequest("Observe has no parameters");
  if (request.observe !== 0 && request.observe !== 1) throw badRequest("Observe is 0 or 1 in a request");
  return { operation: request.observe === 0 ? "observe" : "cancel-observation", path: at, ...accept };
}

function put(at: Path, request: Request, version: LwM2mVersion): ManagementOperation {
  const query = request.query ?? [];
  const payload = request.payload ?? nothing;
  if (request.contentFormat === undefined && payload.length === 0 && query.length > 0) return { operation: "write-attributes", path: at, change: parseAttributes(query, version) };
  if (at.instance === undefined) throw methodNotAllowed(`Write of ${formatPath(at)}`);
  if (query.length > 0) throw badRequest("Write has no parameters");
  if (request.contentFormat === undefined) throw badRequest("the content format is missing");
  return { operation: "write", path: at, replace: true, contentFormat: request.contentFormat, payload };
}

function post(at: Path, object: number, request: Request): ManagementOperation {
  const { contentFormat, payload = nothing } = request;
  if (at.instance === undefined) {
    if (contentFormat !== undefined) return { operation: "create", path: at, object, contentFormat, payload };
    if (payload.length > 0) throw badRequest("the content format is missing");
    return { operation: "create", path: at, object, payload };
  }
  if (at.resource === undefined) {
    if (contentFormat === undefined) throw badRequest("the content format is missing");
    return { operation: "write", path: at, replace: false, contentFormat, payload };
  }
  if (at.resourceInstance !== undefined) throw methodNotAllowed(`POST to ${formatPath(at)}`);
  if (contentFormat === undefined || contentFormat === ContentFormat.Text) return { operation: "execute", path: at, arguments: argumentsOf(payload) };
  if (contentFormat === ContentFormat.Opaque) throw new RequestError(Codes.UnsupportedContentFormat, "a partial Write is not opaque");
  return { operation: "write", path: at, replace: false, contentFormat, payload };
}

function argumentsOf(payload: Uint8Array): readonly ExecuteArgument[] {
  try {
    return parseArguments(payload);
  } catch (error) {
    if (error instanceof ContentError) throw badRequest(error.message);
    throw error;
  }
}

/** What a Create carries. Throws `RequestError` 4.00, or 4.15 for a content format that cannot carry it. */
export function decodeCreate(create: CreateOperation, definitions: Definitions): CreateContent {
  if (create.contentFormat === undefined) return { resources: [] };
  if (create.contentFormat !== ContentFormat.Tlv) throw new RequestError(Codes.UnsupportedContentFormat, `content format ${create.contentFormat} is not supported`);
  try {
    return decodeTlvCreate(create.payload, definitionIn(definitions, create.object));
  } catch (error) {
    if (error instanceof ContentError) throw contentRefusal(error);
    throw error;
  }
}
