import type { PeerConfig } from "../../../src/config/index.js";
import { matchesAny } from "../../../src/config/index.js";
import type { Clock, Secrets } from "../../../src/ports/index.js";
import { ProblemError, certificateIn, ifMatchHolds, publicKeyIn } from "../../../src/smp/index.js";
import type { Account, AccountBody, Caller, SecurityMode } from "../../../src/smp/index.js";
import { CoapUriError, parseCoapUri } from "../../../src/transport/index.js";
import { encodeAccount, encodeSecurity, grantsOf } from "../account-objects.js";
import type { AccountValues } from "../account-objects.js";
import type { Plants } from "../plants.js";
import { isKeyed } from "./device-keys.js";
import { timeOf } from "./items.js";
import { AccountRecord } from "./model.js";
import type { AccountRevision } from "./model.js";

/** Accounts one peer may keep. */
const perPeer = 10_000;

export const etagOf = (version: number): string => `"${version}"`;

export function checkTag(ifMatch: string, version: number): void {
  if (!ifMatchHolds(ifMatch, etagOf(version))) {
    throw new ProblemError("precondition-failed", `it is at ${etagOf(version)} now; read it again and decide anew`, { field: "If-Match" });
  }
}

const placeOf = (id: string): number => parseInt(id.split("-")[1] ?? "", 36);

/**
 * A page of what was made in this order, with ids `prefix-{count}-{random}`. The cursor is the id of the last one shown: what went meanwhile moves nothing.
 * Throws `schema` for a text that is no such id.
 */
export function pageOf<T extends { readonly id: string }, Page>(all: readonly T[], cursor: string | undefined, limit: number, page: (shown: readonly T[], next: string | undefined) => Page): Page {
  const after = cursor === undefined ? 0 : placeOf(cursor);
  if (Number.isNaN(after)) throw new ProblemError("schema", "is not a cursor of this list; take the next of the page before", { field: "cursor" });
  const rest = all.filter(({ id }) => placeOf(id) > after);
  const shown = rest.slice(0, limit);
  return page(shown, rest.length > limit ? shown.at(-1)?.id : undefined);
}

function valuesOf(body: AccountBody, ssid: number): AccountValues {
  const serverKey = body.serverPublicKey ?? body.serverCertificate;
  return {
    ssid,
    serverKey: serverKey === undefined ? undefined : Buffer.from(serverKey, "base64url"),
    sni: body.sni,
    certificateUsage: body.certificateUsage,
    uri: body.uri,
    lifetime: body.lifetime,
    pmin: body.pmin,
    pmax: body.pmax,
    disableTimeout: body.disableTimeout,
    storeNotifications: body.storeNotifications,
    binding: body.binding,
    priority: body.registration?.priority,
    initialDelay: body.registration?.initialDelay,
    blockOnFailure: body.registration?.blockOnFailure,
    bootstrapOnFailure: body.bootstrapOnRegistrationFailure,
    retryCount: body.retry?.count,
    retryTimer: body.retry?.timer,
    sequenceDelay: body.retry?.seqDelay,
    sequenceCount: body.retry?.seqCount,
  };
}

/** Security modes of accounts; keys that nobody checks are for laboratories. */
export const offeredModes = (lab: boolean): SecurityMode[] => ["psk", "rpk", "x509", ...(lab ? (["nosec"] as const) : [])];

/** Undefined for what no device could connect to. */
function schemeOf(uri: string): string | undefined {
  try {
    return parseCoapUri(uri).scheme;
  } catch (error) {
    if (error instanceof CoapUriError) return undefined;
    throw error;
  }
}

/** The accounts operators supplied (SM-1). Nothing of another tenant's is seen or touched. */
export class Accounts {
  readonly #accounts = new Map<string, AccountRecord>();
  #newest = 0;

  constructor(
    private readonly clock: Clock,
    private readonly secrets: Secrets,
    private readonly lab: boolean,
    private readonly plants: Plants,
    /** Short Server IDs that plain configurations use. */
    private readonly plainShortServerIds: () => ReadonlySet<number>,
  ) {}

