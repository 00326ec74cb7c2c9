/**
 * A deadline. Hot-path objects (an exchange, a lifetime) extend this class and are their own timer, so that starting one
 * allocates nothing. The fields below belong to the clock that holds it.
 */
export abstract class Timer {
  /** What is waited for, for diagnostics: `CON retransmit`, `registration lifetime`. */
  abstract readonly timerName: string;
  /** Called once, when the delay is over. The timer may be started again from here. */
  abstract fire(): void;

  /** @internal Place in the clock's queue. */
  due = 0;
  /** @internal */
  order = 0;
  /** @internal */
  previous: Timer | undefined = undefined;
  /** @internal */
  next: Timer | undefined = undefined;
  /** @internal The list it hangs in; undefined when it is not running. */
  slot: object | undefined = undefined;

  get running(): boolean {
    return this.slot !== undefined;
  }
}

/** Time, real or virtual. One per thread. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; fractions allowed. */
  now(): number;
  /** `process.hrtime.bigint()`: one clock for all processes of a machine, so that witnesses can be put in order. */
  hrtime(): bigint;
  /** Milliseconds since 1970, for dates a person or a protocol reads. */
  epoch(): number;
  /** Starts the timer, or moves it when it runs already. Resolution is a few milliseconds; it never fires early. */
  start(timer: Timer, delayMs: number): void;
  stop(timer: Timer): void;
}

class CallbackTimer extends Timer {
  constructor(
    override readonly timerName: string,
    readonly callback: () => void,
  ) {
    super();
  }

  override fire(): void {
    this.callback();
  }
}

/** A named timer around a function, for places that are not hot. Stop it with `clock.stop(timer)`. */
export function after(clock: Clock, delayMs: number, timerName: string, callback: () => void): Timer {
  const timer = new CallbackTimer(timerName, callback);
  clock.start(timer, delayMs);
  return timer;
}

export function sleep(clock: Clock, delayMs: number, timerName = "sleep"): Promise<void> {
  return new Promise((resolve) => after(clock, delayMs, timerName, resolve));
}
