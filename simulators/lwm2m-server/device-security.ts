import { z } from "zod";
import type { HandshakeAnswer } from "../../src/config/index.js";
import type { Peer, PeerIdentity } from "../../src/coap/index.js";
import { alertName, Alerts, type CloseReason, type Identity, type KeyAnswer, type PeerAnswer, type PeerClaim } from "../../src/dtls/index.js";
import type { FaultBoard, FaultOutcome } from "../../src/operator/index.js";
import { formatAddress, type Address, type Clock, type Trace } from "../../src/ports/index.js";
import { peerName, type SessionDirectory } from "../../src/transport/index.js";
import type { ConfiguredKeys } from "./configured-keys.js";
import type { CredentialVersion, DeviceSession } from "./credential-record.js";
import type { CredentialChange, CredentialStore } from "./credential-store.js";
import type { HandshakeLog } from "./handshake-log.js";
import type { IdentityLookup } from "./identity-index.js";
import type { PlantedFaults } from "./plants.js";
import { isInDate, shownClaim, shownIn, shownPsk, type ShownIdentity } from "./shown-identity.js";

export interface DeviceSecurityOptions {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly credentials: CredentialStore;
  readonly configured: ConfiguredKeys;
  readonly faults: FaultBoard;
  readonly plants: PlantedFaults;
  readonly handshakes: HandshakeLog;
  /** For an identity that nobody has here, or has no longer. */
  readonly unknownIdentity: HandshakeAnswer;
  /** The same for a public key or a certificate. */
  readonly unknownCertificate: HandshakeAnswer;
  /** For one that is staged, in the time after the staging in which its activation is to be expected. */
  readonly stagedIdentity: HandshakeAnswer;
  readonly stagingGraceMs: number;
  opened(session: DeviceSession): void;
  /** It was saved before a restart. */
  restored(session: DeviceSession, peer: Peer): void;
  /** It goes on from another address. */
  moved(session: DeviceSession, before: Address): void;
  closed(session: DeviceSession, why: string): void;
  /** A handshake with its key came to nothing, or the version is over and was asked for all the same. */
  authenticationFailed(version: CredentialVersion): void;
}

/** Operations under which a handshake meets its faults: every one, and those only that are refused anyway. */
const anyHandshake = "handshake";
const refusedHandshake = "handshake.refused";

/** Handshakes whose end is waited for, at most; of more than these the oldest is not counted as failed. */
const maxUnderWay = 20_000;

/** What the credentials mean for DTLS: who gets a key, who may resume, and which sessions end when a credential does. */
export class DeviceSecurity implements SessionDirectory<CredentialVersion> {
  readonly #sessions = new Map<Peer, DeviceSession>();
  /** What a handshake was given a key of, by the address it came from. */
  readonly #underWay = new Map<string, CredentialVersion>();

  constructor(readonly options: DeviceSecurityOptions) {}

  get size(): number {
    return this.#sessions.size;
  }

  sessions(): Iterable<DeviceSession> {
    return this.#sessions.values();
  }

  /** Undefined for a peer without security, and once the session is over. */
  readonly sessionOf = (peer: Peer): DeviceSession | undefined => this.#sessions.get(peer);

  findKey(identity: Buffer, from: Address): KeyAnswer<CredentialVersion> | Promise<KeyAnswer<CredentialVersion>> {
    const { configured, credentials } = this.options;
    const shown = shownPsk(identity);
    if (credentials.lookUp(...shown.names).state === "unknown") configured.meet(identity);
    const answered = this.#judge(shown, from);
    return answered instanceof Promise ? answered.then(withKey) : withKey(answered);
  }

  findPeer(claim: PeerClaim, from: Address): PeerAnswer<CredentialVersion> | Promise<PeerAnswer<CredentialVersion>> {
    const { clock, configured, credentials } = this.options;
    const shown = shownClaim(claim);
    const unfit = shown.unfit ?? (credentials.lookUp(...shown.names).state === "unknown" ? configured.meetCertificate(claim, clock.epoch()) : undefined);
    return this.#judge(unfit === undefined ? shown : { ...shown, unfit }, from);
  }

