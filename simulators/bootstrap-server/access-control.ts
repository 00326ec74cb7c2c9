/** /2/x/1 of an instance that speaks of creating instances, and /2/x/3 of one that only a bootstrap may change (LwM2M Core 1.1 §8.1). */
export const MAX_ID = 65535;

/** Bits of /2/x/2. */
export const Right = { read: 1, write: 2, execute: 4, delete: 8, create: 16 } as const;

/** Objects that no Server has rights on, or whose rights follow from ownership alone: no Access Control instance is written for them. */
const apart: ReadonlySet<number> = new Set([0, 1, 2, 21, 23, 24]);

/** One instance of object 2. */
export interface AccessRecord {
  /** Its instance id under /2. */
  readonly instance: number;
  readonly object: number;
  /** The object instance it speaks of; 65535 for Create. */
  readonly target: number;
  /** Short Server ID to rights; 0 is the default entry. */
  readonly acl: ReadonlyMap<number, number>;
  readonly owner: number;
}

/** Rights an account asks for on what another account owns; without `instance`: on every instance, and Create. */
export interface Grant {
  readonly object: number;
  readonly instance?: number;
  readonly rights: number;
}

/** A Server account that is on the device when the session ends. */
export interface Party {
  readonly ssid: number;
  readonly serverInstance: number;
  /** Undefined: an account that others manage, or one that says nothing of rights; its entries stay as they are. */
  readonly grants?: readonly Grant[];
}

export interface AccessControlInput {
  readonly existing: readonly AccessRecord[];
  /** Object instances on the device, from Discover. */
  readonly objects: ReadonlyMap<number, readonly number[]>;
  /** Whether an object may have several instances, so that Create means something. */
  readonly creatable: (object: number) => boolean;
  /** Oldest account first: it owns what nobody owns yet. */
  readonly parties: readonly Party[];
  /** Short Server IDs that leave in this session. */
  readonly removed: ReadonlySet<number>;
}

export interface AccessControlPlan {
  /** Instances to delete; `"all"`: object 2 as a whole, which gives the one account left full rights again. */
  readonly deletes: "all" | readonly number[];
  readonly writes: readonly AccessRecord[];
}

const nothing: AccessControlPlan = { deletes: [], writes: [] };
const keyOf = (object: number, target: number): number => object * (MAX_ID + 1) + target;

function rightsFor(party: Party, object: number, target: number): number | undefined {
  if (party.grants === undefined) return undefined;
  let rights = 0;
  for (const grant of party.grants) {
    if (grant.object === object && (grant.instance === undefined || grant.instance === target)) rights |= grant.rights;
  }
  return rights & ~Right.create;
}

const mayCreate = (party: Party, object: number): boolean =>
  party.grants?.some((grant) => grant.object === object && (grant.instance === undefined || grant.instance === MAX_ID) && (grant.rights & Right.create) !== 0) ?? false;

/** The account that inherits what a removed one owned: the largest sum of write and delete rights, then the oldest (transport text, removal of an account). */
function heirOf(acl: ReadonlyMap<number, number>, parties: readonly Party[]): number {
  let heir = parties[0]?.ssid ?? MAX_ID;
  let best = -1;
  for (const { ssid } of parties) {
    const weight = (acl.get(ssid) ?? 0) & (Right.write | Right.delete);
    if (weight > best) [best, heir] = [weight, ssid];
  }
  return heir;
}

