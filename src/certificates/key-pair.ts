import { createECDH, createPrivateKey, createPublicKey } from "node:crypto";
import type { Secrets } from "../ports/index.js";
import { bitString, integer, objectIdentifier, octetString, ownMemory, sequence, tagged } from "./der.js";

/** Of secp256r1, the curve that every LwM2M client with public keys has (RFC 7925 §4.3). */
export interface KeyPair {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** PKCS #8, DER. Secret. */
  readonly privateKey: Buffer;
}

const scalarLength = 32;

/** id-ecPublicKey on secp256r1 (RFC 5480 §2.1.1). */
const algorithm = sequence(objectIdentifier("1.2.840.10045.2.1"), objectIdentifier("1.2.840.10045.3.1.7"));
/** Versions of PKCS #8 and of the key in it (RFC 5958, RFC 5915). */
const [zero, one] = [integer(Buffer.from([0])), integer(Buffer.from([1]))];

/** The key pair of a private scalar; undefined for 0 and for one that is not below the order of the curve. */
function keyPairOf(scalar: Buffer): KeyPair | undefined {
  const ecdh = createECDH("prime256v1");
  try {
    ecdh.setPrivateKey(scalar);
  } catch {
    return undefined;
  }
  const point = bitString(ecdh.getPublicKey());
  return {
    publicKey: ownMemory(sequence(algorithm, point)),
    privateKey: ownMemory(sequence(zero, algorithm, octetString(sequence(one, octetString(scalar), tagged(1, point))))),
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
