import type { TraceSince } from "../actors/types.js";
import type { TraceEvent } from "../../ports/index.js";

/** Reads several growing logs, each on from where it was left, one read of a log at a time. */
export class LogReader {
  readonly #logs = new Map<string, { next: number; readonly events: TraceEvent[]; reading: Promise<unknown> }>();

  /** Begins a log behind what is there already. */
  from(name: string, position: number): void {
    this.#logs.set(name, { next: position, events: [], reading: Promise.resolve() });
  }

  async read(name: string, read: (after: number) => Promise<TraceSince>): Promise<{ readonly next: number }> {
    if (!this.#logs.has(name)) this.from(name, 0);
    const log = this.#logs.get(name);
    if (log === undefined) return { next: 0 };
    const turn = log.reading.then(async () => {
      const since = await read(log.next);
      log.events.push(...since.events);
      log.next = since.next;
    });
    // A failed read is its caller's to hear of; the next one starts where this one did.
    log.reading = turn.catch(() => undefined);
    await turn;
    return { next: log.next };
  }

  all(): readonly (readonly TraceEvent[])[] {
    return [...this.#logs.values()].map((log) => log.events);
  }
}
