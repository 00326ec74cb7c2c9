import type { TraceEvent } from "../../ports/index.js";
import type { EventRef } from "../verdict.js";
import { isOperation, objectOf, operationOf, type Operation } from "./operations.js";
import { coapExchanges, firstTransmissions, httpExchanges, ofDevice, refOf, timeOf, type CoapExchange, type HttpEvent, type HttpExchange } from "./timeline.js";
import { writtenShortServerIds } from "./written.js";

/** What an oracle found in the evidence. `ok: undefined`: it cannot be decided, and `actual` says why. */
export interface Finding {
  readonly ok: boolean | undefined;
  readonly actual: string;
  /** Nanoseconds of the event that decided. */
  readonly at?: string;
  readonly evidence: readonly EventRef[];
}

export type Matches = (event: TraceEvent) => boolean;

const found = (ok: boolean | undefined, actual: string, ...events: readonly (TraceEvent | undefined)[]): Finding => {
  const seen = events.filter((event) => event !== undefined);
  const last = seen[seen.length - 1];
  return { ok, actual, ...(last === undefined ? {} : { at: last.at }), evidence: seen.map(refOf) };
};

/** Milliseconds between two events. */
export const msBetween = (earlier: TraceEvent, later: TraceEvent): number => Number(timeOf(later) - timeOf(earlier)) / 1e6;

/** `22 ms after`: how an event lies to another one. */
const offset = (from: TraceEvent, to: TraceEvent): string => {
  const ms = msBetween(from, to);
  return ms >= 0 ? `${ms.toFixed(1)} ms after` : `${(-ms).toFixed(1)} ms before`;
};

/** The first `later` must come after a first `earlier`. */
export function ordered(events: readonly TraceEvent[], earlier: Matches, later: Matches, names: readonly [earlier: string, later: string]): Finding {
  const first = firstTransmissions(events);
  const a = first.find(earlier);
  const b = first.find(later);
  if (b === undefined) return found(undefined, `no ${names[1]} was seen`, a);
  if (a === undefined) return found(false, `${names[1]} without ${names[0]}`, b);
  return found(timeOf(a) < timeOf(b), `${names[1]} ${offset(a, b)} ${names[0]}`, a, b);
}

/** Nothing that matches `forbidden` between the first `from` and the first `until` after it. Without both ends nothing is decided. */
export function noneBetween(events: readonly TraceEvent[], forbidden: Matches, from: Matches, until: Matches, names: readonly [forbidden: string, from: string, until: string]): Finding {
  const first = firstTransmissions(events);
  const start = first.findIndex(from);
  const opening = first[start];
  if (opening === undefined) return found(undefined, `no ${names[1]} was seen`);
  const rest = first.slice(start + 1);
  const end = rest.findIndex(until);
  const window = end < 0 ? rest : rest.slice(0, end);
  const offender = window.find(forbidden);
  if (offender !== undefined) return found(false, `${names[0]} ${offset(opening, offender)} ${names[1]}`, opening, offender);
  const closing = rest[end];
  if (closing === undefined) return found(undefined, `no ${names[2]} was seen`, opening);
  return found(true, `none in the ${msBetween(opening, closing).toFixed(0)} ms between ${names[1]} and ${names[2]}`, opening, closing);
}

/** A bootstrap session as the device saw it: from its request to the next one. */
export interface DeviceSession {
  readonly request: CoapExchange;
  /** What the Bootstrap Server asked in it, in order, Finish included. */
  readonly operations: readonly CoapExchange[];
  /** The first Finish that the device answered 2.04. */
  readonly finish: CoapExchange | undefined;
}

/** The sessions of one device. */
export function deviceSessions(events: readonly TraceEvent[], endpoint: string): DeviceSession[] {
  const exchanges = coapExchanges(ofDevice(events, endpoint));
  const asked = exchanges.filter((exchange) => exchange.direction === "out" && exchange.request.event.coap.path === "/bs" && exchange.request.event.coap.code === "0.02");
  return asked.map((request, index) => {
    const next = asked[index + 1];
    const server = request.request.event.peer;
    const operations = exchanges.filter(
      (exchange) =>
        exchange.direction === "in" &&
        exchange.request.event.peer === server &&
        timeOf(exchange.request) > timeOf(request.request) &&
        (next === undefined || timeOf(exchange.request) < timeOf(next.request)),
    );
    return { request, operations, finish: operations.find((exchange) => isOperation("bootstrap-finish")(exchange) && exchange.answer === "2.04") };
  });
}

const changing: readonly Operation[] = ["write", "delete"];

/** Discover came before anything that changes the device. */
export function discoverFirst(session: DeviceSession): Finding {
  const first = session.operations[0];
  if (first === undefined) return found(undefined, "the session has no operation", session.request.request);
  const operation = operationOf(first.request.event.coap);
  return found(operation === "bootstrap-discover", `the first operation is ${operation} ${first.request.event.coap.path ?? "/"}`, first.request);
}

/** Every Write and Delete was answered before Finish was sent, and nothing that changes the device came after the Finish that was answered 2.04. */
export function finishLast(session: DeviceSession): Finding {
  const finish = session.finish;
  if (finish === undefined) return found(undefined, "the session has no Finish answered 2.04", session.request.request);
  const changes = session.operations.filter((exchange) => changing.includes(operationOf(exchange.request.event.coap)));
  const late = changes.find((exchange) => timeOf(exchange.request) > timeOf(finish.request));
  if (late !== undefined) return found(false, `${operationOf(late.request.event.coap)} ${late.request.event.coap.path ?? "/"} after Finish`, finish.request, late.request);
  const open = changes.find((exchange) => exchange.response === undefined || timeOf(exchange.response) > timeOf(finish.request));
  if (open !== undefined) return found(false, `Finish while ${operationOf(open.request.event.coap)} ${open.request.event.coap.path ?? "/"} was unanswered`, open.request, finish.request);
  return found(true, `Finish after ${changes.length} changes, all answered`, finish.request);
}

