import { CbcProtection, EncryptThenMacProtection } from "./cbc.js";
import { CcmProtection } from "./ccm.js";
import { HASH_LENGTH } from "./primitives.js";
import type { DirectionKeys, Protection } from "./protection.js";

/** IANA names of the cipher suites this implementation has. */
export type CipherSuiteName = "TLS_PSK_WITH_AES_128_CCM_8" | "TLS_PSK_WITH_AES_128_CBC_SHA256";

export interface CipherSuite {
  readonly id: number;
  readonly name: CipherSuiteName;
  readonly keyExchange: "psk";
  /** RFC 7366 applies to block ciphers only. */
  readonly isBlockCipher: boolean;
  /** Bytes of the key block for one direction. */
  readonly macKeyLength: number;
  readonly keyLength: number;
  readonly ivLength: number;
  protect(keys: DirectionKeys, options: { readonly encryptThenMac: boolean; readonly randomIv: () => Uint8Array }): Protection;
}

/** Every suite there is, in a server's order of preference. */
export const cipherSuites: readonly CipherSuite[] = [
  {
    id: 0xc0a8,
    name: "TLS_PSK_WITH_AES_128_CCM_8",
    keyExchange: "psk",
    isBlockCipher: false,
    macKeyLength: 0,
    keyLength: 16,
    ivLength: 4,
    protect: (keys) => new CcmProtection(keys, 8),
  },
  {
    id: 0x00ae,
    name: "TLS_PSK_WITH_AES_128_CBC_SHA256",
    keyExchange: "psk",
    isBlockCipher: true,
    macKeyLength: HASH_LENGTH,
    keyLength: 16,
    ivLength: 0,
    protect: (keys, { encryptThenMac, randomIv }) => (encryptThenMac ? new EncryptThenMacProtection(keys, randomIv) : new CbcProtection(keys, randomIv)),
  },
];

/** Throws RangeError for a name that is not in the table. */
export function suitesNamed(names: readonly CipherSuiteName[]): readonly CipherSuite[] {
  return names.map((name) => {
    const suite = cipherSuites.find((one) => one.name === name);
    if (suite === undefined) throw new RangeError(`there is no cipher suite ${name}; there are ${cipherSuites.map((one) => one.name).join(", ")}`);
    return suite;
  });
}
