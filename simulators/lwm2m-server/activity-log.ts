import { Timer, type Clock, type Log } from "../../src/ports/index.js";

const linesPerSecond = 20;
const windowMs = 1000;

/** A log that follows single devices as long as they are few, and counts them when they are many. */
export class ActivityLog extends Timer {
  override readonly timerName = "activity log";
  #written = 0;
  #unwritten = 0;

  constructor(
    readonly clock: Clock,
    readonly log: Log,
  ) {
    super();
  }

  note(endpoint: string, message: string): void {
    if (!this.running) this.clock.start(this, windowMs);
    if (this.#written < linesPerSecond) {
      this.#written += 1;
      this.log.info({ endpoint }, message);
    } else {
      this.#unwritten += 1;
    }
  }

  stop(): void {
    this.clock.stop(this);
  }

  override fire(): void {
    if (this.#unwritten > 0) this.log.info({ more: this.#unwritten }, "and more in the same second");
    this.#written = 0;
    this.#unwritten = 0;
  }
}
