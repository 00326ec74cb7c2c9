import { activationDecision, isUsable, ProblemError, versionDecision, type Activation, type CredentialBody, type CredentialState, type EventType } from "../../src/smp/index.js";
import { Timer, type Clock } from "../../src/ports/index.js";
import type { PlantedFaults } from "./plants.js";
import { canonicalBody, CredentialRecord, CredentialVersion } from "./credential-record.js";

/** What the store tells of a change. */
export interface CredentialChange {
  readonly record: CredentialRecord;
  readonly version: CredentialVersion;
  readonly from: CredentialState | "none";
  readonly input: string;
  readonly event: Extract<EventType, `smp.credential.${string}`>;
}

export interface CredentialStoreOptions {
  readonly clock: Clock;
  readonly plants: PlantedFaults;
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

const absent = (): ProblemError => new ProblemError("not-found", "there is no such credential");

/** SM-3 at the LwM2M Server: the credentials that tell which devices it admits. Refusals are `ProblemError`s. */
export class CredentialStore extends Timer {
  override readonly timerName = "credential overlap";
  readonly #tenants = new Map<string, Map<string, ClientCredentials>>();
  /** PSK identity to the client that holds it; an identity belongs to one client only. */
  readonly #identities = new Map<string, string>();
  /** Versions whose overlap ends by itself. */
  readonly #retiring = new Map<CredentialVersion, CredentialRecord>();
  #records = 0;

