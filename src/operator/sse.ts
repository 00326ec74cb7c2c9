import type { ServerResponse } from "node:http";
import type { EventLog } from "./event-log.js";
import type { RoleEvent } from "./types.js";

const batch = 200;

/** One event in the wire form of server-sent events. */
export const formatEvent = (event: RoleEvent): string => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/**
 * Streams a log to one reader from `after` on. Nothing is queued for a slow reader: it follows the ring at its own pace, and
 * what was forgotten meanwhile is told to it as an event `dropped` with the count.
 */
export function streamEvents(log: EventLog, after: number, response: ServerResponse): void {
  let at = after;
  let stopWaiting = (): void => {};
  let ended = false;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", connection: "keep-alive" });
  response.write(": muster\n\n");

  const pump = (): void => {
    while (!ended) {
      const { events, dropped } = log.after(at, batch);
      const last = events[events.length - 1];
      if (last === undefined) {
        stopWaiting = log.onNext(pump);
        return;
      }
      const lost = dropped === 0 ? "" : `event: dropped\ndata: {"dropped":${dropped}}\n\n`;
      at = last.seq;
      if (!response.write(lost + events.map(formatEvent).join(""))) {
        response.once("drain", pump);
        return;
      }
    }
  };
  response.once("close", () => {
    ended = true;
    stopWaiting();
  });
  // A reader that resumes from beyond the newest event (the role was started again) begins anew.
  if (at > log.last) at = 0;
  pump();
}

export interface ServerSentEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: string;
}

/** What a stream may hold back until a blank line; more is not one of ours. */
const longestEvent = 4 * 1024 * 1024;

export class EventStreamError extends Error {
  override readonly name = "EventStreamError";
}

/** Reads server-sent events out of text as it arrives. */
export class EventStreamReader {
  #rest = "";

  /** The events completed by this piece. Throws `EventStreamError` when one grows beyond all bounds. */
  push(text: string): ServerSentEvent[] {
    this.#rest += text;
    const blocks = this.#rest.split(/\r?\n\r?\n/);
    this.#rest = blocks.pop() ?? "";
    if (this.#rest.length > longestEvent) throw new EventStreamError(`an event exceeds ${longestEvent} characters`);
    return blocks.flatMap((block) => {
      const parsed = parseBlock(block);
      return parsed === undefined ? [] : [parsed];
    });
  }
}

function parseBlock(block: string): ServerSentEvent | undefined {
  let id: string | undefined;
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") id = value;
    else if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? undefined : { ...(id === undefined ? {} : { id }), event, data: data.join("\n") };
}
