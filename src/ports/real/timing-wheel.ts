import type { Timer } from "../clock.js";

const BITS = 8;
const SLOTS = 1 << BITS;
const MASK = SLOTS - 1;
const LEVELS = 4;
/** Ticks the wheel can tell apart; a timer further away waits in the last slot and is placed again from there. */
const HORIZON = 2 ** (BITS * LEVELS) - 2 ** (BITS * (LEVELS - 1)) - 1;

/** A doubly linked list through the timers themselves. */
class Slot {
  head: Timer | undefined = undefined;
  tail: Timer | undefined = undefined;

  constructor(readonly level: Level) {}

  append(timer: Timer): void {
    timer.slot = this;
    timer.previous = this.tail;
    timer.next = undefined;
    if (this.tail === undefined) this.head = timer;
    else this.tail.next = timer;
    this.tail = timer;
    this.level.size++;
  }

  take(timer: Timer): void {
    if (timer.previous === undefined) this.head = timer.next;
    else timer.previous.next = timer.next;
    if (timer.next === undefined) this.tail = timer.previous;
    else timer.next.previous = timer.previous;
    timer.previous = undefined;
    timer.next = undefined;
    timer.slot = undefined;
    this.level.size--;
  }
}

class Level {
  readonly slots: readonly Slot[] = Array.from({ length: SLOTS }, () => new Slot(this));
  size = 0;

  /** @param span ticks that one slot covers */
  constructor(readonly span: number) {}

  slotAt(tick: number): Slot | undefined {
    return this.slots[Math.floor(tick / this.span) & MASK];
  }

  slotsBetween(from: number, to: number): number {
    return Math.floor(to / this.span) - Math.floor(from / this.span);
  }

  /** The tick at which the next slot with timers begins. */
  nextOccupied(now: number): number {
    if (this.size === 0) return Infinity;
    const current = Math.floor(now / this.span);
    for (let ahead = 1; ahead <= SLOTS; ahead++) {
      if (this.slots[(current + ahead) & MASK]?.head !== undefined) return (current + ahead) * this.span;
    }
    return Infinity;
  }
}

/**
 * A hierarchical timing wheel in ticks: start and stop are O(1) and allocate nothing. Level 0 has a slot for each of the next 256 ticks,
 * each higher level a slot for 256 slots of the level below, which is emptied downwards when its time comes.
 */
export class TimingWheel {
  readonly #levels: readonly Level[] = Array.from({ length: LEVELS }, (_, index) => new Level(2 ** (BITS * index)));
  /** The last tick that was dealt with. */
  #now = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts the timer at `tick`, or at the next one when that is past; returns the tick it got. */
  add(timer: Timer, tick: number): number {
    if (timer.slot !== undefined) this.remove(timer);
    timer.order = tick > this.#now ? tick : this.#now + 1;
    this.#place(timer);
    this.#size++;
    return timer.order;
  }

  remove(timer: Timer): void {
    const slot = timer.slot;
    if (!(slot instanceof Slot)) return;
    slot.take(timer);
    this.#size--;
  }

  /** The next tick at which something is to be done: a timer is due, or a higher slot must be emptied. */
  nextTick(): number | undefined {
    let earliest = Infinity;
    for (const level of this.#levels) earliest = Math.min(earliest, level.nextOccupied(this.#now));
    return earliest === Infinity ? undefined : earliest;
  }

  /** Fires everything due up to and including `tick`, in the order of ticks. */
  advance(tick: number): void {
    while (this.#now < tick) {
      const next = this.nextTick();
      if (next === undefined || next > tick) {
        this.#now = tick;
        return;
      }
      this.#now = next;
      this.#cascade();
      this.#fire();
    }
  }

  #place(timer: Timer): void {
    const tick = Math.min(timer.order, this.#now + HORIZON);
    for (const level of this.#levels) {
      if (level.slotsBetween(this.#now, tick) >= SLOTS) continue;
      level.slotAt(tick)?.append(timer);
      return;
    }
  }

  #cascade(): void {
    for (const level of this.#levels) {
      if (level.span === 1 || level.size === 0 || this.#now % level.span !== 0) continue;
      const slot = level.slotAt(this.#now);
      for (let timer = slot?.head; slot !== undefined && timer !== undefined; timer = slot.head) {
        slot.take(timer);
        this.#place(timer);
      }
    }
  }

  #fire(): void {
    const slot = this.#levels[0]?.slotAt(this.#now);
    // Timers started by a firing one go to later ticks, so this ends.
    for (let timer = slot?.head; timer !== undefined; timer = slot?.head) {
      this.remove(timer);
      try {
        timer.fire();
      } catch (error) {
        // One faulty timer must not hold up the rest of its slot; it still ends as an uncaught exception.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
