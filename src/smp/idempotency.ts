import type { Clock } from "../ports/index.js";

/** An answer as it went out, to be given again. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Entry {
  readonly fingerprint: string;
  readonly answer: Promise<KeptAnswer>;
  readonly storedAt: number;
}

const DAY_MS = 24 * 3600 * 1000;

/**
 * Idempotency keys of POST requests: the same key with the same body has one effect and one answer, also when the requests arrive together.
 * Remembered for 24 hours or the last 10,000 of a peer, whichever ends first.
 */
export class IdempotencyKeys {
  readonly #peers = new Map<string, Map<string, Entry>>();

  constructor(
    private readonly clock: Clock,
    readonly perPeer = 10_000,
    readonly keepMs = DAY_MS,
  ) {}

  /**
   * Runs `act` once for each key of a peer. `mismatch`: the key was used with another body or for another operation.
   * An `act` that throws is forgotten, so that the caller may repeat what never took effect.
   */
  async once(peerId: string, key: string, fingerprint: string, act: () => Promise<KeptAnswer>): Promise<{ readonly answer: KeptAnswer; readonly repeated: boolean } | "mismatch"> {
    const keys = this.#keysOf(peerId);
    const known = keys.get(key);
    if (known !== undefined && this.clock.now() - known.storedAt < this.keepMs) {
      if (known.fingerprint !== fingerprint) return "mismatch";
      return { answer: await known.answer, repeated: true };
    }
    keys.delete(key);
    const answer = act();
    keys.set(key, { fingerprint, answer, storedAt: this.clock.now() });
    // Map order is insertion order: the first key is the oldest.
    for (const oldest of keys.keys()) {
      if (keys.size <= this.perPeer) break;
      keys.delete(oldest);
    }
    try {
      return { answer: await answer, repeated: false };
    } catch (error) {
      if (keys.get(key)?.answer === answer) keys.delete(key);
      throw error;
    }
  }

  #keysOf(peerId: string): Map<string, Entry> {
    let keys = this.#peers.get(peerId);
    if (keys === undefined) this.#peers.set(peerId, (keys = new Map<string, Entry>()));
    return keys;
  }
}
