import type { TraceEvent } from "../ports/index.js";
import type { EventRef } from "../harness/index.js";

/** One line of a time line: a message between two participants, or something one of them did. */
export interface TimelineRow {
  /** Milliseconds since the first event. */
  readonly ms: number;
  readonly kind: "coap" | "dtls" | "http" | "state";
  readonly from: string;
  /** Equal to `from` for a state. */
  readonly to: string;
  readonly text: string;
  /** Hex of a datagram, body of a call. */
  readonly detail: string;
  readonly step: number | undefined;
  /** The judged check cites it. */
  readonly cited: boolean;
}

export interface Timeline {
  /** In the order of their columns. */
  readonly participants: readonly string[];
  readonly rows: readonly TimelineRow[];
  /** Rows left out because there were too many, or because they only repeat what was read before. */
  readonly omitted: number;
}

export type TracedEvent = TraceEvent & { readonly step?: number };

const nameOf = (event: TraceEvent): string => (event.role === "device" ? (event.endpoint ?? "device") : event.role);
const order = (name: string): string => ({ "server-b": "0", "server-a": "1", "bootstrap-server": "2" })[name] ?? `3${name}`;

/** Protected application data: the message inside has a row of its own. */
const isWrapping = ({ event: what }: TraceEvent): boolean => what.kind === "dtls" && what.summary.startsWith("application data, epoch");

/** Reads of SMP resources that say nothing new: the harness and the roles poll, and nobody wants to read that. */
function isRepetition(event: TraceEvent, seen: Map<string, string>): boolean {
  const { event: what } = event;
  if (what.kind !== "http" || what.method !== "GET") return false;
  const key = `${event.role} ${what.direction} ${what.url} ${what.status === undefined ? "asked" : "answered"}`;
  const value = what.status === undefined ? "" : `${what.status} ${JSON.stringify(what.body ?? null)}`;
  const known = seen.get(key) === value;
  seen.set(key, value);
  return known;
}

/**
 * The events of a scenario as a sequence of messages between participants. A message that both ends saw appears once, at the time its sender sent it.
 */
export function timelineOf(events: readonly TracedEvent[], cited: readonly EventRef[], most = 400): Timeline {
  const addresses = new Map<string, string>();
  for (const event of events) if (event.event.kind === "datagram" || event.event.kind === "dtls") addresses.set(event.event.local, nameOf(event));
  const isCited = new Set(cited.map((ref) => `${ref.role} ${ref.at}`));
  const first = events[0] === undefined ? 0n : BigInt(events[0].at);
  const sent = new Map<string, { index: number; left: number }>();
  const calls = new Map<string, number>();
  const reads = new Map<string, string>();
  const rows: TimelineRow[] = [];
  let omitted = 0;
  for (const event of events) {
    const { event: what } = event;
    if (isWrapping(event)) continue;
    if (isRepetition(event, reads)) {
      omitted++;
      continue;
    }
    const self = nameOf(event);
    const base = { ms: Number(BigInt(event.at) - first) / 1e6, step: event.step, cited: isCited.has(`${event.role} ${event.at}`) };
    const twin = (index: number): void => {
      const row = rows[index];
      if (row !== undefined && base.cited) rows[index] = { ...row, cited: true };
    };
    if (what.kind === "datagram" || what.kind === "dtls") {
      const [from, to] = what.direction === "out" ? [what.local, what.peer] : [what.peer, what.local];
      const key = `${from} ${to} ${what.hex}`;
      const known = sent.get(key);
      if (what.direction === "in" && known !== undefined && known.left > 0) {
        known.left--;
        twin(known.index);
        continue;
      }
      if (what.direction === "out") sent.set(key, { index: rows.length, left: (known?.left ?? 0) + 1 });
      rows.push({ ...base, kind: what.kind === "dtls" ? "dtls" : "coap", from: addresses.get(from) ?? from, to: addresses.get(to) ?? to, text: what.summary, detail: what.hex });
    } else if (what.kind === "http") {
      const [from, to] = what.direction === "out" ? [self, peerName(what.peer)] : [peerName(what.peer), self];
      const text = what.status === undefined ? `${what.method} ${what.url}` : `${what.status} ${what.method} ${what.url}`;
      const key = `${what.method} ${what.url} ${what.status ?? ""} ${[from, to].sort().join(" ")}`;
      const known = calls.get(key);
      if (what.direction === "in" && known !== undefined && rows[known]?.from === from && base.ms - rows[known].ms < 500) {
        calls.delete(key);
        twin(known);
        continue;
      }
      if (what.direction === "out") calls.set(key, rows.length);
      rows.push({ ...base, kind: "http", from, to, text, detail: what.body === undefined ? "" : JSON.stringify(what.body, null, 1) });
    } else {
      const detail = what.detail === undefined ? "" : Object.entries(what.detail).map(([name, value]) => `${name} ${value}`).join(", ");
      rows.push({ ...base, kind: "state", from: self, to: self, text: `${what.machine} ${what.from} → ${what.to} (${what.input}${detail === "" ? "" : `; ${detail}`})`, detail: what.id });
    }
  }
  const participants = [...new Set(rows.flatMap((row) => [row.from, row.to]))].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  const shown = rows.length <= most ? rows : rows.filter((row, index) => index < most / 2 || row.cited || index >= rows.length - most / 2);
  return { participants, rows: shown, omitted: omitted + rows.length - shown.length };
}

/** `operator-a` is the peer behind `server-a`. */
function peerName(peer: string): string {
  const operator = /^operator-([a-z])$/.exec(peer)?.[1];
  return operator === undefined ? peer : `server-${operator}`;
}
