import { createCipheriv, createDecipheriv } from "node:crypto";

import { DTLS_1_2, MAX_PLAINTEXT, RECORD_HEADER_LENGTH, writeRecordHeader, type ContentType, type DtlsRecord } from "../codec/record.js";
import { equalSecrets } from "./primitives.js";
import { additionalData, type DirectionKeys, type Protection } from "./protection.js";

const EXPLICIT_NONCE_LENGTH = 8;
const NONCE_LENGTH = 12;
/** node:crypto takes an empty text without memory behind it for none at all: it seals it with an error and opens it with any tag. */
const nothing = Buffer.alloc(1).subarray(0, 0);

/** AES-CCM (RFC 6655): a salt of four bytes from the key block, epoch and sequence number as explicit nonce. */
export class CcmProtection implements Protection {
  readonly overhead: number;
  readonly #key: Buffer;
  readonly #nonce = Buffer.alloc(NONCE_LENGTH);

  constructor(
    keys: DirectionKeys,
    readonly tagLength: 8 | 16,
  ) {
    this.#key = keys.key;
    keys.iv.copy(this.#nonce);
    this.overhead = EXPLICIT_NONCE_LENGTH + tagLength;
  }

  seal(type: ContentType, epoch: number, sequence: number, plaintext: Uint8Array): Buffer {
    const { length } = plaintext;
    const record = Buffer.allocUnsafe(RECORD_HEADER_LENGTH + length + this.overhead);
    writeRecordHeader(record, type, epoch, sequence, length + this.overhead);
    record.copy(this.#nonce, NONCE_LENGTH - EXPLICIT_NONCE_LENGTH, 3, 3 + EXPLICIT_NONCE_LENGTH);
    record.copy(record, RECORD_HEADER_LENGTH, 3, 3 + EXPLICIT_NONCE_LENGTH);
    const cipher = createCipheriv("aes-128-ccm", this.#key, this.#nonce, { authTagLength: this.tagLength });
    cipher.setAAD(additionalData(type, epoch, sequence, DTLS_1_2, length), { plaintextLength: length });
    record.set(cipher.update(length === 0 ? nothing : plaintext), RECORD_HEADER_LENGTH + EXPLICIT_NONCE_LENGTH);
    cipher.final();
    record.set(cipher.getAuthTag(), RECORD_HEADER_LENGTH + EXPLICIT_NONCE_LENGTH + length);
    return record;
  }

  open({ type, version, epoch, sequence, fragment }: DtlsRecord): Buffer | undefined {
    const length = fragment.length - this.overhead;
    if (length < 0 || length > MAX_PLAINTEXT) return undefined;
    fragment.copy(this.#nonce, NONCE_LENGTH - EXPLICIT_NONCE_LENGTH, 0, EXPLICIT_NONCE_LENGTH);
    const tag = fragment.subarray(fragment.length - this.tagLength);
    const authenticated = additionalData(type, epoch, sequence, version, length);
    if (length === 0) return equalSecrets(this.#tagOfNothing(authenticated), tag) ? Buffer.alloc(0) : undefined;
    const decipher = createDecipheriv("aes-128-ccm", this.#key, this.#nonce, { authTagLength: this.tagLength });
    decipher.setAuthTag(tag);
    decipher.setAAD(authenticated, { plaintextLength: length });
    // In CCM mode node:crypto verifies in `update` and throws there.
    try {
      const plaintext = decipher.update(fragment.subarray(EXPLICIT_NONCE_LENGTH, fragment.length - this.tagLength));
      decipher.final();
      return plaintext;
    } catch {
      return undefined;
    }
  }

  #tagOfNothing(authenticated: Uint8Array): Buffer {
    const cipher = createCipheriv("aes-128-ccm", this.#key, this.#nonce, { authTagLength: this.tagLength });
    cipher.setAAD(authenticated, { plaintextLength: 0 });
    cipher.update(nothing);
    cipher.final();
    return cipher.getAuthTag();
  }
}
