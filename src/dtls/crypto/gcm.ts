import { createCipheriv, createDecipheriv } from "node:crypto";

import { DTLS_1_2, MAX_PLAINTEXT, RECORD_HEADER_LENGTH, writeRecordHeader, type ContentType, type DtlsRecord } from "../codec/record.js";
import { additionalData, type DirectionKeys, type Protection } from "./protection.js";

const EXPLICIT_NONCE_LENGTH = 8;
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/** AES-128-GCM (RFC 5288): a salt of four bytes from the key block, epoch and sequence number as explicit nonce. */
export class GcmProtection implements Protection {
  readonly overhead = EXPLICIT_NONCE_LENGTH + TAG_LENGTH;
  readonly #key: Buffer;
  readonly #nonce = Buffer.alloc(NONCE_LENGTH);

  constructor(keys: DirectionKeys) {
    this.#key = keys.key;
    keys.iv.copy(this.#nonce);
  }

  seal(type: ContentType, epoch: number, sequence: number, plaintext: Uint8Array): Buffer {
    const { length } = plaintext;
    const record = Buffer.allocUnsafe(RECORD_HEADER_LENGTH + length + this.overhead);
    writeRecordHeader(record, type, epoch, sequence, length + this.overhead);
    record.copy(this.#nonce, NONCE_LENGTH - EXPLICIT_NONCE_LENGTH, 3, 3 + EXPLICIT_NONCE_LENGTH);
    record.copy(record, RECORD_HEADER_LENGTH, 3, 3 + EXPLICIT_NONCE_LENGTH);
    const cipher = createCipheriv("aes-128-gcm", this.#key, this.#nonce, { authTagLength: TAG_LENGTH });
    cipher.setAAD(additionalData(type, epoch, sequence, DTLS_1_2, length));
    record.set(cipher.update(plaintext), RECORD_HEADER_LENGTH + EXPLICIT_NONCE_LENGTH);
    cipher.final();
    record.set(cipher.getAuthTag(), RECORD_HEADER_LENGTH + EXPLICIT_NONCE_LENGTH + length);
    return record;
  }

  open({ type, version, epoch, sequence, fragment }: DtlsRecord): Buffer | undefined {
    const length = fragment.length - this.overhead;
    if (length < 0 || length > MAX_PLAINTEXT) return undefined;
    fragment.copy(this.#nonce, NONCE_LENGTH - EXPLICIT_NONCE_LENGTH, 0, EXPLICIT_NONCE_LENGTH);
    const decipher = createDecipheriv("aes-128-gcm", this.#key, this.#nonce, { authTagLength: TAG_LENGTH });
    decipher.setAuthTag(fragment.subarray(fragment.length - TAG_LENGTH));
    decipher.setAAD(additionalData(type, epoch, sequence, version, length));
    const plaintext = decipher.update(fragment.subarray(EXPLICIT_NONCE_LENGTH, fragment.length - TAG_LENGTH));
    // Unlike in CCM mode node:crypto verifies here.
    try {
      decipher.final();
      return plaintext;
    } catch {
      return undefined;
    }
  }
}
