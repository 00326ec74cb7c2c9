const longest = 2 ** 31 - 1;

/** One thing that is due later; setting it again forgets what was due before. */
export class Alarm {
  #timer: NodeJS.Timeout | undefined;

  set(milliseconds: number, due: () => void): void {
    this.clear();
    // Longer than a timer can be is as good as never in a test run.
    if (milliseconds <= longest) this.#timer = setTimeout(due, milliseconds);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
