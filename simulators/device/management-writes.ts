import { Codes, type Response } from "../../src/coap/index.js";
import {
  AccessRight,
  decodeCreate,
  decodeWrite,
  instance,
  missingMandatory,
  ObjectId,
  resourceFault,
  RequestError,
  valueFault,
  type CreateOperation,
  type InstanceNode,
  type Node,
  type ObjectDefinition,
  type Path,
  type ResourceNode,
  type WriteOperation,
} from "../../src/lwm2m/index.js";
import { mayCreate, withOwnedEntry, withoutEntriesFor } from "./access-control.js";
import { executablesOf } from "./executables.js";
import { definitionOf, instanceAt, notAllowed, notFound, unauthorized, type ManagementContext } from "./management.js";
import { findInstance, findResource, freeInstance, mergeResource, withInstance, without, withoutResource, withResource, type Objects } from "./objects.js";
import { hasOneServer } from "./server-accounts.js";

/** A change of the objects and its answer. */
export interface Written {
  readonly response: Response;
  readonly objects: Objects;
}

/** Write, replacing (PUT) or partial (POST). Throws `RequestError` 4.00, 4.01, 4.04, 4.05, 4.15. */
export function write(objects: Objects, operation: WriteOperation, context: ManagementContext): Written {
  const at = operation.path;
  const definition = definitionOf(objects, at, context.version);
  const node = instanceAt(objects, at, AccessRight.Write, context);
  if (at.resource !== undefined) checkTarget(node, definition, at, context);
  const content = decodeWrite(operation, context.version);
  const next = written(node, content, operation, definition);
  return { response: { code: Codes.Changed }, objects: withInstance(objects, definition.id, next) };
}

function checkTarget(node: InstanceNode, definition: ObjectDefinition, at: Path, context: ManagementContext): void {
  const id = at.resource ?? 0;
  const known = definition.resources.get(id);
  if (executablesOf(definition.id, context.version, context.behaviour).includes(id)) throw notAllowed(at, "can only be executed");
  if (known === undefined || (findResource(node, id) === undefined && known.executable)) throw notFound(at);
  if (!known.writable) throw notAllowed(at, "cannot be written");
}

function written(node: InstanceNode, content: Node, { path, replace }: WriteOperation, definition: ObjectDefinition): InstanceNode {
  switch (content.kind) {
    case "instance": {
      for (const resource of content.resources) checkResource(resource, definition, path);
      const base = replace ? emptied(node, content.resources, definition) : node;
      return content.resources.reduce((into, resource) => (replace ? withResource(into, resource) : mergeResource(into, resource)), base);
    }
    case "resource":
    case "multiple-resource":
      checkResource(content, definition, path);
      return replace ? withResource(node, content) : mergeResource(node, content);
    case "resource-instance": {
      const id = path.resource ?? 0;
      const known = definition.resources.get(id);
      const fault = known === undefined ? undefined : (known.multiple ? valueFault(known, content.value) : `${known.name} is no multiple resource`);
      if (fault !== undefined) throw new RequestError(Codes.BadRequest, fault);
      return mergeResource(node, { kind: "multiple-resource", id, instances: [content] });
    }
    case "object":
      throw notAllowed(path, "is no instance");
  }
}

/** One resource that cannot be written refuses the whole Write (LwM2M Core 1.1 §6.3.3). */
function checkResource(resource: ResourceNode, definition: ObjectDefinition, at: Path): void {
  const known = definition.resources.get(resource.id);
  if (known === undefined) throw notFound({ ...at, resource: resource.id });
  if (!known.writable) throw notAllowed({ ...at, resource: resource.id }, "cannot be written");
  const fault = resourceFault(known, resource);
  if (fault !== undefined) throw new RequestError(Codes.BadRequest, fault);
}

/** What a replacing Write of an instance starts from: writable resources it does not name are gone, mandatory ones excepted. */
const emptied = (node: InstanceNode, named: readonly ResourceNode[], definition: ObjectDefinition): InstanceNode =>
  node.resources
    .filter(({ id }) => {
      const known = definition.resources.get(id);
      return known?.writable === true && !known.mandatory && !named.some((resource) => resource.id === id);
    })
    .reduce((into, { id }) => withoutResource(into, id), node);

/** Objects that a LwM2M Server may not add instances to, nor take any from: they belong to the Bootstrap Server. */
const managedByBootstrap = (object: number): boolean => object <= ObjectId.AccessControl;

export function create(objects: Objects, operation: CreateOperation, context: ManagementContext): Written {
  const at: Path = { object: operation.object };
  const definition = definitionOf(objects, at, context.version);
  if (!definition.multiple || managedByBootstrap(definition.id)) throw notAllowed(at, "takes no further instance");
  if (!mayCreate(objects, context.shortServerId, definition.id)) throw unauthorized(at);
  const content = decodeCreate(operation, context.version);
  const id = content.instance ?? freeInstance(objects, definition.id);
  if (findInstance(objects, definition.id, id) !== undefined) throw new RequestError(Codes.BadRequest, `instance ${id} exists`);
  for (const resource of content.resources) {
    const known = definition.resources.get(resource.id);
    const fault = known === undefined ? `resource ${resource.id} is not supported` : resourceFault(known, resource);
    if (fault !== undefined) throw new RequestError(Codes.BadRequest, fault);
  }
  const missing = missingMandatory(definition, content.resources)[0];
  if (missing !== undefined) throw new RequestError(Codes.BadRequest, `${missing.name} is missing`);
  let next = withInstance(objects, definition.id, instance(id, [...content.resources].sort((a, b) => a.id - b.id)));
  if (!hasOneServer(objects)) next = withOwnedEntry(next, freeInstance(next, ObjectId.AccessControl), definition.id, id, context.shortServerId);
  return { response: { code: Codes.Created, locationPath: [String(definition.id), String(id)] }, objects: next };
}

export function remove(objects: Objects, at: Path, context: ManagementContext): Written {
  const definition = definitionOf(objects, at, context.version);
  instanceAt(objects, at, AccessRight.Delete, context);
  if (!definition.multiple || managedByBootstrap(definition.id)) throw notAllowed(at, "cannot be deleted");
  const instanceId = at.instance ?? 0;
  const rest = without(objects, (object, node) => object === definition.id && node.id === instanceId);
  return { response: { code: Codes.Deleted }, objects: withoutEntriesFor(rest, definition.id, instanceId) };
}
