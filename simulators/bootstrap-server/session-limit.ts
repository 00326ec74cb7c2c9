const least = 16;
const most = 1000;
const first = 64;

/**
 * How many sessions to work on at once. More while devices answer quickly, fewer when their answers take longer: past some point more sessions side by
 * side only make each of them slower, until all of them run out of time.
 */
export class SessionLimit {
  #limit = first;

  /** `quickMs`: an answer within it speaks for more; `slowMs`: one beyond it for fewer. */
  constructor(
    private readonly quickMs: number,
    private readonly slowMs: number,
  ) {}

  get value(): number {
    return Math.floor(this.#limit);
  }

  /** The slowest answer of a session that finished. */
  note(slowestAnswerMs: number): void {
    if (slowestAnswerMs <= this.quickMs) this.#limit = Math.min(most, this.#limit + 1);
    else if (slowestAnswerMs > this.slowMs) this.#limit = Math.max(least, this.#limit * 0.98);
  }
}
