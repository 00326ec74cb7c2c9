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
  #closed = false;

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

  /**
   * As `page`, but waits up to `waitMs` for the first event, and no longer than `signal` lets it. A reader that follows from beyond the newest event knew
   * a server that was started again since: it begins anew.
   */
  async poll(tenant: string, after: number, limit: number, waitMs: number, signal?: AbortSignal): Promise<EventPage> {
    const from = after > this.#last ? 0 : after;
    const until = this.clock.now() + waitMs;
    for (;;) {
      const page = this.page(tenant, from, limit);
      const left = until - this.clock.now();
      if (page.events.length > 0 || left <= 0 || this.#closed || signal?.aborted === true) return page;
      await this.#next(left, signal);
    }
  }

  /** Lets every waiting reader go, for a server that stops. */
  close(): void {
    this.#closed = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #next(withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.clock.stop(timer);
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer: Timer = after(this.clock, withinMs, "events long poll", wake);
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }
}
