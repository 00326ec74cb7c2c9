import { Reader, Writer } from "../../wire/index.js";
import { DecodeError } from "./errors.js";
import { readExtensions, writeExtensions, type Extensions } from "./extensions.js";

export const RANDOM_LENGTH = 32;
export const MAX_SESSION_ID_LENGTH = 32;
/** RFC 5746 §3.3: stands in the list of suites for an empty renegotiation_info. */
export const EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff;
const NULL_COMPRESSION = 0;

export interface ClientHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly cookie: Uint8Array;
  readonly suites: readonly number[];
  readonly compressions: Uint8Array;
  readonly extensions: Extensions;
}

export interface ServerHello {
  readonly version: number;
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly suite: number;
  readonly compression: number;
  readonly extensions: Extensions;
}

function sessionId(reader: Reader): Buffer {
  const length = reader.u8("session id length");
  if (length > MAX_SESSION_ID_LENGTH) throw new DecodeError(`a session id of ${length} bytes`);
  return reader.bytes(length, "session id");
}

function ended(reader: Reader, message: string): void {
  if (reader.remaining > 0) throw new DecodeError(`bytes behind the ${message}`);
}

/** RFC 6347 §4.2.1. Throws WireError, as every reader below. */
export function readClientHello(body: Uint8Array): ClientHello {
  const reader = new Reader(body);
  const version = reader.u16("client version");
  const random = reader.bytes(RANDOM_LENGTH, "client random");
  const id = sessionId(reader);
  const cookie = reader.bytes(reader.u8("cookie length"), "cookie");
  const suiteBytes = new Reader(reader.bytes(reader.u16("cipher suites length"), "cipher suites"));
  const suites: number[] = [];
  while (suiteBytes.remaining > 0) suites.push(suiteBytes.u16("cipher suite"));
  const compressions = reader.bytes(reader.u8("compression methods length"), "compression methods");
  return { version, random, sessionId: id, cookie, suites, compressions, extensions: readExtensions(reader) };
}

export function writeClientHello(hello: ClientHello): Buffer {
  const writer = new Writer(160).u16(hello.version).bytes(hello.random).u8(hello.sessionId.length).bytes(hello.sessionId).u8(hello.cookie.length).bytes(hello.cookie);
  writer.u16(2 * hello.suites.length);
  for (const suite of hello.suites) writer.u16(suite);
  writer.u8(hello.compressions.length).bytes(hello.compressions);
  writeExtensions(writer, hello.extensions);
  return writer.finish();
}

export const nullCompression = Uint8Array.of(NULL_COMPRESSION);
export const offersNullCompression = (hello: ClientHello): boolean => hello.compressions.includes(NULL_COMPRESSION);

export function readServerHello(body: Uint8Array): ServerHello {
  const reader = new Reader(body);
  const version = reader.u16("server version");
  const random = reader.bytes(RANDOM_LENGTH, "server random");
  const id = sessionId(reader);
  const suite = reader.u16("cipher suite");
  const compression = reader.u8("compression method");
  return { version, random, sessionId: id, suite, compression, extensions: readExtensions(reader) };
}

export function writeServerHello(hello: ServerHello): Buffer {
  const writer = new Writer(96).u16(hello.version).bytes(hello.random).u8(hello.sessionId.length).bytes(hello.sessionId).u16(hello.suite).u8(hello.compression);
  writeExtensions(writer, hello.extensions);
  return writer.finish();
}

/** RFC 6347 §4.2.1; the version in it says nothing about the version to come. */
export function readHelloVerifyRequest(body: Uint8Array): { readonly cookie: Buffer } {
  const reader = new Reader(body);
  reader.u16("server version");
  const cookie = reader.bytes(reader.u8("cookie length"), "cookie");
  ended(reader, "HelloVerifyRequest");
  return { cookie };
}

export const writeHelloVerifyRequest = (version: number, cookie: Uint8Array): Buffer => new Writer(3 + cookie.length).u16(version).u8(cookie.length).bytes(cookie).finish();

/** RFC 4279 §2: ServerKeyExchange with an identity hint, ClientKeyExchange with an identity. */
export function readOpaque16(body: Uint8Array, field: string): Buffer {
  const reader = new Reader(body);
  const value = reader.bytes(reader.u16(`${field} length`), field);
  ended(reader, field);
  return value;
}

export const writeOpaque16 = (value: Uint8Array): Buffer => new Writer(2 + value.length).u16(value.length).bytes(value).finish();

/** RFC 5246 §7.4.5. */
export function readServerHelloDone(body: Uint8Array): void {
  if (body.length > 0) throw new DecodeError("a ServerHelloDone with content");
}
