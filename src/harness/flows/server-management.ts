import { itemOutcome, type ItemView } from "../actors/operator.js";
import { activatedBeforeFirstChange, activations, bootstrapAfter, changedAccounts, deviceSessions, finishWithoutActivation, httpExchanges, isOperation, refOf, timeOf, type ManagedAccount } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { accountOn, shortServerIdOf } from "./devices.js";
import { item } from "./provisioning.js";
import { checkReportWitnessed, executesOf } from "./trigger-witness.js";

/** States in which the Bootstrap Server's own record of a trigger ends. */
const endedTriggers: ReadonlySet<string> = new Set(["confirmed", "unconfirmed", "refused", "unsupported", "not-registered", "unknown-client", "expired", "withdrawn", "superseded", "unavailable"]);

const serverRole = (scenario: Scenario, operator: ServerName): string => scenario.server(operator).role;

const managed = (scenario: Scenario, alias: string, operator: ServerName): ManagedAccount => ({
  endpoint: scenario.endpoint(alias),
  shortServerId: shortServerIdOf(scenario, operator),
  server: serverRole(scenario, operator),
});

/**
 * Judges how the trigger of a device ended, as the Bootstrap Server's item tells it. `|` separates states that are equally right. `orEarlier`: an earlier
 * trigger of the item counts as well, because the next attempt may be under way.
 */
export async function checkTriggerOutcome(scenario: Scenario, alias: string, expected: string, orEarlier = false): Promise<void> {
  const { deadlines } = scenario.run;
  const accepted = expected.split("|").map((state) => state.trim());
  const stateOf = ({ trigger, earlierTriggers = [] }: ItemView): string | undefined =>
    (orEarlier ? earlierTriggers.find((earlier) => accepted.includes(earlier.state ?? ""))?.state : undefined) ?? trigger?.state;
  const ended = await scenario.until(deadlines.triggerMs + deadlines.confirmWindowMs + deadlines.registerMs, async () => {
    const view = await item(scenario, alias);
    const state = stateOf(view);
    return state !== undefined && (accepted.includes(state) || endedTriggers.has(state)) ? view : undefined;
  });
  const view = ended ?? (await item(scenario, alias));
  await checkReportWitnessed(scenario, alias, view);
  const state = stateOf(view) ?? `no trigger, item ${itemOutcome(view)}`;
  const executes = await executesOf(scenario, alias);
  scenario.check({
    rule: "trigger-truth",
    text: `the trigger of "${alias}"`,
    expected: accepted.join(" or "),
    actual: view.trigger?.code === undefined ? state : `${state} (${view.trigger.code})`,
    ok: accepted.includes(state),
    evidence: executes.map((exchange) => refOf(exchange.request)),
  });
}

/** Judges, by what the device heard and sent, that an Execute of /1/x/9 reached it and that it then asked for a bootstrap. */
export async function checkTriggered(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const { deadlines } = scenario.run;
  const execute = await scenario.until(deadlines.triggerMs, async () => (await executesOf(scenario, alias, operator)).at(-1));
  const account = await accountOn(scenario, alias, operator);
  scenario.check({
    rule: "trigger-executes",
    text: `server ${operator} triggers "${alias}"`,
    expected: "an Execute of /1/x/9",
    actual: execute === undefined ? "none arrived" : `Execute ${execute.request.event.coap.path ?? ""} answered ${execute.answer ?? "not at all"}`,
    ok: execute !== undefined,
    timing: execute === undefined,
    evidence: execute === undefined ? [] : [refOf(execute.request)],
  });
  if (execute === undefined || account === undefined) return;
  scenario.equal("trigger-server-instance", `the Execute for "${alias}"`, `/1/${account.serverInstance}/9`, execute.request.event.coap.path ?? "", { evidence: [refOf(execute.request)], at: execute.request.at });
}

/** Judges how many Executes of /1/x/9 the device carried out. */
export async function checkExecuteCount(scenario: Scenario, alias: string, count: number, rule: "trigger-execute-once" | "trigger-withdrawn" = "trigger-execute-once"): Promise<void> {
  await scenario.pause(scenario.run.deadlines.quietMs);
  const executes = await executesOf(scenario, alias);
  scenario.check({
    rule,
    text: `Executes of /1/x/9 that reached "${alias}"`,
    expected: String(count),
    actual: String(executes.length),
    ok: executes.length === count,
    evidence: executes.map((exchange) => refOf(exchange.request)),
  });
}

/** Judges whether a Bootstrap-Request of the device followed the newest Execute. */
export async function checkBootstrapsOnTrigger(scenario: Scenario, alias: string, expected: boolean): Promise<void> {
  const { deadlines } = scenario.run;
  const endpoint = scenario.endpoint(alias);
  const look = async () => {
    const execute = (await executesOf(scenario, alias)).at(-1);
    return execute === undefined ? undefined : bootstrapAfter(await scenario.events(), endpoint, execute);
  };
  const request = await scenario.until(expected ? deadlines.confirmWindowMs : deadlines.quietMs, look);
  scenario.check({
    rule: "device-bootstraps-on-trigger",
    text: `"${alias}" after the trigger`,
    expected: expected ? "a Bootstrap-Request" : "no Bootstrap-Request",
    actual: request === undefined ? "none" : "a Bootstrap-Request",
    ok: (request !== undefined) === expected,
    timing: true,
    evidence: request === undefined ? [] : [refOf(request.request)],
  });
}

