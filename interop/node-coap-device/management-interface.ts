import { forgetEntry, grantCreated, may, mayCreate, Right } from "./access.js";
import { Server } from "./accounts.js";
import { Format, Refused, type Answer } from "./answers.js";
import { contentAnswer, readInstance, readResource, readResourceInstance, type Found } from "./content.js";
import { formatLinks, type Link } from "./links.js";
import { modelOf, Objects, type ObjectModel, type ResourceModel } from "./model.js";
import { formatPath, type Path } from "./paths.js";
import type { Instance, ObjectStore, Resource } from "./store.js";

/** Who asks, and what values that are made at reading are made of. */
export interface Asker {
  readonly shortServerId: number;
  readonly endpoint: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** /1/x/12, seconds since 1970. */
  readonly lastBootstrapped: number | undefined;
}

export interface ManagementRequest {
  readonly method: string;
  readonly path: Path;
  readonly accept: number | undefined;
  readonly contentFormat: number | undefined;
  readonly payload: Buffer;
}

const missing = (path: Path): Refused => new Refused("4.04", `${formatPath(path)} does not exist`);

function modelAt(store: ObjectStore, path: Path): ObjectModel {
  if (path.object === Objects.security) throw new Refused("4.01", "/0 is for the Bootstrap-Server");
  const model = path.object === undefined ? undefined : modelOf(path.object);
  if (model === undefined || store.instances(model.id).length === 0) throw missing(path);
  return model;
}

function instanceAt(store: ObjectStore, path: Path, right: number, { shortServerId }: Asker): Instance {
  const { object = -1, instance = -1 } = path;
  const found = store.get(object, instance);
  if (found === undefined) throw missing(path);
  if (!may(store, shortServerId, right, object, instance)) throw new Refused("4.01", `no right on /${object}/${instance}`);
  return found;
}

/** Serial number and time of /3/0, Last Bootstrapped of /1/x. */
function current(object: number, stored: Instance, asker: Asker): Instance {
  if (object === Objects.device) return new Map<number, Resource>([...stored, [2, { value: asker.endpoint }], [13, { value: asker.time }]]);
  if (object === Objects.server && asker.lastBootstrapped !== undefined) return new Map<number, Resource>([...stored, [Server.lastBootstrapped, { value: asker.lastBootstrapped }]]);
  return stored;
}

const readable = (model: ObjectModel, stored: Instance, asker: Asker): Instance =>
  new Map([...current(model.id, stored, asker)].filter(([id]) => model.resources.get(id)?.readable === true));

export function read(store: ObjectStore, path: Path, accept: number | undefined, asker: Asker): Answer {
  const model = modelAt(store, path);
  return contentAnswer(model.id, found(store, model, path, asker), accept);
}

function found(store: ObjectStore, model: ObjectModel, path: Path, asker: Asker): Found {
  if (path.instance === undefined) {
    const allowed = store.instances(model.id).filter((id) => may(store, asker.shortServerId, Right.read, model.id, id));
    if (allowed.length === 0) throw new Refused("4.01", `no right on any instance of /${model.id}`);
    return { kind: "object", instances: new Map(allowed.map((id) => [id, readable(model, store.get(model.id, id) ?? new Map<number, Resource>(), asker)])) };
  }
  const stored = instanceAt(store, path, Right.read, asker);
  if (path.resource === undefined) return { kind: "instance", resources: readable(model, stored, asker) };
  const resource = current(model.id, stored, asker).get(path.resource);
  if (model.executables.includes(path.resource)) throw new Refused("4.05", `${formatPath(path)} can only be executed`);
  if (resource === undefined) throw missing(path);
  if (model.resources.get(path.resource)?.readable !== true) throw new Refused("4.05", `${formatPath(path)} cannot be read`);
  if (path.resourceInstance === undefined) return { kind: "resource", id: path.resource, resource };
  if ("value" in resource) throw new Refused("4.05", `${formatPath(path)} has no instances`);
  const value = resource.values.get(path.resourceInstance);
  if (value === undefined) throw missing(path);
  return { kind: "resource-instance", id: path.resourceInstance, of: path.resource, value };
}

/** Discover shows what there is; no right is needed. */
export function discover(store: ObjectStore, path: Path, asker: Asker): Answer {
  const model = modelAt(store, path);
  const links: Link[] = path.instance === undefined ? [{ target: `/${model.id}` }] : [];
  for (const instance of store.instances(model.id)) {
    if (path.instance !== undefined && path.instance !== instance) continue;
    if (path.resource === undefined) links.push({ target: `/${model.id}/${instance}` });
    const stored = current(model.id, store.get(model.id, instance) ?? new Map<number, Resource>(), asker);
    const resources: [number, Resource | undefined][] = [...stored, ...model.executables.map((id): [number, undefined] => [id, undefined])];
    for (const [id, resource] of resources.sort(([a], [b]) => a - b)) {
      if (path.resource !== undefined && path.resource !== id) continue;
      links.push({ target: `/${model.id}/${instance}/${id}`, ...(resource !== undefined && "values" in resource ? { attributes: { dim: resource.values.size } } : {}) });
    }
  }
  if (path.instance !== undefined && links.length === 0) throw missing(path);
  return { code: "2.05", contentFormat: Format.link, payload: Buffer.from(formatLinks(links)) };
}

