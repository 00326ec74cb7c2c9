import type { HandshakeAnswer } from "../../src/config/index.js";
import type { Peer, PeerIdentity } from "../../src/coap/index.js";
import { alertName, Alerts, type CloseReason, type Identity, type KeyAnswer } from "../../src/dtls/index.js";
import type { FaultBoard, FaultOutcome } from "../../src/operator/index.js";
import { formatAddress, type Address, type Clock, type Trace } from "../../src/ports/index.js";
import { identityName, peerName, type SessionDirectory } from "../../src/transport/index.js";
import type { ConfiguredKeys } from "./configured-keys.js";
import type { CredentialVersion, DeviceSession } from "./credential-record.js";
import type { CredentialChange, CredentialStore } from "./credential-store.js";
import type { HandshakeLog } from "./handshake-log.js";
import type { IdentityLookup } from "./identity-index.js";
import type { PlantedFaults } from "./plants.js";

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
  /** For one that is staged, in the time after the staging in which its activation is to be expected. */
  readonly stagedIdentity: HandshakeAnswer;
  readonly stagingGraceMs: number;
  opened(session: DeviceSession): void;
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
    const { configured, credentials, faults, handshakes } = this.options;
    const text = identityName(identity);
    if (credentials.lookUp(identity).state === "unknown") configured.meet(identity);
    const endpoint = credentials.lookUp(identity).version?.record.endpoint;
    handshakes.attempt(endpoint, text);
    return faults.empty ? this.#answer(identity, text, from, undefined) : this.#withFaults(identity, text, from, endpoint);
  }

  mayResume(identity: Identity, version: CredentialVersion, from: Address): boolean {
    const { credentials, faults, handshakes, plants } = this.options;
    const text = peerName(identity);
    const { endpoint } = version.record;
    // A fault that waits for a handshake of the device is not to be slipped past.
    const may = (credentials.usable(version) || plants.has("resumption-outlives-revoke")) && !faults.waitsFor(anyHandshake, endpoint, text);
    this.#record(endpoint, text, from, may ? "resumable" : "not-resumable", version.state, version);
    if (may) {
      handshakes.attempt(endpoint, text);
      this.#begun(from, version);
    }
    return may;
  }

  onSession(peer: Peer, session: DeviceSession): void {
    const { credentials, handshakes, plants, unknownIdentity } = this.options;
    const { context: version, info } = session;
    const { endpoint } = version.record;
    this.#underWay.delete(formatAddress(session.peer));
    if (!credentials.usable(version) && !(info.resumed && plants.has("resumption-outlives-revoke"))) {
      // It was revoked while the handshake went on.
      handshakes.ended(endpoint, peerName(info.identity), "refused");
      if (unknownIdentity === "silence") session.close();
      else session.close(unknownIdentity);
      return;
    }
    handshakes.ended(endpoint, peerName(info.identity), info.resumed ? "resumed" : "finished");
    peer.label = endpoint;
    this.#sessions.set(peer, session);
    version.record.sessions.push(session);
    this.options.opened(session);
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
    const text = identityName(identity.bytes);
    const about = version ?? credentials.lookUp(identity.bytes).version;
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

  #forget(peer: Peer, session: DeviceSession): void {
    this.#sessions.delete(peer);
    const { sessions } = session.context.record;
    const at = sessions.indexOf(session);
    if (at >= 0) sessions.splice(at, 1);
  }

  async #withFaults(identity: Buffer, text: string, from: Address, endpoint: string | undefined): Promise<KeyAnswer<CredentialVersion>> {
    const { credentials, faults } = this.options;
    const outcome = await faults.apply(anyHandshake, endpoint, text);
    const refused = credentials.lookUp(identity).state === "usable" ? undefined : await faults.apply(refusedHandshake, endpoint, text);
    return this.#answer(identity, text, from, answerOf(outcome) ?? answerOf(refused));
  }

  /** `fault` is what to answer instead of what the credentials say. */
  #answer(identity: Buffer, text: string, from: Address, fault: HandshakeAnswer | undefined): KeyAnswer<CredentialVersion> {
    const found = this.options.credentials.lookUp(identity);
    const endpoint = found.version?.record.endpoint;
    if (found.state === "usable" && fault === undefined) {
      this.#record(endpoint, text, from, "key", found.version.state, found.version);
      this.#begun(from, found.version);
      return { key: found.key, context: found.version };
    }
    const refuse = fault ?? this.#refusal(found);
    this.options.handshakes.ended(endpoint, text, "refused");
    if (found.state === "over") this.options.authenticationFailed(found.version);
    this.#record(endpoint, text, from, refuse === "silence" ? refuse : `alert ${alertName(refuse)}`, fault === undefined ? found.state : "fault", found.version);
    return { refuse };
  }

  #refusal(found: IdentityLookup): HandshakeAnswer {
    const { clock, stagedIdentity, stagingGraceMs, unknownIdentity } = this.options;
    return found.state === "not-yet" && clock.epoch() - found.version.stagedAt <= stagingGraceMs ? stagedIdentity : unknownIdentity;
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
