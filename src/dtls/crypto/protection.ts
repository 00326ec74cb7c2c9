import { ContentType, MAX_PLAINTEXT, type DtlsRecord } from "../codec/record.js";

/** The keys of one direction of one epoch at work. */
export interface Protection {
  readonly keys: DirectionKeys;
  /** Bytes that protection adds to a fragment, and a connection id to its header, at most. */
  readonly overhead: number;
  /** The whole record, header included. */
  seal(type: ContentType, epoch: number, sequence: number, plaintext: Uint8Array): Buffer;
  /** The plaintext, or undefined for whatever does not authenticate, without a word about why. */
  open(record: DtlsRecord): Buffer | undefined;
}

/** One direction's share of the key block (RFC 5246 §6.3), and the connection id that its records carry, if they do. */
export interface DirectionKeys {
  readonly macKey: Buffer;
  readonly key: Buffer;
  readonly iv: Buffer;
  readonly connectionId?: Buffer | undefined;
}

/** Bytes of what is protected, at most: with a connection id the type stands behind the plaintext (RFC 9146 §4). */
export const maxProtected = ({ connectionId }: DirectionKeys): number => MAX_PLAINTEXT + (connectionId === undefined ? 0 : 1);

const pseudoHeader = Buffer.alloc(13);

/** RFC 5246 §6.2.3.3 with the sequence number of RFC 6347 §4.1.2.1, or RFC 9146 §5: what is authenticated beside the content. Valid until the next call. */
export function additionalData(type: ContentType, epoch: number, sequence: number, version: number, length: number, connectionId?: Uint8Array): Buffer {
  if (connectionId !== undefined) return additionalDataWithId(epoch, sequence, version, length, connectionId);
  pseudoHeader.writeUInt16BE(epoch, 0);
  pseudoHeader.writeUIntBE(sequence, 2, 6);
  pseudoHeader.writeUInt8(type, 8);
  pseudoHeader.writeUInt16BE(version, 9);
  pseudoHeader.writeUInt16BE(length, 11);
  return pseudoHeader;
}

const PLACEHOLDER_LENGTH = 8;
const MAX_ID_LENGTH = 255;
const longHeader = Buffer.alloc(PLACEHOLDER_LENGTH + 3 + 10 + MAX_ID_LENGTH + 2, 0xff);

function additionalDataWithId(epoch: number, sequence: number, version: number, length: number, connectionId: Uint8Array): Buffer {
  const idAt = PLACEHOLDER_LENGTH + 3 + 10;
  longHeader.writeUInt8(ContentType.connectionId, PLACEHOLDER_LENGTH);
  longHeader.writeUInt8(connectionId.length, PLACEHOLDER_LENGTH + 1);
  longHeader.writeUInt8(ContentType.connectionId, PLACEHOLDER_LENGTH + 2);
  longHeader.writeUInt16BE(version, PLACEHOLDER_LENGTH + 3);
  longHeader.writeUInt16BE(epoch, PLACEHOLDER_LENGTH + 5);
  longHeader.writeUIntBE(sequence, PLACEHOLDER_LENGTH + 7, 6);
  longHeader.set(connectionId, idAt);
  longHeader.writeUInt16BE(length, idAt + connectionId.length);
  return longHeader.subarray(0, idAt + connectionId.length + 2);
}
