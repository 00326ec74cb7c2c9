import { planAccessControl } from "./access-control.js";
import type { AccessControlPlan, AccessRecord, Grant, Party } from "./access-control.js";

/** What Bootstrap-Discover, and Bootstrap-Read where it was needed, said of the device. */
export interface DeviceView {
  /** Enabler version on the root link. */
  readonly version: string | undefined;
  /** Without `ssid`: the Bootstrap-Server account, or one whose Short Server ID the device does not show. Never touched. */
  readonly security: readonly { readonly instance: number; readonly ssid?: number; readonly uri?: string }[];
  readonly servers: readonly { readonly instance: number; readonly ssid?: number }[];
  /** Instance ids of object 2. */
  readonly accessControls: readonly number[];
  /** Every object listed, with its instances. */
  readonly objects: ReadonlyMap<number, readonly number[]>;
}

/** The two payloads of an account, encoded once for all devices that get it. */
export interface AccountPayload {
  readonly contentFormat: number;
  /** Resources of a Security instance. */
  readonly security: Uint8Array;
  /** Resources of a Server instance. */
  readonly server: Uint8Array;
}

export interface WantedAccount {
  readonly ssid: number;
  readonly uri: string;
  readonly payload: AccountPayload;
  readonly grants?: readonly Grant[];
  /** `write`: in any case; `keep`: only where the device does not show it. */
  readonly mode: "write" | "keep";
}

/** What the Bootstrap Server wants the device to hold at the end of the session. */
export interface Wish {
  /** Oldest first. */
  readonly accounts: readonly WantedAccount[];
  readonly remove: ReadonlySet<number>;
  /** Accounts that nobody named leave as well: the owner of the configuration said it is complete. */
  readonly removeOthers?: boolean;
  /** Single resources beside the accounts. */
  readonly resources?: readonly ResourceWrite[];
}

export interface ResourceWrite {
  readonly path: readonly string[];
  readonly contentFormat: number;
  readonly payload: Uint8Array;
}

/** One Bootstrap-Delete or Bootstrap-Write. */
export interface Step {
  readonly path: readonly string[];
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
  /** The account it belongs to; absent for access control and single resources. */
  readonly ssid?: number;
}

export interface Plan {
  readonly deletes: readonly Step[];
  readonly writes: readonly Step[];
  /** Short Server IDs whose account is written. */
  readonly written: ReadonlySet<number>;
  readonly removed: ReadonlySet<number>;
  /** Where each account is at the end. */
  readonly instances: ReadonlyMap<number, { readonly security: number; readonly server: number }>;
}

export interface PlanOptions {
  readonly view: DeviceView;
  readonly wish: Wish;
  /** What object 2 holds; empty when the device has none. */
  readonly records: readonly AccessRecord[];
  readonly creatable: (object: number) => boolean;
  /** One PUT of object 2 for any number of records. */
  readonly encodeRecords: (records: readonly AccessRecord[]) => { readonly contentFormat: number; readonly payload: Uint8Array };
}

/** The lowest id that nobody has (LwM2M Core 1.1 §6.1.7.3: ids are chosen from what Discover shows). */
function lowestFree(taken: Set<number>): number {
  let id = 0;
  while (taken.has(id)) id += 1;
  taken.add(id);
  return id;
}

/** Short Server IDs on the device, in the order of their Server instances. */
function present(view: DeviceView): number[] {
  const ssids = [...view.servers].sort((a, b) => a.instance - b.instance).flatMap(({ ssid }) => (ssid === undefined ? [] : [ssid]));
  return [...new Set(ssids)];
}

function isHeld(view: DeviceView, account: WantedAccount): boolean {
  const security = view.security.find(({ ssid }) => ssid === account.ssid);
  return security !== undefined && (security.uri === undefined || security.uri === account.uri) && view.servers.some(({ ssid }) => ssid === account.ssid);
}

/**
 * From what is on the device to what shall be there: the Deletes and Writes of a session, in order. Instance ids of accounts already there are kept, new
 * ones are the lowest free; instances that belong to nobody named here are not touched.
 */
