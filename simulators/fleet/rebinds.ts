import { Timer, type Clock } from "../../src/ports/index.js";

/** Finer than any device would notice, and few enough to walk through. */
const mostSlots = 1024;
const shortestSlotMs = 5;

/**
 * Gives each of its devices another address once in a period, at a time of its own. The devices hang in the slots of a wheel that is its own timer:
 * none of them has one for it.
 */
export class Rebinds<T> extends Timer {
  readonly #slots: T[][];
  readonly #slotMs: number;
  readonly #beganAt: number;
  /** Slots passed since the beginning. */
  #passed = 0;

  constructor(
    readonly clock: Clock,
    readonly everyMs: number,
    readonly rebind: (device: T) => void,
  ) {
    super();
    const slots = Math.min(mostSlots, Math.max(1, Math.floor(everyMs / shortestSlotMs)));
    this.#slots = Array.from({ length: slots }, () => []);
    this.#slotMs = everyMs / slots;
    this.#beganAt = clock.now();
    this.#next();
  }

  override get timerName(): string {
    return "changes of address";
  }

  /** `phase`: when in the period, 0 to 1. */
  add(device: T, phase: number): void {
    this.#slots[Math.floor(phase * this.#slots.length)]?.push(device);
  }

  override fire(): void {
    const due = Math.floor((this.clock.now() - this.#beganAt) / this.#slotMs);
    // A thread that was held up for longer than a period does not owe the periods that it missed.
    this.#passed = Math.max(this.#passed, due - this.#slots.length);
    for (; this.#passed < due; this.#passed++) for (const device of this.#slots[this.#passed % this.#slots.length] ?? []) this.rebind(device);
    this.#next();
  }

  #next(): void {
    this.clock.start(this, Math.max(1, this.#beganAt + (this.#passed + 1) * this.#slotMs - this.clock.now()));
  }

  halt(): void {
    this.clock.stop(this);
  }
}
