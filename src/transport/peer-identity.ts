import type { PeerIdentity } from "../coap/index.js";

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

export const pskIdentity = (bytes: Uint8Array): PeerIdentity => ({ mode: "psk", name: identityName(bytes), bytes });
