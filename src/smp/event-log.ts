import { after, type Clock, type Timer } from "../ports/index.js";
import type { EventPage, SmpEvent } from "./types.js";

/** What a role says happened; the log adds id, time and sequence. */
export type NewEvent = Pick<SmpEvent, "type" | "data"> & { readonly subject?: string };

interface Kept {
  readonly tenant: string;
  readonly event: SmpEvent;
}

/**
 * The events of `GET /smp/v1/events`, kept in a bounded ring. A reader sees its own tenant's only, follows by sequence number, and may wait for the
 * next one (long poll).
 */
export class SmpEventLog {
  readonly #ring: (Kept | undefined)[] = [];
  readonly #waiting = new Set<() => void>();
  #last = 0;

  /** `source` names the server in CloudEvents' sense, such as `urn:muster:bootstrap-server`. */
  constructor(
    private readonly clock: Clock,
    private readonly source: string,
    readonly capacity = 20_000,
  ) {}

  publish(tenant: string, event: NewEvent): void {
    this.#last++;
    this.#ring[this.#last % this.capacity] = {
      tenant,
      event: {
        specversion: "1.0",
        id: `${this.source}#${this.#last}`,
        source: this.source,
        time: new Date(this.clock.epoch()).toISOString(),
        sequence: String(this.#last),
        datacontenttype: "application/json",
        ...event,
      },
    };
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** The tenant's events after a sequence number, oldest first. */
  page(tenant: string, after: number, limit: number): EventPage {
    const oldest = Math.max(1, this.#last - this.capacity + 1);
    const events: SmpEvent[] = [];
    let next = Math.min(Math.max(after, oldest - 1), this.#last);
    while (next < this.#last && events.length < limit) {
      next++;
      const kept = this.#ring[next % this.capacity];
      if (kept?.tenant === tenant) events.push(kept.event);
    }
    return { events, next: String(next), lost: Math.max(0, oldest - 1 - after) };
  }

  /** As `page`, but waits up to `waitMs` for the first event. */
  async poll(tenant: string, after: number, limit: number, waitMs: number): Promise<EventPage> {
    const until = this.clock.now() + waitMs;
    for (;;) {
      const page = this.page(tenant, after, limit);
      const left = until - this.clock.now();
      if (page.events.length > 0 || left <= 0) return page;
      await this.#next(left);
    }
  }

  /** Lets every waiting reader go, for a server that stops. */
  close(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #next(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.clock.stop(timer);
        resolve();
      };
      const timer: Timer = after(this.clock, withinMs, "events long poll", () => {
        this.#waiting.delete(wake);
        resolve();
      });
      this.#waiting.add(wake);
    });
  }
}
