import { formatAddress, type Address, type Random, type Timer } from "../ports/index.js";
import type { ClientObservation } from "./client-observation.js";
import { ReplyRing } from "./deduplication.js";
import type { IncomingExchange } from "./incoming-exchange.js";
import { MessageIds } from "./message-ids.js";
import type { ServerObserver } from "./server-observer.js";
import type { ServerTransfers } from "./server-blocks.js";
import { PeerList } from "./peer-list.js";
import type { Transmission } from "./transmission.js";
import type { Channel, Peer, PeerIdentity } from "./types.js";

/** Requests of one peer that wait for their answer, at most; of more than these the oldest is left to its handler alone. */
const MAX_SERVING = 64;

/** Whether messages can go to a peer. `pending`: they wait for a session. `gone`: the session is over and there will be no other. */
export const Link = { Open: 0, Pending: 1, Gone: 2 } as const;
export type Link = (typeof Link)[keyof typeof Link];

/** What an endpoint knows of a peer. Parts that only some peers need are made when needed. */
export class PeerState implements Peer {
  label?: string;
  link: Link = Link.Open;
  ids: MessageIds;
  /** Message ids of the peer, with our replies. */
  replies: ReplyRing | undefined = undefined;
  /** Requests of the peer that are not answered yet. */
  serving: IncomingExchange[] | undefined = undefined;
  observers: ServerObserver[] | undefined = undefined;
  transfers: ServerTransfers | undefined = undefined;

  /** Ours towards the peer, from their start to their end. */
  transmissions: Transmission | undefined = undefined;
  /** How many of them hold one of the NSTART slots. */
  outstanding = 0;
  queueHead: Transmission | undefined = undefined;
  queueTail: Transmission | undefined = undefined;
  /** Runs while every message id is in use. */
  waitingForIds: Timer | undefined = undefined;
  /** Observations of ours on the peer. */
  observations: Set<ClientObservation> | undefined = undefined;

  /** Neighbours in the order of last use; the list's. */
  older: PeerState | undefined = undefined;
  newer: PeerState | undefined = undefined;
  /** False once the endpoint has forgotten it. */
  known = true;

  constructor(
    public address: Address,
    firstMessageId: number,
    /** The session it is; undefined: the address is all there is. */
    readonly channel: Channel | undefined,
    readonly identity: PeerIdentity | undefined,
  ) {
    this.ids = new MessageIds(firstMessageId);
  }

  get secured(): boolean {
    return this.channel !== undefined;
  }

  get gone(): boolean {
    return this.link === Link.Gone;
  }

  /** Nothing of a session is carried into the next one: message ids, replies, what waits. What is under way is for the caller to end. */
  renew(firstMessageId: number): void {
    this.ids = new MessageIds(firstMessageId);
    this.replies = undefined;
    this.queueHead = undefined;
    this.queueTail = undefined;
  }

  /** Nothing is lost with it but old message ids. */
  get isIdle(): boolean {
    return (
      this.transmissions === undefined &&
      (this.observations === undefined || this.observations.size === 0) &&
      (this.serving === undefined || this.serving.length === 0) &&
      (this.observers === undefined || this.observers.length === 0) &&
      (this.transfers === undefined || this.transfers.isEmpty)
    );
  }

  remember(messageId: number, reply: Uint8Array | undefined, now: number, lifetimeMs: number, maxRecords: number): void {
    this.replies ??= new ReplyRing(maxRecords);
    this.replies.put(messageId, reply, now, lifetimeMs);
  }

  /** Returns the exchange that had to give way, if one had to. */
  serve(exchange: IncomingExchange): IncomingExchange | undefined {
    this.serving ??= [];
    this.serving.push(exchange);
    return this.serving.length > MAX_SERVING ? this.serving.shift() : undefined;
  }

  served(exchange: IncomingExchange): void {
    const at = this.serving?.indexOf(exchange) ?? -1;
    if (at >= 0) this.serving?.splice(at, 1);
  }

  beingServed(messageId: number): IncomingExchange | undefined {
    return this.serving === undefined || this.serving.length === 0 ? undefined : this.serving.find((exchange) => exchange.messageId === messageId);
  }
}

/** So many busy peers are passed over in the search for one to forget. */
const MAX_SEARCH = 256;

/**
 * Peers by address. When there are too many, the one unused longest goes, never one with something under way. Peers that are sessions are kept
 * beside them: no address finds them, and they stay until their session is over.
 */
export class PeerTable {
  #byAddress: Map<string, PeerState> | undefined = undefined;
  /** A client has one peer, and needs no map for it. */
  #only: PeerState | undefined = undefined;
  readonly #list = new PeerList();
  readonly #sessions = new PeerList();

  constructor(
    readonly maxPeers: number,
    readonly random: Random,
  ) {}

  /** Without the sessions. */
  get size(): number {
    return this.#list.size;
  }

  find(address: Address): PeerState | undefined {
    const only = this.#only;
    if (only !== undefined) return only.address === address || (only.address.port === address.port && only.address.host === address.host) ? only : undefined;
    return this.#byAddress?.get(formatAddress(address));
  }

  /** The peer at an address, new if need be; undefined when there is no room and `must` does not ask for it anyway. */
  take(address: Address, must: boolean): PeerState | undefined {
    const known = this.find(address);
    if (known !== undefined) {
      this.#list.touch(known);
      return known;
    }
    if (this.size >= this.maxPeers && !this.#evict() && !must) return undefined;
    const peer = new PeerState({ host: address.host, port: address.port }, this.firstMessageId(), undefined, undefined);
    this.#insert(peer);
    return peer;
  }

  firstMessageId(): number {
    return this.random.below(0x10000);
  }

  /** A peer that is a session. */
  admit(address: Address, channel: Channel, identity: PeerIdentity | undefined): PeerState {
    const peer = new PeerState({ host: address.host, port: address.port }, this.firstMessageId(), channel, identity);
    this.#sessions.append(peer);
    return peer;
  }

  /** Its session is over. */
  dismiss(peer: PeerState): void {
    if (!peer.known) return;
    peer.known = false;
    this.#sessions.remove(peer);
  }

  /** The living object for one that may have been forgotten meanwhile. */
  revive(peer: PeerState): PeerState {
    if (peer.known || peer.channel !== undefined) return peer;
    const current = this.find(peer.address);
    if (current !== undefined) return current;
    peer.known = true;
    this.#insert(peer);
    return peer;
  }

  *[Symbol.iterator](): Generator<PeerState> {
    yield* this.#list;
    yield* this.#sessions;
  }

  #insert(peer: PeerState): void {
    if (this.size === 0) this.#only = peer;
    else {
      this.#byAddress ??= new Map();
      if (this.#only !== undefined) this.#byAddress.set(formatAddress(this.#only.address), this.#only);
      this.#only = undefined;
      this.#byAddress.set(formatAddress(peer.address), peer);
    }
    this.#list.append(peer);
  }

  #evict(): boolean {
    for (let tries = 0; tries < MAX_SEARCH; tries++) {
      const { oldest } = this.#list;
      if (oldest === undefined) return false;
      if (oldest.isIdle) {
        this.#remove(oldest);
        return true;
      }
      this.#list.touch(oldest);
    }
    return false;
  }

  #remove(peer: PeerState): void {
    this.#list.remove(peer);
    peer.known = false;
    if (this.#only === peer) this.#only = undefined;
    this.#byAddress?.delete(formatAddress(peer.address));
  }
}
