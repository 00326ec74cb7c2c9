import type { Peer, PeerIdentity } from "../../src/coap/index.js";
import { alertName, Alerts } from "../../src/dtls/index.js";
import type { AlertDescription, CloseReason, Identity, KeyAnswer, PeerAnswer, PeerClaim, ServerSession } from "../../src/dtls/index.js";
import type { FaultBoard, FaultOutcome } from "../../src/operator/index.js";
import { formatAddress } from "../../src/ports/index.js";
import type { Address, Clock, Trace } from "../../src/ports/index.js";
import { identityName, peerName } from "../../src/transport/index.js";
import type { SessionDirectory } from "../../src/transport/index.js";
import type { BootstrapCredentials, Holder } from "./bootstrap-credentials.js";

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
export class BootstrapSecurity implements SessionDirectory<Holder> {
  readonly counts: HandshakeCounts = { finished: 0, resumed: 0, refused: 0, failed: 0 };

  constructor(
    private readonly credentials: BootstrapCredentials,
    private readonly faults: FaultBoard,
    private readonly trace: Trace,
    private readonly clock: Pick<Clock, "epoch">,
  ) {}

  findKey(identity: Buffer, from: Address): KeyAnswer<Holder> | Promise<KeyAnswer<Holder>> {
    const holder = this.credentials.findKey(identity);
    const withKey = (answer: PeerAnswer<Holder>): KeyAnswer<Holder> => {
      if ("refuse" in answer) return answer;
      return holder === undefined ? { refuse: Alerts.internal_error } : { key: holder.key, context: holder };
    };
    const answered = this.#judge(identityName(identity), from, holder ?? { refuse: Alerts.unknown_psk_identity }, "key");
    return answered instanceof Promise ? answered.then(withKey) : withKey(answered);
  }

  findPeer(claim: PeerClaim, from: Address): PeerAnswer<Holder> | Promise<PeerAnswer<Holder>> {
    const bytes = claim.mode === "rpk" ? claim.publicKey : (claim.chain[0] ?? Buffer.alloc(0));
    const found = this.credentials.findPeer(claim, this.clock.epoch()) ?? { refuse: Alerts.certificate_unknown };
    return this.#judge(peerName({ mode: claim.mode, bytes }), from, found, "admitted");
  }

  mayResume(identity: Identity, holder: Holder, from: Address): boolean {
    const may = this.#stillHolds(identity, holder) && !this.faults.waitsFor(operation, holder.endpoint, peerName(identity));
    this.#record(peerName(identity), from, holder.endpoint, may ? "resumable" : "not-resumable", "resume");
    return may;
  }

  /** What is not valid today any more proves nothing. */
  #stillHolds({ mode, bytes }: Identity, holder: Holder): boolean {
    const found = mode === "x509" ? this.credentials.findPeer({ mode, chain: [bytes] }, this.clock.epoch()) : this.credentials.holderOf({ mode, bytes });
    return found !== undefined && "endpoint" in found && found.endpoint === holder.endpoint;
  }

  onSession(peer: Peer, { context, info }: ServerSession<Holder>): void {
    peer.label = context.endpoint;
    this.counts.finished += 1;
    if (info.resumed) this.counts.resumed += 1;
  }

  onHandshakeFailed(from: Address, reason: CloseReason, identity: PeerIdentity | undefined): void {
    this.counts.failed += 1;
    if (identity === undefined) return;
    const why = "alert" in reason ? `${reason.why} ${alertName(reason.alert.description)}` : reason.why;
    this.#record(identity.name, from, this.credentials.holderOf(identity)?.endpoint, "failed", why);
  }

  #judge(name: string, from: Address, found: Found, given: "key" | "admitted"): PeerAnswer<Holder> | Promise<PeerAnswer<Holder>> {
    if (this.faults.empty) return this.#answer(name, from, found, given, undefined);
    return this.faults.apply(operation, endpointOf(found), name).then((outcome) => this.#answer(name, from, found, given, faultOf(outcome)));
  }

  #answer(name: string, from: Address, found: Found, given: "key" | "admitted", fault: AlertDescription | "silence" | undefined): PeerAnswer<Holder> {
    if ("endpoint" in found && fault === undefined) {
      this.#record(name, from, found.endpoint, given, "known");
      return { context: found };
    }
    const refuse = fault ?? ("refuse" in found ? found.refuse : Alerts.internal_error);
    this.counts.refused += 1;
    this.#record(name, from, endpointOf(found), refuse === "silence" ? refuse : `alert ${alertName(refuse)}`, fault === undefined ? "unknown" : "fault");
    return { refuse };
  }

  #record(identity: string, from: Address, endpoint: string | undefined, to: string, input: string): void {
    this.trace.record({ kind: "state", machine: "handshake", id: identity, from: "identity", to, input, detail: { peer: formatAddress(from) } }, endpoint);
  }
}

/** A device, or the alert that what was shown gets. */
type Found = Holder | { readonly refuse: AlertDescription };

const endpointOf = (found: Found): string | undefined => ("endpoint" in found ? found.endpoint : undefined);

/** What a fault makes of a handshake; an action that has no meaning there does nothing. */
function faultOf(outcome: FaultOutcome | undefined): AlertDescription | "silence" | undefined {
  if (outcome === undefined || outcome.kind === "wrong-code") return undefined;
  return outcome.kind === "refuse" ? (outcome.alert ?? Alerts.handshake_failure) : "silence";
}
