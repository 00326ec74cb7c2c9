import { Timer, type Clock } from "../../src/ports/index.js";

const burst = 64;

/** Does something to many devices without holding the event loop: at a rate, or as fast as it goes. Its own timer. */
export class Paced<T> extends Timer {
  #done = 0;
  readonly #beganAt: number;

  constructor(
    readonly clock: Clock,
    readonly items: readonly T[],
    readonly perSecond: number | undefined,
    readonly act: (item: T) => void,
  ) {
    super();
    this.#beganAt = clock.now();
    this.fire();
  }

  override get timerName(): string {
    return "paced action";
  }

  get over(): boolean {
    return this.#done >= this.items.length;
  }

  override fire(): void {
    const due = this.perSecond === undefined ? this.items.length : Math.floor(((this.clock.now() - this.#beganAt) * this.perSecond) / 1000) + 1;
    for (let acted = 0; acted < burst && this.#done < due; acted++) {
      const item = this.items[this.#done];
      if (item === undefined) return;
      this.#done++;
      this.act(item);
    }
    if (!this.over) this.clock.start(this, 1);
  }
}