  mayResume(identity: Identity, version: CredentialVersion, from: Address): boolean {
    const { clock, credentials, faults, handshakes, plants } = this.options;
    const text = peerName(identity);
    const { endpoint } = version.record;
    // A fault that waits for a handshake of the device is not to be slipped past.
    const may = ((credentials.usable(version) && isInDate(identity, clock.epoch())) || plants.has("resumption-outlives-revoke")) && !faults.waitsFor(anyHandshake, endpoint, text);
    this.#record(endpoint, text, from, may ? "resumable" : "not-resumable", version.state, version);
    if (may) {
      handshakes.attempt(endpoint, text);
      this.#begun(from, version);
    }
    return may;
  }

  onSession(peer: Peer, session: DeviceSession): void {
    const { credentials, handshakes, plants, unknownCertificate, unknownIdentity } = this.options;
    const { context: version, info } = session;
    const { endpoint } = version.record;
    this.#underWay.delete(formatAddress(session.peer));
    if (!credentials.usable(version) && !(info.resumed && plants.has("resumption-outlives-revoke"))) {
      // It was revoked while the handshake went on.
      handshakes.ended(endpoint, peerName(info.identity), "refused");
      const answer = info.identity.mode === "psk" ? unknownIdentity : unknownCertificate;
      if (answer === "silence") session.close();
      else session.close(answer);
      return;
    }
    handshakes.ended(endpoint, peerName(info.identity), info.resumed ? "resumed" : "finished");
    this.#keep(peer, session);
    this.options.opened(session);
  }

  putAway({ record, version }: CredentialVersion): Uint8Array {
    return Buffer.from(JSON.stringify([record.tenant, record.endpoint, record.credentialId, version]));
  }

  /** Undefined where the version is gone or over: what it let in does not go on behind a restart. */
  takeUp(saved: Buffer, identity: Identity): CredentialVersion | undefined {
    const { clock, credentials } = this.options;
    const [tenant, endpoint, credentialId, number] = placeSchema.parse(JSON.parse(saved.toString()));
    const version = credentials.find(tenant, endpoint, credentialId)?.versions.find((one) => one.version === number);
    return version !== undefined && credentials.usable(version) && isInDate(identity, clock.epoch()) ? version : undefined;
  }

  onSessionRestored(peer: Peer, session: DeviceSession): void {
    this.#keep(peer, session);
    this.options.restored(session, peer);
  }

