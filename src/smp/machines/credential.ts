import type { CredentialState } from "../types.js";

/** A credential at a LwM2M Server (SM-3). */
export const credentialStates = ["staged", "active", "retiring", "revoked", "rolled-back"] as const satisfies readonly CredentialState[];

/** Whether a device may authenticate with it. */
export const isUsable = (state: CredentialState): boolean => state === "active" || state === "retiring";

export interface CredentialMachine {
  readonly state: CredentialState;
  /** A device was seen registering with it. */
  readonly confirmed: boolean;
}

export type CredentialInput =
  | { readonly in: "activate" }
  /** A newer version became active; with two slots the old one overlaps until it is retired. */
  | { readonly in: "superseded"; readonly overlap: boolean }
  /** The newer version was confirmed, or the overlap is over. */
  | { readonly in: "overlap-over" }
  /** The newer version was rolled back, this one is to serve again. */
  | { readonly in: "restored" }
  | { readonly in: "register-seen" }
  /** DELETE of the activation. */
  | { readonly in: "roll-back" }
  | { readonly in: "revoke" };

export const newCredential: CredentialMachine = { state: "staged", confirmed: false };

export function nextCredential(credential: CredentialMachine, input: CredentialInput): CredentialMachine | undefined {
  const go = (state: CredentialState): CredentialMachine => ({ state, confirmed: credential.confirmed });
  switch (input.in) {
    case "activate":
      return credential.state === "staged" || credential.state === "rolled-back" ? go("active") : undefined;
    case "superseded":
      return credential.state === "active" ? go(input.overlap ? "retiring" : "revoked") : undefined;
    case "overlap-over":
      return credential.state === "retiring" ? go("revoked") : undefined;
    case "restored":
      return credential.state === "retiring" || credential.state === "revoked" ? go("active") : undefined;
    case "register-seen":
      return isUsable(credential.state) && !credential.confirmed ? { state: credential.state, confirmed: true } : undefined;
    case "roll-back":
      // After confirmation there is no way back but a new version.
      if (credential.confirmed) return undefined;
      return credential.state === "active" || credential.state === "staged" ? go("rolled-back") : undefined;
    case "revoke":
      return credential.state === "revoked" ? undefined : go("revoked");
  }
}

export interface StoredVersion {
  readonly version: number;
  /** Canonical form of the body that was stored. */
  readonly body: string;
}

/** Versions guard credentials: the same again is no change, anything else that is not higher is refused. */
export function versionDecision(stored: StoredVersion | undefined, put: StoredVersion): "store" | "same" | "version-regression" {
  if (stored === undefined || put.version > stored.version) return "store";
  return put.version === stored.version && put.body === stored.body ? "same" : "version-regression";
}

export interface ActivationRequest {
  readonly version: number;
  /** Of the bootstrap session; grows per endpoint. */
  readonly sessionId: number;
}

/**
 * ORD-5: an activation by a session older than one already seen for the endpoint is refused. It names the newest version, or again the one that is active
 * while a newer one waits.
 */
export function activationDecision(
  credential: { readonly version: number; readonly state: CredentialState; readonly activeVersion?: number | undefined },
  newestSession: number | undefined,
  put: ActivationRequest,
): "activate" | "same" | "session-displaced" | "version-regression" {
  if (newestSession !== undefined && put.sessionId < newestSession) return "session-displaced";
  if (put.version === credential.activeVersion) return "same";
  if (put.version !== credential.version || credential.state === "revoked") return "version-regression";
  return credential.state === "active" ? "same" : "activate";
}
