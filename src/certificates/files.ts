import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from "node:crypto";
import { checkPublicKey, KeyMaterialError, readCertificate } from "./reading.js";

const isPem = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes("-----BEGIN ");

/** A private key in a file, PEM or DER (PKCS #8 or SEC 1), as PKCS #8. Throws `KeyMaterialError`, which does not show it. */
export function privateKeyIn(file: Uint8Array): Buffer {
  const bytes = Buffer.from(file);
  const ways = isPem(file) ? [{ key: bytes, format: "pem" } as const] : (["pkcs8", "sec1"] as const).map((type) => ({ key: bytes, format: "der", type }) as const);
  for (const way of ways) {
    const key = tried(() => createPrivateKey(way));
    if (key === undefined) continue;
    if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new KeyMaterialError("unsupported", "has a key on another curve", "use a key on secp256r1 (P-256)");
    return key.export({ format: "der", type: "pkcs8" });
  }
  throw new KeyMaterialError("unreadable", "holds no private key without a passphrase", "give PKCS #8 or SEC 1, in PEM or DER");
}

/** The public key in a file, by itself or in a certificate, PEM or DER, as SubjectPublicKeyInfo. Throws `KeyMaterialError`. */
export function publicKeyIn(file: Uint8Array): Buffer {
  const bytes = Buffer.from(file);
  const key = tried(() => (isPem(file) ? createPublicKey({ key: bytes, format: "pem" }) : createPublicKey({ key: bytes, format: "der", type: "spki" }))) ?? tried(() => new X509Certificate(bytes).publicKey);
  if (key === undefined) throw new KeyMaterialError("unreadable", "holds no public key", "give a SubjectPublicKeyInfo or a certificate, in PEM or DER");
  const der = key.export({ format: "der", type: "spki" });
  checkPublicKey(der);
  return der;
}

function tried(read: () => KeyObject): KeyObject | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The certificates in a file, one in DER or several in PEM, as DER in their order. Throws `KeyMaterialError`. */
export function certificatesIn(file: Uint8Array): Buffer[] {
  const text = Buffer.from(file).toString("latin1");
  const found = isPem(file) ? [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)].map(([block]) => rawOf(block)) : [Buffer.from(file)];
  if (found.length === 0) throw new KeyMaterialError("unreadable", "holds no certificate", "give one in DER, or one or more in PEM");
  for (const one of found) readCertificate(one);
  return found;
}

function rawOf(block: string): Buffer {
  try {
    return new X509Certificate(block).raw;
  } catch {
    throw new KeyMaterialError("unreadable", "holds a certificate that cannot be read", "give one in DER, or one or more in PEM");
  }
}
