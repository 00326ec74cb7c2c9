import { createECDH, createHash, createHmac, type ECDH } from "node:crypto";
import { integer, sequence } from "./der.js";

/** The order of secp256r1 (SEC 2 §2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const scalarLength = 32;

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const toBytes = (number: bigint): Buffer => Buffer.from(number.toString(16).padStart(2 * scalarLength, "0"), "hex");
const modulo = (number: bigint): bigint => ((number % order) + order) % order;

/** Extended Euclid. */
function inverse(number: bigint): bigint {
  let [low, high] = [modulo(number), order];
  let [x, y] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high - quotient * low, low];
    [x, y] = [y - quotient * x, x];
  }
  return modulo(x);
}

/** RFC 6979 §3.2: the secret numbers that follow from key and content, one after the other. */
function* nonces(privateScalar: Uint8Array, hash: Uint8Array): Generator<bigint> {
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer => parts.reduce((mac, part) => mac.update(part), createHmac("sha256", key)).digest();
  const seed = [privateScalar, toBytes(modulo(toNumber(hash)))];
  let value: Buffer = Buffer.alloc(scalarLength, 1);
  let key: Buffer = Buffer.alloc(scalarLength);
  for (const round of [0, 1]) {
    key = hmac(key, value, Buffer.from([round]), ...seed);
    value = hmac(key, value);
  }
  for (;;) {
    value = hmac(key, value);
    const nonce = toNumber(value);
    if (nonce > 0n && nonce < order) yield nonce;
    key = hmac(key, value, Buffer.from([0]));
    value = hmac(key, value);
  }
}

/** The x coordinate of the base point taken `scalar` times. */
function xOf(curve: ECDH, scalar: bigint): bigint {
  curve.setPrivateKey(toBytes(scalar));
  return toNumber(curve.getPublicKey().subarray(1, 1 + scalarLength));
}

/**
 * ECDSA with SHA-256 over secp256r1, the same bytes for the same key and content (RFC 6979). For test certificates alone: it takes no care about how
 * long it takes.
 */
export function repeatableSignature(privateScalar: Uint8Array, content: Uint8Array): Buffer {
  const curve = createECDH("prime256v1");
  const hash = createHash("sha256").update(content).digest();
  const digest = toNumber(hash);
  const secret = toNumber(privateScalar);
  for (const nonce of nonces(privateScalar, hash)) {
    const r = modulo(xOf(curve, nonce));
    const s = modulo(inverse(nonce) * (digest + r * secret));
    if (r !== 0n && s !== 0n) return sequence(integer(toBytes(r)), integer(toBytes(s)));
  }
  throw new Error("the generator of nonces does not end");
}
