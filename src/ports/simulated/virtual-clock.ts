import type { Clock, Timer } from "../clock.js";

interface Entry {
  readonly due: number;
  readonly order: number;
  readonly timer: Timer;
}

const before = (a: Entry, b: Entry): boolean => a.due < b.due || (a.due === b.due && a.order < b.order);

/** Binary heap of entries by due time, then by the order of starting. */
class Heap {
  readonly #entries: Entry[] = [];

  get top(): Entry | undefined {
    return this.#entries[0];
  }

  push(entry: Entry): void {
    const entries = this.#entries;
    let at = entries.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = entries[parent];
      if (above === undefined || before(above, entry)) break;
      entries[at] = above;
      at = parent;
    }
    entries[at] = entry;
  }

  pop(): void {
    const entries = this.#entries;
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      let below = entries[child];
      const right = entries[child + 1];
      if (below !== undefined && right !== undefined && before(right, below)) {
        below = right;
        child++;
      }
      if (below === undefined || before(last, below)) break;
      entries[at] = below;
      at = child;
    }
    entries[at] = last;
  }

  live(isLive: (entry: Entry) => boolean): Entry[] {
    return this.#entries.filter(isLive).sort((a, b) => (before(a, b) ? -1 : 1));
  }
}

const isLive = (entry: Entry): boolean => entry.timer.slot !== undefined && entry.timer.order === entry.order;

/** Runs everything that is ready: promise jobs of any depth, and what they schedule for the same turn. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time that moves only when told to. Starts at 0; `epoch()` starts at 2026-01-01T00:00:00Z. */
export class VirtualClock implements Clock {
  readonly #heap = new Heap();
  #now = 0;
  #order = 0;

  now(): number {
    return this.#now;
  }

  hrtime(): bigint {
    return BigInt(Math.round(this.#now * 1e6));
  }

  epoch(): number {
    return Date.UTC(2026, 0, 1) + this.#now;
  }

  start(timer: Timer, delayMs: number): void {
    timer.due = this.#now + Math.max(0, delayMs);
    timer.order = ++this.#order;
    timer.slot = this;
    this.#heap.push({ due: timer.due, order: timer.order, timer });
  }

  stop(timer: Timer): void {
    timer.slot = undefined;
  }

  /** Lets `ms` pass: due timers fire one by one at their own time, promise jobs run in between. */
  advance(ms: number): Promise<void> {
    return this.#advanceTo(this.#now + ms);
  }

  async #advanceTo(until: number): Promise<void> {
    await settle();
    for (let entry = this.#next(); entry !== undefined && entry.due <= until; entry = this.#next()) {
      this.#heap.pop();
      this.#now = Math.max(this.#now, entry.due);
      entry.timer.slot = undefined;
      entry.timer.fire();
      await settle();
    }
    this.#now = until;
  }

  /** Advances until `done`, from one timer to the next; false when `limitMs` went by or nothing is left to wait for. */
  async advanceUntil(done: () => boolean, limitMs: number): Promise<boolean> {
    const until = this.#now + limitMs;
    await settle();
    while (!done()) {
      const entry = this.#next();
      if (entry === undefined || entry.due > until) return false;
      await this.#advanceTo(Math.max(this.#now, entry.due));
    }
    return true;
  }

  /** Names of the running timers, soonest first. */
  pending(): string[] {
    return this.#heap.live(isLive).map((entry) => entry.timer.timerName);
  }

  #next(): Entry | undefined {
    while (this.#heap.top !== undefined && !isLive(this.#heap.top)) this.#heap.pop();
    return this.#heap.top;
  }
}