  constructor(readonly options: CredentialStoreOptions) {
    super();
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

  /** Whether an active or retiring NoSec credential lets the endpoint in now; one with a key admits only a session that proves it. */
  admits(endpoint: string): boolean {
    if (this.options.plants.has("admits-without-credential")) return true;
    const now = this.options.clock.epoch();
    for (const clients of this.#tenants.values()) {
      for (const record of clients.get(endpoint)?.records ?? []) if (record.versions.some((version) => version.body.mode === "nosec" && version.admits(now))) return true;
    }
    return false;
  }

  /** Whether any record of the client is active or retiring, whatever its mode. */
  anyUsable(endpoint: string): boolean {
    return this.ofClient(endpoint).some((record) => record.versions.some((version) => isUsable(version.state)));
  }

  /** True when a version was stored, false when it is the same as before. */
  stage(tenant: string, owner: string, endpoint: string, credentialId: string, body: CredentialBody): { readonly record: CredentialRecord; readonly stored: boolean } {
    const existing = this.find(tenant, endpoint, credentialId);
    const put = { version: body.version, body: canonicalBody(body) };
    const decided = versionDecision(existing && { version: existing.newest.version, body: existing.newest.canonical }, put);
    const decision = decided === "version-regression" && this.options.plants.has("version-regression-accepted") ? "store" : decided;
    if (existing !== undefined && decision === "same" && existing.newest.state !== "revoked") return { record: existing, stored: false };
    if (decision !== "store") throw new ProblemError("version-regression", `version ${existing?.newest.version ?? 0} is stored; a changed credential needs a higher one`, { field: "/version" });
    const identity = body.identity?.b64u;
    if (identity !== undefined && (this.#identities.get(identity) ?? endpoint) !== endpoint) throw new ProblemError("identity-conflict", "the identity belongs to another client", { field: "/identity" });
    const record = existing ?? this.#create(tenant, owner, endpoint, credentialId);
    const version = new CredentialVersion(body, put.body, this.options.clock.epoch());
    const dropped = record.add(version);
    this.#forgetIdentities(record, dropped);
    if (identity !== undefined) this.#identities.set(identity, endpoint);
    this.options.changed({ record, version, from: "none", input: "stage", event: "smp.credential.staged" });
    return { record, stored: true };
  }

  activate(tenant: string, endpoint: string, credentialId: string, put: Activation): CredentialRecord {
    const client = this.#tenants.get(tenant)?.get(endpoint);
    const record = client?.records.find((candidate) => candidate.credentialId === credentialId);
    if (client === undefined || record === undefined) throw absent();
    const { newest } = record;
    const newestSession = this.options.plants.has("stale-session-activation-accepted") ? undefined : client.newestSession;
    const decision = activationDecision({ version: newest.version, state: newest.state }, newestSession, put);
    if (decision === "session-displaced") throw new ProblemError("session-displaced", `session ${client.newestSession ?? 0} is newer`, { field: "/sessionId" });
    if (decision === "version-regression" || newest.state === "revoked") throw new ProblemError("version-regression", `version ${newest.version} is the one that can be activated, if it was not revoked`, { field: "/version" });
    if (this.options.plants.has("activation-not-effective")) return record;
    if (record.sessionId !== put.sessionId) newest.seenSinceActivation = false;
    client.newestSession = Math.max(put.sessionId, client.newestSession ?? 0);
    record.sessionId = put.sessionId;
    if (decision === "activate") this.#makeActive(record, newest);
    return record;
  }

  /** Takes an activation back: the version before is active again, or none. */
  rollBack(tenant: string, endpoint: string, credentialId: string, version: number, sessionId: number | undefined): CredentialRecord {
    const client = this.#tenants.get(tenant)?.get(endpoint);
    const record = client?.records.find((candidate) => candidate.credentialId === credentialId);
    if (client === undefined || record === undefined) throw absent();
    const { newest } = record;
    if (sessionId !== undefined && client.newestSession !== undefined && sessionId < client.newestSession) throw new ProblemError("session-displaced", `session ${client.newestSession} is newer`, { field: "sessionId" });
    if (version !== newest.version) throw new ProblemError("version-regression", `version ${newest.version} is the one that can be rolled back`, { field: "version" });
    if (newest.state === "rolled-back") return record;
    if (!this.#move(record, newest, { in: "roll-back" }, "smp.credential.rolledback")) throw new ProblemError("version-regression", `version ${version} was ${newest.state === "revoked" ? "revoked" : "confirmed by a registration"} and cannot be rolled back`, { field: "version" });
    const before = record.versions.findLast((candidate) => candidate !== newest && candidate.state === "retiring");
    if (before !== undefined) this.#move(record, before, { in: "restored" }, "smp.credential.activated");
    return record;
  }

  /** Every version is over. True when something admitted the device before. */
  revoke(tenant: string, endpoint: string, credentialId: string, version: number): boolean {
    const record = this.find(tenant, endpoint, credentialId);
    if (record === undefined) throw absent();
    if (version < record.newest.version) throw new ProblemError("version-regression", `version ${record.newest.version} is stored`, { field: "version" });
    const admitted = record.versions.some((one) => isUsable(one.state));
    for (const one of record.versions) this.#move(record, one, { in: "revoke" }, "smp.credential.revoked");
    this.#forgetIdentities(undefined, record.versions);
    return admitted;
  }

  /** A device registered without security: the versions that let it in are confirmed, those before them are over. Returns the records in force. */
  registered(endpoint: string): CredentialRecord[] {
    const inForce: CredentialRecord[] = [];
    for (const clients of this.#tenants.values()) {
      for (const record of clients.get(endpoint)?.records ?? []) {
        const { active } = record;
        if (active?.body.mode !== "nosec") continue;
        active.seenSinceActivation = true;
        active.move({ in: "register-seen" }, this.options.clock.epoch());
        for (const older of record.versions) this.#move(record, older, { in: "overlap-over" }, "smp.credential.retired");
        inForce.push(record);
      }
    }
    return inForce;
  }

  stop(): void {
    this.options.clock.stop(this);
  }

  override fire(): void {
    const now = this.options.clock.epoch();
    for (const [version, record] of this.#retiring) {
      if (version.state === "retiring" && now < version.overlapUntil) continue;
      this.#retiring.delete(version);
      this.#move(record, version, { in: "overlap-over" }, "smp.credential.retired");
    }
    if (this.#retiring.size > 0) this.options.clock.start(this, sweepMs);
  }

  #create(tenant: string, owner: string, endpoint: string, credentialId: string): CredentialRecord {
    if (this.#records >= this.options.maxRecords) throw new ProblemError("peer-unavailable", "no room for more credentials", { retryAfter: 3600 });
    let clients = this.#tenants.get(tenant);
    if (clients === undefined) this.#tenants.set(tenant, (clients = new Map<string, ClientCredentials>()));
    let client = clients.get(endpoint);
    if (client === undefined) clients.set(endpoint, (client = { records: [], newestSession: undefined }));
    const record = new CredentialRecord(tenant, owner, endpoint, credentialId);
    client.records.push(record);
    this.#records += 1;
    return record;
  }

  /** Identities of versions that are gone are free again, unless a version that `keeper` still has goes by the same. */
  #forgetIdentities(keeper: CredentialRecord | undefined, versions: readonly CredentialVersion[]): void {
    for (const { body } of versions) {
      const identity = body.identity?.b64u;
      if (identity !== undefined && keeper?.versions.some((kept) => kept.body.identity?.b64u === identity) !== true) this.#identities.delete(identity);
    }
  }

  #makeActive(record: CredentialRecord, version: CredentialVersion): void {
    const now = this.options.clock.epoch();
    for (const older of record.versions) {
      if (older === version) continue;
      // Two slots: the version now active and the one before it; whatever still overlapped is over.
      this.#move(record, older, { in: "overlap-over" }, "smp.credential.retired");
      if (older.state !== "active") continue;
      older.move({ in: "superseded", overlap: true }, now);
      if (version.body.overlapSeconds === undefined) continue;
      older.overlapUntil = now + version.body.overlapSeconds * 1000;
      this.#retiring.set(older, record);
      if (!this.running) this.options.clock.start(this, sweepMs);
    }
    version.activatedAt = now;
    version.seenSinceActivation = false;
    this.#move(record, version, { in: "activate" }, "smp.credential.activated");
  }

  #move(record: CredentialRecord, version: CredentialVersion, input: Parameters<CredentialVersion["move"]>[0], event: CredentialChange["event"]): boolean {
    const from = version.state;
    if (!version.move(input, this.options.clock.epoch())) return false;
    this.options.changed({ record, version, from, input: input.in, event });
    return true;
  }
}
