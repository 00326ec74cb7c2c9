import { Reader, Writer } from "../../wire/index.js";
import { DecodeError } from "./errors.js";

/** The TLS ExtensionType registry. */
export const ExtensionType = {
  serverName: 0,
  maxFragmentLength: 1,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  clientCertificateType: 19,
  serverCertificateType: 20,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  recordSizeLimit: 28,
  connectionId: 54,
  renegotiationInfo: 0xff01,
} as const;

/** More than any peer needs, and few enough to look through. */
const MAX_EXTENSIONS = 64;

/** Extensions by type, in the order they stand in the message. */
export type Extensions = ReadonlyMap<number, Uint8Array>;

/** What is left of the reader: nothing at all, or a list of extensions. Throws WireError. */
export function readExtensions(reader: Reader): Map<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  if (reader.remaining === 0) return extensions;
  const list = new Reader(reader.bytes(reader.u16("extensions length"), "extensions"));
  if (reader.remaining > 0) throw new DecodeError("bytes behind the extensions");
  while (list.remaining > 0) {
    const type = list.u16("extension type");
    const data = list.bytes(list.u16("extension length"), "extension");
    if (extensions.has(type)) throw new DecodeError(`extension ${type} twice`);
    if (extensions.size === MAX_EXTENSIONS) throw new DecodeError(`more than ${MAX_EXTENSIONS} extensions`);
    extensions.set(type, data);
  }
  return extensions;
}

/** No list at all when there are none, as a peer without extensions expects. */
export function writeExtensions(writer: Writer, extensions: Extensions): void {
  if (extensions.size === 0) return;
  let length = 0;
  for (const data of extensions.values()) length += 4 + data.length;
  writer.u16(length);
  for (const [type, data] of extensions) writer.u16(type).u16(data.length).bytes(data);
}

const HOST_NAME = 0;
/** RFC 1035 §2.3.4. */
const MAX_NAME = 255;

/** RFC 6066 §3: the first host name of the list, undefined when there is none. Throws WireError. */
export function readServerName(data: Uint8Array): string | undefined {
  const reader = new Reader(data);
  const list = new Reader(reader.bytes(reader.u16("server name list length"), "server name list"));
  while (list.remaining > 0) {
    const type = list.u8("name type");
    const name = list.bytes(list.u16("name length"), "server name");
    if (type !== HOST_NAME) continue;
    if (name.length === 0 || name.length > MAX_NAME) throw new DecodeError(`a server name of ${name.length} bytes`);
    return name.toString("latin1");
  }
  return undefined;
}

export function writeServerName(name: string): Buffer {
  const bytes = Buffer.from(name, "latin1");
  return new Writer(5 + bytes.length).u16(3 + bytes.length).u8(HOST_NAME).u16(bytes.length).bytes(bytes).finish();
}

/** RFC 7919 §2 and RFC 5246 §7.4.1.4.1: a list of numbers of two bytes, not empty. Throws WireError. */
export function readNumbers16(data: Uint8Array, field: string): readonly number[] {
  const reader = new Reader(data);
  const list = new Reader(reader.bytes(reader.u16(`${field} length`), field));
  if (reader.remaining > 0 || list.remaining === 0) throw new DecodeError(`${field} of the wrong length`);
  const numbers: number[] = [];
  while (list.remaining > 0) numbers.push(list.u16(field));
  return numbers;
}

export function writeNumbers16(numbers: readonly number[]): Buffer {
  const writer = new Writer(2 + 2 * numbers.length).u16(2 * numbers.length);
  for (const number of numbers) writer.u16(number);
  return writer.finish();
}

/** A list of bytes: point formats (RFC 8422 §5.1.2), certificate types (RFC 7250 §3). Not empty. Throws WireError. */
export function readNumbers8(data: Uint8Array, field: string): readonly number[] {
  const reader = new Reader(data);
  const list = reader.bytes(reader.u8(`${field} length`), field);
  if (reader.remaining > 0 || list.length === 0) throw new DecodeError(`${field} of the wrong length`);
  return [...list];
}

export const writeNumbers8 = (numbers: readonly number[]): Buffer => Buffer.from([numbers.length, ...numbers]);

/** One number and nothing else: the answer to a list of certificate types, a fragment length (RFC 6066 §4), a record size limit (RFC 8449 §4). Throws WireError. */
export function readNumber(data: Uint8Array, bytes: 1 | 2, field: string): number {
  const reader = new Reader(data);
  const number = bytes === 1 ? reader.u8(field) : reader.u16(field);
  if (reader.remaining > 0) throw new DecodeError(`${field} of the wrong length`);
  return number;
}

/** RFC 7250 §3, of the TLS Certificate Types registry. */
export const CertificateType = { x509: 0, rawPublicKey: 2 } as const;
export type CertificateType = number;

/** RFC 9146 §3: the id under which an end wants to receive records; empty: it needs none. Throws WireError. */
export function readConnectionId(data: Uint8Array): Buffer {
  const reader = new Reader(data);
  const id = reader.bytes(reader.u8("connection id length"), "connection id");
  if (reader.remaining > 0) throw new DecodeError("bytes behind the connection id");
  return id;
}

export const writeConnectionId = (id: Uint8Array): Buffer => new Writer(1 + id.length).u8(id.length).bytes(id).finish();

/** ECPointFormat `uncompressed`, the only one there is. */
export const UNCOMPRESSED_POINTS = 0;

/** RFC 8422 §5.1.2: whoever lists point formats has to list that one. Throws WireError. */
export function refusesUncompressed(extensions: Extensions): boolean {
  const listed = extensions.get(ExtensionType.ecPointFormats);
  return listed !== undefined && !readNumbers8(listed, "point formats").includes(UNCOMPRESSED_POINTS);
}
