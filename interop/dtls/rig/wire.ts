import type { Tapped } from "../../evidence.js";

/** Reads handshake messages off the wire with code that is not the code under test: DTLS 1.2 records (RFC 6347 §4.1, §4.2.2) before encryption. */

const HANDSHAKE = 22;
/** Content type of a record with a connection id (RFC 9146 §4). */
export const TLS12_CID = 25;
const RECORD_HEADER = 13;
const MESSAGE_HEADER = 12;

export const MessageType = { ClientHello: 1, ServerHello: 2, Certificate: 11, ServerKeyExchange: 12, ClientKeyExchange: 16 } as const;

export interface WireMessage {
  readonly fromPort: number;
  readonly type: number;
  /** Of the whole message. */
  readonly length: number;
  /** The part that this record carries. */
  readonly fragment: Buffer;
}

function records(datagram: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + RECORD_HEADER <= datagram.length; ) {
    const end = at + RECORD_HEADER + datagram.readUInt16BE(at + 11);
    found.push(datagram.subarray(at, end));
    at = end;
  }
  return found;
}

/** Handshake messages of epoch 0, fragment for fragment, in the order of the wire. */
export function handshakeMessages(wire: readonly Tapped[]): WireMessage[] {
  return wire.flatMap(({ from, payload }) =>
    records(payload)
      .filter((record) => record[0] === HANDSHAKE && record.readUInt16BE(3) === 0)
      .flatMap((record) => {
        const found: WireMessage[] = [];
        for (let at = RECORD_HEADER; at + MESSAGE_HEADER <= record.length; ) {
          const end = at + MESSAGE_HEADER + record.readUIntBE(at + 9, 3);
          found.push({ fromPort: from.port, type: record.readUInt8(at), length: record.readUIntBE(at + 1, 3), fragment: record.subarray(at + MESSAGE_HEADER, end) });
          at = end;
        }
        return found;
      }),
  );
}

/** Of those in the clear the longest, or the longest piece, header included. */
export const longestMessage = (wire: readonly Tapped[], from: (port: number) => boolean = () => true): number =>
  Math.max(...handshakeMessages(wire).filter(({ fromPort }) => from(fromPort)).map(({ fragment }) => MESSAGE_HEADER + fragment.length));

/** Which messages from this port came in more than one piece. */
export const fragmented = (wire: readonly Tapped[], fromPort: number): number[] => [
  ...new Set(
    handshakeMessages(wire)
      .filter((message) => message.fromPort === fromPort && message.fragment.length < message.length)
      .map(({ type }) => type),
  ),
];

/** The number of the curve in the last ServerKeyExchange that a certificate or a raw public key signs (RFC 8422 §5.4). */
export const curveOf = (wire: readonly Tapped[]): number | undefined => handshakeMessages(wire).findLast(({ type, fragment }) => type === MessageType.ServerKeyExchange && fragment.at(0) === 3)?.fragment.readUInt16BE(1);
export const CURVES = { secp256r1: 23, x25519: 29 } as const;

/** The most records that one datagram from this port held. */
export const recordsPerDatagram = (wire: readonly Tapped[], fromPort: number): number =>
  Math.max(...wire.filter(({ from }) => from.port === fromPort).map(({ payload }) => records(payload).length));

/** Extension types of a ClientHello or ServerHello that came in one piece; undefined when it has no extensions block at all. */
export function extensionsOf(hello: WireMessage): number[] | undefined {
  const body = hello.fragment;
  // Version and random, session id.
  let at = 34;
  at += 1 + body.readUInt8(at);
  if (hello.type === MessageType.ClientHello) {
    at += 1 + body.readUInt8(at);
    at += 2 + body.readUInt16BE(at);
    at += 1 + body.readUInt8(at);
  } else {
    at += 3;
  }
  if (at === body.length) return undefined;
  const found: number[] = [];
  for (at += 2; at < body.length; at += 4 + body.readUInt16BE(at + 2)) found.push(body.readUInt16BE(at));
  return found;
}

/** The last hello of this kind: of a ClientHello the one with the cookie. */
export function lastHello(wire: readonly Tapped[], type: number): WireMessage {
  const hello = handshakeMessages(wire).findLast((message) => message.type === type);
  if (hello === undefined) throw new Error(`there is no message of type ${type} on the wire`);
  return hello;
}
