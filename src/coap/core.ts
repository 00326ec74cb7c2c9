import type { Clock, Log, Random } from "../ports/index.js";
import type { ClientBlocks } from "./client-blocks.js";
import type { ClientExchange } from "./client-exchange.js";
import type { ClientObservation } from "./client-observation.js";
import type { MessageLayer } from "./message-layer.js";
import type { PeerState } from "./peer.js";
import type { EndpointCounters, EndpointLimits, Request, ResponseHandler, TransmissionParameters } from "./types.js";

/** What answers for a token of ours. */
export type TokenOwner = ClientExchange | ClientObservation;

/** What the parts of an endpoint have in common. */
export interface Core {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly parameters: TransmissionParameters;
  readonly limits: EndpointLimits;
  readonly counters: EndpointCounters;
  readonly messages: MessageLayer;
  readonly closed: boolean;
  readonly tokens: Map<number, TokenOwner>;
  /** A token that nobody holds. */
  newToken(): number;
  /** Observe sequence numbers, one row for the whole endpoint: each is fresher than any before it (RFC 7641 §4.4). */
  newSequence(): number;
  /** Out through tap and mutation to the carrier. */
  transmit(peer: PeerState, datagram: Buffer): void;
  /** Begins an exchange on a token. */
  exchange(peer: PeerState, request: Request, handler: ResponseHandler, token: number, blocks?: ClientBlocks): ClientExchange;
}