/** The Writes and Deletes of a session that concern accounts: instances of /0, /1 or /2. */
export const changedAccounts = (session: DeviceSession): readonly CoapExchange[] =>
  session.operations.filter((exchange) => changing.includes(operationOf(exchange.request.event.coap)) && [0, 1, 2].includes(objectOf(exchange) ?? -1));

/** The sessions that write the account with this Short Server ID, and of each its first Write to /0, /1 or /2. */
function delivering(events: readonly TraceEvent[], endpoint: string, shortServerId: number): { readonly session: DeviceSession; readonly first: CoapExchange }[] {
  return deviceSessions(events, endpoint).flatMap((session) => {
    const changes = changedAccounts(session);
    const [first] = changes;
    return first !== undefined && changes.some((exchange) => writtenShortServerIds(exchange).includes(shortServerId)) ? [{ session, first }] : [];
  });
}

const activationUrl = /\/clients\/[^/]+\/credentials\/[^/]+\/activation(?:\?|$)/;

/** Activations (SM-3) as the LwM2M Server saw them. */
export const activations = (events: readonly TraceEvent[], serverRole: string): HttpExchange[] =>
  httpExchanges(events).filter((exchange) => exchange.role === serverRole && exchange.direction === "in" && exchange.request.event.method === "PUT" && activationUrl.test(exchange.request.event.url));

const is2xx = (status: number | undefined): boolean => status !== undefined && status >= 200 && status < 300;

/** An operator's account on a device, and the LwM2M Server that holds its credential. */
export interface ManagedAccount {
  readonly endpoint: string;
  readonly shortServerId: number;
  /** Role name of the server in traces. */
  readonly server: string;
}

const effectiveActivation = (events: readonly TraceEvent[], account: ManagedAccount): HttpEvent | undefined => activations(events, account.server).find((exchange) => is2xx(exchange.status))?.answer;

/**
 * ORD-1: in no session that wrote the account did the device answer Finish 2.04 before an activation of its credential was answered 2xx. A session that ends
 * without such a Finish breaks nothing.
 */
export function finishWithoutActivation(events: readonly TraceEvent[], account: ManagedAccount): Finding {
  const sessions = delivering(events, account.endpoint, account.shortServerId).filter(({ session }) => session.finish !== undefined);
  if (sessions.length === 0) return found(true, "no Finish was answered 2.04 in a session that wrote the account");
  const effective = effectiveActivation(events, account);
  for (const { session } of sessions) {
    const answered = session.finish?.response;
    if (answered === undefined) continue;
    if (effective === undefined) return found(false, "Finish answered 2.04, no activation was answered 2xx", answered);
    if (timeOf(effective) > timeOf(answered)) return found(false, `Finish answered 2.04 ${msBetween(answered, effective).toFixed(1)} ms before the activation was answered`, answered, effective);
  }
  return found(true, "Finish answered 2.04 after the activation was", effective, sessions[0]?.session.finish?.response);
}

/** 3.12: an activation is answered 2xx before the first Write or Delete of the session that delivers the account. */
export function activatedBeforeFirstChange(events: readonly TraceEvent[], account: ManagedAccount): Finding {
  const [delivery] = delivering(events, account.endpoint, account.shortServerId);
  if (delivery === undefined) return found(undefined, "no session wrote the account");
  const { request } = delivery.first;
  const what = `${operationOf(request.event.coap)} ${request.event.coap.path ?? "/"}`;
  const effective = effectiveActivation(events, account);
  if (effective === undefined) return found(false, `${what} without an activation answered 2xx`, request);
  return found(timeOf(effective) < timeOf(request), `first ${what} ${offset(effective, request)} the answer to the activation`, effective, request);
}

/** Executes of /1/x/9 that reached the device, retransmissions removed. */
export const bootstrapTriggers = (events: readonly TraceEvent[], endpoint: string): CoapExchange[] =>
  coapExchanges(ofDevice(events, endpoint)).filter(
    (exchange) => exchange.direction === "in" && isOperation("execute")(exchange) && /^\/1\/\d+\/9$/.test(exchange.request.event.coap.path ?? ""),
  );

/** A Bootstrap-Request of the device after it answered this Execute 2.04, before `untilNs` when given. */
export function bootstrapAfter(events: readonly TraceEvent[], endpoint: string, trigger: CoapExchange, untilNs?: bigint): CoapExchange | undefined {
  return deviceSessions(events, endpoint)
    .map((session) => session.request)
    .find((request) => timeOf(request.request) > timeOf(trigger.request) && (untilNs === undefined || timeOf(request.request) <= untilNs));
}

/** Requests reached the device in this order of their paths. One that came a second time is judged by its first. */
export function arrivedInOrder(events: readonly TraceEvent[], endpoint: string, paths: readonly string[]): Finding {
  const asked = coapExchanges(ofDevice(events, endpoint)).filter((exchange) => exchange.direction === "in");
  const arrived = asked.filter((exchange, index) => {
    const { path = "" } = exchange.request.event.coap;
    return paths.includes(path) && asked.findIndex((other) => other.request.event.coap.path === path) === index;
  });
  const seen = arrived.map((exchange) => exchange.request.event.coap.path ?? "");
  return found(seen.join(" ") === paths.join(" "), seen.length === 0 ? "none of them arrived" : seen.join(", "), ...arrived.map((exchange) => exchange.request));
}
