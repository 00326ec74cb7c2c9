import { ContentType, DTLS_1_2, writePlainRecord, type DtlsRecord } from "../codec/record.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import type { DirectionKeys, Protection } from "../crypto/protection.js";
import { ReplayWindow } from "./replay-window.js";

/** In an epoch (RFC 6347 §4.1). */
export const SEQUENCE_NUMBERS = 2 ** 48;

export interface OpenedRecord {
  /** What it really holds, where the record carries a connection id. */
  readonly type: ContentType;
  readonly plaintext: Buffer;
  /** Authentic, and with a number above every one before. */
  readonly isNewest: boolean;
}
export type Opened = OpenedRecord | "replayed" | "bad" | "no-keys" | "no-epoch";

/** Connection ids of both directions (RFC 9146); an empty one is none in the records. */
export interface ConnectionIds {
  /** Under which this end receives. */
  readonly own: Buffer;
  readonly peer: Buffer;
}

/** How far both directions of epoch 1 have come. */
export interface RecordState {
  readonly sealed: number;
  readonly newest: number;
  readonly seen: bigint;
}

/** Sequence numbers, keys and the replay window of one association: epoch 0 without protection, epoch 1 with it. There is no renegotiation, so no epoch 2. */
export class RecordLayer {
  #plainSequence: number;
  #plainSealed = 0;
  #sequence = 0;
  #window = new ReplayWindow();
  #read: Protection | undefined = undefined;
  #write: Protection | undefined = undefined;
  #ids: ConnectionIds | undefined = undefined;

  /** A server counts on from the record of the ClientHello that it answers (RFC 6347 §4.2.1). */
  constructor(firstSequence = 0) {
    this.#plainSequence = firstSequence;
  }

  /** Goes on after `sealed` records. */
  static restored({ sealed, newest, seen }: RecordState): RecordLayer {
    const layer = new RecordLayer();
    layer.#sequence = sealed;
    layer.#window = ReplayWindow.restored(newest, seen);
    return layer;
  }

  get hasKeys(): boolean {
    return this.#read !== undefined;
  }

  /** Records sealed so far, in both epochs. */
  get sealed(): number {
    return this.#plainSealed + this.#sequence;
  }

  /** Of epoch 1, once it has keys. */
  get keys(): { readonly read: DirectionKeys; readonly write: DirectionKeys } | undefined {
    return this.#read === undefined || this.#write === undefined ? undefined : { read: this.#read.keys, write: this.#write.keys };
  }

  get state(): RecordState {
    return { sealed: this.#sequence, ...this.#window.state };
  }

  /** Bytes that a protected fragment grows by. */
  get overhead(): number {
    return this.#write?.overhead ?? 0;
  }

  install(read: Protection, write: Protection, ids?: ConnectionIds): void {
    this.#read = read;
    this.#write = write;
    this.#ids = ids;
  }

  /** Throws RangeError when the epoch's sequence numbers are used up. */
  seal(type: ContentType, epoch: 0 | 1, fragment: Uint8Array): Buffer {
    if (epoch === 0) {
      this.#plainSealed++;
      return writePlainRecord(type, 0, this.#plainSequence++, fragment);
    }
    if (this.#write === undefined) throw new Error("epoch 1 has no keys yet");
    if (this.#sequence === SEQUENCE_NUMBERS) throw new RangeError("sequence numbers are used up");
    if (this.#ids === undefined || this.#ids.peer.length === 0) return this.#write.seal(type, 1, this.#sequence++, fragment);
    return this.#write.seal(ContentType.connectionId, 1, this.#sequence++, withType(type, fragment));
  }

  open(record: DtlsRecord): Opened {
    // No window without authentication: one forged number would shut out every record that follows (RFC 6347 §4.1.2.6).
    if (record.epoch === 0) return { type: record.type, plaintext: record.fragment, isNewest: false };
    if (record.epoch !== 1) return "no-epoch";
    if (record.version !== DTLS_1_2) return "bad";
    if (this.#read === undefined) return "no-keys";
    if (!this.#isAddressed(record)) return "bad";
    if (!this.#window.isFresh(record.sequence)) return "replayed";
    const content = this.#read.open(record);
    const opened = content === undefined || record.type !== ContentType.connectionId ? content : typed(content);
    if (opened === undefined) return "bad";
    const isNewest = this.#window.isNewest(record.sequence);
    this.#window.mark(record.sequence);
    return Buffer.isBuffer(opened) ? { type: record.type, plaintext: opened, isNewest } : { ...opened, isNewest };
  }

  /** RFC 9146 §4: with an id agreed on, what comes without it or with another one is not meant for this association. */
  #isAddressed({ type, connectionId }: DtlsRecord): boolean {
    const own = this.#ids?.own;
    if (own === undefined || own.length === 0) return type !== ContentType.connectionId;
    return connectionId !== undefined && samePublicBytes(connectionId, own);
  }
}

/** DTLSInnerPlaintext (RFC 9146 §4), without padding. */
function withType(type: ContentType, plaintext: Uint8Array): Buffer {
  const inner = Buffer.allocUnsafe(plaintext.length + 1);
  inner.set(plaintext);
  inner.writeUInt8(type, plaintext.length);
  return inner;
}

/** The type stands behind the plaintext, before any number of zeros. Undefined where there is none, or it is no type of what can be inside. */
function typed(inner: Buffer): { readonly type: ContentType; readonly plaintext: Buffer } | undefined {
  let end = inner.length - 1;
  while (end >= 0 && inner[end] === 0) end--;
  const type = inner[end];
  switch (type) {
    case ContentType.changeCipherSpec:
    case ContentType.alert:
    case ContentType.handshake:
    case ContentType.applicationData:
      return { type, plaintext: inner.subarray(0, end) };
    default:
      return undefined;
  }
}
