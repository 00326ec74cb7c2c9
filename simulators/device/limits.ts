import type { EndpointLimits } from "../../src/coap/index.js";

/** A device talks to one peer per socket and gets a few kilobytes at a time; an endpoint of a fleet must be small. */
export const deviceLimits: EndpointLimits = {
  maxPeers: 2,
  deduplicationPerPeer: 8,
  maxBodyBytes: 64 * 1024,
  maxTransfersPerPeer: 2,
  preferredBlockSize: 1024,
};