  create(caller: Caller, peer: PeerConfig, body: AccountBody): AccountRecord {
    this.#check(peer, body);
    if ([...this.#accounts.values()].filter(({ owner }) => owner === caller.peerId).length >= perPeer) throw new ProblemError("rate", "no more accounts than that", { retryAfter: 3600 });
    const ssid = body.ssid ?? this.#freeShortServerId(peer);
    this.#checkShortServerId(caller, peer, ssid, "/ssid");
    const now = this.clock.epoch();
    const id = `acc-${(++this.#newest).toString(36)}-${this.secrets.bytes(6).toString("hex")}`;
    const record = new AccountRecord({ id, tenant: caller.tenant, owner: caller.peerId, ssid, createdAt: now }, (account) => this.#revision(account, body, 1));
    this.#accounts.set(id, record);
    return record;
  }

  /** 404 for what is not there and for what belongs to another tenant: the two look the same. */
  get(caller: Caller, accountId: string, field?: string): AccountRecord {
    const account = this.#accounts.get(accountId);
    if (account === undefined || (account.tenant !== caller.tenant && !this.plants.has("other-tenants-accounts-visible"))) throw new ProblemError("not-found", "there is no such account", field === undefined ? {} : { field });
    return account;
  }

  byId(accountId: string): AccountRecord | undefined {
    return this.#accounts.get(accountId);
  }

  replace(caller: Caller, peer: PeerConfig, accountId: string, body: AccountBody, ifMatch: string): AccountRecord {
    const account = this.get(caller, accountId);
    if (!this.plants.has("etag-ignored")) checkTag(ifMatch, account.revision.version);
    this.#check(peer, body);
    if (body.ssid !== undefined && body.ssid !== account.ssid) {
      throw new ProblemError("ssid-conflict", `the account has Short Server ID ${account.ssid}; supply a new account for another one`, { field: "/ssid" });
    }
    this.#checkChange(account, body.securityMode);
    account.updatedAt = this.clock.epoch();
    account.revision = this.#revision(account, body, account.revision.version + 1);
    return account;
  }

  remove(caller: Caller, accountId: string, ifMatch: string): void {
    const account = this.get(caller, accountId);
    checkTag(ifMatch, account.revision.version);
    if (account.openItems > 0) throw new ProblemError("order-overlap", "an open order names this account; cancel it first");
    this.#accounts.delete(accountId);
  }

  /** In the order they were made. */
  page(caller: Caller, cursor: string | undefined, limit: number): { readonly accounts: readonly AccountRecord[]; readonly next: string | undefined } {
    return pageOf([...this.#accounts.values()].filter(({ tenant }) => tenant === caller.tenant), cursor, limit, (accounts, next) => ({ accounts, next }));
  }

  view({ id, owner, ssid, revision, createdAt, updatedAt }: AccountRecord, peer?: PeerConfig): Account {
    const shown = this.plants.has("secret-readable-by-get") && peer !== undefined ? { secret: peer.token } : {};
    return { ...revision.body, ...shown, accountId: id, owner, ssid, version: revision.version, createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) };
  }

  #revision(account: AccountRecord, body: AccountBody, version: number): AccountRevision {
    const values = valuesOf(body, account.ssid);
    const written = this.plants.has("wrong-ssid") ? { ...values, ssid: account.ssid + 1 } : values;
    return { account, version, body, values, grants: grantsOf(body.acl), payload: encodeAccount(written), securityWith: (key) => encodeSecurity(written, key) };
  }

  /** The next order brings each device a credential of the new mode; an account with keys cannot become one without, nor the other way round. */
  #checkChange({ mode, isKeyed: hasKeys, openItems }: AccountRecord, wanted: SecurityMode): void {
    if (wanted === mode) return;
    if (!hasKeys || !isKeyed(wanted)) throw new ProblemError("unsupported-mode", `the account has mode ${mode}; supply a new account for another one`, { field: "/securityMode" });
    if (openItems > 0) throw new ProblemError("order-overlap", `an open order brings devices a credential of mode ${mode}; cancel it first, or wait for its end`, { field: "/securityMode" });
  }

  #check(peer: PeerConfig, body: AccountBody): void {
    const { securityMode, uri, serverPublicKey, serverCertificate } = body;
    const offered = offeredModes(this.lab);
    if (!offered.includes(securityMode)) {
      throw new ProblemError("unsupported-mode", securityMode === "nosec" ? "nosec is offered in a laboratory configuration only" : `${securityMode} is not offered; capabilities lists ${offered.join(", ")}`, { field: "/securityMode" });
    }
    const scheme = securityMode === "nosec" ? "coap" : "coaps";
    if (schemeOf(uri) !== scheme) throw new ProblemError("uri-not-allowed", `an account of mode ${securityMode} needs ${scheme}://host[:port]`, { field: "/uri" });
    if (!matchesAny(peer.uris, body.uri)) throw new ProblemError("uri-not-allowed", "the caller's accounts may not name this URI", { field: "/uri" });
    if (serverPublicKey !== undefined) publicKeyIn(serverPublicKey, "/serverPublicKey");
    if (serverCertificate !== undefined) certificateIn(serverCertificate, "/serverCertificate", this.clock.epoch());
  }

  #checkShortServerId(caller: Caller, peer: PeerConfig, ssid: number, field: string): void {
    const [first, last] = peer.shortServerIds;
    if (ssid < first || ssid > last) throw new ProblemError("ssid-conflict", `the caller's Short Server IDs are ${first} to ${last}`, { field });
    for (const other of this.#accounts.values()) {
      if (other.ssid === ssid && other.tenant !== caller.tenant) throw new ProblemError("ssid-conflict", "this Short Server ID is in use", { field });
    }
  }

  #freeShortServerId(peer: PeerConfig): number {
    const [first, last] = peer.shortServerIds;
    const used = new Set([...this.plainShortServerIds(), ...[...this.#accounts.values()].map(({ ssid }) => ssid)]);
    for (let ssid = first; ssid <= last; ssid++) if (!used.has(ssid)) return ssid;
    throw new ProblemError("ssid-conflict", "the caller's Short Server IDs are all in use; name one", { field: "/ssid" });
  }
}
