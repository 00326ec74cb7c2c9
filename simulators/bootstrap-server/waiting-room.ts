import type { IncomingRequest } from "../../src/coap/index.js";
import { Timer } from "../../src/ports/index.js";
import type { Clock } from "../../src/ports/index.js";

/** A Bootstrap-Request whose session has not begun. */
export interface Waiting {
  readonly endpoint: string;
  readonly request: IncomingRequest;
  /** Begins the session and answers the request. */
  readonly begin: () => void;
  readonly since: number;
}

/**
 * Bootstrap-Requests beyond what is worked on at once, first come, first served. When a whole fleet arrives together, sessions one after the other end in time
 * where all of them side by side would run out of it. Nobody waits for longer than `maxWaitMs`.
 */
export class WaitingRoom extends Timer {
  override readonly timerName = "bootstrap waiting room";
  /** In the order of arrival; a device that asks again keeps its place. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(
    private readonly clock: Clock,
    private readonly maxWaitMs: number,
  ) {
    super();
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(endpoint: string, request: IncomingRequest, begin: () => void): void {
    const older = this.#waiting.get(endpoint);
    // The device gave the older one up.
    older?.request.ignore();
    this.#waiting.set(endpoint, { endpoint, request, begin, since: older?.since ?? this.clock.now() });
    if (!this.running) this.clock.start(this, this.maxWaitMs);
  }

  /** The one that waited longest begins. */
  admit(): void {
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    this.#waiting.delete(oldest.endpoint);
    oldest.begin();
  }

  override fire(): void {
    const now = this.clock.now();
    for (let oldest = this.#oldest(); oldest !== undefined && oldest.since + this.maxWaitMs <= now; oldest = this.#oldest()) this.admit();
    const first = this.#oldest();
    if (first !== undefined) this.clock.start(this, Math.max(1, first.since + this.maxWaitMs - now));
  }

  close(): void {
    this.clock.stop(this);
    for (const { request } of this.#waiting.values()) request.ignore();
    this.#waiting.clear();
  }

  #oldest(): Waiting | undefined {
    for (const waiting of this.#waiting.values()) return waiting;
    return undefined;
  }
}
