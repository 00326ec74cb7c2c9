import { observed, refOf, resetOf, timeOf, type Notification, type Observed } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { act } from "./devices.js";
import { pathOn, valueOf } from "./management.js";

/** Attributes of an observation as a step writes them: `pmin=1&pmax=2`. */
export function attributesOf(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split("&").map((pair) => {
      const [name = "", value = ""] = pair.split("=");
      if (!/^-?\d+(\.\d+)?$/.test(value)) throw new Error(`"${pair}" is no attribute; write it as pmin=1`);
      return [name, Number(value)];
    }),
  );
}

const answered = (scenario: Scenario, text: string, result: { readonly code?: string | undefined; readonly failure?: string | undefined; readonly resources?: unknown }): void => {
  scenario.lastAnswer = { text, code: result.code ?? `no answer (${result.failure ?? "unknown"})`, body: result.resources, at: scenario.now() };
};

/** The operator's server observes a path of the device, with attributes written before it when there are any. */
export async function observe(scenario: Scenario, operator: ServerName, alias: string, path: string, attributes?: string): Promise<void> {
  const at = await pathOn(scenario, alias, path);
  const result = await scenario.server(operator).observe(scenario.endpoint(alias), at, attributes === undefined ? undefined : attributesOf(attributes));
  answered(scenario, `observe ${at} of "${alias}"`, result);
}

/** `deregister`: a GET with Observe 1; `reset`: the next notification is answered with RST. */
export async function cancelObservation(scenario: Scenario, operator: ServerName, alias: string, path: string, how: "reset" | "deregister"): Promise<void> {
  const at = await pathOn(scenario, alias, path);
  const result = await scenario.server(operator).cancelObservation(scenario.endpoint(alias), at, how);
  if (how === "deregister") answered(scenario, `cancel the observation of ${at} of "${alias}"`, result);
}

/** Something changes inside the device: a sensor, a user. Resolves with when that was, nanoseconds. */
export async function changeInside(scenario: Scenario, alias: string, path: string, value: string): Promise<bigint> {
  const at = await pathOn(scenario, alias, path);
  const since = scenario.run.clock.hrtime();
  const json = valueOf(value);
  if (typeof json === "object") throw new Error(`${value} is no value of a single resource`);
  const { ok, failure } = await act(scenario, alias, { do: "set-resource", path: at, value: json });
  scenario.precondition(`${at} of "${alias}" becomes ${value}`, ok, failure ?? "refused");
  return since;
}

async function seen(scenario: Scenario, operator: ServerName, alias: string, path: string): Promise<Observed> {
  const found = observed(await scenario.events(), scenario.server(operator).role, scenario.endpoint(alias), path);
  scenario.precondition(`server ${operator} observes ${path} of "${alias}"`, found !== undefined, "no Observe of it was answered");
  if (found === undefined) throw new Error("unreachable");
  return found;
}

/** Judges that a notification with this value comes. */
export async function checkNotified(scenario: Scenario, operator: ServerName, alias: string, path: string, value: string, rule: RuleName): Promise<Notification | undefined> {
  const found = await scenario.until(scenario.run.deadlines.exchangeMs, async () => (await seen(scenario, operator, alias, path)).notifications.find((notification) => notification.value === value));
  const all = (await seen(scenario, operator, alias, path)).notifications;
  scenario.check({
    rule,
    text: `notifications of ${path} of "${alias}"`,
    expected: `one with ${value}`,
    actual: found === undefined ? listed(all) : `one with ${value}`,
    ok: found !== undefined,
    timing: found === undefined,
    evidence: found === undefined ? all.map(({ event }) => refOf(event)) : [refOf(found.event)],
  });
  return found;
}

const listed = (notifications: readonly Notification[]): string => notifications.map(({ value, lost }) => (lost ? `${value} (lost on the way)` : value)).join(", ") || "none";

/** A machine that is busy does things this much later than they were meant. */
const busyMs = 1500;

