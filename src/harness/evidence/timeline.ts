import type { CoapSummary, DatagramSeen, HttpSeen, RecordsSeen, StateChanged, TraceEvent } from "../../ports/index.js";
import type { EventRef } from "../verdict.js";

/** A trace event narrowed to one kind. */
export interface Seen<E extends TraceEvent["event"]> extends TraceEvent {
  readonly event: E;
}
export type DatagramEvent = Seen<DatagramSeen>;
export type RecordsEvent = Seen<RecordsSeen>;
export type CoapEvent = Seen<DatagramSeen & { readonly coap: CoapSummary }>;
export type HttpEvent = Seen<HttpSeen>;
export type StateEvent = Seen<StateChanged>;

export const isDatagram = (event: TraceEvent): event is DatagramEvent => event.event.kind === "datagram";
/** What was on the wire: datagrams of DTLS records, and messages that travelled in none. */
export const isOnTheWire = (event: TraceEvent): event is DatagramEvent | RecordsEvent => event.event.kind === "dtls" || (event.event.kind === "datagram" && event.event.secured !== true);
export const isCoap = (event: TraceEvent): event is CoapEvent => event.event.kind === "datagram" && event.event.coap !== undefined;
export const isHttp = (event: TraceEvent): event is HttpEvent => event.event.kind === "http";
export const isState = (event: TraceEvent): event is StateEvent => event.event.kind === "state";

/** What was seen, in one line: without bodies, which may hold what no line shall. */
function lineOf({ event }: TraceEvent): string {
  switch (event.kind) {
    case "datagram":
    case "dtls":
      return `${event.direction} ${event.peer} ${event.summary}`;
    case "http":
      return `${event.direction} ${event.peer} ${event.method} ${event.url}${event.status === undefined ? "" : ` ${event.status}`}`;
    case "state":
      return `${event.machine} ${event.from} -> ${event.to} (${event.input})`;
  }
}

export const refOf = (event: TraceEvent): EventRef => ({ role: event.role, at: event.at, line: lineOf(event) });
export const timeOf = (event: TraceEvent): bigint => BigInt(event.at);

const byTime = (a: TraceEvent, b: TraceEvent): number => {
  const difference = timeOf(a) - timeOf(b);
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return a.role === b.role ? a.seq - b.seq : a.role < b.role ? -1 : 1;
};

/** The logs of all roles as one, in order of time (all witnesses stamp with one clock); an event that two reads brought along appears once. */
export function mergeEvents(logs: readonly (readonly TraceEvent[])[]): TraceEvent[] {
  const seen = new Set<string>();
  return logs
    .flat()
    .filter((event) => {
      const key = `${event.role}#${event.seq}#${event.at}`;
      return seen.has(key) ? false : seen.add(key);
    })
    .sort(byTime);
}

/**
 * First transmissions: a datagram whose bytes this role already saw between the same two addresses in the same direction is a retransmission or a
 * duplicate, and proves nothing new (RFC 7252 §4.5).
 */
export function firstTransmissions(events: readonly TraceEvent[]): TraceEvent[] {
  const seen = new Set<string>();
  return events.filter((event) => {
    if (!isDatagram(event)) return true;
    const { direction, local, peer, hex } = event.event;
    const key = `${event.role} ${direction} ${local} ${peer} ${hex}`;
    return seen.has(key) ? false : seen.add(key);
  });
}

/** Role name under which simulated devices trace; the endpoint tells them apart. */
export const deviceRole = "device";

/** What one device saw. */
export const ofDevice = (events: readonly TraceEvent[], endpoint: string): TraceEvent[] => events.filter((event) => event.role === deviceRole && event.endpoint === endpoint);

const isRequestCode = (code: string): boolean => code.startsWith("0.") && code !== "0.00";

/** One CoAP request as a role saw it, with its first response if there was one. */
export interface CoapExchange {
  readonly role: string;
  readonly endpoint: string | undefined;
  /** `in`: the role was asked. */
  readonly direction: "in" | "out";
  readonly request: CoapEvent;
  readonly response: CoapEvent | undefined;
  /** Code of the response, `2.04`. */
  readonly answer: string | undefined;
}

/** Requests and their responses, retransmissions removed, in order of the requests. Responses are matched by role, addresses and token. */
export function coapExchanges(events: readonly TraceEvent[]): CoapExchange[] {
  const open = new Map<string, number>();
  const found: { role: string; endpoint: string | undefined; direction: "in" | "out"; request: CoapEvent; response: CoapEvent | undefined }[] = [];
  for (const event of firstTransmissions(events)) {
    if (!isCoap(event)) continue;
    const { coap, direction, local, peer } = event.event;
    if (isRequestCode(coap.code)) {
      open.set(`${event.role} ${direction} ${local} ${peer} ${coap.token}`, found.length);
      found.push({ role: event.role, endpoint: event.endpoint, direction, request: event, response: undefined });
      continue;
    }
    if (coap.code === "0.00") continue;
    const key = `${event.role} ${direction === "in" ? "out" : "in"} ${local} ${peer} ${coap.token}`;
    const exchange = found[open.get(key) ?? -1];
    if (exchange !== undefined) exchange.response ??= event;
  }
  return found.map((exchange) => ({ ...exchange, answer: exchange.response?.event.coap.code }));
}

/** One SMP call as a role saw it. */
export interface HttpExchange {
  readonly role: string;
  /** `in`: the role serves it. */
  readonly direction: "in" | "out";
  readonly request: HttpEvent;
  readonly answer: HttpEvent | undefined;
  readonly status: number | undefined;
}

/** Calls and their answers, paired in order by role, peer, method and URL. */
export function httpExchanges(events: readonly TraceEvent[]): HttpExchange[] {
  const waiting = new Map<string, number[]>();
  const found: { role: string; direction: "in" | "out"; request: HttpEvent; answer: HttpEvent | undefined }[] = [];
  for (const event of events) {
    if (!isHttp(event)) continue;
    const { direction, peer, method, url, status } = event.event;
    if (status === undefined) {
      const key = `${event.role} ${direction} ${peer} ${method} ${url}`;
      waiting.set(key, [...(waiting.get(key) ?? []), found.length]);
      found.push({ role: event.role, direction, request: event, answer: undefined });
      continue;
    }
    // The newest that waits: an older one with the same URL is the one whose answer was lost, or is held.
    const index = waiting.get(`${event.role} ${direction === "in" ? "out" : "in"} ${peer} ${method} ${url}`)?.pop();
    const exchange = index === undefined ? undefined : found[index];
    if (exchange !== undefined) exchange.answer = event;
  }
  return found.map((exchange) => ({ ...exchange, status: exchange.answer?.event.status }));
}
