import { maxDepth } from "./json.js";
import type { Limits, SecurityMode } from "./types.js";

/** Security modes that this version carries; a role offers those of them that its configuration allows, and refuses the rest with `unsupported-mode`. */
export const supportedModes: readonly SecurityMode[] = ["psk", "rpk", "x509", "nosec"];

/** The profile's limits, as `capabilities` advertises them and the plug-ins enforce them. */
export const defaultLimits: Limits = {
  maxBodyBytes: 262_144,
  maxOrderBytes: 2_097_152,
  maxOrderEndpoints: 10_000,
  maxBatchBytes: 524_288,
  maxBatchItems: 500,
  maxPerMinute: 60_000,
  maxPageSize: 1000,
  maxEventWaitSeconds: 60,
  idempotencySeconds: 86_400,
  idempotencyKeys: 10_000,
  maxDepth,
};
