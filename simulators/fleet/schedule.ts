import type { Shape } from "./plan.js";

/**
 * Intended start of each position of a plan, milliseconds from its beginning. The rate may be changed while it runs: what had been started by then
 * stays as it was.
 */
export class Schedule {
  readonly #devices: number;
  #shape: Shape;
  /** The present shape begins at this position and time. */
  #fromPosition = 0;
  #fromMs = 0;

  constructor(shape: Shape, devices: number) {
    this.#shape = shape;
    this.#devices = devices;
  }

  /** Positions before it are due. */
  dueAt(elapsedMs: number): number {
    const ms = elapsedMs - this.#fromMs;
    if (ms < 0) return this.#fromPosition;
    return Math.min(this.#devices, this.#fromPosition + countAfter(this.#shape, ms, this.#devices - this.#fromPosition));
  }

  /** When the position is meant to start. */
  startOf(position: number): number {
    return this.#fromMs + timeOf(this.#shape, position - this.#fromPosition, this.#devices - this.#fromPosition);
  }

  changeRate(perSecond: number, elapsedMs: number): void {
    this.#fromPosition = this.dueAt(elapsedMs);
    this.#fromMs = elapsedMs;
    this.#shape = { kind: "rate", perSecond };
  }
}

/** When the `n`-th device (from 0) of a shape starts. */
function timeOf(shape: Shape, n: number, devices: number): number {
  switch (shape.kind) {
    case "storm":
      return devices === 0 ? 0 : ((shape.jitterMs ?? 0) * n) / devices;
    case "rate":
      return (n * 1000) / shape.perSecond;
    case "ramp": {
      const during = rampCount(shape, shape.overMs);
      if (n >= during) return shape.overMs + ((n - during) * 1000) / shape.to;
      // n = from t + (to - from) t² / 2T, solved for t.
      const slope = (shape.to - shape.from) / shape.overMs;
      if (slope === 0) return (n * 1000) / shape.from;
      return (Math.sqrt(shape.from ** 2 + 2 * slope * n * 1000) - shape.from) / slope;
    }
  }
}

/** Devices of a ramp started within its first `ms`. */
const rampCount = ({ from, to, overMs }: Extract<Shape, { kind: "ramp" }>, ms: number): number => (from * ms + ((to - from) * ms ** 2) / (2 * overMs)) / 1000;

/** How many have an intended start of `ms` or earlier. */
function countAfter(shape: Shape, ms: number, devices: number): number {
  switch (shape.kind) {
    case "storm": {
      const jitter = shape.jitterMs ?? 0;
      return jitter === 0 || ms >= jitter ? devices : Math.floor((ms * devices) / jitter) + 1;
    }
    case "rate":
      return Math.floor((ms * shape.perSecond) / 1000) + 1;
    case "ramp": {
      const within = ms <= shape.overMs ? rampCount(shape, ms) : rampCount(shape, shape.overMs) + ((ms - shape.overMs) * shape.to) / 1000;
      return Math.floor(within) + 1;
    }
  }
}
