import { createCipheriv, createDecipheriv } from "node:crypto";

import { DTLS_1_2, RECORD_HEADER_LENGTH, writeRecordHeader, type ContentType, type DtlsRecord } from "../codec/record.js";
import { equalSecrets } from "./primitives.js";
import { additionalData, maxProtected, type DirectionKeys, type Protection } from "./protection.js";

const EXPLICIT_NONCE_LENGTH = 8;
const NONCE_LENGTH = 12;
/** node:crypto takes an empty text without memory behind it for none at all: in CCM mode it seals it with an error and opens it with any tag. */
const nothing = Buffer.alloc(1).subarray(0, 0);

export type AeadName = "aes-128-ccm" | "aes-128-gcm";

/** AES-CCM (RFC 6655) and AES-GCM (RFC 5288): a salt of four bytes from the key block, epoch and sequence number as explicit nonce. */
export class AeadProtection implements Protection {
  readonly overhead: number;
  readonly #nonce = Buffer.alloc(NONCE_LENGTH);

  constructor(
    readonly keys: DirectionKeys,
    readonly cipher: AeadName,
    readonly tagLength: 8 | 16,
  ) {
    keys.iv.copy(this.#nonce);
    this.overhead = EXPLICIT_NONCE_LENGTH + tagLength + (keys.connectionId === undefined ? 0 : keys.connectionId.length + 1);
  }

  seal(type: ContentType, epoch: number, sequence: number, plaintext: Uint8Array): Buffer {
    const { length } = plaintext;
    const { key, connectionId } = this.keys;
    const { tagLength } = this;
    const record = Buffer.allocUnsafe(RECORD_HEADER_LENGTH + (connectionId?.length ?? 0) + EXPLICIT_NONCE_LENGTH + length + tagLength);
    const header = writeRecordHeader(record, type, epoch, sequence, EXPLICIT_NONCE_LENGTH + length + tagLength, DTLS_1_2, connectionId);
    record.copy(this.#nonce, NONCE_LENGTH - EXPLICIT_NONCE_LENGTH, 3, 3 + EXPLICIT_NONCE_LENGTH);
    record.copy(record, header, 3, 3 + EXPLICIT_NONCE_LENGTH);
    const cipher = this.#cipher(key, additionalData(type, epoch, sequence, DTLS_1_2, length, connectionId), length);
    record.set(cipher.update(length === 0 ? nothing : plaintext), header + EXPLICIT_NONCE_LENGTH);
    cipher.final();
    record.set(cipher.getAuthTag(), header + EXPLICIT_NONCE_LENGTH + length);
    return record;
  }

  open({ type, version, epoch, sequence, fragment }: DtlsRecord): Buffer | undefined {
    const { tagLength } = this;
    const length = fragment.length - EXPLICIT_NONCE_LENGTH - tagLength;
    if (length < 0 || length > maxProtected(this.keys)) return undefined;
    fragment.copy(this.#nonce, NONCE_LENGTH - EXPLICIT_NONCE_LENGTH, 0, EXPLICIT_NONCE_LENGTH);
    const tag = fragment.subarray(fragment.length - tagLength);
    const authenticated = additionalData(type, epoch, sequence, version, length, this.keys.connectionId);
    if (length === 0) return equalSecrets(this.#tagOfNothing(authenticated), tag) ? Buffer.alloc(0) : undefined;
    // In CCM mode node:crypto verifies in `update` and throws there, in GCM mode in `final`.
    try {
      return this.cipher === "aes-128-ccm" ? this.#openCcm(fragment, tag, authenticated, length) : this.#openGcm(fragment, tag, authenticated);
    } catch {
      return undefined;
    }
  }

  #openCcm(fragment: Buffer, tag: Buffer, authenticated: Buffer, plaintextLength: number): Buffer {
    const decipher = createDecipheriv("aes-128-ccm", this.keys.key, this.#nonce, { authTagLength: this.tagLength });
    decipher.setAuthTag(tag);
    decipher.setAAD(authenticated, { plaintextLength });
    const plaintext = decipher.update(fragment.subarray(EXPLICIT_NONCE_LENGTH, fragment.length - this.tagLength));
    decipher.final();
    return plaintext;
  }

  #openGcm(fragment: Buffer, tag: Buffer, authenticated: Buffer): Buffer {
    const decipher = createDecipheriv("aes-128-gcm", this.keys.key, this.#nonce, { authTagLength: this.tagLength });
    decipher.setAuthTag(tag);
    decipher.setAAD(authenticated);
    const plaintext = decipher.update(fragment.subarray(EXPLICIT_NONCE_LENGTH, fragment.length - this.tagLength));
    decipher.final();
    return plaintext;
  }

  #cipher(key: Buffer, authenticated: Buffer, plaintextLength: number) {
    if (this.cipher === "aes-128-gcm") return createCipheriv("aes-128-gcm", key, this.#nonce, { authTagLength: this.tagLength }).setAAD(authenticated);
    return createCipheriv("aes-128-ccm", key, this.#nonce, { authTagLength: this.tagLength }).setAAD(authenticated, { plaintextLength });
  }

  #tagOfNothing(authenticated: Buffer): Buffer {
    const cipher = this.#cipher(this.keys.key, authenticated, 0);
    cipher.update(nothing);
    cipher.final();
    return cipher.getAuthTag();
  }
}
