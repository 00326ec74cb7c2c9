import { formatAddress, type Address, type Clock, type Log, type Ports, type Random } from "../ports/index.js";
import { ClientBlocks } from "./client-blocks.js";
import { ClientExchange } from "./client-exchange.js";
import { ClientObservation } from "./client-observation.js";
import type { Core, TokenOwner } from "./core.js";
import { ExchangeError } from "./errors.js";
import { MessageLayer } from "./message-layer.js";
import { defaultLimits } from "./parameters.js";
import { Link, PeerState, PeerTable } from "./peer.js";
import { Ping } from "./ping.js";
import { Receiver } from "./receiver.js";
import type {
  AbandonReason,
  Carrier,
  Channel,
  DatagramMutation,
  DatagramTap,
  Endpoint,
  EndpointCounters,
  EndpointLimits,
  Exchange,
  FailureReason,
  Observation,
  ObservationHandler,
  Peer,
  PeerIdentity,
  Request,
  RequestHandler,
  Response,
  ResponseHandler,
  TransmissionParameters,
} from "./types.js";

export interface CoapEndpointOptions {
  readonly transmission: TransmissionParameters;
  readonly limits?: Partial<EndpointLimits>;
}

/** Multiplication by an odd number runs through all 32-bit numbers before one comes again, in an order that does not look like counting. */
const TOKEN_STEP = 0x9e3779b1;
const SEQUENCE_RANGE = 1 << 24;

class PromisedResponse implements ResponseHandler {
  constructor(
    readonly resolve: (response: Response) => void,
    readonly reject: (error: ExchangeError) => void,
  ) {}

  onResponse(response: Response): void {
    this.resolve(response);
  }

  onFailure(reason: FailureReason, peer: Peer): void {
    this.reject(new ExchangeError(reason, formatAddress(peer.address)));
  }
}

/** What a closed endpoint gives for a request. */
const NEVER: Exchange = { cancel: () => {} };

export class CoapEndpoint implements Endpoint, Core {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly parameters: TransmissionParameters;
  readonly limits: EndpointLimits;
  readonly counters: EndpointCounters = { datagramsIn: 0, datagramsOut: 0, retransmissions: 0, duplicates: 0, malformed: 0, timeouts: 0, resets: 0, strayResponses: 0 };
  readonly messages: MessageLayer = new MessageLayer(this);
  readonly tokens = new Map<number, TokenOwner>();
  readonly peers: PeerTable;
  tap: DatagramTap | undefined = undefined;
  mutate: DatagramMutation | undefined = undefined;
  closed = false;
  readonly #receiver: Receiver;
  #tokenCount: number;
  #sequence = 0;

  constructor(
    ports: Pick<Ports, "clock" | "random" | "log">,
    readonly carrier: Carrier,
    handler: RequestHandler,
    options: CoapEndpointOptions,
  ) {
    this.clock = ports.clock;
    this.random = ports.random;
    this.log = ports.log;
    this.parameters = options.transmission;
    this.limits = options.limits === undefined ? defaultLimits : { ...defaultLimits, ...options.limits };
    this.#tokenCount = this.random.below(2 ** 32);
    this.peers = new PeerTable(this.limits.maxPeers, this.random);
    this.#receiver = new Receiver(this, handler);
  }

  get local(): Address {
    return this.carrier.local;
  }

  /** A datagram from the carrier. It is the endpoint's to keep. */
  receive(datagram: Buffer, from: Address): void {
    if (this.closed) return;
    const peer = this.peers.take(from, false);
    if (peer === undefined) this.counters.datagramsIn++;
    else this.#in(datagram, peer);
  }

  /** A message from the session that the peer is. It is the endpoint's to keep. */
  receiveFrom(peer: Peer, datagram: Buffer): void {
    if (!this.closed && peer instanceof PeerState && peer.link === Link.Open) this.#in(datagram, peer);
  }

  /** The carrier heard that nobody listens at `from`. */
  refused(from: Address): void {
    const peer = this.peers.find(from);
    if (peer !== undefined) this.refusedBy(peer);
  }

  refusedBy(peer: Peer): void {
    if (peer instanceof PeerState && !this.closed) this.messages.refused(peer);
  }

  /** The session goes on from another address. */
  moved(peer: Peer, { host, port }: Address): void {
    if (peer instanceof PeerState) peer.address = { host, port };
  }

  /** A peer that is a session, whatever else is known of its address. `pending`: the session is still to be made. */
  admit(address: Address, channel: Channel, identity: PeerIdentity | undefined, link: "open" | "pending" = "open"): Peer {
    const peer = this.peers.admit(address, channel, identity);
    if (link === "pending") peer.link = Link.Pending;
    return peer;
  }

  /** A pending peer's session is there. */
  opened(peer: Peer): void {
    if (this.closed || !(peer instanceof PeerState) || peer.link !== Link.Pending) return;
    peer.link = Link.Open;
    this.messages.opened(peer);
  }

