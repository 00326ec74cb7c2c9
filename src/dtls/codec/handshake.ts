import { Reader, Writer } from "../../wire/index.js";

/** RFC 6347 §4.2.2. */
export const HANDSHAKE_HEADER_LENGTH = 12;

export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  newSessionTicket: 4,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;
export type HandshakeType = number;

const names = new Map<number, string>(Object.entries(HandshakeType).map(([name, number]) => [number, name]));
export const handshakeName = (type: HandshakeType): string => names.get(type) ?? `handshake message ${type}`;

/** A whole handshake message. */
export interface HandshakeMessage {
  readonly type: HandshakeType;
  readonly messageSeq: number;
  readonly body: Buffer;
  /** As it is hashed: header as if never fragmented, then the body (RFC 6347 §4.2.6). */
  readonly raw: Buffer;
}

/** A piece of one, as it stands in a record; `body` is a view on it. */
export interface HandshakeFragment {
  readonly type: HandshakeType;
  /** Of the whole message. */
  readonly length: number;
  readonly messageSeq: number;
  readonly offset: number;
  readonly body: Buffer;
}

/** The next fragment of a record's content. Throws WireError. */
export function readFragment(reader: Reader): HandshakeFragment {
  const type = reader.u8("handshake type");
  const length = reader.u24("handshake length");
  const messageSeq = reader.u16("message_seq");
  const offset = reader.u24("fragment_offset");
  const fragmentLength = reader.u24("fragment_length");
  return { type, length, messageSeq, offset, body: reader.bytes(fragmentLength, "handshake fragment") };
}

export function handshakeMessage(type: HandshakeType, messageSeq: number, body: Uint8Array): HandshakeMessage {
  const raw = new Writer(HANDSHAKE_HEADER_LENGTH + body.length).u8(type).u24(body.length).u16(messageSeq).u24(0).u24(body.length).bytes(body).finish();
  return { type, messageSeq, raw, body: raw.subarray(HANDSHAKE_HEADER_LENGTH) };
}

/** Cuts a message (header and body) into fragments of at most `maxLength` bytes, headers included. */
export function fragmentsOf(raw: Uint8Array, maxLength: number): readonly Uint8Array[] {
  if (raw.length <= maxLength || raw.length <= HANDSHAKE_HEADER_LENGTH) return [raw];
  const header = new Reader(raw);
  const type = header.u8("handshake type");
  const length = header.u24("handshake length");
  const messageSeq = header.u16("message_seq");
  const body = raw.subarray(HANDSHAKE_HEADER_LENGTH);
  const room = Math.max(1, maxLength - HANDSHAKE_HEADER_LENGTH);
  const fragments: Uint8Array[] = [];
  for (let offset = 0; offset < body.length; offset += room) {
    const piece = body.subarray(offset, offset + room);
    fragments.push(new Writer(HANDSHAKE_HEADER_LENGTH + piece.length).u8(type).u24(length).u16(messageSeq).u24(offset).u24(piece.length).bytes(piece).finish());
  }
  return fragments;
}
