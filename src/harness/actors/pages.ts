import type { TraceEvent } from "../../ports/index.js";
import type { TraceSince } from "./types.js";

/** Events of a log that are asked for at once. */
export const tracePage = 5_000;

/** All that a log holds after `after`, page by page. */
export async function allPages(after: number, read: (after: number) => Promise<TraceSince>): Promise<TraceSince> {
  const events: TraceEvent[] = [];
  let next = after;
  for (;;) {
    const page = await read(next);
    events.push(...page.events);
    const done = page.events.length < tracePage || page.next <= next;
    next = Math.max(next, page.next);
    if (done) return { events, next };
  }
}
