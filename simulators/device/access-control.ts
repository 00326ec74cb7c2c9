import { AccessControlResource, AccessRight, accessRights, allRights, bootstrapOwner, ObjectId, ServerResource, type AccessControl, type InstanceNode, type ResourceNode } from "../../src/lwm2m/index.js";
import { findResource, instancesOf, numberOf, withInstance, without, withResource, type Objects } from "./objects.js";
import { hasOneServer } from "./server-accounts.js";

/** /2/x/1 when the entry speaks of Create. */
const anyInstance = 65535;

export const allows = (rights: number, right: number): boolean => (rights & right) === right;

/**
 * What a Server may do with an object instance (LwM2M Core 1.1 §8.2). One Server account: everything. Several: its entry in /2, or everything as
 * owner without an entry, or the default entry 0, or nothing. Read includes Observe and Write-Attributes.
 */
export function rightsOn(objects: Objects, shortServerId: number, object: number, instance: number): number {
  if (object === ObjectId.Security) return 0;
  if (hasOneServer(objects)) return allRights;
  if (object === ObjectId.AccessControl) return rightsOnAccessControl(objects, shortServerId, instance);
  return rightsIn(entryFor(objects, object, instance), shortServerId) & ~AccessRight.Create;
}

/** Whether a Server may create instances of an object. */
export function mayCreate(objects: Objects, shortServerId: number, object: number): boolean {
  if (hasOneServer(objects)) return true;
  return allows(rightsIn(entryFor(objects, object, anyInstance), shortServerId), AccessRight.Create);
}

/** An instance of /2 can be read by every Server and managed by its owner alone. */
function rightsOnAccessControl(objects: Objects, shortServerId: number, instance: number): number {
  const entry = instancesOf(objects, ObjectId.AccessControl).find((node) => node.id === instance);
  if (entry === undefined) return 0;
  return ownerOf(entry) === shortServerId ? AccessRight.Read | AccessRight.Write | AccessRight.Execute | AccessRight.Delete : AccessRight.Read;
}

const entryFor = (objects: Objects, object: number, instance: number): InstanceNode | undefined =>
  instancesOf(objects, ObjectId.AccessControl).find((node) => numberOf(node, AccessControlResource.ObjectId) === object && numberOf(node, AccessControlResource.ObjectInstanceId) === instance);

const ownerOf = (entry: InstanceNode): number | undefined => numberOf(entry, AccessControlResource.Owner);

/** Only asked with several accounts. */
const rightsIn = (entry: InstanceNode | undefined, shortServerId: number): number => accessRights(entry === undefined ? undefined : controlOf(entry), shortServerId, 2);

const controlOf = (entry: InstanceNode): AccessControl => ({ owner: ownerOf(entry) ?? bootstrapOwner, acl: rightsListed(entry) });

function rightsListed(entry: InstanceNode): ReadonlyMap<number, number> {
  const acl = findResource(entry, AccessControlResource.Acl);
  const listed = new Map<number, number>();
  if (acl?.kind === "multiple-resource") for (const { id, value } of acl.instances) if (typeof value === "number") listed.set(id, value);
  return listed;
}

/** The entry that a Server gets for what it created itself. */
export function withOwnedEntry(objects: Objects, entryId: number, object: number, instance: number, owner: number): Objects {
  const entry: InstanceNode = {
    kind: "instance",
    id: entryId,
    resources: [
      { kind: "resource", id: AccessControlResource.ObjectId, value: object },
      { kind: "resource", id: AccessControlResource.ObjectInstanceId, value: instance },
      { kind: "multiple-resource", id: AccessControlResource.Acl, instances: [{ kind: "resource-instance", id: owner, value: allRights & ~AccessRight.Create }] },
      { kind: "resource", id: AccessControlResource.Owner, value: owner },
    ],
  };
  return withInstance(objects, ObjectId.AccessControl, entry);
}

/** Removes the entries that speak of an instance that is gone. */
export const withoutEntriesFor = (objects: Objects, object: number, instance: number): Objects =>
  without(
    objects,
    (of, node) => of === ObjectId.AccessControl && numberOf(node, AccessControlResource.ObjectId) === object && numberOf(node, AccessControlResource.ObjectInstanceId) === instance,
  );

/**
 * What the loss of an account means for the rest (LwM2M Core, un-bootstrapping): its /1 instance goes, its rights go, what it owned goes to the Server
 * with the most rights to write and delete there, and what nobody else could reach goes with it.
 */
export function withoutServer(objects: Objects, shortServerId: number): Objects {
  let next = without(objects, (object, node) => object === ObjectId.Server && numberOf(node, ServerResource.ShortServerId) === shortServerId);
  for (const entry of instancesOf(next, ObjectId.AccessControl)) {
    const listed = rightsListed(entry);
    const owned = ownerOf(entry) === shortServerId;
    if (!owned && !listed.has(shortServerId)) continue;
    const others = [...listed].filter(([id, rights]) => id !== shortServerId && rights > 0);
    const heir = others.filter(([id]) => id !== 0).sort(([idA, a], [idB, b]) => control(b) - control(a) || idA - idB)[0]?.[0];
    if (owned && others.length === 0) {
      next = withoutOwned(next, entry);
      continue;
    }
    const acl: ResourceNode = { kind: "multiple-resource", id: AccessControlResource.Acl, instances: others.map(([id, value]) => ({ kind: "resource-instance", id, value })) };
    const remaining = withResource(entry, acl);
    next = withInstance(next, ObjectId.AccessControl, owned ? withResource(remaining, { kind: "resource", id: AccessControlResource.Owner, value: heir ?? bootstrapOwner }) : remaining);
  }
  return next;
}

const control = (rights: number): number => rights & (AccessRight.Write | AccessRight.Delete);

function withoutOwned(objects: Objects, entry: InstanceNode): Objects {
  const object = numberOf(entry, AccessControlResource.ObjectId);
  const instance = numberOf(entry, AccessControlResource.ObjectInstanceId);
  return without(objects, (of, node) => (of === ObjectId.AccessControl && node.id === entry.id) || (of === object && node.id === instance && canGo(of)));
}

/** Instances that a device cannot live without stay, whoever owned them. */
const canGo = (object: number): boolean => object > ObjectId.FirmwareUpdate;
