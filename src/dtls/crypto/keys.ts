import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { Alerts, type AlertDescription } from "../codec/alert.js";
import { DecodeError } from "../codec/errors.js";
import { samePublicBytes } from "../codec/public-bytes.js";

export type { KeyObject };

/** `ecdsa_secp256r1_sha256` of the TLS SignatureScheme registry: the one that LwM2M asks for, and the only one here. */
export const ECDSA_P256_SHA256 = 0x0403;

/** SubjectPublicKeyInfo of an uncompressed point of secp256r1 (RFC 5480), up to its coordinates. */
const spkiPrefix = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex");
/** PKCS #8 of a key on secp256r1 with its public key in it (RFC 5958, RFC 5915): up to the number, and between it and the coordinates. */
const pkcs8Prefix = Buffer.from("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420", "hex");
const pkcs8Middle = Buffer.from("a14403420004", "hex");
const COORDINATE = 32;

const base64url = (der: Uint8Array, at: number): string => Buffer.from(der.subarray(at, at + COORDINATE)).toString("base64url");
const standsAt = (der: Uint8Array, at: number, part: Buffer): boolean => samePublicBytes(part, der.subarray(at, at + part.length));
const isOnP256 = (key: KeyObject): boolean => key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";

/** A public key of the only curve there is for signatures; throws DecodeError with `alert`, or with unsupported_certificate when the curve is another. */
export function importPublicKey(der: Uint8Array, alert: AlertDescription = Alerts.bad_certificate): KeyObject {
  let key: KeyObject;
  try {
    key = publicKeyOf(der);
  } catch {
    throw new DecodeError("a public key that is none", alert);
  }
  if (!isOnP256(key)) throw new DecodeError("a public key that is not on secp256r1", Alerts.unsupported_certificate);
  return key;
}

// OpenSSL takes two to five times as long to find its way through DER as to take the numbers by themselves.
function publicKeyOf(der: Uint8Array): KeyObject {
  const at = spkiPrefix.length;
  if (der.length !== at + 2 * COORDINATE || !standsAt(der, 0, spkiPrefix)) return createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  return createPublicKey({ key: { kty: "EC", crv: "P-256", x: base64url(der, at), y: base64url(der, at + COORDINATE) }, format: "jwk" });
}

function privateKeyOf(der: Uint8Array): KeyObject {
  const number = pkcs8Prefix.length;
  const x = number + COORDINATE + pkcs8Middle.length;
  if (der.length !== x + 2 * COORDINATE || !standsAt(der, 0, pkcs8Prefix) || !standsAt(der, number + COORDINATE, pkcs8Middle)) {
    return createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  }
  return createPrivateKey({ key: { kty: "EC", crv: "P-256", d: base64url(der, number), x: base64url(der, x), y: base64url(der, x + COORDINATE) }, format: "jwk" });
}

/** Throws RangeError, which says nothing of the key, for what is no private key on secp256r1 in PKCS #8 (DER). */
export function importPrivateKey(der: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = privateKeyOf(der);
  } catch {
    throw new RangeError("the private key is no PKCS #8 in DER");
  }
  if (!isOnP256(key)) throw new RangeError("the private key is not on secp256r1");
  return key;
}

/** SubjectPublicKeyInfo, DER, of a private key. */
export const publicKeyBytes = (privateKey: KeyObject): Buffer => createPublicKey(privateKey).export({ format: "der", type: "spki" });

export const signed = (privateKey: KeyObject, content: Uint8Array): Buffer => sign("sha256", content, privateKey);

/** False also for what is no signature at all. */
export const isSignedBy = (publicKey: KeyObject, content: Uint8Array, signature: Uint8Array): boolean => verify("sha256", content, publicKey, signature);
