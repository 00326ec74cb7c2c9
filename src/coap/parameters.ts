import type { EndpointLimits, TransmissionParameters } from "./types.js";

/** RFC 7252 §4.8: the values and what follows from them, in milliseconds. */
export const rfcTransmission: TransmissionParameters = {
  ackTimeoutMs: 2_000,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  nstart: 1,
  exchangeLifetimeMs: 247_000,
  nonLifetimeMs: 145_000,
  processingDelayMs: 1_000,
  responseTimeoutMs: 93_000,
};

/** Short, for two ends on one machine: a lost datagram is sent again after 0.2 to 0.3 s, a dead peer is known after 9.3 s at the latest. */
export const labTransmission: TransmissionParameters = {
  ackTimeoutMs: 200,
  ackRandomFactor: 1.5,
  maxRetransmit: 4,
  nstart: 1,
  exchangeLifetimeMs: 12_000,
  nonLifetimeMs: 6_000,
  processingDelayMs: 100,
  responseTimeoutMs: 10_000,
};

export const defaultLimits: EndpointLimits = {
  maxPeers: 50_000,
  deduplicationPerPeer: 64,
  maxBodyBytes: 1 << 20,
  maxTransfersPerPeer: 4,
  preferredBlockSize: 1024,
};
