/** RFC 6347 §4.1: type, version, epoch, sequence number, length. */
export const RECORD_HEADER_LENGTH = 13;
/** RFC 6347 §4.1: 2^14 of plaintext, and what protection may add to it. */
export const MAX_PLAINTEXT = 1 << 14;
const MAX_FRAGMENT = MAX_PLAINTEXT + 2048;

/** `connectionId` is `tls12_cid` (RFC 9146 §4): what it really holds is inside. */
export const ContentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23, connectionId: 25 } as const;
export type ContentType = (typeof ContentType)[keyof typeof ContentType];

/** DTLS versions count downwards. */
export const DTLS_1_2 = 0xfefd;
export const DTLS_1_0 = 0xfeff;

/** One record as it stands in a datagram; `fragment` is a view on it. */
export interface DtlsRecord {
  readonly type: ContentType;
  readonly version: number;
  readonly epoch: number;
  /** 48 bits. */
  readonly sequence: number;
  readonly fragment: Buffer;
  /** Of a `connectionId` record; a view as well. */
  readonly connectionId: Buffer | undefined;
}

/** How far the next record of the datagram is from the beginning of this one. */
export const recordLength = ({ fragment, connectionId }: DtlsRecord): number => RECORD_HEADER_LENGTH + (connectionId?.length ?? 0) + fragment.length;

const isPlainType = (type: number): type is ContentType => type >= ContentType.changeCipherSpec && type <= ContentType.applicationData;

/**
 * The record at `offset`, or undefined when what stands there is none: the rest of the datagram is then dropped (RFC 6347 §4.1.2.7). Connection ids are
 * as long as this end asked for; 0 is an end that takes no records with them.
 */
export function readRecord(datagram: Buffer, offset: number, connectionIdLength = 0): DtlsRecord | undefined {
  if (offset + RECORD_HEADER_LENGTH > datagram.length) return undefined;
  const type = datagram.readUInt8(offset);
  const version = datagram.readUInt16BE(offset + 1);
  if (version !== DTLS_1_2 && version !== DTLS_1_0) return undefined;
  const epoch = datagram.readUInt16BE(offset + 3);
  const sequence = datagram.readUIntBE(offset + 5, 6);
  if (isPlainType(type)) {
    const fragment = fragmentAt(datagram, offset + RECORD_HEADER_LENGTH);
    return fragment === undefined ? undefined : { type, version, epoch, sequence, fragment, connectionId: undefined };
  }
  if (type !== ContentType.connectionId || connectionIdLength === 0) return undefined;
  const idAt = offset + RECORD_HEADER_LENGTH - 2;
  const fragment = fragmentAt(datagram, idAt + connectionIdLength + 2);
  return fragment === undefined ? undefined : { type, version, epoch, sequence, fragment, connectionId: datagram.subarray(idAt, idAt + connectionIdLength) };
}

function fragmentAt(datagram: Buffer, at: number): Buffer | undefined {
  if (at > datagram.length) return undefined;
  const length = datagram.readUInt16BE(at - 2);
  return length > MAX_FRAGMENT || at + length > datagram.length ? undefined : datagram.subarray(at, at + length);
}

/** Returns how long the header is. */
export function writeRecordHeader(target: Buffer, type: ContentType, epoch: number, sequence: number, length: number, version: number = DTLS_1_2, connectionId?: Uint8Array): number {
  target.writeUInt8(type, 0);
  target.writeUInt16BE(version, 1);
  target.writeUInt16BE(epoch, 3);
  target.writeUIntBE(sequence, 5, 6);
  if (connectionId === undefined) {
    target.writeUInt16BE(length, 11);
    return RECORD_HEADER_LENGTH;
  }
  target.set(connectionId, 11);
  target.writeUInt16BE(length, 11 + connectionId.length);
  return RECORD_HEADER_LENGTH + connectionId.length;
}

/** A record without protection, as in epoch 0. */
export function writePlainRecord(type: ContentType, epoch: number, sequence: number, fragment: Uint8Array, version: number = DTLS_1_2): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_LENGTH + fragment.length);
  writeRecordHeader(record, type, epoch, sequence, fragment.length, version);
  record.set(fragment, RECORD_HEADER_LENGTH);
  return record;
}
