import type { Secrets } from "../../../src/ports/index.js";

/** What a device authenticates with at one Server: resources 3 and 5 of its Security instance. */
export interface Psk {
  readonly identity: Buffer;
  readonly key: Buffer;
}

/** Of keys whose order does not say: what TLS_PSK_WITH_AES_128_CCM_8 makes use of. */
export const defaultBits = 128;

/** Fresh for each account, client and version; the identity tells people which Server and version it is for, and is used once only. */
export function newPsk(secrets: Secrets, ssid: number, version: number, bits: number): Psk {
  return { identity: Buffer.from(`s${ssid}-v${version}-${secrets.bytes(12).toString("base64url")}`), key: secrets.bytes(bits / 8) };
}
