import { Reader, Writer } from "../../wire/index.js";
import { DecodeError } from "./errors.js";
import { CertificateType } from "./extensions.js";

/** Deeper than any path in use. */
const MAX_CERTIFICATES = 8;
/** ClientCertificateType `ecdsa_sign` (RFC 8422 §5.5). */
const ECDSA_SIGN = 64;

/** What a Certificate message holds: X.509 certificates (RFC 5246 §7.4.2), or one raw public key (RFC 7250 §3) in a list of its own. Throws WireError, as every reader below. */
export function readCertificate(body: Uint8Array, type: CertificateType): readonly Buffer[] {
  const reader = new Reader(body);
  const content = reader.bytes(reader.u24("certificates length"), "certificates");
  if (reader.remaining > 0) throw new DecodeError("bytes behind the certificates");
  if (type === CertificateType.rawPublicKey) return content.length === 0 ? [] : [content];
  const list = new Reader(content);
  const chain: Buffer[] = [];
  while (list.remaining > 0) {
    if (chain.length === MAX_CERTIFICATES) throw new DecodeError(`more than ${MAX_CERTIFICATES} certificates`);
    chain.push(list.bytes(list.u24("certificate length"), "certificate"));
  }
  return chain;
}

export function writeCertificate(certificates: readonly Uint8Array[], type: CertificateType): Buffer {
  if (type === CertificateType.rawPublicKey) {
    const [publicKey = new Uint8Array()] = certificates;
    return new Writer(3 + publicKey.length).u24(publicKey.length).bytes(publicKey).finish();
  }
  const length = certificates.reduce((sum, one) => sum + 3 + one.length, 0);
  const writer = new Writer(3 + length).u24(length);
  for (const one of certificates) writer.u24(one.length).bytes(one);
  return writer.finish();
}

export interface CertificateRequest {
  readonly certificateTypes: readonly number[];
  /** SignatureScheme numbers. */
  readonly signatureAlgorithms: readonly number[];
}

/** RFC 5246 §7.4.4; the authorities named in it are read and not used. */
export function readCertificateRequest(body: Uint8Array): CertificateRequest {
  const reader = new Reader(body);
  const certificateTypes = [...reader.bytes(reader.u8("certificate types length"), "certificate types")];
  const algorithms = new Reader(reader.bytes(reader.u16("signature algorithms length"), "signature algorithms"));
  const signatureAlgorithms: number[] = [];
  while (algorithms.remaining > 0) signatureAlgorithms.push(algorithms.u16("signature algorithm"));
  reader.bytes(reader.u16("certificate authorities length"), "certificate authorities");
  if (reader.remaining > 0) throw new DecodeError("bytes behind the CertificateRequest");
  return { certificateTypes, signatureAlgorithms };
}

export function writeCertificateRequest({ certificateTypes, signatureAlgorithms }: CertificateRequest): Buffer {
  const writer = new Writer(16).u8(certificateTypes.length).bytes(Uint8Array.from(certificateTypes)).u16(2 * signatureAlgorithms.length);
  for (const algorithm of signatureAlgorithms) writer.u16(algorithm);
  return writer.u16(0).finish();
}

/** Whether an ECDSA key with this signature algorithm answers the request. */
export const asksFor = (request: CertificateRequest, algorithm: number): boolean => request.certificateTypes.includes(ECDSA_SIGN) && request.signatureAlgorithms.includes(algorithm);
export const requestFor = (algorithm: number): CertificateRequest => ({ certificateTypes: [ECDSA_SIGN], signatureAlgorithms: [algorithm] });

export interface Signature {
  /** SignatureScheme number. */
  readonly algorithm: number;
  readonly bytes: Buffer;
}

/** RFC 5246 §4.7, to the end of the message: CertificateVerify, and the end of a ServerKeyExchange. */
export function readSignature(reader: Reader): Signature {
  const algorithm = reader.u16("signature algorithm");
  const bytes = reader.bytes(reader.u16("signature length"), "signature");
  if (reader.remaining > 0) throw new DecodeError("bytes behind the signature");
  return { algorithm, bytes };
}

export const writeSignature = (writer: Writer, algorithm: number, signature: Uint8Array): Writer => writer.u16(algorithm).u16(signature.length).bytes(signature);
