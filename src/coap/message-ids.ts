const SEGMENT_BITS = 12;
const SEGMENTS = 1 << (16 - SEGMENT_BITS);

/**
 * Hands out message ids towards one peer. An id comes again only when EXCHANGE_LIFETIME has passed since its last use (RFC 7252 §4.4), told apart
 * in segments of 4096 ids: a peer that never used one up costs two numbers.
 */
export class MessageIds {
  #next: number;
  /** When each segment was left; undefined until the first one is. */
  #leftAt: Float64Array | undefined = undefined;

  constructor(first: number) {
    this.#next = first & 0xffff;
  }

  /** The next id, or -1 when all are in use: then ask again after `waitMs`. */
  take(now: number, lifetimeMs: number): number {
    if (this.waitMs(now, lifetimeMs) > 0) return -1;
    return this.force(now);
  }

  /** The next id, in use or not: for messages that cannot wait. */
  force(now: number): number {
    const id = this.#next;
    this.#next = (id + 1) & 0xffff;
    const segment = id >> SEGMENT_BITS;
    if (this.#next >> SEGMENT_BITS !== segment) {
      this.#leftAt ??= new Float64Array(SEGMENTS).fill(-Infinity);
      this.#leftAt[segment] = now;
    }
    return id;
  }

  /** How long until the next id is free again. */
  waitMs(now: number, lifetimeMs: number): number {
    if (this.#leftAt === undefined) return 0;
    // Within a segment this asks the same of each of its ids: the segment's last use is later than theirs.
    return Math.max(0, (this.#leftAt[this.#next >> SEGMENT_BITS] ?? -Infinity) + lifetimeMs - now);
  }
}
