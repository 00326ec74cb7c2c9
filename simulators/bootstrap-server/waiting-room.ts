import type { IncomingRequest } from "../../src/coap/index.js";
import { Timer } from "../../src/ports/index.js";
import type { Clock } from "../../src/ports/index.js";

/** A Bootstrap-Request whose session has not begun. */
export interface Waiting {
  readonly endpoint: string;
  readonly request: IncomingRequest;
  /** Begins the session and answers the request. */
  readonly begin: () => void;
  readonly askedAt: number;
}

/**
 * Bootstrap-Requests beyond what is worked on at once, first come, first served. When a whole fleet arrives together, sessions one after the other end in time
 * where all of them side by side would run out of it. A device that has not asked again for `patienceMs` has given up and is forgotten.
 */
export class WaitingRoom extends Timer {
  override readonly timerName = "bootstrap waiting room";
  /** In the order of arrival; a device that asks again keeps its place. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(
    private readonly clock: Clock,
    private readonly patienceMs: number,
    private readonly forgotten: (endpoint: string) => void,
    private readonly capacity = 20_000,
  ) {
    super();
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** When the room is full a request of a further endpoint is left unanswered: the device repeats it. */
  add(endpoint: string, request: IncomingRequest, begin: () => void): void {
    if (this.#waiting.size >= this.capacity && !this.#waiting.has(endpoint)) return request.ignore();
    // The device gave the older one up; a Map keeps the place of a key that is set again.
    this.#waiting.get(endpoint)?.request.ignore();
    this.#waiting.set(endpoint, { endpoint, request, begin, askedAt: this.clock.now() });
    if (!this.running) this.clock.start(this, this.patienceMs);
  }

  /** The one that waited longest begins; false when nobody waits. */
  admit(): boolean {
    for (const waiting of this.#waiting.values()) {
      this.#waiting.delete(waiting.endpoint);
      waiting.begin();
      return true;
    }
    return false;
  }

  override fire(): void {
    const now = this.clock.now();
    for (const { endpoint, request, askedAt } of this.#waiting.values()) {
      if (askedAt + this.patienceMs > now) continue;
      this.#waiting.delete(endpoint);
      request.ignore();
      this.forgotten(endpoint);
    }
    if (this.#waiting.size > 0) this.clock.start(this, this.patienceMs / 4);
  }

  close(): void {
    this.clock.stop(this);
    for (const { request } of this.#waiting.values()) request.ignore();
    this.#waiting.clear();
  }
}
