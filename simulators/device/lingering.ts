import type { Endpoint } from "../../src/coap/index.js";
import type { CoapTiming } from "../../src/config/index.js";
import { Timer, type Clock } from "../../src/ports/index.js";

/** So long, milliseconds, whoever missed an answer may ask for it once more: until its first retransmission has come, and then some (RFC 7252 §4.2). */
export const lingerMs = ({ ackTimeoutMs, ackRandomFactor }: CoapTiming): number => 2 * ackTimeoutMs * ackRandomFactor;

/** More than this would eat the descriptors that devices need. */
const mostSockets = 1000;

interface Leaving {
  readonly endpoint: Endpoint;
  readonly at: number;
}

/**
 * Sockets of finished bootstraps: they stay a little while, so that a Finish whose answer was lost gets it once more. Bounded: beyond the limit the
 * oldest goes early.
 */
export class Lingering extends Timer {
  #leaving: Leaving[] = [];

  constructor(
    readonly clock: Clock,
    readonly close: (endpoint: Endpoint) => void,
  ) {
    super();
  }

  override get timerName(): string {
    return "bootstrap sockets linger";
  }

  add(endpoint: Endpoint, forMs: number): void {
    this.#leaving.push({ endpoint, at: this.clock.now() + forMs });
    if (this.#leaving.length > mostSockets) this.#closeFirst(this.#leaving.length - mostSockets);
    if (!this.running) this.clock.start(this, forMs);
  }

  get endpoints(): readonly Endpoint[] {
    return this.#leaving.map(({ endpoint }) => endpoint);
  }

  closeAll(): void {
    this.clock.stop(this);
    this.#closeFirst(this.#leaving.length);
  }

  override fire(): void {
    const now = this.clock.now();
    const due = this.#leaving.findIndex(({ at }) => at > now);
    this.#closeFirst(due < 0 ? this.#leaving.length : due);
    const next = this.#leaving[0];
    if (next !== undefined) this.clock.start(this, next.at - now);
  }

  #closeFirst(count: number): void {
    for (const { endpoint } of this.#leaving.splice(0, count)) this.close(endpoint);
  }
}
