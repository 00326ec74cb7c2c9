import { Codes, ContentFormat, type Response } from "../../src/coap/index.js";
import {
  ContentError,
  decodeWrite,
  encodeContent,
  formatPath,
  instance,
  nodeFault,
  definitionFor,
  ObjectId,
  RequestError,
  SecurityResource,
  type BootstrapOperation,
  type BootstrapWrite,
  type InstanceNode,
  type LwM2mVersion,
  type Node,
  type Path,
  type Value,
} from "../../src/lwm2m/index.js";
import { bootstrapDiscovery } from "./announce.js";
import { findInstance, instancesOf, withInstance, without, withResource, withStored, type InstanceCache, type Objects, type SharedBytes } from "./objects.js";
import { holdsKey } from "./security.js";
import { isBootstrapAccount } from "./server-accounts.js";

/** What an operation of the bootstrap interface does: its answer, and the objects afterwards. */
export interface BootstrapOutcome {
  readonly response: Response;
  readonly objects: Objects;
}

export interface BootstrapContext {
  readonly version: LwM2mVersion;
  readonly instances: InstanceCache;
  /** What is written to /0/x/4. */
  readonly serverKeys: SharedBytes;
  /** A flaw: the account of the Bootstrap Server is deleted like any other. */
  readonly deletesOwnAccount?: boolean;
}

/** Bootstrap-Discover, -Read, -Write and -Delete on the objects of the session; the Finish is not here. Throws `RequestError`. */
export function bootstrapOperation(objects: Objects, operation: Exclude<BootstrapOperation, { operation: "finish" }>, context: BootstrapContext): BootstrapOutcome {
  switch (operation.operation) {
    case "discover": {
      const payload = bootstrapDiscovery(objects, context.version, operation.path.object);
      if (payload === undefined) throw new RequestError(Codes.NotFound, "no such object");
      return { response: { code: Codes.Content, contentFormat: ContentFormat.Link, payload }, objects };
    }
    case "read":
      return { response: read(objects, operation.path, operation.accept, context.version), objects };
    case "write":
      return { response: { code: Codes.Changed }, objects: write(objects, operation, context) };
    case "delete":
      return { response: { code: Codes.Deleted }, objects: remove(objects, operation.path, context.deletesOwnAccount === true) };
  }
}

function read(objects: Objects, at: Path, accept: number | undefined, version: LwM2mVersion): Response {
  const object = at.object ?? ObjectId.Server;
  const found = instancesOf(objects, object);
  const node: Node | undefined = at.instance === undefined ? { kind: "object", id: object, instances: found } : found.find(({ id }) => id === at.instance);
  if (node === undefined || found.length === 0) throw new RequestError(Codes.NotFound, `${formatPath(at)} does not exist`);
  const format = accept ?? ContentFormat.Tlv;
  try {
    return { code: Codes.Content, contentFormat: format, payload: encodeContent(format, at, node, version) };
  } catch (error) {
    if (error instanceof ContentError) throw new RequestError(Codes.NotAcceptable, error.message);
    throw error;
  }
}

/** Writes regardless of existence and rights; resources the device does not know are passed over (LwM2M Core 1.1 §6.1.7.6). */
function write(objects: Objects, operation: BootstrapWrite, { version, instances, serverKeys }: BootstrapContext): Objects {
  const { path } = operation;
  if (path.object === undefined) throw new RequestError(Codes.BadRequest, "nothing to write to");
  const key = path.instance !== undefined && path.resource === undefined ? cacheKey(operation, path, version) : undefined;
  const known = key === undefined ? undefined : instances.get(key);
  if (known !== undefined) return withStored(objects, known);
  const node = decodeWrite(operation, version);
  const definition = definitionFor(path.object, version);
  const fault = definition === undefined ? `object ${path.object} is not supported` : nodeFault(definition, node, path.resource);
  if (fault !== undefined) throw new RequestError(Codes.BadRequest, fault);
  const next = written(objects, path.object, path, node, serverKeys);
  // Keys are each another: there is nothing to share.
  if (key !== undefined && path.instance !== undefined && !(node.kind === "instance" && path.object === ObjectId.Security && holdsKey(node))) {
    const added = findInstance(next, path.object, path.instance);
    if (added !== undefined) instances.put(key, { object: path.object, node: added });
  }
  return next;
}

const cacheKey = ({ contentFormat, payload }: BootstrapWrite, path: Path, version: LwM2mVersion): string =>
  `${version} ${formatPath(path)} ${contentFormat} ${Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("latin1")}`;

function written(objects: Objects, object: number, path: Path, node: Node, serverKeys: SharedBytes): Objects {
  const keep = (each: InstanceNode): InstanceNode => kept(each, (id, bytes) => (object === ObjectId.Security && id === SecurityResource.ServerPublicKey ? serverKeys.copyOf(bytes) : Uint8Array.from(bytes)));
  switch (node.kind) {
    case "object":
      return node.instances.reduce((list, each) => withInstance(list, object, keep(each)), objects);
    case "instance":
      return withInstance(objects, object, keep(node));
    case "resource":
    case "multiple-resource": {
      const id = path.instance ?? 0;
      return withInstance(objects, object, withResource(findInstance(objects, object, id) ?? instance(id, []), node));
    }
    case "resource-instance":
      throw new RequestError(Codes.BadRequest, "Bootstrap-Write ends at resources");
  }
}

/** Values that outlive the datagram: the decoder may hand out views on it. What all devices of a server are told is one array, which is read once where it is an authority. */
function kept(node: InstanceNode, copyOf: (resource: number, bytes: Uint8Array) => Uint8Array): InstanceNode {
  const keep = <T extends { readonly value: Value }>(holder: T, resource: number): T => {
    const { value } = holder;
    return value instanceof Uint8Array ? { ...holder, value: value.length === 0 ? empty : copyOf(resource, value) } : holder;
  };
  const resources = node.resources.map((resource) => {
    if (resource.kind === "resource") return keep(resource, resource.id);
    return { ...resource, instances: resource.instances.map((each) => keep(each, resource.id)) };
  });
  return { kind: "instance", id: node.id, resources: resources.sort((a, b) => a.id - b.id) };
}

const empty = new Uint8Array(0);

/** The Bootstrap-Server account and /3/0 survive every Delete (LwM2M Core 1.1 §6.1.7.7). */
function remove(objects: Objects, path: Path, own: boolean): Objects {
  return without(objects, (object, node) => {
    if (path.object !== undefined && object !== path.object) return false;
    if (path.instance !== undefined && node.id !== path.instance) return false;
    if (object === ObjectId.Security && isBootstrapAccount(node) && !own) return false;
    return !(object === ObjectId.Device && node.id === 0);
  });
}
