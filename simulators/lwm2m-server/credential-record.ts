import type { ServerSession } from "../../src/dtls/index.js";
import { isUsable, newCredential, type Credential, type CredentialBody, type CredentialMachine, type CredentialVersionView } from "../../src/smp/index.js";
import { namesOf, type IdentityNames } from "./identity-names.js";

/** A live DTLS session of a device, as the rules about credentials see it. */
export type DeviceSession = Pick<ServerSession<CredentialVersion>, "peer" | "info" | "context" | "open" | "close">;

/** A body as it may be shown: whoever reads one takes the secret out of it. */
export type ShownBody = Omit<CredentialBody, "secret">;

/** Who issued a certificate, and who that one; the last is the trust anchor. Shared by all credentials that name the same. */
export interface IssuerChain {
  readonly texts: readonly string[];
  /** The same, DER. */
  readonly der: readonly Buffer[];
}

/** What a peer stages. */
export interface StagedCredential {
  readonly body: ShownBody;
  /** Mode `psk`. */
  readonly key?: Buffer;
  /** Mode `x509`, where the body names one certificate. */
  readonly certificate?: { readonly der: Buffer; readonly publicKey: Buffer };
  readonly issuers?: IssuerChain;
}

/** What the profile says where a body does not. */
export const defaultOverlapSeconds = 86_400;

/** One version of a credential, as it was staged. Times are milliseconds since 1970. */
export class CredentialVersion {
  machine: CredentialMachine = newCredential;
  updatedAt: number;
  activatedAt: number | undefined = undefined;
  /** A Register came since the latest activation. */
  seenSinceActivation = false;
  /** While retiring: when the overlap is over at the latest. */
  overlapUntil = Infinity;
  /** Mode `psk`, until it is over for good. */
  key: Buffer | undefined;
  /** Until it is over for good: then others may have its identity. */
  holds = true;
  readonly body: ShownBody;
  readonly identity: IdentityNames;
  readonly certificate: Buffer | undefined;
  readonly issuers: IssuerChain | undefined;
  readonly notBefore: number;
  readonly notAfter: number;

  constructor(
    readonly record: CredentialRecord,
    staged: StagedCredential,
    /** Tells equal bodies; without the secret. */
    readonly canonical: string,
    readonly stagedAt: number,
  ) {
    const { body } = staged;
    this.body = body;
    this.key = staged.key;
    this.identity = namesOf(staged);
    this.certificate = staged.certificate?.der;
    this.issuers = staged.issuers;
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

  /** It is over for good. */
  letGo(): void {
    this.key = undefined;
    this.holds = false;
  }

  admits(now: number): boolean {
    return isUsable(this.machine.state) && now >= this.notBefore && now <= this.notAfter && !(this.machine.state === "retiring" && now > this.overlapUntil);
  }

  move({ state, confirmed }: CredentialMachine, now: number): void {
    this.machine = { state, confirmed };
    this.updatedAt = now;
  }
}

/** A credential of one client under one id: its newest version, and those before it that still matter. */
export class CredentialRecord {
  /** Oldest first; never empty. */
  readonly versions: CredentialVersion[] = [];
  /** Of the latest activation. */
  sessionId: number | undefined = undefined;
  /** Live sessions that one of its versions authenticated, also one that is over. */
  readonly sessions: DeviceSession[] = [];

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

/** `versions` in openapi.yaml. */
const mostVersionsShown = 16;

/** The record as it is read: never the secret. */
export function viewOf(record: CredentialRecord): Credential {
  const { newest, active } = record;
  return {
    ...newest.body,
    ep: record.endpoint,
    credentialId: record.credentialId,
    state: newest.state,
    ...(active === undefined ? {} : { activeVersion: active.version, confirmed: active.seenSinceActivation }),
    ...(record.sessionId === undefined ? {} : { sessionId: record.sessionId }),
    ...(newest.activatedAt === undefined ? {} : { activatedAt: isoTime(newest.activatedAt) }),
    versions: record.versions.slice(-mostVersionsShown).map(versionView).reverse(),
    stagedAt: isoTime(newest.stagedAt),
    updatedAt: isoTime(newest.updatedAt),
  };
}

function versionView({ body, state, overlapUntil }: CredentialVersion): CredentialVersionView {
  return {
    version: body.version,
    state,
    mode: body.mode,
    ...(body.identity === undefined ? {} : { identity: body.identity }),
    ...(body.kcv === undefined ? {} : { kcv: body.kcv }),
    ...(body.thumbprint === undefined ? {} : { thumbprint: body.thumbprint }),
    ...(body.subject === undefined ? {} : { subject: body.subject }),
    ...(state === "retiring" && overlapUntil !== Infinity ? { overlapUntil: isoTime(overlapUntil) } : {}),
  };
}

export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();

/** Equal bodies have equal text, whatever the order of their members. */
export function canonicalBody(body: ShownBody): string {
  return JSON.stringify(body, (_name, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  );
}
