import { activationDecision, isUsable, nextLine, ProblemError, versionDecision, type Activation, type CredentialMachine, type CredentialState, type EventType, type LineInput, type SessionPolicy } from "../../src/smp/index.js";
import { Timer, type Clock, type Secrets } from "../../src/ports/index.js";
import type { PlantedFaults } from "./plants.js";
import { canonicalBody, CredentialRecord, CredentialVersion, defaultOverlapSeconds, type StagedCredential } from "./credential-record.js";
import { IdentityIndex, type IdentityLookup } from "./identity-index.js";

/** What the store tells of a change. */
export interface CredentialChange {
  readonly record: CredentialRecord;
  readonly version: CredentialVersion;
  readonly from: CredentialState | "none";
  readonly input: LineInput["in"];
  /** What becomes of the sessions of a version that is over: the rule of the version that took its place, or its own. */
  readonly sessionPolicy: SessionPolicy;
  /** Absent where the profile has none. */
  readonly event?: CredentialEvent;
}

type CredentialEvent = Extract<EventType, `smp.credential.${string}`>;

export interface CredentialStoreOptions {
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, "equal">;
  readonly plants: PlantedFaults;
  /** How many versions of a credential may admit at the same time. */
  readonly slots: 1 | 2;
  readonly maxRecords: number;
  changed(change: CredentialChange): void;
}

/** Everything one tenant has staged for one client. */
interface ClientCredentials {
  readonly records: CredentialRecord[];
  /** ORD-5: the latest bootstrap session that activated something. */
  newestSession: number | undefined;
}

const sweepMs = 1000;

/** SM-3 at the LwM2M Server: the credentials that tell which devices it admits. Refusals are `ProblemError`s. */
export class CredentialStore extends Timer {
  override readonly timerName = "credential overlap";
  readonly #tenants = new Map<string, Map<string, ClientCredentials>>();
  readonly #identities: IdentityIndex;
  /** Versions whose overlap ends by itself. */
  readonly #retiring = new Set<CredentialVersion>();
  #records = 0;

  constructor(readonly options: CredentialStoreOptions) {
    super();
    this.#identities = new IdentityIndex(options);
  }

  get size(): number {
    return this.#records;
  }

  find(tenant: string, endpoint: string, credentialId: string): CredentialRecord | undefined {
    return this.#tenants.get(tenant)?.get(endpoint)?.records.find((record) => record.credentialId === credentialId);
  }

