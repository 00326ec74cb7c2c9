import { createHash, createPrivateKey, createPublicKey, KeyObject, X509Certificate } from "node:crypto";

/** Key material that is not what it should be: what it is, and what to do about it. Never repeats it. */
export class KeyMaterialError extends Error {
  override readonly name = "KeyMaterialError";

  constructor(
    /** `unreadable`: other bytes than DER of the kind; `unsupported`: a key that is not carried; `dates`: not valid today. */
    readonly kind: "unreadable" | "unsupported" | "dates",
    readonly fault: string,
    readonly fix: string,
  ) {
    super(`${fault}; ${fix}`);
  }
}

/** What a certificate says of whom it was made out to. */
export interface CertificateFacts {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /** Undefined where the subject has none, or several. */
  readonly commonName: string | undefined;
  /** Attribute 2.5.4.5 of the subject, not the certificate's own number. */
  readonly serialNumber: string | undefined;
  /** subjectAltName: names of the types URI and DNS. */
  readonly names: readonly string[];
  readonly isAuthority: boolean;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const pem = /^\s*-----BEGIN [A-Z0-9 ]+-----/;

/** Bytes of a SubjectPublicKeyInfo on secp256r1 whose point is not compressed, as RFC 8422 §5.4.1 asks for. */
const uncompressedLength = 91;

const inDer = "take the bytes between the BEGIN and END lines of a PEM file and decode them from base64";

function refusePem(bytes: Uint8Array, what: string): void {
  if (pem.test(Buffer.from(bytes.subarray(0, 64)).toString("latin1"))) throw new KeyMaterialError("unreadable", `is ${what} in PEM, and DER is due`, inDer);
}

function checkCurve(key: KeyObject): void {
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    const found = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? "unknown";
    throw new KeyMaterialError("unsupported", `has a key of ${found}`, "use a key on secp256r1 (P-256)");
  }
}

/** Throws `KeyMaterialError` for anything that is not one SubjectPublicKeyInfo of a key on secp256r1, in DER. */
export function checkPublicKey(der: Uint8Array): void {
  refusePem(der, "a key");
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
  } catch {
    throw new KeyMaterialError("unreadable", "is no public key", "give a SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7)");
  }
  checkCurve(key);
  // Other bytes for the same key would give it several thumbprints.
  if (der.length !== uncompressedLength || !key.export({ format: "der", type: "spki" }).equals(der)) throw new KeyMaterialError("unreadable", "is not the one encoding of its key", "give the SubjectPublicKeyInfo in DER, uncompressed and with nothing behind it");
}

/** Throws `KeyMaterialError` for anything that is not one private key on secp256r1, in PKCS #8 and DER. */
export function checkPrivateKey(der: Uint8Array): void {
  refusePem(der, "a key");
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch {
    throw new KeyMaterialError("unreadable", "is no private key", "give a key in PKCS #8 and DER (RFC 5958)");
  }
  checkCurve(key);
}

/** Whether it is a certificate at all, of whatever key. */
export function isCertificate(der: Uint8Array): boolean {
  try {
    return new X509Certificate(der).raw.length === der.length;
  } catch {
    return false;
  }
}

/** Throws `KeyMaterialError` for anything that is not one certificate in DER with a key on secp256r1. Dates are not looked at. */
export function readCertificate(der: Uint8Array): CertificateFacts {
  refusePem(der, "a certificate");
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(der);
    key = certificate.publicKey;
  } catch {
    throw new KeyMaterialError("unreadable", "is no certificate", "give an X.509 certificate in DER");
  }
  if (certificate.raw.length !== der.length) throw new KeyMaterialError("unreadable", "has bytes behind the certificate", "give one certificate in DER and nothing else");
  checkCurve(key);
  const { subject } = certificate.toLegacyObject();
  return {
    publicKey: key.export({ format: "der", type: "spki" }),
    commonName: onlyText(subject.CN),
    serialNumber: onlyText((subject as { readonly serialNumber?: unknown }).serialNumber),
    names: alternativeNames(certificate.subjectAltName),
    isAuthority: certificate.ca,
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
  };
}

const onlyText = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** Node writes `URI:a, DNS:b`, and what could be taken for another entry as a JSON text (CVE-2021-44532). */
function alternativeNames(text: string | undefined): string[] {
  return [...(text ?? "").matchAll(/(?:^|, )(URI|DNS):("(?:[^"\\]|\\.)*"|[^,]*)/g)].flatMap(([, , name = ""]) => (name.startsWith('"') ? [String(JSON.parse(name))] : [name]));
}

/** Throws `KeyMaterialError` for a certificate that is over or not begun. */
export function checkDates({ notBefore, notAfter }: Pick<CertificateFacts, "notBefore" | "notAfter">, now: number): void {
  if (now < notBefore) throw new KeyMaterialError("dates", `is not valid before ${new Date(notBefore).toISOString()}`, "give one that is valid today");
  if (now > notAfter) throw new KeyMaterialError("dates", `expired at ${new Date(notAfter).toISOString()}`, "give one that is valid today");
}

/** Whether a certificate is made out to this name: the common name of its subject, or a subjectAltName (OMA issue 175). */
export const isMadeOutTo = ({ commonName, names }: CertificateFacts, name: string): boolean => commonName === name || names.includes(name);

/** SHA-256, base64url: of a SubjectPublicKeyInfo or a certificate. */
export const thumbprint = (der: Uint8Array): string => createHash("sha256").update(der).digest("base64url");
