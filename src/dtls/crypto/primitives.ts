import { createHmac, hash, timingSafeEqual } from "node:crypto";

export const HASH_LENGTH = 32;

export const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");

export const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};

/** The only way to compare anything that depends on a secret. */
export const equalSecrets = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** A copy with memory of its own: a slice of Node's buffer pool keeps 8 KiB for as long as it lives. For what outlives a handshake. */
export function kept(bytes: Uint8Array): Buffer {
  const copy = Buffer.alloc(bytes.length);
  copy.set(bytes);
  return copy;
}

/** RFC 5246 §5: the pseudorandom function with SHA-256. */
export function prf(secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, "latin1"), seed]);
  const blocks: Buffer[] = [];
  let a: Buffer = labelled;
  for (let made = 0; made < length; made += HASH_LENGTH) {
    a = hmac(secret, a);
    blocks.push(hmac(secret, a, labelled));
  }
  return kept(Buffer.concat(blocks, length));
}

/** RFC 4279 §2: as many zero bytes as the key has, then the key, each with its length in front. RFC 5489 §2: the agreed secret in place of the zeros. */
export function pskPremaster(key: Uint8Array, agreed: Uint8Array = Buffer.alloc(key.length)): Buffer {
  const premaster = Buffer.alloc(4 + agreed.length + key.length);
  premaster.writeUInt16BE(agreed.length, 0);
  premaster.set(agreed, 2);
  premaster.writeUInt16BE(key.length, 2 + agreed.length);
  premaster.set(key, 4 + agreed.length);
  return premaster;
}
