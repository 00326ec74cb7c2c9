import type { DeviceSession, Finding } from "./oracle.js";
import { operationOf, type Operation } from "./operations.js";
import { refOf, timeOf, type CoapEvent, type CoapExchange } from "./timeline.js";

const nameOf = ({ request }: CoapExchange): string => `${operationOf(request.event.coap)} ${request.event.coap.path ?? "/"}`;

const finding = (ok: boolean | undefined, actual: string, ...events: readonly (CoapEvent | undefined)[]): Finding => {
  const seen = events.filter((event) => event !== undefined);
  const last = seen.at(-1);
  return { ok, actual, ...(last === undefined ? {} : { at: last.at }), evidence: seen.map(refOf) };
};

const isFinish = (exchange: CoapExchange): boolean => operationOf(exchange.request.event.coap) === "bootstrap-finish";

/** Between a request of this kind and its answer the Bootstrap Server asked nothing else. */
export function nothingWhileUnanswered({ operations, request }: DeviceSession, operation: Operation): Finding {
  const open = operations.find((exchange) => operationOf(exchange.request.event.coap) === operation);
  if (open === undefined) return finding(undefined, `the session has no ${operation}`, request.request);
  const until = open.response === undefined ? undefined : timeOf(open.response);
  const other = operations.find((exchange) => exchange !== open && timeOf(exchange.request) > timeOf(open.request) && (until === undefined || timeOf(exchange.request) < until));
  if (other !== undefined) return finding(false, `${nameOf(other)} came before ${operation} was answered`, open.request, other.request);
  return finding(true, "nothing else was asked", open.request, open.response);
}

/** After a Finish answered 4.06 either no other one comes, or a Write or Delete was answered before it. */
export function correctedBeforeFinish({ operations }: DeviceSession): Finding {
  const refused = operations.find((exchange) => isFinish(exchange) && exchange.answer === "4.06");
  if (refused?.response === undefined) return finding(undefined, "no Finish was answered 4.06");
  const since = timeOf(refused.response);
  const again = operations.find((exchange) => isFinish(exchange) && timeOf(exchange.request) > since);
  if (again === undefined) return finding(true, "no other Finish came", refused.response);
  const correction = operations.find(
    (exchange) => ["write", "delete"].includes(operationOf(exchange.request.event.coap)) && exchange.answer?.startsWith("2.") === true && timeOf(exchange.request) > since && timeOf(exchange.request) < timeOf(again.request),
  );
  if (correction === undefined) return finding(false, "another Finish with nothing written in between", refused.response, again.request);
  return finding(true, `another Finish after ${nameOf(correction)}`, refused.response, correction.request, again.request);
}

/**
 * Up to the Finish that was answered 2.04 each step of the session came once, one Discover among them: a session that runs beside it, or is begun
 * anew, would repeat some.
 */
export function eachStepOnce({ operations, finish, request }: DeviceSession): Finding {
  const until = finish === undefined ? undefined : timeOf(finish.request);
  const steps = operations.filter((exchange) => until === undefined || timeOf(exchange.request) <= until);
  if (steps.length === 0) return finding(undefined, "the session has no operation", request.request);
  const first = new Map<string, CoapExchange>();
  for (const step of steps) {
    const name = nameOf(step);
    const before = first.get(name);
    if (before !== undefined) return finding(false, `${name} came twice`, before.request, step.request);
    first.set(name, step);
  }
  return finding(true, steps.map(nameOf).join(", "), steps.at(-1)?.request);
}

/** The first Write or Delete that the device refused. */
export function refusedStep({ operations }: DeviceSession): CoapExchange | undefined {
  return operations.find((exchange) => ["write", "delete"].includes(operationOf(exchange.request.event.coap)) && exchange.answer?.startsWith("4.") === true);
}
