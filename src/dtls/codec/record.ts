/** RFC 6347 §4.1: type, version, epoch, sequence number, length. */
export const RECORD_HEADER_LENGTH = 13;
/** RFC 6347 §4.1: 2^14 of plaintext, and what protection may add to it. */
export const MAX_PLAINTEXT = 1 << 14;
const MAX_FRAGMENT = MAX_PLAINTEXT + 2048;

export const ContentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
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
}

const isContentType = (type: number): type is ContentType => type >= ContentType.changeCipherSpec && type <= ContentType.applicationData;

/** The record at `offset`, or undefined when what stands there is none: the rest of the datagram is then dropped (RFC 6347 §4.1.2.7). */
export function readRecord(datagram: Buffer, offset: number): DtlsRecord | undefined {
  const body = offset + RECORD_HEADER_LENGTH;
  if (body > datagram.length) return undefined;
  const type = datagram.readUInt8(offset);
  const version = datagram.readUInt16BE(offset + 1);
  const length = datagram.readUInt16BE(offset + 11);
  if (!isContentType(type) || (version !== DTLS_1_2 && version !== DTLS_1_0)) return undefined;
  if (length > MAX_FRAGMENT || body + length > datagram.length) return undefined;
  return { type, version, epoch: datagram.readUInt16BE(offset + 3), sequence: datagram.readUIntBE(offset + 5, 6), fragment: datagram.subarray(body, body + length) };
}

export function writeRecordHeader(target: Buffer, type: ContentType, epoch: number, sequence: number, length: number, version: number = DTLS_1_2): void {
  target.writeUInt8(type, 0);
  target.writeUInt16BE(version, 1);
  target.writeUInt16BE(epoch, 3);
  target.writeUIntBE(sequence, 5, 6);
  target.writeUInt16BE(length, 11);
}

/** A record without protection, as in epoch 0. */
export function writePlainRecord(type: ContentType, epoch: number, sequence: number, fragment: Uint8Array, version: number = DTLS_1_2): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_LENGTH + fragment.length);
  writeRecordHeader(record, type, epoch, sequence, fragment.length, version);
  record.set(fragment, RECORD_HEADER_LENGTH);
  return record;
}
