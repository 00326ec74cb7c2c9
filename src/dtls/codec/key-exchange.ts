import { Reader, Writer } from "../../wire/index.js";
import { Alerts } from "./alert.js";
import { readSignature, writeSignature, type Signature } from "./certificate-messages.js";
import { DecodeError } from "./errors.js";

/** ECCurveType `named_curve` (RFC 8422 §5.4). */
const NAMED_CURVE = 3;

/** The server's share of a key agreement. */
export interface EcdheParameters {
  /** NamedCurve number. */
  readonly group: number;
  readonly publicKey: Buffer;
  /** As it is signed. */
  readonly raw: Buffer;
}

function readParameters(reader: Reader, whole: Uint8Array, start: number): EcdheParameters {
  const type = reader.u8("curve type");
  if (type !== NAMED_CURVE) throw new DecodeError(`curve type ${type}`, Alerts.handshake_failure);
  const group = reader.u16("curve");
  const publicKey = reader.bytes(reader.u8("public key length"), "public key");
  return { group, publicKey, raw: Buffer.from(whole.subarray(start, start + 4 + publicKey.length)) };
}

export const ecdheParameters = (group: number, publicKey: Uint8Array): Buffer => new Writer(4 + publicKey.length).u8(NAMED_CURVE).u16(group).u8(publicKey.length).bytes(publicKey).finish();

/** ServerKeyExchange of ECDHE_ECDSA (RFC 8422 §5.4). Throws WireError, as every reader below. */
export function readSignedKeyExchange(body: Uint8Array): { readonly parameters: EcdheParameters; readonly signature: Signature } {
  const reader = new Reader(body);
  return { parameters: readParameters(reader, body, 0), signature: readSignature(reader) };
}

export const writeSignedKeyExchange = (parameters: Uint8Array, algorithm: number, signature: Uint8Array): Buffer =>
  writeSignature(new Writer(parameters.length + 4 + signature.length).bytes(parameters), algorithm, signature).finish();

/** ServerKeyExchange of ECDHE_PSK (RFC 5489 §2): an identity hint, and parameters that nobody signs. */
export function readHintedKeyExchange(body: Uint8Array): EcdheParameters {
  const reader = new Reader(body);
  const hint = reader.bytes(reader.u16("identity hint length"), "identity hint");
  const parameters = readParameters(reader, body, 2 + hint.length);
  if (reader.remaining > 0) throw new DecodeError("bytes behind the key exchange");
  return parameters;
}

export const writeHintedKeyExchange = (parameters: Uint8Array): Buffer => new Writer(2 + parameters.length).u16(0).bytes(parameters).finish();

/** ClientKeyExchange of ECDHE_ECDSA (RFC 8422 §5.7). */
export function readClientShare(body: Uint8Array): Buffer {
  const reader = new Reader(body);
  const publicKey = reader.bytes(reader.u8("public key length"), "public key");
  if (reader.remaining > 0) throw new DecodeError("bytes behind the key exchange");
  return publicKey;
}

export const writeClientShare = (publicKey: Uint8Array): Buffer => new Writer(1 + publicKey.length).u8(publicKey.length).bytes(publicKey).finish();

/** ClientKeyExchange of ECDHE_PSK (RFC 5489 §2). */
export function readIdentifiedShare(body: Uint8Array): { readonly identity: Buffer; readonly publicKey: Buffer } {
  const reader = new Reader(body);
  const identity = reader.bytes(reader.u16("PSK identity length"), "PSK identity");
  const publicKey = reader.bytes(reader.u8("public key length"), "public key");
  if (reader.remaining > 0) throw new DecodeError("bytes behind the key exchange");
  return { identity, publicKey };
}

export const writeIdentifiedShare = (identity: Uint8Array, publicKey: Uint8Array): Buffer =>
  new Writer(3 + identity.length + publicKey.length).u16(identity.length).bytes(identity).u8(publicKey.length).bytes(publicKey).finish();
