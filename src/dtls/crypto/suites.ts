import { AeadProtection } from "./aead.js";
import { CbcProtection, EncryptThenMacProtection } from "./cbc.js";
import { HASH_LENGTH } from "./primitives.js";
import type { DirectionKeys, Protection } from "./protection.js";

/** How the premaster secret comes about, and what authenticates it. */
export type KeyExchange = "psk" | "ecdhe_psk" | "ecdhe_ecdsa";

interface Cipher {
  /** RFC 7366 applies to block ciphers only. */
  readonly isBlockCipher: boolean;
  /** Bytes of the key block for one direction. */
  readonly macKeyLength: number;
  readonly keyLength: number;
  readonly ivLength: number;
  protect(keys: DirectionKeys, options: { readonly encryptThenMac: boolean; readonly randomIv: () => Uint8Array }): Protection;
}

interface NamedSuite<Name extends string> extends Cipher {
  readonly id: number;
  readonly name: Name;
  readonly keyExchange: KeyExchange;
}

const aead = (protect: (keys: DirectionKeys) => Protection): Cipher => ({ isBlockCipher: false, macKeyLength: 0, keyLength: 16, ivLength: 4, protect });
const ccm8 = aead((keys) => new AeadProtection(keys, "aes-128-ccm", 8));
const ccm = aead((keys) => new AeadProtection(keys, "aes-128-ccm", 16));
const gcm = aead((keys) => new AeadProtection(keys, "aes-128-gcm", 16));
const cbcSha256: Cipher = {
  isBlockCipher: true,
  macKeyLength: HASH_LENGTH,
  keyLength: 16,
  ivLength: 0,
  protect: (keys, { encryptThenMac, randomIv }) => (encryptThenMac ? new EncryptThenMacProtection(keys, randomIv) : new CbcProtection(keys, randomIv)),
};

const table = [
  { id: 0xc0a8, name: "TLS_PSK_WITH_AES_128_CCM_8", keyExchange: "psk", ...ccm8 },
  { id: 0xc0ae, name: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", keyExchange: "ecdhe_ecdsa", ...ccm8 },
  { id: 0xc0ac, name: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", keyExchange: "ecdhe_ecdsa", ...ccm },
  { id: 0xc02b, name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", keyExchange: "ecdhe_ecdsa", ...gcm },
  { id: 0xc037, name: "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", keyExchange: "ecdhe_psk", ...cbcSha256 },
  { id: 0xc023, name: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", keyExchange: "ecdhe_ecdsa", ...cbcSha256 },
  { id: 0x00ae, name: "TLS_PSK_WITH_AES_128_CBC_SHA256", keyExchange: "psk", ...cbcSha256 },
] as const satisfies readonly NamedSuite<string>[];

/** IANA names of the cipher suites this implementation has. */
export type CipherSuiteName = (typeof table)[number]["name"];
export type CipherSuite = NamedSuite<CipherSuiteName>;

/** Every suite there is, in a server's order of preference. */
export const cipherSuites: readonly CipherSuite[] = table;

/** What a client offers that was not told otherwise, in order of preference: suites with CBC only when named. */
export const defaultSuites = {
  psk: ["TLS_PSK_WITH_AES_128_CCM_8"],
  ecdhe_ecdsa: ["TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
} as const satisfies Record<string, readonly CipherSuiteName[]>;

/** Throws RangeError for a name that is not in the table. */
export function suiteNamed(name: CipherSuiteName): CipherSuite {
  const suite = cipherSuites.find((one) => one.name === name);
  if (suite === undefined) throw new RangeError(`there is no cipher suite ${name}; there are ${cipherSuites.map((one) => one.name).join(", ")}`);
  return suite;
}

export const suitesNamed = (names: readonly CipherSuiteName[]): readonly CipherSuite[] => names.map(suiteNamed);
