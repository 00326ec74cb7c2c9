const WORD = 32;
export const WINDOW = 2 * WORD;

/** Which of the last 64 sequence numbers were seen (RFC 6347 §4.1.2.6). */
export class ReplayWindow {
  #newest = -1;
  /** Bit k stands for `newest - k`, in `#older` for `newest - 32 - k`. */
  #recent = 0;
  #older = 0;

  /** Above every number seen so far. */
  isNewest(sequence: number): boolean {
    return sequence > this.#newest;
  }

  isFresh(sequence: number): boolean {
    const age = this.#newest - sequence;
    if (age < 0) return true;
    if (age >= WINDOW) return false;
    return (age < WORD ? this.#recent >>> age : this.#older >>> (age - WORD)) % 2 === 0;
  }

  /** To be called for records that authenticated, and for no others. */
  mark(sequence: number): void {
    const age = this.#newest - sequence;
    if (age >= WINDOW) return;
    if (age >= WORD) this.#older |= 1 << (age - WORD);
    else if (age >= 0) this.#recent |= 1 << age;
    else this.#advance(sequence);
  }

  #advance(sequence: number): void {
    const by = sequence - this.#newest;
    if (by >= WINDOW) this.#older = 0;
    else if (by >= WORD) this.#older = this.#recent << (by - WORD);
    else this.#older = (this.#older << by) | (this.#recent >>> (WORD - by));
    this.#recent = by >= WORD ? 1 : (this.#recent << by) | 1;
    this.#newest = sequence;
  }

  /** The newest number, and which of the 63 before it were seen: bit k of `seen` stands for `newest - k`. */
  get state(): { readonly newest: number; readonly seen: bigint } {
    return { newest: this.#newest, seen: BigInt(this.#recent >>> 0) | (BigInt(this.#older >>> 0) << BigInt(WORD)) };
  }

  static restored(newest: number, seen: bigint): ReplayWindow {
    const window = new ReplayWindow();
    window.#newest = newest;
    window.#recent = Number(BigInt.asIntN(WORD, seen));
    window.#older = Number(BigInt.asIntN(WORD, seen >> BigInt(WORD)));
    return window;
  }
}
