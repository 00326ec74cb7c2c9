/** Seeded randomness: every choice of behaviour comes from the run's seed through here. Never for secrets. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [0, bound). */
  below(bound: number): number;
  bytes(length: number): Buffer;
  /** A generator of its own for `label`: the same seed and label give the same sequence, whoever else draws from this one. */
  fork(label: string | number): Random;
}

/** The operating system's generator: tokens, keys, cookies, nonces, credentials that a Bootstrap Server issues. */
export interface Secrets {
  bytes(length: number): Buffer;
  /** A bearer token: 32 random bytes in base64url. */
  token(): string;
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** SHA-256 in base64url: stands for bytes that are too many to keep. */
  digest(bytes: Uint8Array): string;
}