const sameAcl = (a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean =>
  a.size === b.size && [...a].every(([ssid, rights]) => b.get(ssid) === rights);

function adjusted(record: AccessRecord, input: AccessControlInput): AccessRecord {
  const occupant = record.object === 1 ? input.parties.find((party) => party.serverInstance === record.target)?.ssid : undefined;
  // The Server instance was given to another account: rights that spoke of the former one do not carry over.
  if (occupant !== undefined && input.removed.has(record.owner)) return { ...record, acl: new Map(), owner: occupant };
  const acl = new Map([...record.acl].filter(([ssid]) => !input.removed.has(ssid)));
  const owner = input.removed.has(record.owner) ? heirOf(record.acl, input.parties) : record.owner;
  if (record.target === MAX_ID) {
    for (const party of input.parties) {
      if (party.grants !== undefined && mayCreate(party, record.object)) acl.set(party.ssid, Right.create);
    }
  } else if (!apart.has(record.object)) {
    for (const party of input.parties) {
      const rights = party.ssid === owner ? undefined : rightsFor(party, record.object, record.target);
      if (rights === undefined) continue;
      if (rights === 0) acl.delete(party.ssid);
      else acl.set(party.ssid, rights);
    }
  }
  return { ...record, acl, owner };
}

function fresh(object: number, target: number, owner: number, input: AccessControlInput): Omit<AccessRecord, "instance"> {
  const acl = new Map<number, number>();
  if (!apart.has(object)) {
    for (const party of input.parties) {
      const rights = party.ssid === owner ? 0 : (rightsFor(party, object, target) ?? 0);
      if (rights !== 0) acl.set(party.ssid, rights);
    }
  }
  return { object, target, acl, owner };
}

/** Who may create instances of an object: who asked for it, and the oldest account, which could create before it had company. */
function creators(object: number, input: AccessControlInput): ReadonlyMap<number, number> {
  const acl = new Map<number, number>();
  input.parties.forEach((party, seniority) => {
    if (mayCreate(party, object) || (seniority === 0 && input.creatable(object))) acl.set(party.ssid, Right.create);
  });
  return acl;
}

/** Every object instance that needs a record, in a stable order. */
function* wanted(input: AccessControlInput): Generator<Omit<AccessRecord, "instance">> {
  for (const party of input.parties) yield fresh(1, party.serverInstance, party.ssid, input);
  const senior = input.parties[0]?.ssid ?? MAX_ID;
  const objects = new Set([...input.objects.keys(), ...input.parties.flatMap((party) => (party.grants ?? []).map((grant) => grant.object))]);
  for (const object of [...objects].sort((a, b) => a - b)) {
    if (apart.has(object)) continue;
    for (const target of input.objects.get(object) ?? []) yield fresh(object, target, senior, input);
    const acl = creators(object, input);
    if (acl.size > 0) yield { object, target: MAX_ID, acl, owner: MAX_ID };
  }
}

/**
 * What a bootstrap writes to object 2 so that several accounts live side by side, and what it takes away when one is left alone again
 * (LwM2M Core 1.1 §8.1: with one Server account that Server has every right). Only differences are written.
 */
export function planAccessControl(input: AccessControlInput): AccessControlPlan {
  if (input.parties.length < 2) {
    return input.removed.size > 0 && input.existing.length > 0 && input.parties.length === 1 ? { deletes: "all", writes: [] } : nothing;
  }
  const writes: AccessRecord[] = [];
  const deletes: number[] = [];
  const known = new Set<number>();
  const used = new Set(input.existing.map((record) => record.instance));
  const serverInstances = new Map(input.parties.map((party) => [party.serverInstance, party.ssid]));
  for (const record of input.existing) {
    const gone = record.object === 1 && record.target !== MAX_ID && !serverInstances.has(record.target);
    if (gone) {
      deletes.push(record.instance);
      continue;
    }
    known.add(keyOf(record.object, record.target));
    const next = adjusted(record, input);
    if (next.owner !== record.owner || !sameAcl(next.acl, record.acl)) writes.push(next);
  }
  let free = 0;
  for (const record of wanted(input)) {
    if (known.has(keyOf(record.object, record.target))) continue;
    known.add(keyOf(record.object, record.target));
    while (used.has(free)) free += 1;
    used.add(free);
    writes.push({ instance: free, ...record });
  }
  return { deletes, writes };
}
