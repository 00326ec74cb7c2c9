import { serverAccountsOf } from "./accounts.js";
import { Objects } from "./model.js";
import type { ObjectStore } from "./store.js";

/** Bits of /2/x/2 (LwM2M Core 1.1 §8.1). */
export const Right = { read: 1, write: 2, execute: 4, delete: 8, create: 16 } as const;
const everything = 31;
/** /2/x/1 of an entry that speaks of Create. */
const anyInstance = 65535;
/** /2/x/3 of an entry that only a Bootstrap-Server may change. */
const bootstrapOwner = 65535;
const Entry = { object: 0, instance: 1, acl: 2, owner: 3 } as const;

function aclOf(store: ObjectStore, entry: number): ReadonlyMap<number, number> {
  const acl = store.get(Objects.accessControl, entry)?.get(Entry.acl);
  const rights = new Map<number, number>();
  if (acl !== undefined && "values" in acl) for (const [server, value] of acl.values) if (typeof value === "number") rights.set(server, value);
  return rights;
}

const entryFor = (store: ObjectStore, object: number, instance: number): number | undefined =>
  store.instances(Objects.accessControl).find((id) => store.number(Objects.accessControl, id, Entry.object) === object && store.number(Objects.accessControl, id, Entry.instance) === instance);

/** An entry of its own first, then ownership, then the entry of everybody (LwM2M Core 1.1 §8.2.1). */
function listed(store: ObjectStore, entry: number | undefined, shortServerId: number): number {
  if (entry === undefined) return 0;
  const acl = aclOf(store, entry);
  const own = acl.get(shortServerId);
  if (own !== undefined) return own;
  return store.number(Objects.accessControl, entry, Entry.owner) === shortServerId ? everything : (acl.get(0) ?? 0);
}

/** Rights of a Server on an object instance. A device with one Server grants it everything, /0 excepted. */
function rightsOn(store: ObjectStore, shortServerId: number, object: number, instance: number): number {
  if (object === Objects.security) return 0;
  if (store.instances(Objects.server).length <= 1) return everything;
  if (object === Objects.accessControl) return store.number(object, instance, Entry.owner) === shortServerId ? everything : Right.read;
  return listed(store, entryFor(store, object, instance), shortServerId);
}

export const may = (store: ObjectStore, shortServerId: number, right: number, object: number, instance: number): boolean => (rightsOn(store, shortServerId, object, instance) & right) === right;

export function mayCreate(store: ObjectStore, shortServerId: number, object: number): boolean {
  if (object === Objects.security) return false;
  if (store.instances(Objects.server).length <= 1) return true;
  return (listed(store, entryFor(store, object, anyInstance), shortServerId) & Right.create) !== 0;
}

/** With several Servers, what one of them creates is its own. */
export function grantCreated(store: ObjectStore, shortServerId: number, object: number, instance: number): void {
  if (store.instances(Objects.server).length <= 1) return;
  const content = new Map([
    [Entry.object, { value: object }],
    [Entry.instance, { value: instance }],
    [Entry.acl, { values: new Map([[shortServerId, everything & ~Right.create]]) }],
    [Entry.owner, { value: shortServerId }],
  ]);
  store.put(Objects.accessControl, store.freeInstance(Objects.accessControl), content);
}

export function forgetEntry(store: ObjectStore, object: number, instance: number): void {
  const entry = entryFor(store, object, instance);
  if (entry !== undefined) store.delete(Objects.accessControl, entry);
}

/**
 * What the loss of Server accounts in a bootstrap means for the rest: their /1 instances go, their rights go, and what they owned goes to the Server
 * with the most rights to write and delete there.
 */
export function dropLostServers(before: ObjectStore, after: ObjectStore): void {
  const kept = new Set(after.instances(Objects.security).map((id) => after.number(Objects.security, id, 10)));
  for (const { shortServerId } of serverAccountsOf(before)) if (!kept.has(shortServerId)) dropServer(after, shortServerId);
}

function dropServer(store: ObjectStore, shortServerId: number): void {
  for (const id of store.instances(Objects.server)) if (store.number(Objects.server, id, 0) === shortServerId) store.delete(Objects.server, id);
  for (const entry of store.instances(Objects.accessControl)) {
    const acl = new Map(aclOf(store, entry));
    const named = acl.delete(shortServerId);
    const owned = store.number(Objects.accessControl, entry, Entry.owner) === shortServerId;
    if (!named && !owned) continue;
    const heir = [...acl].filter(([server]) => server !== 0).sort(([idA, a], [idB, b]) => weight(b) - weight(a) || idA - idB)[0]?.[0];
    store.putResource(Objects.accessControl, entry, Entry.acl, { values: acl });
    if (owned) store.putResource(Objects.accessControl, entry, Entry.owner, { value: heir ?? bootstrapOwner });
  }
}

const weight = (rights: number): number => rights & (Right.write | Right.delete);
