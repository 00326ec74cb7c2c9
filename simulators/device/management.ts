import { Codes, ContentFormat, type Response } from "../../src/coap/index.js";
import {
  AccessRight,
  applyAttributes,
  attributeFault,
  ContentError,
  definitionFor,
  encodeContent,
  formatDiscover,
  formatPath,
  isNumeric,
  ObjectId,
  pathLevel,
  RequestError,
  type DiscoveredInstance,
  type DiscoveredResource,
  type InstanceNode,
  type LwM2mVersion,
  type ManagementOperation,
  type Node,
  type ObjectDefinition,
  type Path,
  type ResourceNode,
} from "../../src/lwm2m/index.js";
import { allows, rightsOn } from "./access-control.js";
import type { AttributeBook } from "./attribute-book.js";
import { executablesOf } from "./executables.js";
import { computed } from "./factory.js";
import { findInstance, findResource, hasObject, instancesOf, withResource, type Objects } from "./objects.js";
import type { Personality } from "./personalities.js";

/** /1/x/12. */
const lastBootstrapped = 12;

/** Who asks, and what of the device the answer depends on besides its objects. */
export interface ManagementContext {
  readonly version: LwM2mVersion;
  readonly shortServerId: number;
  readonly endpoint: string;
  readonly behaviour: Personality;
  /** Seconds since 1970. */
  readonly time: number;
  /** /1/x/12, seconds since 1970. */
  readonly lastBootstrapped: number | undefined;
}

export const notFound = (at: Path): RequestError => new RequestError(Codes.NotFound, `${formatPath(at)} does not exist`);
export const unauthorized = (at: Path): RequestError => new RequestError(Codes.Unauthorized, `no right on ${formatPath(at)}`);
export const notAllowed = (at: Path, what: string): RequestError => new RequestError(Codes.MethodNotAllowed, `${formatPath(at)} ${what}`);

/** The definition of the object of a path; throws 4.04 when the device has no such object. */
export function definitionOf(objects: Objects, at: Path, version: LwM2mVersion): ObjectDefinition {
  const definition = at.object === undefined ? undefined : definitionFor(at.object, version);
  if (at.object === undefined || definition === undefined || !hasObject(objects, at.object)) throw notFound(at);
  return definition;
}

/** The instance of a path when the Server has the right on it; 4.04 before 4.01. */
export function instanceAt(objects: Objects, at: Path, right: number, context: ManagementContext): InstanceNode {
  const { object, instance } = at;
  const node = object === undefined || instance === undefined ? undefined : findInstance(objects, object, instance);
  if (object === undefined || node === undefined) throw notFound(at);
  if (!allows(rightsOn(objects, context.shortServerId, object, node.id), right)) throw unauthorized(at);
  return node;
}

/** What a Read of the path carries. Throws `RequestError` 4.01, 4.04, 4.05. */
export function readNode(objects: Objects, at: Path, context: ManagementContext): Node {
  const definition = definitionOf(objects, at, context.version);
  if (at.instance === undefined) {
    const present = instancesOf(objects, definition.id);
    const readable = present.filter((node) => allows(rightsOn(objects, context.shortServerId, definition.id, node.id), AccessRight.Read));
    if (readable.length === 0 && present.length > 0) throw unauthorized(at);
    return { kind: "object", id: definition.id, instances: readable.map((node) => withoutUnreadable(node, definition, context)) };
  }
  const node = instanceAt(objects, at, AccessRight.Read, context);
  if (at.resource === undefined) return withoutUnreadable(node, definition, context);
  const resource = resourceAt(node, definition, at, context);
  if (at.resourceInstance === undefined) return resource;
  const found = resource.kind === "multiple-resource" ? resource.instances.find(({ id }) => id === at.resourceInstance) : undefined;
  if (resource.kind === "resource") throw notAllowed(at, "is no multiple resource");
  if (found === undefined) throw notFound(at);
  return found;
}

/** The instance without what cannot be read. */
function withoutUnreadable(node: InstanceNode, definition: ObjectDefinition, context: ManagementContext): InstanceNode {
  const resources = present(definition.id, node, context).filter((resource) => definition.resources.get(resource.id)?.readable !== false);
  return { kind: "instance", id: node.id, resources };
}

