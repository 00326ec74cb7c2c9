import { isUsable, newCredential, nextCredential, type Credential, type CredentialBody, type CredentialInput, type CredentialMachine } from "../../src/smp/index.js";

/** One version of a credential, as it was staged. Times are milliseconds since 1970. */
export class CredentialVersion {
  machine: CredentialMachine = newCredential;
  updatedAt: number;
  activatedAt: number | undefined = undefined;
  /** A Register came since the latest activation. */
  seenSinceActivation = false;
  /** While retiring: when the overlap is over at the latest. */
  overlapUntil = Infinity;
  readonly notBefore: number;
  readonly notAfter: number;

  constructor(
    readonly body: CredentialBody,
    /** Tells equal bodies, secret included. */
    readonly canonical: string,
    readonly stagedAt: number,
  ) {
    this.updatedAt = stagedAt;
    this.notBefore = body.notBefore === undefined ? -Infinity : Date.parse(body.notBefore);
    this.notAfter = body.notAfter === undefined ? Infinity : Date.parse(body.notAfter);
  }

  get version(): number {
    return this.body.version;
  }

  get state(): CredentialMachine["state"] {
    return this.machine.state;
  }

  admits(now: number): boolean {
    return isUsable(this.machine.state) && now >= this.notBefore && now <= this.notAfter && !(this.machine.state === "retiring" && now > this.overlapUntil);
  }

  /** False where the input means nothing in this state. */
  move(input: CredentialInput, now: number): boolean {
    const next = nextCredential(this.machine, input);
    if (next === undefined) return false;
    this.machine = next;
    this.updatedAt = now;
    return true;
  }
}

/** A credential of one client under one id: its newest version, and those before it that still matter. */
export class CredentialRecord {
  /** Oldest first; never empty. */
  readonly versions: CredentialVersion[] = [];
  /** Of the latest activation. */
  sessionId: number | undefined = undefined;

  constructor(
    readonly tenant: string,
    /** Peer that staged it: who is told of registrations. */
    readonly owner: string,
    readonly endpoint: string,
    readonly credentialId: string,
  ) {}

  get newest(): CredentialVersion {
    const newest = this.versions.at(-1);
    if (newest === undefined) throw new Error("a credential record has a version");
    return newest;
  }

  get active(): CredentialVersion | undefined {
    return this.versions.findLast((version) => version.state === "active");
  }

  /** Returns the versions that gave way. */
  add(version: CredentialVersion): readonly CredentialVersion[] {
    // What never admitted anybody and is not the newest any more has no use; what is over stays only as the newest.
    const dropped = this.versions.filter((before) => !isUsable(before.state));
    const kept = this.versions.filter((before) => isUsable(before.state));
    this.versions.splice(0, this.versions.length, ...kept, version);
    return dropped;
  }
}

/** The record as it is read: never the secret. */
export function viewOf(record: CredentialRecord): Credential {
  const { newest, active } = record;
  return {
    ...withoutSecret(newest.body),
    ep: record.endpoint,
    credentialId: record.credentialId,
    state: newest.state,
    ...(active === undefined ? {} : { activeVersion: active.version, confirmed: active.seenSinceActivation }),
    ...(record.sessionId === undefined ? {} : { sessionId: record.sessionId }),
    ...(newest.activatedAt === undefined ? {} : { activatedAt: isoTime(newest.activatedAt) }),
    stagedAt: isoTime(newest.stagedAt),
    updatedAt: isoTime(newest.updatedAt),
  };
}

function withoutSecret(body: CredentialBody): Omit<CredentialBody, "secret"> {
  const { secret, ...shown } = body;
  return secret === undefined ? body : shown;
}

export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();

/** Equal bodies have equal text, whatever the order of their members. */
export function canonicalBody(body: CredentialBody): string {
  return JSON.stringify(body, (_name, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  );
}
