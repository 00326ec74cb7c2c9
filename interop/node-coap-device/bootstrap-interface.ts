import { Format, Refused, type Answer } from "./answers.js";
import { isBootstrapAccount, Security, Server } from "./accounts.js";
import { contentAnswer, readInstance, readInstances, readResource } from "./content.js";
import { formatLinks, type Link } from "./links.js";
import { modelOf, Objects } from "./model.js";
import { formatPath, type Path } from "./paths.js";
import type { ObjectStore } from "./store.js";

export interface BootstrapOperation {
  readonly method: string;
  readonly path: Path;
  readonly accept: number | undefined;
  readonly contentFormat: number | undefined;
  readonly payload: Buffer;
}

/** Bootstrap-Discover, -Read, -Write and -Delete on the draft of a session (LwM2M Core 1.1 §6.1.7). Throws `Refused`. */
export function bootstrapOperation(draft: ObjectStore, operation: BootstrapOperation): Answer {
  const { method, path } = operation;
  if (method === "GET") return operation.accept === Format.link ? discover(draft, path) : read(draft, path, operation.accept);
  if (method === "PUT") return write(draft, operation);
  if (method === "DELETE") return remove(draft, path);
  throw new Refused("4.05", `${method} is no operation of the bootstrap interface`);
}

function discover(draft: ObjectStore, { object, instance }: Path): Answer {
  if (instance !== undefined) throw new Refused("4.00", "Bootstrap-Discover is about the root or an object");
  const ids = [...new Set([...draft.objects(), Objects.security, Objects.server, Objects.accessControl])].sort((a, b) => a - b);
  const wanted = ids.filter((id) => object === undefined || id === object);
  if (wanted.length === 0) throw new Refused("4.04", `/${object ?? ""} does not exist`);
  const links = wanted.flatMap((id): Link[] => {
    const instances = draft.instances(id);
    return instances.length === 0 ? [{ target: `/${id}` }] : instances.map((each) => ({ target: `/${id}/${each}`, attributes: accountAttributes(draft, id, each) }));
  });
  // The enabler version opens the list; it is written without quotes in 1.1.
  return { code: "2.05", contentFormat: Format.link, payload: Buffer.from(`</>;lwm2m=1.1,${formatLinks(links)}`) };
}

/** `ssid` and `uri` of Server accounts; the Bootstrap-Server account shows neither. */
function accountAttributes(draft: ObjectStore, object: number, instance: number): Record<string, string | number> {
  if (object === Objects.server) return numbered(draft.number(object, instance, Server.shortServerId));
  if (object !== Objects.security || isBootstrapAccount(draft, instance)) return {};
  const uri = draft.text(object, instance, Security.uri);
  return { ...numbered(draft.number(object, instance, Security.shortServerId)), ...(uri === undefined ? {} : { uri }) };
}

const numbered = (ssid: number | undefined): Record<string, number> => (ssid === undefined ? {} : { ssid });

function read(draft: ObjectStore, path: Path, accept: number | undefined): Answer {
  const { object, instance } = path;
  if ((object !== Objects.server && object !== Objects.accessControl) || path.resource !== undefined) throw new Refused("4.05", "Bootstrap-Read is about /1 and /2");
  if (instance !== undefined) {
    const resources = draft.get(object, instance);
    if (resources === undefined) throw new Refused("4.04", `${formatPath(path)} does not exist`);
    return contentAnswer(object, { kind: "instance", resources }, accept);
  }
  const instances = new Map(draft.instances(object).flatMap((id) => {
    const resources = draft.get(object, id);
    return resources === undefined ? [] : [[id, resources] as const];
  }));
  if (instances.size === 0) throw new Refused("4.04", `/${object} has no instance`);
  return contentAnswer(object, { kind: "object", instances }, accept);
}

function write(draft: ObjectStore, { path, contentFormat, payload }: BootstrapOperation): Answer {
  const { object, instance, resource } = path;
  const model = object === undefined ? undefined : modelOf(object);
  if (object === undefined || model === undefined || path.resourceInstance !== undefined) throw new Refused("4.00", `${formatPath(path)} cannot be written`);
  if (instance === undefined) {
    for (const [id, resources] of readInstances(model, payload, contentFormat, "skip")) draft.put(object, id, resources);
  } else if (resource === undefined) {
    draft.put(object, instance, readInstance(model, instance, payload, contentFormat, "skip").resources);
  } else {
    const known = model.resources.get(resource);
    // Optional resources the device does not have are no error (LwM2M Core 1.1 §6.1.7.4).
    if (known !== undefined) draft.putResource(object, instance, resource, readResource(known, resource, payload, contentFormat));
  }
  return { code: "2.04" };
}

/** The Bootstrap-Server account and /3/0 survive every Delete (LwM2M Core 1.1 §6.1.7.5). */
function remove(draft: ObjectStore, { object, instance, resource }: Path): Answer {
  if (resource !== undefined) throw new Refused("4.00", "Bootstrap-Delete ends at instances");
  for (const id of object === undefined ? draft.objects() : [object]) {
    for (const each of draft.instances(id)) {
      const stays = (id === Objects.security && isBootstrapAccount(draft, each)) || id === Objects.device;
      if (!stays && (instance === undefined || instance === each)) draft.delete(id, each);
    }
  }
  return { code: "2.02" };
}
