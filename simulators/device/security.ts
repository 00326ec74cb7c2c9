import type { PskCredential } from "../../src/dtls/index.js";
import { SecurityMode, SecurityResource, type InstanceNode } from "../../src/lwm2m/index.js";
import type { CoapUri } from "../../src/transport/index.js";
import { bytesOf, numberOf } from "./objects.js";

/** How an account is secured, as its Security object instance says. */
export type AccountSecurity = { readonly mode: "nosec" } | { readonly mode: "psk"; readonly credential: PskCredential };

const noSec: AccountSecurity = { mode: "nosec" };

/** An account whose security cannot be had. */
export class UnusableAccount extends Error {
  override readonly name = "UnusableAccount";
}

const schemes: Readonly<Record<number, CoapUri["scheme"]>> = { [SecurityMode.NoSec]: "coap", [SecurityMode.Psk]: "coaps" };

/** /0/x/2, with what the mode needs. Throws `UnusableAccount`. */
export function securityOfAccount(security: InstanceNode, { scheme }: CoapUri): AccountSecurity {
  const mode = numberOf(security, SecurityResource.SecurityMode);
  const wanted = mode === undefined ? undefined : schemes[mode];
  if (wanted === undefined) throw new UnusableAccount(`security mode ${mode ?? "(none)"} is not supported`);
  if (scheme !== wanted) throw new UnusableAccount(`security mode ${mode} does not go with ${scheme}://`);
  if (mode === SecurityMode.NoSec) return noSec;
  const identity = bytesOf(security, SecurityResource.PublicKeyOrIdentity);
  const key = bytesOf(security, SecurityResource.SecretKey);
  if (identity === undefined || key === undefined || key.length === 0) throw new UnusableAccount("security mode 0 without a key");
  return { mode: "psk", credential: { identity, key } };
}

const credentialResources = [SecurityResource.SecurityMode, SecurityResource.PublicKeyOrIdentity, SecurityResource.SecretKey];

/** Whether a session made with one is a session made with the other. */
export const sameCredential = (a: InstanceNode, b: InstanceNode): boolean =>
  a === b || credentialResources.every((id) => numberOf(a, id) === numberOf(b, id) && Buffer.compare(bytesOf(a, id) ?? none, bytesOf(b, id) ?? none) === 0);

const none = new Uint8Array(0);

/** Whether instances like this one are each another: they are not worth a place where copies of equal instances are saved. */
export const holdsKey = (security: InstanceNode): boolean => (bytesOf(security, SecurityResource.SecretKey)?.length ?? 0) > 0;