  onSessionMoved(peer: Peer, before: Address): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) return;
    this.options.moved(session, before);
    if (this.options.plants.has("session-bound-to-address")) session.close();
  }

  onSessionEnd(peer: Peer, reason: CloseReason): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) return;
    this.#forget(peer, session);
    this.options.closed(session, whyOf(reason));
  }

  onHandshakeFailed(from: Address, reason: CloseReason, identity: PeerIdentity | undefined): void {
    const { credentials, handshakes } = this.options;
    const version = this.#underWay.get(formatAddress(from));
    this.#underWay.delete(formatAddress(from));
    if (identity === undefined) return;
    const text = identity.name;
    const about = version ?? credentials.lookUp(...shownIn(identity).names).version;
    // Who got no key was counted when it was refused.
    if (version !== undefined) {
      handshakes.ended(version.record.endpoint, text, "failed");
      this.options.authenticationFailed(version);
    }
    this.#record(about?.record.endpoint, text, from, "failed", whyOf(reason), about);
  }

  /** A version is over: what becomes of its sessions says the policy. A record that is revoked takes all its sessions with it, a version taken back its own. */
  credentialOver({ record, version, input, sessionPolicy }: CredentialChange): void {
    if (this.options.plants.has("session-outlives-revoke")) return;
    if (sessionPolicy === "keep-until-rehandshake" && input !== "revoke" && input !== "roll-back") return;
    for (const session of [...record.sessions]) if (input === "revoke" || session.context === version) session.close();
  }

  /** The sessions are lost, and nobody is told. */
  forgetAll(): number {
    const forgotten = this.#sessions.size;
    for (const [peer, session] of this.#sessions) this.#forget(peer, session);
    this.#underWay.clear();
    return forgotten;
  }

  #keep(peer: Peer, session: DeviceSession): void {
    const { record } = session.context;
    peer.label = record.endpoint;
    this.#sessions.set(peer, session);
    record.sessions.push(session);
  }

  #forget(peer: Peer, session: DeviceSession): void {
    this.#sessions.delete(peer);
    const { sessions } = session.context.record;
    const at = sessions.indexOf(session);
    if (at >= 0) sessions.splice(at, 1);
  }

  #judge(shown: ShownIdentity, from: Address): PeerAnswer<CredentialVersion> | Promise<PeerAnswer<CredentialVersion>> {
    const { credentials, faults, handshakes } = this.options;
    const endpoint = credentials.lookUp(...shown.names).version?.record.endpoint;
    handshakes.attempt(endpoint, shown.text);
    return faults.empty ? this.#answer(shown, from, undefined) : this.#withFaults(shown, from, endpoint);
  }

  async #withFaults(shown: ShownIdentity, from: Address, endpoint: string | undefined): Promise<PeerAnswer<CredentialVersion>> {
    const { credentials, faults } = this.options;
    const outcome = await faults.apply(anyHandshake, endpoint, shown.text);
    const refused = credentials.lookUp(...shown.names).state === "usable" ? undefined : await faults.apply(refusedHandshake, endpoint, shown.text);
    return this.#answer(shown, from, answerOf(outcome) ?? answerOf(refused));
  }

  /** `fault` is what to answer instead of what the credentials say. */
  #answer(shown: ShownIdentity, from: Address, fault: HandshakeAnswer | undefined): PeerAnswer<CredentialVersion> {
    const found = this.options.credentials.lookUp(...shown.names);
    const { text } = shown;
    const endpoint = found.version?.record.endpoint;
    const objection = found.state === "usable" && !this.options.plants.has("certificate-trusted-by-its-name") ? shown.objection(found.version, this.options.clock.epoch()) : undefined;
    if (found.state === "usable" && objection === undefined && fault === undefined) {
      this.#record(endpoint, text, from, shown.mode === "psk" ? "key" : "admitted", found.version.state, found.version);
      this.#begun(from, found.version);
      return { context: found.version };
    }
    const refuse = fault ?? objection ?? this.#refusal(shown, found);
    this.options.handshakes.ended(endpoint, text, "refused");
    if (found.state === "over" || (found.state === "usable" && objection !== undefined)) this.options.authenticationFailed(found.version);
    const why = objection === undefined ? found.state : "unfit";
    this.#record(endpoint, text, from, refuse === "silence" ? refuse : `alert ${alertName(refuse)}`, fault === undefined ? why : "fault", found.version);
    return { refuse };
  }

  #refusal({ mode, unfit }: ShownIdentity, found: IdentityLookup): HandshakeAnswer {
    const { clock, stagedIdentity, stagingGraceMs, unknownCertificate, unknownIdentity } = this.options;
    if (found.state === "not-yet" && clock.epoch() - found.version.stagedAt <= stagingGraceMs) return stagedIdentity;
    return unfit ?? (mode === "psk" ? unknownIdentity : unknownCertificate);
  }

  #begun(from: Address, version: CredentialVersion): void {
    if (this.#underWay.size >= maxUnderWay) {
      for (const oldest of this.#underWay.keys()) {
        this.#underWay.delete(oldest);
        break;
      }
    }
    this.#underWay.set(formatAddress(from), version);
  }

  #record(endpoint: string | undefined, identity: string, from: Address, to: string, input: string, version: CredentialVersion | undefined): void {
    const detail = { peer: formatAddress(from), ...(version === undefined ? {} : { credentialId: version.record.credentialId, version: version.version }) };
    this.options.trace.record({ kind: "state", machine: "handshake", id: identity, from: "identity", to, input, detail }, endpoint);
  }
}

/** Where a version of a credential is found. */
const placeSchema = z.tuple([z.string(), z.string(), z.string(), z.number()]);

/** An identity that may go on has a key. */
function withKey(answer: PeerAnswer<CredentialVersion>): KeyAnswer<CredentialVersion> {
  if ("refuse" in answer) return answer;
  const { key } = answer.context;
  return key === undefined ? { refuse: Alerts.internal_error } : { key, context: answer.context };
}

/** What a fault makes of a handshake; an action that has no meaning there does nothing. */
function answerOf(outcome: FaultOutcome | undefined): HandshakeAnswer | undefined {
  switch (outcome?.kind) {
    case "refuse":
      return outcome.alert ?? Alerts.handshake_failure;
    case "silence":
    case "reset-connection":
    case "lose-answer":
      return "silence";
    case "wrong-code":
    case undefined:
      return undefined;
  }
}

function whyOf(reason: CloseReason): string {
  return "alert" in reason ? `${reason.why} ${alertName(reason.alert.description)}` : reason.why;
}
