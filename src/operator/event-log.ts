import type { Clock } from "../ports/index.js";
import type { RoleEvent } from "./types.js";

/** A role's events, bounded; readers follow it at their own pace by sequence number. */
export class EventLog {
  readonly #ring: (RoleEvent | undefined)[] = [];
  readonly #waiting = new Set<() => void>();
  #count = 0;

  constructor(
    private readonly clock: Clock,
    readonly capacity = 10_000,
  ) {}

  /** Sequence number of the newest event; 0 before the first. */
  get last(): number {
    return this.#count;
  }

  publish(type: string, endpoint: string | undefined, data: Readonly<Record<string, unknown>> = {}): void {
    this.#count++;
    this.#ring[this.#count % this.capacity] = { seq: this.#count, at: String(this.clock.hrtime()), type, ...(endpoint === undefined ? {} : { endpoint }), data };
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Up to `limit` events after `after`, and how many were forgotten in between. */
  after(after: number, limit: number): { readonly events: readonly RoleEvent[]; readonly dropped: number } {
    const oldest = Math.max(1, this.#count - this.capacity + 1);
    const events: RoleEvent[] = [];
    for (let seq = Math.max(oldest, after + 1); seq <= this.#count && events.length < limit; seq++) {
      const event = this.#ring[seq % this.capacity];
      if (event !== undefined) events.push(event);
    }
    return { events, dropped: Math.max(0, Math.min(oldest - 1, this.#count) - after) };
  }

  /** Calls back once, at the next event. Returns how to stop waiting. */
  onNext(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