  /** The peer's session is over or could not be made: whatever is under way or waits with it fails. `pending`: there may be another one. */
  lost(peer: Peer, reason: AbandonReason, link: "pending" | "gone"): void {
    if (this.closed || !(peer instanceof PeerState) || peer.link === Link.Gone) return;
    peer.link = link === "gone" ? Link.Gone : Link.Pending;
    if (link === "gone") this.peers.dismiss(peer);
    peer.renew(this.peers.firstMessageId());
    this.#abandon(peer, reason);
  }

  peer(address: Address): Peer {
    return this.#take(address);
  }

  send(peer: Peer, request: Request, handler: ResponseHandler): Exchange {
    const state = this.closed ? undefined : this.#stateOf(peer);
    if (state === undefined || state.link === Link.Gone) {
      queueMicrotask(() => handler.onFailure(state === undefined ? "closed" : "unreachable", peer));
      return NEVER;
    }
    return this.exchange(state, request, handler, this.newToken());
  }

  request(peer: Peer, request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.send(peer, request, new PromisedResponse(resolve, reject));
    });
  }

  observe(peer: Peer, request: Request, handler: ObservationHandler): Observation {
    const state = this.closed ? undefined : this.#stateOf(peer);
    if (state === undefined || state.link === Link.Gone) {
      queueMicrotask(() => handler.onEnd(state === undefined ? "closed" : "unreachable", undefined));
      return { cancel: () => Promise.resolve(undefined) };
    }
    return new ClientObservation(this, state, request, handler, this.newToken());
  }

  ping(peer: Peer): Promise<boolean> {
    if (this.closed || peer.gone === true) return Promise.resolve(false);
    return new Promise((resolve) => this.messages.submit(new Ping(this, this.#stateOf(peer), resolve)));
  }

  sendRaw(peer: Peer, datagram: Uint8Array): void {
    this.#out(datagram, this.#stateOf(peer));
  }

  forget(peer: Peer): void {
    const state = this.#stateOf(peer);
    this.#abandon(state, "cancelled");
    state.replies = undefined;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const peer of this.peers) this.#abandon(peer, "closed");
    await this.carrier.close();
  }

  newToken(): number {
    for (;;) {
      this.#tokenCount = (this.#tokenCount + 1) >>> 0;
      const token = Math.imul(this.#tokenCount, TOKEN_STEP) >>> 0;
      if (!this.tokens.has(token)) return token;
    }
  }

  newSequence(): number {
    this.#sequence = (this.#sequence + 1) % SEQUENCE_RANGE;
    return this.#sequence;
  }

  transmit(peer: PeerState, datagram: Buffer): void {
    if (this.mutate === undefined) {
      this.#out(datagram, peer);
      return;
    }
    const changed = this.mutate(datagram, peer);
    if (changed === undefined) return;
    if (changed instanceof Uint8Array) this.#out(changed, peer);
    else for (const one of changed) this.#out(one, peer);
  }

  exchange(peer: PeerState, request: Request, handler: ResponseHandler, token: number, blocks = ClientBlocks.forRequest(request, this.limits)): ClientExchange {
    const exchange = new ClientExchange(this, peer, request, handler, token, blocks);
    this.tokens.set(token, exchange);
    this.messages.submit(exchange);
    return exchange;
  }

  #in(datagram: Buffer, peer: PeerState): void {
    this.counters.datagramsIn++;
    if (this.tap !== undefined) this.tap("in", datagram, peer);
    this.#receiver.receive(datagram, peer);
  }

  #out(datagram: Uint8Array, peer: PeerState): void {
    // What is no request has nothing to wait for: without a session it is lost, as on the wire.
    if (this.closed || peer.link !== Link.Open) return;
    this.counters.datagramsOut++;
    if (this.tap !== undefined) this.tap("out", datagram, peer);
    if (peer.channel === undefined) this.carrier.send(datagram, peer);
    else peer.channel.send(datagram);
  }

  #take(address: Address): PeerState {
    const peer = this.peers.take(address, true);
    if (peer === undefined) throw new Error("a peer was refused that had to be taken");
    return peer;
  }

  #stateOf(peer: Peer): PeerState {
    return peer instanceof PeerState ? this.peers.revive(peer) : this.#take(peer.address);
  }

  #abandon(peer: PeerState, reason: AbandonReason): void {
    for (const exchange of peer.serving?.splice(0) ?? []) exchange.abandon();
    for (const observer of [...(peer.observers ?? [])]) observer.abandoned();
    for (const observation of [...(peer.observations ?? [])]) observation.abandoned(reason);
    for (const transmission of this.messages.of(peer)) transmission.abandoned(reason);
    peer.transfers?.close();
    if (peer.waitingForIds !== undefined) this.clock.stop(peer.waitingForIds);
    peer.waitingForIds = undefined;
  }
}
