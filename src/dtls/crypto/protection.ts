import type { ContentType, DtlsRecord } from "../codec/record.js";

/** The keys of one direction of one epoch at work. */
export interface Protection {
  /** Bytes that protection adds to a fragment at most. */
  readonly overhead: number;
  /** The whole record, header included. */
  seal(type: ContentType, epoch: number, sequence: number, plaintext: Uint8Array): Buffer;
  /** The plaintext, or undefined for whatever does not authenticate, without a word about why. */
  open(record: DtlsRecord): Buffer | undefined;
}

/** One direction's share of the key block (RFC 5246 §6.3). */
export interface DirectionKeys {
  readonly macKey: Buffer;
  readonly key: Buffer;
  readonly iv: Buffer;
}

const pseudoHeader = Buffer.alloc(13);

/** RFC 5246 §6.2.3.3 with the sequence number of RFC 6347 §4.1.2.1: what is authenticated beside the content. Valid until the next call. */
export function additionalData(type: ContentType, epoch: number, sequence: number, version: number, length: number): Buffer {
  pseudoHeader.writeUInt16BE(epoch, 0);
  pseudoHeader.writeUIntBE(sequence, 2, 6);
  pseudoHeader.writeUInt8(type, 8);
  pseudoHeader.writeUInt16BE(version, 9);
  pseudoHeader.writeUInt16BE(length, 11);
  return pseudoHeader;
}
