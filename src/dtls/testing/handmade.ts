import { Reader } from "../../wire/index.js";
import { ExtensionType } from "../codec/extensions.js";
import { handshakeMessage, HandshakeType, readFragment, type HandshakeFragment } from "../codec/handshake.js";
import { EMPTY_RENEGOTIATION_INFO_SCSV, nullCompression, writeClientHello, writeServerHello, type ClientHello, type ServerHello } from "../codec/messages.js";
import { ContentType, DTLS_1_2, readRecord, recordLength, writePlainRecord, type DtlsRecord } from "../codec/record.js";

export const CCM_8 = 0xc0a8;
export const CBC = 0x00ae;
export const none = Buffer.alloc(0);

/** A record in the clear. */
export const plain = (type: ContentType, fragment: Uint8Array, sequence = 0, epoch = 0): Buffer => writePlainRecord(type, epoch, sequence, fragment);

/** A handshake message in a record of its own, in the clear. */
export const plainMessage = (type: HandshakeType, messageSeq: number, body: Uint8Array, sequence = 0): Buffer => plain(ContentType.handshake, handshakeMessage(type, messageSeq, body).raw, sequence);

export const plainAlert = (level: number, description: number, sequence = 0): Buffer => plain(ContentType.alert, Buffer.from([level, description]), sequence);

export const helloOf = (over: Partial<ClientHello> = {}): ClientHello => ({
  version: DTLS_1_2,
  random: Buffer.alloc(32, 1),
  sessionId: none,
  cookie: none,
  suites: [CCM_8, EMPTY_RENEGOTIATION_INFO_SCSV],
  compressions: nullCompression,
  extensions: new Map([[ExtensionType.extendedMasterSecret, none]]),
  ...over,
});

export const helloRecord = (hello: ClientHello, messageSeq = 0, sequence = 0): Buffer => plainMessage(HandshakeType.clientHello, messageSeq, writeClientHello(hello), sequence);

export const serverHelloOf = (over: Partial<ServerHello> = {}): ServerHello => ({
  version: DTLS_1_2,
  random: Buffer.alloc(32, 2),
  sessionId: none,
  suite: CCM_8,
  compression: 0,
  extensions: new Map(),
  ...over,
});
export const serverHelloRecord = (hello: ServerHello, messageSeq = 0, sequence = 0): Buffer => plainMessage(HandshakeType.serverHello, messageSeq, writeServerHello(hello), sequence);

/** Connection ids are as long as the receiver asked for. */
export function recordsIn(datagram: Buffer, connectionIdLength = 0): readonly DtlsRecord[] {
  const records: DtlsRecord[] = [];
  for (let offset = 0; offset < datagram.length; ) {
    const record = readRecord(datagram, offset, connectionIdLength);
    if (record === undefined) throw new Error(`no record at ${offset} of ${datagram.toString("hex")}`);
    records.push(record);
    offset += recordLength(record);
  }
  return records;
}

/** The handshake messages, or pieces of them, that stand in the clear in these datagrams. */
export function messagesIn(...datagrams: readonly Buffer[]): readonly HandshakeFragment[] {
  const fragments: HandshakeFragment[] = [];
  for (const record of datagrams.flatMap((datagram) => recordsIn(datagram))) {
    if (record.epoch !== 0 || record.type !== ContentType.handshake) continue;
    const reader = new Reader(record.fragment);
    while (reader.remaining > 0) fragments.push(readFragment(reader));
  }
  return fragments;
}

/** Alerts in the clear, as `level description`. */
export const alertsIn = (...datagrams: readonly Buffer[]): readonly string[] =>
  datagrams
    .flatMap((datagram) => recordsIn(datagram))
    .filter((record) => record.epoch === 0 && record.type === ContentType.alert)
    .map((record) => `${record.fragment.readUInt8(0)} ${record.fragment.readUInt8(1)}`);
