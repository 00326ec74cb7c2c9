import type { Peer, PeerIdentity } from "../../src/coap/index.js";
import { alertName, Alerts } from "../../src/dtls/index.js";
import type { AlertDescription, CloseReason, Identity, KeyAnswer, ServerSession } from "../../src/dtls/index.js";
import type { FaultBoard, FaultOutcome } from "../../src/operator/index.js";
import { formatAddress } from "../../src/ports/index.js";
import type { Address, Trace } from "../../src/ports/index.js";
import { identityName, peerName } from "../../src/transport/index.js";
import type { SessionDirectory } from "../../src/transport/index.js";
import type { BootstrapCredentials, KeyHolder } from "./bootstrap-credentials.js";

/** How handshakes came out, for metrics. */
export interface HandshakeCounts {
  finished: number;
  resumed: number;
  /** Of identities that nobody has. */
  refused: number;
  failed: number;
}

/** The fault that every handshake may meet. */
const operation = "handshake";

/** What the keys of devices mean for the DTLS port: who gets in, and who may resume. */
export class BootstrapSecurity implements SessionDirectory<KeyHolder> {
  readonly counts: HandshakeCounts = { finished: 0, resumed: 0, refused: 0, failed: 0 };

  constructor(
    private readonly credentials: BootstrapCredentials,
    private readonly faults: FaultBoard,
    private readonly trace: Trace,
  ) {}

  findKey(identity: Buffer, from: Address): KeyAnswer<KeyHolder> | Promise<KeyAnswer<KeyHolder>> {
    const holder = this.credentials.findKey(identity);
    if (this.faults.empty) return this.#answer(identity, from, holder, undefined);
    return this.faults.apply(operation, holder?.endpoint, identityName(identity)).then((outcome) => this.#answer(identity, from, holder, faultOf(outcome)));
  }

  mayResume(identity: Identity, holder: KeyHolder, from: Address): boolean {
    const may = this.credentials.findKey(identity.bytes)?.endpoint === holder.endpoint && !this.faults.waitsFor(operation, holder.endpoint, peerName(identity));
    this.#record(peerName(identity), from, holder.endpoint, may ? "resumable" : "not-resumable", "resume");
    return may;
  }

  onSession(peer: Peer, { context, info }: ServerSession<KeyHolder>): void {
    peer.label = context.endpoint;
    this.counts.finished += 1;
    if (info.resumed) this.counts.resumed += 1;
  }

  onHandshakeFailed(from: Address, reason: CloseReason, identity: PeerIdentity | undefined): void {
    this.counts.failed += 1;
    if (identity === undefined) return;
    const why = "alert" in reason ? `${reason.why} ${alertName(reason.alert.description)}` : reason.why;
    this.#record(identity.name, from, this.credentials.findKey(identity.bytes)?.endpoint, "failed", why);
  }

  #answer(identity: Buffer, from: Address, holder: KeyHolder | undefined, fault: AlertDescription | "silence" | undefined): KeyAnswer<KeyHolder> {
    const name = identityName(identity);
    if (holder !== undefined && fault === undefined) {
      this.#record(name, from, holder.endpoint, "key", "known");
      return { key: holder.key, context: holder };
    }
    const refuse = fault ?? Alerts.unknown_psk_identity;
    this.counts.refused += 1;
    this.#record(name, from, holder?.endpoint, refuse === "silence" ? refuse : `alert ${alertName(refuse)}`, fault === undefined ? "unknown" : "fault");
    return { refuse };
  }

  #record(identity: string, from: Address, endpoint: string | undefined, to: string, input: string): void {
    this.trace.record({ kind: "state", machine: "handshake", id: identity, from: "identity", to, input, detail: { peer: formatAddress(from) } }, endpoint);
  }
}

/** What a fault makes of a handshake; an action that has no meaning there does nothing. */
function faultOf(outcome: FaultOutcome | undefined): AlertDescription | "silence" | undefined {
  if (outcome === undefined || outcome.kind === "wrong-code") return undefined;
  return outcome.kind === "refuse" ? (outcome.alert ?? Alerts.handshake_failure) : "silence";
}
