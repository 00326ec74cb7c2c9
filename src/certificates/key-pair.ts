import { createECDH, createPrivateKey, createPublicKey } from "node:crypto";
import type { Secrets } from "../ports/index.js";

/** Of secp256r1, the curve that every LwM2M client with public keys has (RFC 7925 §4.3). */
export interface KeyPair {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** PKCS #8, DER. Secret. */
  readonly privateKey: Buffer;
}

const scalarLength = 32;

/** The key pair of a private scalar; undefined for 0 and for one that is not below the order of the curve. */
function keyPairOf(scalar: Buffer): KeyPair | undefined {
  const ecdh = createECDH("prime256v1");
  try {
    ecdh.setPrivateKey(scalar);
  } catch {
    return undefined;
  }
  const point = ecdh.getPublicKey();
  const part = (from: number): string => point.subarray(from, from + scalarLength).toString("base64url");
  const jwk = { kty: "EC", crv: "P-256", x: part(1), y: part(1 + scalarLength) };
  return {
    publicKey: createPublicKey({ key: jwk, format: "jwk" }).export({ format: "der", type: "spki" }),
    privateKey: createPrivateKey({ key: { ...jwk, d: scalar.toString("base64url") }, format: "jwk" }).export({ format: "der", type: "pkcs8" }),
  };
}

/** A new key pair out of this generator: the system's for keys that are secret, a seeded one for test devices. */
export function newKeyPair(source: Pick<Secrets, "bytes">): KeyPair {
  // One scalar in four thousand million is not one of the curve.
  for (;;) {
    const pair = keyPairOf(Buffer.from(source.bytes(scalarLength)));
    if (pair !== undefined) return pair;
  }
}

/** SubjectPublicKeyInfo of a private key in PKCS #8. Throws what Node throws for bytes that are no such key. */
export const publicKeyOf = (privateKey: Uint8Array): Buffer =>
  createPublicKey(createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" })).export({ format: "der", type: "spki" });