function writableAt(model: ObjectModel, path: Path, id: number): ResourceModel {
  if (model.executables.includes(id)) throw new Refused("4.05", `${formatPath(path)} can only be executed`);
  const known = model.resources.get(id);
  if (known === undefined) throw missing({ ...path, resource: id });
  if (!known.writable) throw new Refused("4.05", `resource ${id} of /${model.id} cannot be written`);
  return known;
}

/** Write: replacing (PUT) or partial (POST). All of it or nothing. */
export function write(store: ObjectStore, request: ManagementRequest, asker: Asker): Answer {
  const { method, path, payload, contentFormat } = request;
  const model = modelAt(store, path);
  const stored = instanceAt(store, path, Right.write, asker);
  const instance = path.instance ?? 0;
  if (path.resource === undefined) {
    const { resources } = readInstance(model, instance, payload, contentFormat, "refuse");
    for (const id of resources.keys()) writableAt(model, path, id);
    // A replacing Write drops the optional resources that could be written and are not named.
    const base = method === "PUT" ? [...stored].filter(([id]) => model.resources.get(id)?.writable !== true || model.resources.get(id)?.mandatory === true) : [...stored];
    const merged = method === "PUT" ? resources : new Map([...resources].map(([id, added]) => [id, joined(stored.get(id), added)]));
    store.put(model.id, instance, new Map([...base, ...merged]));
    return { code: "2.04" };
  }
  const known = writableAt(model, path, path.resource);
  if (path.resourceInstance !== undefined) {
    if (!known.multiple) throw new Refused("4.05", `${formatPath(path)} has no instances`);
    const value = readResourceInstance(known, path.resourceInstance, payload, contentFormat);
    store.putResource(model.id, instance, path.resource, joined(stored.get(path.resource), { values: new Map([[path.resourceInstance, value]]) }));
    return { code: "2.04" };
  }
  const content = readResource(known, path.resource, payload, contentFormat);
  store.putResource(model.id, instance, path.resource, method === "PUT" ? content : joined(stored.get(path.resource), content));
  return { code: "2.04" };
}

/** A partial Write adds to the instances of a resource. */
const joined = (before: Resource | undefined, added: Resource): Resource =>
  before !== undefined && "values" in before && "values" in added ? { values: new Map([...before.values, ...added.values]) } : added;

/** Whether this Execute may be carried out; carrying it out is the device's. */
export function checkExecute(store: ObjectStore, path: Path, asker: Asker): void {
  const model = modelAt(store, path);
  instanceAt(store, path, Right.execute, asker);
  if (path.resourceInstance !== undefined || path.resource === undefined) throw new Refused("4.05", "Execute is about a resource");
  if (model.executables.includes(path.resource)) return;
  throw model.resources.has(path.resource) ? new Refused("4.05", `${formatPath(path)} cannot be executed`) : missing(path);
}

/** Create, of sensors only. */
export function create(store: ObjectStore, request: ManagementRequest, asker: Asker): Answer {
  const model = modelAt(store, request.path);
  if (!mayCreate(store, asker.shortServerId, model.id)) throw new Refused("4.01", `no right to create instances of /${model.id}`);
  if (model.id !== Objects.temperature) throw new Refused("4.05", `instances of /${model.id} cannot be created`);
  const { id, resources } = readInstance(model, undefined, request.payload, request.contentFormat, "refuse");
  if (id !== undefined && store.get(model.id, id) !== undefined) throw new Refused("4.00", `/${model.id}/${id} exists`);
  for (const [resource, { mandatory }] of model.resources) if (mandatory && !resources.has(resource)) throw new Refused("4.00", `resource ${resource} is mandatory`);
  const instance = id ?? store.freeInstance(model.id);
  store.put(model.id, instance, resources);
  grantCreated(store, asker.shortServerId, model.id, instance);
  return { code: "2.01", ...(id === undefined ? { location: [String(model.id), String(instance)] } : {}) };
}

/** Delete, of sensors only. */
export function remove(store: ObjectStore, path: Path, asker: Asker): Answer {
  const model = modelAt(store, path);
  if (path.instance === undefined || path.resource !== undefined) throw new Refused("4.05", "Delete is about an instance");
  instanceAt(store, path, Right.delete, asker);
  if (model.id !== Objects.temperature) throw new Refused("4.05", `instances of /${model.id} cannot be deleted`);
  store.delete(model.id, path.instance);
  forgetEntry(store, model.id, path.instance);
  return { code: "2.02" };
}
