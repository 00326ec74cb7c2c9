import {
  coreObjectVersion,
  formatBootstrapList,
  formatObjectList,
  ObjectId,
  SecurityResource,
  ServerResource,
  type BootstrapInstance,
  type BootstrapObject,
  type InstanceNode,
  type ListedObject,
  type LwM2mVersion,
} from "../../src/lwm2m/index.js";
import { numberOf, textOf, type Objects } from "./objects.js";
import { isBootstrapAccount } from "./server-accounts.js";

/** Version of each object on the device: the ones its enabler version implies. */
export const objectVersionOf = (object: number, version: LwM2mVersion): string => coreObjectVersion(object, version);

/** Objects with their instances in the order of the list. */
function grouped(objects: Objects): ListedObject[] {
  const listed: { object: number; instances: number[] }[] = [];
  let last: { object: number; instances: number[] } | undefined;
  for (const stored of objects) {
    if (last?.object !== stored.object) listed.push((last = { object: stored.object, instances: [] }));
    last.instances.push(stored.node.id);
  }
  return listed;
}

const bounded = 1024;

/** The payload of Register and Update, one copy for all devices that announce the same. */
export class ObjectListCache {
  readonly #payloads = new Map<string, Buffer>();

  payloadOf(objects: Objects, version: LwM2mVersion): Buffer {
    let key: string = version;
    for (const stored of objects) key += `,${stored.object}/${stored.node.id}`;
    let payload = this.#payloads.get(key);
    if (payload === undefined) {
      payload = Buffer.from(formatObjectList(grouped(objects), { version }));
      if (this.#payloads.size >= bounded) this.#payloads.clear();
      this.#payloads.set(key, payload);
    }
    return payload;
  }
}

/** Answers by content: devices fresh from the factory share theirs. */
const whole = new WeakMap<Objects, { readonly version: LwM2mVersion; readonly payload: Buffer }>();

/** The answer to Bootstrap-Discover; `object` narrows it. Undefined when that object does not exist. */
export function bootstrapDiscovery(objects: Objects, version: LwM2mVersion, object?: number): Buffer | undefined {
  const known = object === undefined ? whole.get(objects) : undefined;
  if (known?.version === version) return known.payload;
  const text = discovery(objects, version, object);
  const payload = text === undefined ? undefined : Buffer.from(text);
  if (object === undefined && payload !== undefined) whole.set(objects, { version, payload });
  return payload;
}

function discovery(objects: Objects, version: LwM2mVersion, object: number | undefined): string | undefined {
  const listed: BootstrapObject[] = grouped(objects).map((group) => ({
    object: group.object,
    instances: objects.filter((stored) => stored.object === group.object).map((stored) => discovered(group.object, stored.node)),
  }));
  // Objects that lost their last instance are still there to be written (LwM2M Core 1.1 §6.1.7.2).
  for (const needed of [ObjectId.Security, ObjectId.Server, ObjectId.AccessControl]) {
    if (!listed.some((group) => group.object === needed)) listed.push({ object: needed, instances: [] });
  }
  listed.sort((a, b) => a.object - b.object);
  if (object !== undefined && !listed.some((group) => group.object === object)) return undefined;
  return formatBootstrapList(listed, version, object);
}

function discovered(object: number, node: InstanceNode): BootstrapInstance {
  const shortServerId = accountId(object, node);
  const uri = object === ObjectId.Security && shortServerId !== undefined ? textOf(node, SecurityResource.ServerUri) : undefined;
  return { instance: node.id, ...(shortServerId === undefined ? {} : { shortServerId }), ...(uri === undefined ? {} : { uri }) };
}

function accountId(object: number, node: InstanceNode): number | undefined {
  if (object === ObjectId.Server) return numberOf(node, ServerResource.ShortServerId);
  return object === ObjectId.Security && !isBootstrapAccount(node) ? numberOf(node, SecurityResource.ShortServerId) : undefined;
}
