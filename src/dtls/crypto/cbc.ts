import { createCipheriv, createDecipheriv } from "node:crypto";

import type { Secrets } from "../../ports/index.js";
import { DTLS_1_2, RECORD_HEADER_LENGTH, writeRecordHeader, type ContentType, type DtlsRecord } from "../codec/record.js";
import { equalSecrets, HASH_LENGTH, hmac, sha256 } from "./primitives.js";
import { additionalData, maxProtected, type DirectionKeys, type Protection } from "./protection.js";

const BLOCK_LENGTH = 16;
/** RFC 5246 §6.2.3.2: one for each record, and not to be foreseen. */
export const randomIvs =
  (secrets: Pick<Secrets, "bytes">) =>
  (): Uint8Array =>
    secrets.bytes(BLOCK_LENGTH);
const MAX_PADDING = 256;
/** What SHA-256 takes at a time. */
const HASH_BLOCK_LENGTH = 64;
const PSEUDO_HEADER_LENGTH = 13;
const nothing = Buffer.alloc(MAX_PADDING + 2 * HASH_BLOCK_LENGTH);

function crypt(direction: "encrypt" | "decrypt", key: Buffer, iv: Uint8Array, blocks: Uint8Array): Buffer {
  const cipher = direction === "encrypt" ? createCipheriv("aes-128-cbc", key, iv) : createDecipheriv("aes-128-cbc", key, iv);
  cipher.setAutoPadding(false);
  return cipher.update(blocks);
}

/** RFC 5246 §6.2.3.2: padding to whole blocks, every byte of it the number of padding bytes before the last. */
function pad(...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const padding = BLOCK_LENGTH - (length % BLOCK_LENGTH);
  return Buffer.concat([...parts, Buffer.alloc(padding, padding - 1)]);
}

/** How much of `blocks` is not padding, or -1; looks at every byte that could be padding, whatever it finds. */
function unpaddedLength(blocks: Buffer): number {
  const padding = (blocks.at(-1) ?? 0) + 1;
  const checked = Math.min(MAX_PADDING, blocks.length);
  let wrong = 0;
  for (let i = 1; i <= checked; i++) {
    const isPadding = (i - padding - 1) >> 31;
    wrong |= isPadding & ((blocks.at(-i) ?? 0) ^ (padding - 1));
  }
  return wrong === 0 && padding <= blocks.length ? blocks.length - padding : -1;
}

/** Blocks that HMAC-SHA-256 hashes inside, over so many bytes of content: with the key before them, and the end mark and length behind. */
const hashedBlocks = (length: number): number => Math.ceil((HASH_BLOCK_LENGTH + PSEUDO_HEADER_LENGTH + length + 9) / HASH_BLOCK_LENGTH);

/** AES-128-CBC with HMAC-SHA-256: an IV, a MAC, and a block of padding at most, wherever the MAC is. */
abstract class BlockProtection {
  readonly overhead: number;

  constructor(
    readonly keys: DirectionKeys,
    readonly randomIv: () => Uint8Array,
  ) {
    this.overhead = BLOCK_LENGTH + HASH_LENGTH + BLOCK_LENGTH + (keys.connectionId === undefined ? 0 : keys.connectionId.length + 1);
  }
}

/** The MAC is over the plaintext (RFC 5246 §6.2.3.2). */
export class CbcProtection extends BlockProtection implements Protection {
  seal(type: ContentType, epoch: number, sequence: number, plaintext: Uint8Array): Buffer {
    const mac = hmac(this.keys.macKey, additionalData(type, epoch, sequence, DTLS_1_2, plaintext.length, this.keys.connectionId), plaintext);
    return blockRecord(type, epoch, sequence, this.randomIv(), pad(plaintext, mac), this.keys);
  }

  open({ type, version, epoch, sequence, fragment }: DtlsRecord): Buffer | undefined {
    const blocks = fragment.length - BLOCK_LENGTH;
    if (blocks < HASH_LENGTH + 1 || blocks % BLOCK_LENGTH !== 0 || blocks > maxProtected(this.keys) + HASH_LENGTH + MAX_PADDING) return undefined;
    const content = crypt("decrypt", this.keys.key, fragment.subarray(0, BLOCK_LENGTH), fragment.subarray(BLOCK_LENGTH));
    const unpadded = unpaddedLength(content);
    const goodPadding = unpadded >= HASH_LENGTH;
    // Bad padding is taken for none, and the blocks that padding saves are hashed anyway, so that every record of one length takes the same time (RFC 5246 §6.2.3.2).
    const longest = content.length - HASH_LENGTH;
    const length = goodPadding ? unpadded - HASH_LENGTH : longest;
    const mac = hmac(this.keys.macKey, additionalData(type, epoch, sequence, version, length, this.keys.connectionId), content.subarray(0, length));
    sha256(nothing.subarray(0, HASH_BLOCK_LENGTH * (hashedBlocks(longest) - hashedBlocks(length))));
    const goodMac = equalSecrets(mac, content.subarray(length, length + HASH_LENGTH));
    return goodMac && goodPadding && length <= maxProtected(this.keys) ? content.subarray(0, length) : undefined;
  }
}

/** The MAC is over what is sent (encrypt-then-MAC, RFC 7366). */
export class EncryptThenMacProtection extends BlockProtection implements Protection {
  seal(type: ContentType, epoch: number, sequence: number, plaintext: Uint8Array): Buffer {
    const unauthenticated = blockRecord(type, epoch, sequence, this.randomIv(), pad(plaintext), this.keys);
    const { connectionId } = this.keys;
    const covered = unauthenticated.subarray(RECORD_HEADER_LENGTH + (connectionId?.length ?? 0));
    const mac = hmac(this.keys.macKey, additionalData(type, epoch, sequence, DTLS_1_2, covered.length, connectionId), covered);
    writeRecordHeader(unauthenticated, type, epoch, sequence, covered.length + HASH_LENGTH, DTLS_1_2, connectionId);
    return Buffer.concat([unauthenticated, mac]);
  }

  open({ type, version, epoch, sequence, fragment }: DtlsRecord): Buffer | undefined {
    const covered = fragment.subarray(0, Math.max(0, fragment.length - HASH_LENGTH));
    const blocks = covered.length - BLOCK_LENGTH;
    if (blocks < BLOCK_LENGTH || blocks % BLOCK_LENGTH !== 0) return undefined;
    const mac = hmac(this.keys.macKey, additionalData(type, epoch, sequence, version, covered.length, this.keys.connectionId), covered);
    if (!equalSecrets(mac, fragment.subarray(covered.length))) return undefined;
    const content = crypt("decrypt", this.keys.key, covered.subarray(0, BLOCK_LENGTH), covered.subarray(BLOCK_LENGTH));
    const length = unpaddedLength(content);
    return length < 0 || length > maxProtected(this.keys) ? undefined : content.subarray(0, length);
  }
}

function blockRecord(type: ContentType, epoch: number, sequence: number, iv: Uint8Array, blocks: Buffer, { key, connectionId }: DirectionKeys): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_LENGTH + (connectionId?.length ?? 0) + BLOCK_LENGTH + blocks.length);
  const header = writeRecordHeader(record, type, epoch, sequence, BLOCK_LENGTH + blocks.length, DTLS_1_2, connectionId);
  record.set(iv, header);
  record.set(crypt("encrypt", key, iv, blocks), header + BLOCK_LENGTH);
  return record;
}
