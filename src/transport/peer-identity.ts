import type { PeerIdentity } from "../coap/index.js";
import { fingerprint, subjectName, type Identity } from "../dtls/index.js";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Text that can be shown and typed: no control characters, nothing that a terminal would not print as itself. */
const printable = /^[^\p{C}]+$/u;

/** A PSK identity as text; RFC 4279 §5.1 asks for UTF-8, and what is none (or cannot be shown) becomes `0x` and hex. */
export function identityName(bytes: Uint8Array): string {
  try {
    const text = utf8.decode(bytes);
    if (printable.test(text)) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

/** An identity as text that can be shown: PSK identities as themselves, public keys by their thumbprint, certificates by their subject. */
export function peerName({ mode, bytes }: Identity): string {
  if (mode === "psk") return identityName(bytes);
  if (mode === "rpk" || bytes.length === 0) return fingerprint(bytes);
  return subjectName(bytes);
}

export const peerIdentity = (identity: Identity): PeerIdentity => ({ mode: identity.mode, name: peerName(identity), bytes: identity.bytes });