export function planSession({ view, wish, records, creatable, encodeRecords }: PlanOptions): Plan {
  const wanted = new Map(wish.accounts.map((account) => [account.ssid, account]));
  const onDevice = new Set([...present(view), ...view.security.flatMap(({ ssid }) => (ssid === undefined ? [] : [ssid]))]);
  const leaving = new Set([...onDevice].filter((ssid) => !wanted.has(ssid) && (wish.remove.has(ssid) || wish.removeOthers === true)));

  const deletes: Step[] = [];
  const takenSecurity = new Set(view.security.map(({ instance }) => instance));
  const takenServer = new Set(view.servers.map(({ instance }) => instance));
  const kept = new Map<number, { security?: number; server?: number }>();
  const settle = (object: "security" | "server", instance: number, ssid: number | undefined): void => {
    if (ssid === undefined) return;
    const place = kept.get(ssid) ?? {};
    // A second instance with the same Short Server ID would make the configuration inconsistent.
    if (leaving.has(ssid) || (place[object] !== undefined && wanted.has(ssid))) {
      deletes.push({ path: [object === "security" ? "0" : "1", String(instance)], ssid });
    } else if (place[object] === undefined) {
      kept.set(ssid, { ...place, [object]: instance });
    }
  };
  // The Server instance goes before its Security instance: deleting the latter may take the former with it.
  for (const { instance, ssid } of view.servers) settle("server", instance, ssid);
  for (const { instance, ssid } of view.security) settle("security", instance, ssid);

  const writes: Step[] = [];
  const written = new Set<number>();
  const instances = new Map<number, { security: number; server: number }>();
  for (const [ssid, { security, server }] of kept) {
    if (security !== undefined && server !== undefined) instances.set(ssid, { security, server });
  }
  for (const account of wish.accounts) {
    if (account.mode === "keep" && isHeld(view, account)) continue;
    const security = kept.get(account.ssid)?.security ?? lowestFree(takenSecurity);
    const server = kept.get(account.ssid)?.server ?? lowestFree(takenServer);
    instances.set(account.ssid, { security, server });
    written.add(account.ssid);
    const { contentFormat } = account.payload;
    writes.push({ path: ["0", String(security)], payload: account.payload.security, contentFormat, ssid: account.ssid });
    writes.push({ path: ["1", String(server)], payload: account.payload.server, contentFormat, ssid: account.ssid });
  }

  const access = planAccessControl({
    existing: records,
    objects: view.objects,
    creatable,
    parties: partiesOf(view, wish, leaving, instances),
    removed: leaving,
  });
  appendAccessControl(access, deletes, writes, encodeRecords);
  writes.push(...(wish.resources ?? []));
  return { deletes, writes, written, removed: leaving, instances };
}

/** Who is on the device when the session is over, oldest first: accounts of others, then ours that were there before, then the new ones. */
function partiesOf(view: DeviceView, wish: Wish, leaving: ReadonlySet<number>, instances: Plan["instances"]): Party[] {
  const before = new Set(present(view));
  const known = new Set(wish.accounts.map(({ ssid }) => ssid));
  const party = (ssid: number, grants?: readonly Grant[]): Party[] => {
    const server = instances.get(ssid)?.server;
    return server === undefined ? [] : [{ ssid, serverInstance: server, ...(grants === undefined ? {} : { grants }) }];
  };
  return [
    ...[...before].filter((ssid) => !known.has(ssid) && !leaving.has(ssid)).flatMap((ssid) => party(ssid)),
    ...wish.accounts.filter(({ ssid }) => before.has(ssid)).flatMap(({ ssid, grants }) => party(ssid, grants)),
    ...wish.accounts.filter(({ ssid }) => !before.has(ssid)).flatMap(({ ssid, grants }) => party(ssid, grants)),
  ];
}

function appendAccessControl(access: AccessControlPlan, deletes: Step[], writes: Step[], encodeRecords: PlanOptions["encodeRecords"]): void {
  if (access.deletes === "all") deletes.push({ path: ["2"] });
  else for (const instance of access.deletes) deletes.push({ path: ["2", String(instance)] });
  if (access.writes.length > 0) writes.push({ path: ["2"], ...encodeRecords(access.writes) });
}

/** Objects that have to be read before a plan can be made, as Discover does not show what matters. */
export function readsNeeded(view: DeviceView, wish: Wish): ("1" | "2")[] {
  const reads: ("1" | "2")[] = [];
  if (view.servers.some(({ ssid }) => ssid === undefined)) reads.push("1");
  // Access control matters once there are two accounts, before or after.
  const several = new Set([...present(view), ...wish.accounts.map(({ ssid }) => ssid)]).size > 1;
  if (view.accessControls.length > 0 && several) reads.push("2");
  return reads;
}
