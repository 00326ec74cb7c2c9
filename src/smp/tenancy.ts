import { matchesPattern, type PeerConfig } from "../config/index.js";

/** Whether a peer may act on a device at all; other devices do not exist for it. */
export const mayActOn = (peer: PeerConfig, endpoint: string): boolean => peer.endpoints.some((pattern) => matchesPattern(pattern, endpoint));

/** Whether a peer's account may name this URI (else it could point another operator's clients to itself). */
export const mayName = (peer: PeerConfig, uri: string): boolean => peer.uris.some((pattern) => matchesPattern(pattern, uri));

export const mayUseShortServerId = (peer: PeerConfig, shortServerId: number): boolean => {
  const [first, last] = peer.shortServerIds;
  return shortServerId >= first && shortServerId <= last;
};