/** Judges, after a quiet window, that these and no other notifications came; an empty list: none. */
export async function checkNotifications(scenario: Scenario, operator: ServerName, alias: string, path: string, values: readonly string[], rule: RuleName): Promise<void> {
  const { deadlines } = scenario.run;
  await scenario.until(deadlines.exchangeMs, async () => ((await seen(scenario, operator, alias, path)).notifications.length >= values.length ? true : undefined));
  await scenario.pause(deadlines.quietMs);
  const { notifications } = await seen(scenario, operator, alias, path);
  scenario.check({
    rule,
    text: `notifications of ${path} of "${alias}"`,
    expected: values.join(", ") || "none",
    actual: listed(notifications),
    ok: notifications.map(({ value }) => value).join() === values.join(),
    evidence: notifications.map(({ event }) => refOf(event)),
  });
}

/** A notification or its reset may be lost, and nobody sends either again. */
const mostChanges = 5;

/** Changes the value again and again, until a notification of it was answered with a reset. */
export async function changeUntilReset(scenario: Scenario, operator: ServerName, alias: string, path: string): Promise<void> {
  const reset = async () => resetOf(await scenario.events(), scenario.server(operator).role, scenario.endpoint(alias), await seen(scenario, operator, alias, path));
  let found = await reset();
  for (let change = 1; change <= mostChanges && found === undefined; change++) {
    await changeInside(scenario, alias, path, `${change}.5`);
    found = await scenario.until(scenario.run.deadlines.exchangeMs / mostChanges, reset);
  }
  scenario.precondition(`a notification of ${path} of "${alias}" is answered with a reset`, found !== undefined, "none was");
  scenario.askedAt = found?.at ?? scenario.now();
}

/** Judges, after a quiet window, that nothing is notified any more since the reset. */
export async function checkNothingAfterReset(scenario: Scenario, operator: ServerName, alias: string, path: string, rule: RuleName): Promise<void> {
  await scenario.pause(scenario.run.deadlines.quietMs);
  const later = (await seen(scenario, operator, alias, path)).notifications.filter(({ event }) => timeOf(event) > BigInt(scenario.askedAt));
  scenario.equal(rule, `notifications of ${path} of "${alias}" after the reset`, "none", listed(later), { evidence: later.map(({ event }) => refOf(event)) });
}

/**
 * Judges pmin over the first notification: no sooner than that after the Observe was sent. The answer to it left later still, so that a slow machine can
 * only make the notification later, never wrong.
 */
export async function checkNotSooner(scenario: Scenario, operator: ServerName, alias: string, path: string, seconds: number): Promise<void> {
  const { request, notifications } = await seen(scenario, operator, alias, path);
  const [first] = notifications;
  const after = first === undefined ? undefined : Number(timeOf(first.event) - timeOf(request.request)) / 1e6;
  scenario.check({
    rule: "device-notification-periods",
    text: `the first notification of ${path} of "${alias}"`,
    expected: `not sooner than ${seconds} s after the Observe`,
    actual: after === undefined ? "none came" : `after ${(after / 1000).toFixed(2)} s`,
    ok: after === undefined ? undefined : after >= seconds * 1000,
    evidence: [refOf(request.request), ...(first === undefined ? [] : [refOf(first.event)])],
  });
}

/** Judges pmax: without any change a notification comes when the seconds have passed since the answer to the Observe, on a busy machine a little later. */
export async function checkByMaximum(scenario: Scenario, operator: ServerName, alias: string, path: string, seconds: number): Promise<void> {
  const { deadlines } = scenario.run;
  const first = await scenario.until(seconds * 1000 + deadlines.exchangeMs, async () => (await seen(scenario, operator, alias, path)).notifications[0]);
  const { request } = await seen(scenario, operator, alias, path);
  const from = request.response ?? request.request;
  const after = first === undefined ? undefined : Number(timeOf(first.event) - timeOf(from)) / 1e6;
  const late = after === undefined || after > seconds * 1000 + busyMs;
  scenario.check({
    rule: "device-notification-periods",
    text: `the first notification of ${path} of "${alias}"`,
    expected: `by ${seconds} s after the answer to the Observe`,
    actual: after === undefined ? "none came" : `after ${(after / 1000).toFixed(2)} s`,
    ok: !late,
    timing: late,
    evidence: [refOf(from), ...(first === undefined ? [] : [refOf(first.event)])],
  });
}
