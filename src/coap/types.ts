import type { Address } from "../ports/index.js";

/** RFC 7252 §3: message types as on the wire. */
export const Type = { CON: 0, NON: 1, ACK: 2, RST: 3 } as const;
export type Type = (typeof Type)[keyof typeof Type];

/** A code as on the wire: class in the upper three bits, detail in the lower five. */
export type Code = number;

export interface Option {
  readonly number: number;
  readonly value: Uint8Array;
}

/** One CoAP message, exactly as on the wire. Options are in the order they were read or shall be written (ascending). */
export interface Message {
  readonly type: Type;
  readonly code: Code;
  readonly messageId: number;
  readonly token: Uint8Array;
  readonly options: readonly Option[];
  readonly payload: Uint8Array;
}

/** Who a security layer says the peer is; absent on plain UDP, and for a server that a client knows by the key alone. */
export interface PeerIdentity {
  readonly mode: "psk" | "rpk" | "x509";
  /** The identity as text; one that is no printable UTF-8 as `0x` and hex. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The other end of a conversation: an address, or one security session on it. One object per peer for as long as the endpoint remembers it, so
 * that roles may hang knowledge on it. A new session on the same address is a new peer.
 */
export interface Peer {
  readonly address: Address;
  readonly identity?: PeerIdentity | undefined;
  /** Messages with it travel in a security session. */
  readonly secured?: boolean;
  /** Its session is over: nothing reaches it any more. */
  readonly gone?: boolean;
  /** LwM2M endpoint name, set by the role once it knows; traces are filed under it. */
  label?: string;
}

/** A request as its sender writes it and its receiver reads it; block-wise transfer is done underneath (RFC 7959). */
export interface Request {
  readonly code: Code;
  readonly path: readonly string[];
  readonly query?: readonly string[];
  readonly accept?: number;
  readonly contentFormat?: number;
  readonly observe?: number;
  readonly payload?: Uint8Array;
  /** Options beyond the named ones (If-Match, ETag, experimental). */
  readonly options?: readonly Option[];
  /** Default true. */
  readonly confirmable?: boolean;
}

export interface Response {
  readonly code: Code;
  readonly contentFormat?: number;
  readonly locationPath?: readonly string[];
  readonly locationQuery?: readonly string[];
  readonly observe?: number;
  readonly maxAge?: number;
  readonly etag?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly options?: readonly Option[];
}

/**
 * Why a request got no response. `timeout`: retransmissions exhausted, or no separate response in time. `unreachable`: nobody listens there, or the
 * peer's session is over. `handshake`: no session could be made for it; the transport knows why.
 */
export type FailureReason = "timeout" | "reset" | "cancelled" | "closed" | "unreachable" | "handshake" | "block-transfer" | "malformed-response";
/** Why everything that is under way with a peer ends at once. */
export type AbandonReason = Extract<FailureReason, "closed" | "cancelled" | "unreachable" | "handshake">;

export interface ResponseHandler {
  onResponse(response: Response, peer: Peer): void;
  onFailure(reason: FailureReason, peer: Peer): void;
}

export interface Exchange {
  /** Forgets the exchange; the handler hears `cancelled`. */
  cancel(): void;
}

export interface ObservationHandler {
  /** The first answer and every fresh notification (RFC 7641 §3.4); older ones are dropped before this. */
  onNotification(response: Response, peer: Peer): void;
  /** Refused, failed, cancelled, or ended by a notification that is not 2.xx. */
  onEnd(reason: FailureReason | "refused" | "ended", response: Response | undefined): void;
}

export interface Observation {
  /** `reset`: forget now and answer the next notification with RST; `deregister`: GET with Observe 1, resolves with its response. */
  cancel(how: "reset" | "deregister"): Promise<Response | undefined>;
}

/** An incoming request after deduplication and block-wise reassembly. It is answered exactly once, now or later (then as a separate response). */
export interface IncomingRequest extends Request {
  readonly peer: Peer;
  readonly token: Uint8Array;
  readonly messageId: number;
  readonly payload: Uint8Array;
  readonly query: readonly string[];
  readonly confirmable: boolean;
  /** `Clock.now()` when its first byte arrived. */
  readonly arrivedAt: number;
  /** `onReset`: the response went out on its own (RFC 7252 §5.2.2) and was answered with an RST; whoever asked waits no more. */
  respond(response: Response, onReset?: () => void): void;
  /** Answers with an RST, as somebody who does not want this message. */
  reset(): void;
  /** Never answers, not even with an empty ACK (a peer gone silent). */
  ignore(): void;
  /** Answers and keeps the peer as observer of this resource (RFC 7641); `notify` sends further states. */
  observed(first: Response, onEnd: (why: "cancelled" | "reset" | "timeout" | "closed") => void): Observer;
}

export interface Observer {
  readonly peer: Peer;
  readonly token: Uint8Array;
  notify(response: Response, options?: { readonly confirmable?: boolean }): void;
  end(): void;
}

export interface RequestHandler {
  onRequest(request: IncomingRequest): void;
}

/** RFC 7252 §4.8 transmission parameters, milliseconds. */
export interface TransmissionParameters {
  readonly ackTimeoutMs: number;
  readonly ackRandomFactor: number;
  readonly maxRetransmit: number;
  /** Outstanding interactions towards one peer; further requests queue. */
  readonly nstart: number;
  /** How long a message id is remembered (EXCHANGE_LIFETIME 247 s in the RFC). */
  readonly exchangeLifetimeMs: number;
  readonly nonLifetimeMs: number;
  /** A handler slower than this gets an empty ACK sent for it, and its response goes out separately. */
  readonly processingDelayMs: number;
  /** How long a requester waits for a separate response after the empty ACK. */
  readonly responseTimeoutMs: number;
}

/** A datagram that passes the endpoint, seen or changed by a test. */
export type DatagramTap = (direction: "in" | "out", datagram: Uint8Array, peer: Peer) => void;
/** Replaces an outgoing datagram: the same, another, several, or none. */
export type DatagramMutation = (datagram: Uint8Array, peer: Peer) => Uint8Array | readonly Uint8Array[] | undefined;

/** What an endpoint sends through to peers that are an address. */
export interface Carrier {
  readonly local: Address;
  send(datagram: Uint8Array, peer: Peer): void;
  close(): Promise<void>;
}

/** What an endpoint sends through to a peer that is a security session. */
export interface Channel {
  send(datagram: Uint8Array): void;
  /** Something waits for a session that is not there yet: `opened` or `lost` follows, later. */
  connect?(): void;
}

/** Bounds of what an endpoint keeps for others. */
export interface EndpointLimits {
  readonly maxPeers: number;
  /** Message ids remembered per peer with their encoded replies, at most; they share 16 bytes for each, so of long replies fewer are kept (never fewer than 8). */
  readonly deduplicationPerPeer: number;
  readonly maxBodyBytes: number;
  readonly maxTransfersPerPeer: number;
  readonly preferredBlockSize: 16 | 32 | 64 | 128 | 256 | 512 | 1024;
}

export interface EndpointCounters {
  datagramsIn: number;
  datagramsOut: number;
  retransmissions: number;
  duplicates: number;
  malformed: number;
  timeouts: number;
  resets: number;
  strayResponses: number;
}

/** One symmetric CoAP endpoint on one port: client and server at once, as a LwM2M device is. */
export interface Endpoint {
  readonly local: Address;
  readonly counters: Readonly<EndpointCounters>;
  /** The peer object for an address (created when new). */
  peer(address: Address): Peer;
  /** The hot path: no promise, no closure. */
  send(peer: Peer, request: Request, handler: ResponseHandler): Exchange;
  /** Resolves with any response, also 4.xx and 5.xx; rejects with `ExchangeError` (its `reason`). */
  request(peer: Peer, request: Request): Promise<Response>;
  observe(peer: Peer, request: Request, handler: ObservationHandler): Observation;
  /** RFC 7252 §4.3: an empty CON; resolves true on the RST, false on timeout. */
  ping(peer: Peer): Promise<boolean>;
  tap: DatagramTap | undefined;
  mutate: DatagramMutation | undefined;
  /** Raw bytes to a peer, for tests that must send what no endpoint would. */
  sendRaw(peer: Peer, datagram: Uint8Array): void;
  /** Forgets exchanges, observers, deduplication of a peer (a device that restarts). */
  forget(peer: Peer): void;
  close(): Promise<void>;
}
