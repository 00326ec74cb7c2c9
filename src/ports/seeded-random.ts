import type { Random } from "./random.js";

/** One round of a 32-bit finalizer (murmur3's constants): every input bit reaches every output bit. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Folds text into a 32-bit state; different `lane`s give independent results. */
function hashText(text: string, lane: number): number {
  let h = mix(lane ^ 0x9e3779b9);
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) ^ (h >>> 15);
  return mix(h ^ text.length);
}

/** sfc32: small, fast, 128 bits of state, statistically sound for simulation. */
class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  /** What the generator was made from; forks depend on this and not on how much was drawn. */
  readonly #seedA: number;
  readonly #seedB: number;

  constructor(seedA: number, seedB: number) {
    this.#seedA = seedA;
    this.#seedB = seedB;
    this.#a = seedA;
    this.#b = seedB;
    this.#c = mix(seedA ^ mix(seedB));
    for (let i = 0; i < 12; i++) this.#word();
  }

  #word(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return t >>> 0;
  }

  next(): number {
    return ((this.#word() >>> 5) * 0x4000000 + (this.#word() >>> 6)) / 2 ** 53;
  }

  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.#word();
      for (let j = 0; j < 4 && i + j < length; j++) bytes[i + j] = (word >>> (8 * j)) & 0xff;
    }
    return bytes;
  }

  fork(label: string | number): Random {
    const text = typeof label === "number" ? `#${label}` : `:${label}`;
    return new SeededRandom(mix(this.#seedA ^ hashText(text, 1)) ^ this.#seedB, mix(this.#seedB + hashText(text, 2)) ^ this.#seedA);
  }
}

/** The same seed gives the same sequence on every machine. Not for secrets. */
export function seededRandom(seed: number | string): Random {
  const text = String(seed);
  return new SeededRandom(hashText(text, 3), hashText(text, 4));
}