  ofClient(endpoint: string): CredentialRecord[] {
    return [...this.#tenants.values()].flatMap((clients) => clients.get(endpoint)?.records ?? []);
  }

  /** Records of a tenant in the order they were staged. */
  *ofTenant(tenant: string): Generator<CredentialRecord> {
    for (const client of this.#tenants.get(tenant)?.values() ?? []) yield* client.records;
  }

  /** Whether a handshake may use the version now. */
  usable(version: CredentialVersion): boolean {
    return version.admits(this.options.clock.epoch()) || (version.state === "staged" && this.options.plants.has("staged-credential-admits"));
  }

  /** What a handshake gets that shows an identity; see `identity-names.ts` for its names. */
  lookUp(...names: readonly string[]): IdentityLookup {
    return this.#identities.lookUp(names, this.options.clock.epoch(), (version) => this.usable(version));
  }

  /** Whether an active or retiring NoSec credential lets the endpoint in now; one with a key admits only a session that proves it. */
  admits(endpoint: string): boolean {
    const { plants } = this.options;
    if (plants.has("admits-without-credential")) return true;
    for (const clients of this.#tenants.values()) {
      for (const record of clients.get(endpoint)?.records ?? []) {
        if (record.versions.some((version) => this.usable(version) && (version.body.mode === "nosec" || plants.has("secured-endpoint-admitted-without-session")))) return true;
      }
    }
    return false;
  }

  /** Whether any record of the client is active or retiring, whatever its mode. */
  anyUsable(endpoint: string): boolean {
    return this.ofClient(endpoint).some((record) => record.versions.some((version) => isUsable(version.state)));
  }

  /** True when a version was stored, false when it is the same as before. */
  stage(tenant: string, owner: string, endpoint: string, credentialId: string, staged: StagedCredential): { readonly record: CredentialRecord; readonly stored: boolean } {
    const { body, key } = staged;
    const existing = this.find(tenant, endpoint, credentialId);
    const canonical = canonicalBody(body);
    // The key has no place in the text that tells bodies apart, and counts all the same.
    const put = { version: body.version, body: this.#sameKey(existing?.newest.key, key) ? canonical : `${canonical} with another key` };
    const decided = versionDecision(existing && { version: existing.newest.version, body: existing.newest.canonical }, put);
    const decision = decided === "version-regression" && this.options.plants.has("version-regression-accepted") ? "store" : decided;
    if (existing !== undefined && decision === "same" && existing.newest.state !== "revoked") return { record: existing, stored: false };
    if (decision !== "store") throw new ProblemError("version-regression", `version ${existing?.newest.version ?? 0} is stored; a changed credential needs a higher one`, { field: "/version" });
    this.#identities.check(staged, endpoint, existing);
    const record = existing ?? this.#create(tenant, owner, endpoint, credentialId);
    const version = new CredentialVersion(record, staged, canonical, this.options.clock.epoch());
    for (const dropped of record.add(version)) this.#identities.forget(dropped);
    this.#identities.add(version);
    this.options.changed({ record, version, from: "none", input: "stage", sessionPolicy: body.sessionPolicy, event: "smp.credential.staged" });
    return { record, stored: true };
  }

  activate(tenant: string, endpoint: string, credentialId: string, put: Activation): CredentialRecord {
    const { client, record } = this.#found(tenant, endpoint, credentialId);
    const { newest, active } = record;
    const newestSession = this.options.plants.has("stale-session-activation-accepted") ? undefined : client.newestSession;
    const decision = activationDecision({ version: newest.version, state: newest.state, activeVersion: active?.version }, newestSession, put);
    if (decision === "session-displaced") throw new ProblemError("session-displaced", `session ${client.newestSession ?? 0} is newer`, { field: "/sessionId" });
    if (decision === "version-regression") throw new ProblemError("version-regression", `version ${newest.version} is the one that can be activated, if it was not revoked`, { field: "/version" });
    if (this.options.plants.has("activation-not-effective")) return record;
    if (record.sessionId !== put.sessionId) (decision === "same" && active !== undefined ? active : newest).seenSinceActivation = false;
    client.newestSession = Math.max(put.sessionId, client.newestSession ?? 0);
    record.sessionId = put.sessionId;
    if (decision === "activate") this.#makeActive(newest);
    return record;
  }

  /** Takes an activation back: the version before is active again, or none. */
  rollBack(tenant: string, endpoint: string, credentialId: string, version: number, sessionId: number | undefined): CredentialRecord {
    const { client, record } = this.#found(tenant, endpoint, credentialId);
    const { newest } = record;
    if (sessionId !== undefined && client.newestSession !== undefined && sessionId < client.newestSession) throw new ProblemError("session-displaced", `session ${client.newestSession} is newer`, { field: "sessionId" });
    if (version !== newest.version) throw new ProblemError("version-regression", `version ${newest.version} is the one that can be rolled back`, { field: "version" });
    if (this.options.plants.has("rollback-not-effective")) return record;
    if (!this.#apply(record, { in: "roll-back", version }, newest)) throw new ProblemError("version-regression", `version ${version} was ${newest.state === "revoked" ? "revoked" : "confirmed by a registration"} and cannot be rolled back`, { field: "version" });
    return record;
  }

  /** Every version is over for good. `admitted`: one of them let its device in before. */
  revoke(tenant: string, endpoint: string, credentialId: string, version: number): { readonly record: CredentialRecord; readonly admitted: boolean } {
    const { record } = this.#found(tenant, endpoint, credentialId);
    if (version < record.newest.version) throw new ProblemError("version-regression", `version ${record.newest.version} is stored`, { field: "version" });
    const admitted = record.versions.some((one) => isUsable(one.state));
    this.#apply(record, { in: "revoke" }, record.newest);
    for (const one of record.versions) one.letGo();
    return { record, admitted };
  }

  /**
   * A device registered: on a session that rests on `by`, or without security. The versions that let it in are confirmed; confirmation of the active one
   * is the end of those before it. Returns them.
   */
  registered(endpoint: string, by: CredentialVersion | undefined): CredentialVersion[] {
    if (by !== undefined) return [this.#seen(this.options.plants.has("old-session-confirms-new") ? (by.record.active ?? by) : by)];
    const now = this.options.clock.epoch();
    const seen: CredentialVersion[] = [];
    for (const clients of this.#tenants.values()) {
      for (const record of clients.get(endpoint)?.records ?? []) {
        const version = record.versions.findLast((one) => one.body.mode === "nosec" && one.admits(now));
        if (version !== undefined) seen.push(this.#seen(version));
      }
    }
    return seen;
  }

  stop(): void {
    this.options.clock.stop(this);
  }

  override fire(): void {
    const now = this.options.clock.epoch();
    for (const version of this.#retiring) {
      if (version.state === "retiring" && now < version.overlapUntil) continue;
      this.#retiring.delete(version);
      if (version.state === "retiring") this.#apply(version.record, { in: "overlap-over" }, version.record.active ?? version);
    }
    if (this.#retiring.size > 0) this.options.clock.start(this, sweepMs);
  }

  #create(tenant: string, owner: string, endpoint: string, credentialId: string): CredentialRecord {
    if (this.#records >= this.options.maxRecords) throw new ProblemError("peer-unavailable", "no room for more credentials", { retryAfter: 3600 });
    const clients = this.#tenants.get(tenant) ?? new Map<string, ClientCredentials>();
    this.#tenants.set(tenant, clients);
    const client = clients.get(endpoint) ?? { records: [], newestSession: undefined };
    clients.set(endpoint, client);
    const record = new CredentialRecord(tenant, owner, endpoint, credentialId);
    client.records.push(record);
    this.#records += 1;
    return record;
  }

  #sameKey(stored: Buffer | undefined, put: Buffer | undefined): boolean {
    return stored === undefined || put === undefined ? stored === put : this.options.secrets.equal(stored, put);
  }

  #found(tenant: string, endpoint: string, credentialId: string): { readonly client: ClientCredentials; readonly record: CredentialRecord } {
    const client = this.#tenants.get(tenant)?.get(endpoint);
    const record = client?.records.find((candidate) => candidate.credentialId === credentialId);
    if (client === undefined || record === undefined) throw new ProblemError("not-found", "there is no such credential");
    return { client, record };
  }

  #makeActive(version: CredentialVersion): void {
    const { clock, plants, slots } = this.options;
    const { overlapSeconds = defaultOverlapSeconds } = version.body;
    const now = clock.epoch();
    version.activatedAt = now;
    version.seenSinceActivation = false;
    this.#apply(version.record, { in: "activate", version: version.version, slots: overlapSeconds === 0 ? 1 : slots }, version);
    if (plants.has("old-credential-outlives-overlap")) return;
    for (const older of version.record.versions) {
      if (older.state !== "retiring") continue;
      older.overlapUntil = now + overlapSeconds * 1000;
      this.#retiring.add(older);
      if (!this.running) clock.start(this, sweepMs);
    }
  }

  #seen(version: CredentialVersion): CredentialVersion {
    version.seenSinceActivation = true;
    this.#apply(version.record, { in: "register-seen", version: version.version }, version);
    return version;
  }

  /** Carries an input out on the versions of a record; false where it means nothing. `by` is the version whose rule for sessions counts. */
  #apply(record: CredentialRecord, input: LineInput, by: CredentialVersion): boolean {
    const next = nextLine(record.versions.map(({ version, machine }) => ({ version, ...machine })), input);
    if (next === undefined) return false;
    // The newest first: what replaces another serves before that one goes.
    for (let at = record.versions.length - 1; at >= 0; at -= 1) {
      const version = record.versions[at];
      const moved = next[at];
      if (version !== undefined && moved !== undefined) this.#move(version, moved, input.in, by.body.sessionPolicy);
    }
    return true;
  }

  #move(version: CredentialVersion, to: CredentialMachine, input: LineInput["in"], sessionPolicy: SessionPolicy): void {
    const from = version.state;
    if (from === to.state && version.machine.confirmed === to.confirmed) return;
    if (to.state === "revoked" && input !== "revoke" && this.options.plants.has("old-credential-outlives-overlap")) return;
    version.move(to, this.options.clock.epoch());
    if (from === to.state) return;
    if (to.state === "active") version.overlapUntil = Infinity;
    const event = eventOf(to.state, input);
    this.options.changed({ record: version.record, version, from, input, sessionPolicy, ...(event === undefined ? {} : { event }) });
  }
}

function eventOf(state: CredentialState, input: LineInput["in"]): CredentialEvent | undefined {
  switch (state) {
    case "staged":
      return "smp.credential.staged";
    case "active":
      return "smp.credential.activated";
    case "retiring":
      return undefined;
    case "revoked":
      return input === "revoke" ? "smp.credential.revoked" : "smp.credential.retired";
    case "rolled-back":
      return "smp.credential.rolledback";
  }
}
