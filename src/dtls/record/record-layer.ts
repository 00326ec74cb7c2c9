import { DTLS_1_2, writePlainRecord, type ContentType, type DtlsRecord } from "../codec/record.js";
import type { Protection } from "../crypto/protection.js";
import { ReplayWindow } from "./replay-window.js";

const SEQUENCE_NUMBERS = 2 ** 48;

export type Opened = { readonly plaintext: Buffer } | "replayed" | "bad" | "no-keys" | "no-epoch";

/** Sequence numbers, keys and the replay window of one association: epoch 0 without protection, epoch 1 with it. There is no renegotiation, so no epoch 2. */
export class RecordLayer {
  #plainSequence: number;
  #plainSealed = 0;
  #sequence = 0;
  readonly #window = new ReplayWindow();
  #read: Protection | undefined = undefined;
  #write: Protection | undefined = undefined;

  /** A server counts on from the record of the ClientHello that it answers (RFC 6347 §4.2.1). */
  constructor(firstSequence = 0) {
    this.#plainSequence = firstSequence;
  }

  get hasKeys(): boolean {
    return this.#read !== undefined;
  }

  /** Records sealed so far, in both epochs. */
  get sealed(): number {
    return this.#plainSealed + this.#sequence;
  }

  /** Bytes that a protected fragment grows by. */
  get overhead(): number {
    return this.#write?.overhead ?? 0;
  }

  install(read: Protection, write: Protection): void {
    this.#read = read;
    this.#write = write;
  }

  /** Throws RangeError when the epoch's sequence numbers are used up. */
  seal(type: ContentType, epoch: 0 | 1, fragment: Uint8Array): Buffer {
    if (epoch === 0) {
      this.#plainSealed++;
      return writePlainRecord(type, 0, this.#plainSequence++, fragment);
    }
    if (this.#write === undefined) throw new Error("epoch 1 has no keys yet");
    if (this.#sequence === SEQUENCE_NUMBERS) throw new RangeError("sequence numbers are used up");
    return this.#write.seal(type, 1, this.#sequence++, fragment);
  }

  open(record: DtlsRecord): Opened {
    // No window without authentication: one forged number would shut out every record that follows (RFC 6347 §4.1.2.6).
    if (record.epoch === 0) return { plaintext: record.fragment };
    if (record.epoch !== 1) return "no-epoch";
    if (record.version !== DTLS_1_2) return "bad";
    if (this.#read === undefined) return "no-keys";
    if (!this.#window.isFresh(record.sequence)) return "replayed";
    const plaintext = this.#read.open(record);
    if (plaintext === undefined) return "bad";
    this.#window.mark(record.sequence);
    return { plaintext };
  }
}
