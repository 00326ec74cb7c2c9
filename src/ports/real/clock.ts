import type { Clock, Timer } from "../clock.js";
import { TimingWheel } from "./timing-wheel.js";

/** Width of a tick. A timer fires up to one tick (and the event loop's lag) after its time, never before. */
const TICK_MS = 4;
/** Node's timers hold no longer delay; a wheel that waits longer is looked at in between. */
const LONGEST_ALARM_MS = 2 ** 31 - 1;

class RealClock implements Clock {
  readonly #wheel = new TimingWheel();
  readonly #origin = performance.now();
  readonly #onAlarm = (): void => {
    this.#alarm();
  };
  #handle: NodeJS.Timeout | undefined;
  /** Tick the OS timer is set for. */
  #armedFor = Infinity;

  now(): number {
    return performance.now();
  }

  hrtime(): bigint {
    return process.hrtime.bigint();
  }

  epoch(): number {
    return Date.now();
  }

  start(timer: Timer, delayMs: number): void {
    const due = performance.now() + (delayMs > 0 ? delayMs : 0);
    timer.due = due;
    const tick = this.#wheel.add(timer, Math.ceil((due - this.#origin) / TICK_MS));
    if (tick < this.#armedFor) this.#arm();
    else if (this.#wheel.size === 1) this.#handle?.ref();
  }

  stop(timer: Timer): void {
    if (timer.slot === undefined) return;
    this.#wheel.remove(timer);
    // An alarm left over from a stopped timer must not keep the process alive.
    if (this.#wheel.size === 0) this.#handle?.unref();
  }

  #arm(): void {
    const tick = this.#wheel.nextTick();
    if (this.#handle !== undefined) clearTimeout(this.#handle);
    this.#handle = undefined;
    this.#armedFor = Infinity;
    if (tick === undefined) return;
    this.#armedFor = tick;
    this.#handle = setTimeout(this.#onAlarm, Math.min(LONGEST_ALARM_MS, Math.max(1, Math.ceil(this.#origin + tick * TICK_MS - performance.now()))));
  }

  #alarm(): void {
    this.#handle = undefined;
    this.#armedFor = Infinity;
    try {
      this.#wheel.advance(Math.floor((performance.now() - this.#origin) / TICK_MS));
    } finally {
      this.#arm();
    }
  }
}

let threadClock: Clock | undefined;

/** The thread's clock: one timing wheel and one OS timer, which keeps the process alive only while something is waited for. */
export function realClock(): Clock {
  threadClock ??= new RealClock();
  return threadClock;
}