function resourceAt(node: InstanceNode, definition: ObjectDefinition, at: Path, context: ManagementContext): ResourceNode {
  const id = at.resource ?? 0;
  if (executablesOf(definition.id, context.version, context.behaviour).includes(id)) throw notAllowed(at, "can only be executed");
  const resource = present(definition.id, node, context).find((each) => each.id === id);
  if (resource === undefined) throw notFound(at);
  if (definition.resources.get(id)?.readable === false) throw notAllowed(at, "cannot be read");
  return resource;
}

/** The resources of an instance now, with those that are computed when they are read. */
function present(object: number, node: InstanceNode, context: ManagementContext): readonly ResourceNode[] {
  if (object === ObjectId.Device) return node.resources.map((resource) => current(resource, context));
  if (object !== ObjectId.Server || context.version === "1.0" || context.lastBootstrapped === undefined) return node.resources;
  return withResource(node, { kind: "resource", id: lastBootstrapped, value: context.lastBootstrapped }).resources;
}

function current(resource: ResourceNode, context: ManagementContext): ResourceNode {
  if (resource.kind !== "resource") return resource;
  if (resource.value === computed.serialNumber) return { ...resource, value: context.endpoint };
  return resource.value === computed.currentTime ? { ...resource, value: context.time } : resource;
}

/** The response with the content of a node: in the format asked for (else 4.06), or text for a single value and TLV for more. */
export function contentResponse(at: Path, node: Node, accept: number | undefined, version: LwM2mVersion): Response {
  const format = accept ?? preferred(node);
  try {
    return { code: Codes.Content, contentFormat: format, payload: encodeContent(format, at, node, version) };
  } catch (error) {
    if (error instanceof ContentError) throw new RequestError(Codes.NotAcceptable, error.message);
    throw error;
  }
}

function preferred(node: Node): number {
  if (node.kind !== "resource" && node.kind !== "resource-instance") return ContentFormat.Tlv;
  return node.value instanceof Uint8Array ? ContentFormat.Opaque : ContentFormat.Text;
}

/** Discover needs no right: it shows what there is, with the attributes of the Server that asks. */
export function discover(objects: Objects, at: Path, book: AttributeBook | undefined, context: ManagementContext): Response {
  const { id: object } = definitionOf(objects, at, context.version);
  const attributesOf = (path: Path) => {
    const attributes = book?.get(context.shortServerId, path);
    return attributes === undefined ? {} : { attributes };
  };
  const instances = instancesOf(objects, object).map((node): DiscoveredInstance => {
    const resources = [
      ...present(object, node, context).map((resource): DiscoveredResource => discovered(resource, attributesOf({ object, instance: node.id, resource: resource.id }))),
      ...executablesOf(object, context.version, context.behaviour).map((resource): DiscoveredResource => ({ resource })),
    ];
    return { instance: node.id, ...attributesOf({ object, instance: node.id }), resources: resources.sort((a, b) => a.resource - b.resource) };
  });
  const text = formatDiscover(at, { object, ...attributesOf({ object }), instances }, context.version);
  if (text === undefined) throw notFound(at);
  return { code: Codes.Content, contentFormat: ContentFormat.Link, payload: Buffer.from(text) };
}

const discovered = (resource: ResourceNode, attributes: Pick<DiscoveredResource, "attributes">): DiscoveredResource => ({
  resource: resource.id,
  ...(resource.kind === "multiple-resource" ? { dimension: resource.instances.length } : {}),
  ...attributes,
});

/** Takes a Write-Attributes into the book. Throws `RequestError` 4.00 for an inconsistent set. */
export function writeAttributes(objects: Objects, operation: Extract<ManagementOperation, { operation: "write-attributes" }>, book: AttributeBook, context: ManagementContext): Response {
  const at = operation.path;
  const definition = definitionOf(objects, at, context.version);
  if (at.instance !== undefined) {
    const node = instanceAt(objects, at, AccessRight.Read, context);
    if (at.resource !== undefined && findResource(node, at.resource) === undefined) throw notFound(at);
  }
  const attributes = applyAttributes(book.get(context.shortServerId, at) ?? {}, operation.change);
  const type = at.resource === undefined ? undefined : definition.resources.get(at.resource)?.type;
  const fault = attributeFault(attributes, { level: pathLevel(at), numeric: isNumeric(type) });
  if (fault !== undefined) throw new RequestError(Codes.BadRequest, fault);
  book.set(context.shortServerId, at, attributes);
  return { code: Codes.Changed };
}
