import { newKeyPair, publicKeyOf, testAuthority, testCertificate, type AuthorityKeys, type KeyPair } from "../certificates/index.js";
import { seededRandom } from "../ports/seeded-random.js";

/** A pre-shared key with the name under which its holder is known. */
export interface Psk {
  readonly mode?: "psk";
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

/** What a device takes for its server, beside the server's URI: resources of /0, written as they are given. */
export interface ServerTrust {
  /** /0/x/4: the server's SubjectPublicKeyInfo; or its certificate or an authority's, by `usage`. DER. */
  readonly publicKey: Uint8Array;
  /** /0/x/13. */
  readonly matchingType?: number;
  /** /0/x/14. */
  readonly serverName?: string;
  /** /0/x/15. */
  readonly usage?: number;
}

/** Security mode 1. Bytes are DER: SubjectPublicKeyInfo and PKCS #8. */
export interface RawPublicKey {
  readonly mode: "rpk";
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
  /** Default: what the account says. */
  readonly trust?: ServerTrust;
}

/** Security mode 2. */
export interface Certificate {
  readonly mode: "x509";
  /** DER. */
  readonly certificate: Uint8Array;
  readonly privateKey: Uint8Array;
  readonly trust?: ServerTrust;
}

/** What a device shows of itself in a handshake. */
export type DeviceCredential = Psk | RawPublicKey | Certificate;
export const credentialModes = ["psk", "rpk", "x509"] as const;
export type CredentialMode = (typeof credentialModes)[number];

export const isPsk = (credential: DeviceCredential): credential is Psk => credential.mode === undefined || credential.mode === "psk";

/** With whom a device shares a key, or to whom it shows one: its Bootstrap Server, or the LwM2M Server of its factory account. */
export type CredentialUse = "bootstrap" | "server";

/** What a device knows to begin with. */
export interface DeviceCredentials {
  readonly endpoint: string;
  readonly bootstrap?: DeviceCredential;
  readonly server?: DeviceCredential;
}

/** Keys follow from a number: a short one is itself, any other text is drawn from. */
export const seedNumber = (seed: string): number => (/^\d{1,9}$/.test(seed) ? Number(seed) : seededRandom(seed).below(2 ** 31));

/** The first bytes of every test key: whoever meets one where secrets are kept sees what it is. */
const mark = Buffer.from("TEST");
const keyLength = 16;

/**
 * The key of test device `device` (its number in a fleet, or its name) of a seed: it follows from these and is no secret. Beyond its mark it has
 * 96 bits.
 */
export function testKey(seed: number, device: number | string, use: CredentialUse): Buffer {
  return Buffer.concat([mark, seededRandom(`${seed} psk ${use}`).fork(device).bytes(keyLength - mark.length)]);
}

export const isTestKey = (key: Uint8Array): boolean => key.length === keyLength && Buffer.from(key.buffer, key.byteOffset, mark.length).equals(mark);

/** Where the private number stands in what `newKeyPair` writes (RFC 5915 in RFC 5958). */
const scalarAt = 36;
const scalarLength = 32;

/** The key pair of a test device, on secp256r1: its private number begins with the mark of test keys. */
export function testKeyPair(seed: number, device: number | string, use: CredentialUse | "authority"): KeyPair {
  const random = seededRandom(`${seed} ec ${use}`).fork(device);
  return newKeyPair({ bytes: () => Buffer.concat([mark, random.bytes(scalarLength - mark.length)]) });
}

/** Whether a private key (PKCS #8, DER) is one of `testKeyPair`. */
export const isTestPrivateKey = (der: Uint8Array): boolean => Buffer.from(der.buffer, der.byteOffset, der.byteLength).subarray(scalarAt, scalarAt + mark.length).equals(mark);

/** Whether whoever knows the seed knows this credential. */
export const isTestCredential = (credential: DeviceCredential): boolean => (isPsk(credential) ? isTestKey(credential.key) : isTestPrivateKey(credential.privateKey));

/** The authority of the test devices of a seed: as little a secret as their keys. */
export const testAuthorityOf = (seed: number): AuthorityKeys => testAuthority(testKeyPair(seed, 0, "authority"), `Muster test authority ${seed}`);

/** The endpoint name is the identity. */
export const testPsk = (seed: number, device: number | string, use: CredentialUse, endpoint: string): Psk => ({ identity: Buffer.from(endpoint), key: testKey(seed, device, use) });

export const testRawPublicKey = (seed: number, device: number | string, use: CredentialUse): RawPublicKey => ({ mode: "rpk", ...testKeyPair(seed, device, use) });

/** Made out to the endpoint name. */
export function testCertificateOf(authority: AuthorityKeys, seed: number, device: number | string, use: CredentialUse, endpoint: string): Certificate {
  const { publicKey, privateKey } = testKeyPair(seed, device, use);
  return { mode: "x509", certificate: testCertificate(authority, publicKey, endpoint), privateKey };
}

/** What test devices show, in which mode; certificates are issued by `authority`, by default the seed's. */
export interface TestDeviceMode {
  readonly mode: CredentialMode;
  readonly authority?: AuthorityKeys;
}

export function testCredential({ mode, authority }: TestDeviceMode, seed: number, device: number | string, use: CredentialUse, endpoint: string): DeviceCredential {
  switch (mode) {
    case "psk":
      return testPsk(seed, device, use, endpoint);
    case "rpk":
      return testRawPublicKey(seed, device, use);
    case "x509":
      return testCertificateOf(authority ?? testAuthorityOf(seed), seed, device, use, endpoint);
  }
}

/** Both test keys of a device. */
export const testCredentials = (seed: number, device: number | string, endpoint: string) => ({
  endpoint,
  bootstrap: testPsk(seed, device, "bootstrap", endpoint),
  server: testPsk(seed, device, "server", endpoint),
});

/** A raw public key whose public half follows from the private one. Throws what Node throws for bytes that are no private key. */
export const rawPublicKeyOf = (privateKey: Uint8Array): RawPublicKey => ({ mode: "rpk", publicKey: publicKeyOf(privateKey), privateKey });