/** ORD-1, by what the device and the operator's server saw. */
export async function checkActivatedBeforeFinish(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const finding = finishWithoutActivation(await scenario.events(), managed(scenario, alias, operator));
  scenario.check({
    rule: "ORD-1",
    text: `Finish of "${alias}" and the activation at server ${operator}`,
    expected: "no Finish answered 2.04 before the activation is answered",
    actual: finding.actual,
    ok: finding.ok,
    evidence: finding.evidence,
    ...(finding.at === undefined ? {} : { at: finding.at }),
  });
}

/** The activation is answered before the first Write or Delete of the session that delivers the account. */
export async function checkActivatedBeforeFirstWrite(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const finding = activatedBeforeFirstChange(await scenario.events(), managed(scenario, alias, operator));
  scenario.check({
    rule: "ORD-1",
    text: `first Write to "${alias}" and the activation at server ${operator}`,
    expected: "the activation is answered first",
    actual: finding.actual,
    ok: finding.ok,
    evidence: finding.evidence,
    ...(finding.at === undefined ? {} : { at: finding.at }),
  });
}

/**
 * While the operator's server held the activation, nothing was written and no Finish was sent: the provoked chance to go wrong. `withinBudget`: looks at the
 * time the Bootstrap Server has to wait in any case, and no further.
 */
export async function checkQuietWhileHeld(scenario: Scenario, alias: string, operator: ServerName, withinBudget = false): Promise<void> {
  const { deadlines } = scenario.run;
  const endpoint = scenario.endpoint(alias);
  const held = await scenario.until(deadlines.itemMs, async () => activations(await scenario.events(), serverRole(scenario, operator)).find((candidate) => candidate.status !== undefined));
  const events = await scenario.events();
  const call = held ?? activations(events, serverRole(scenario, operator))[0];
  if (call === undefined) {
    scenario.check({ rule: "ORD-1", text: `the activation at server ${operator}`, expected: "asked for", actual: "not asked for", ok: undefined });
    return;
  }
  const from = timeOf(call.request);
  const budget = withinBudget ? from + BigInt(Math.floor(scenario.run.timing.bootstrapServer.sm3BudgetMs * 0.9)) * 1_000_000n : undefined;
  const answered = call.answer === undefined ? undefined : timeOf(call.answer);
  const until = budget !== undefined && (answered === undefined || budget < answered) ? budget : answered;
  const early = deviceSessions(events, endpoint)
    .flatMap((session) => [...changedAccounts(session), ...session.operations.filter(isOperation("bootstrap-finish"))])
    .find((exchange) => timeOf(exchange.request) > from && (until === undefined || timeOf(exchange.request) < until));
  const window = until === undefined ? "the hold" : `the ${Number((until - from) / 1_000_000n)} ms of the hold`;
  scenario.check({
    rule: "ORD-1",
    text: `"${alias}" while server ${operator} holds the activation`,
    expected: "no Write, no Delete, no Finish",
    actual: early === undefined ? `none in ${window}` : `${early.request.event.summary} in ${window}`,
    ok: early === undefined,
    ...(early === undefined ? {} : { at: early.request.at }),
    evidence: [refOf(call.request), ...(call.answer === undefined ? [] : [refOf(call.answer)]), ...(early === undefined ? [] : [refOf(early.request)])],
  });
}

/** The Bootstrap Server asked this operator's server for a trigger of the device. */
export async function checkAskedToTrigger(scenario: Scenario, alias: string, operator: ServerName, rule: "trigger-requested" | "trigger-other-server"): Promise<void> {
  const asked = await scenario.until(scenario.run.deadlines.triggerMs, async () =>
    httpExchanges(await scenario.events()).find((call) => timeOf(call.request) >= BigInt(scenario.askedAt) && call.role === serverRole(scenario, operator) && call.direction === "in" && call.request.event.method === "POST" && call.request.event.url.startsWith("/smp/v1/triggers")),
  );
  scenario.check({
    rule,
    text: `the Bootstrap Server asks server ${operator} to trigger "${alias}"`,
    expected: "POST /smp/v1/triggers",
    actual: asked === undefined ? "none came" : `POST ${asked.request.event.url} answered ${asked.status ?? "not yet"}`,
    ok: asked !== undefined,
    timing: asked === undefined,
    evidence: asked === undefined ? [] : [refOf(asked.request)],
  });
}

/** The Short Server ID of the operator's account, as path element of the device. */
export async function serverInstanceOf(scenario: Scenario, alias: string, operator: ServerName): Promise<number> {
  const account = await accountOn(scenario, alias, operator);
  scenario.precondition(`"${alias}" has an account of operator ${operator}`, account !== undefined, `there is none with Short Server ID ${shortServerIdOf(scenario, operator)}`);
  return account?.serverInstance ?? 0;
}
