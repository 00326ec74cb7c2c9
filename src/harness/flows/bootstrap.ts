import type { PlainBootstrapInput } from "../../config/index.js";
import { coapExchanges, deviceSessions, discoverFirst, finishLast, ofDevice, operationOf, refOf, type DeviceSession, type Finding } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { admit, bootstrapAccount, shortServerIdOf, usualLifetime } from "./devices.js";

/** Plain configuration: the device gets the operator's account at its next bootstrap, without any order. Its server lets it in. */
export async function configure(scenario: Scenario, alias: string, operators: readonly ServerName[], fields: Readonly<Record<string, unknown>> = {}, writes: PlainBootstrapInput["writes"] = []): Promise<void> {
  if (scenario.specOf(alias)?.bootstrap === undefined) bootstrapAccount(scenario, alias);
  const endpoint = scenario.endpoint(alias);
  const accounts = operators.map((operator) => ({
    uri: scenario.server(operator).uri,
    shortServerId: shortServerIdOf(scenario, operator),
    lifetime: usualLifetime,
    ...fields,
  }));
  await scenario.bootstrapServer.configure(endpoint, { accounts, writes });
  scenario.atEnd(`configuration of ${endpoint}`, () => scenario.bootstrapServer.forget(endpoint));
  for (const operator of operators) await admit(scenario, operator, endpoint);
}

const sessionsOf = async (scenario: Scenario, alias: string): Promise<DeviceSession[]> => deviceSessions(await scenario.events(), scenario.endpoint(alias));

/** Waits for a session of the device whose Finish was answered 2.04. */
export async function awaitBootstrapped(scenario: Scenario, alias: string): Promise<DeviceSession | undefined> {
  return scenario.until(scenario.run.deadlines.bootstrapMs, async () => (await sessionsOf(scenario, alias)).findLast((session) => session.finish !== undefined));
}

/** Judges whether the device came through a bootstrap. */
export async function checkBootstrapped(scenario: Scenario, alias: string): Promise<void> {
  const session = await awaitBootstrapped(scenario, alias);
  const last = (await sessionsOf(scenario, alias)).at(-1);
  const steps = last?.operations.map((exchange) => `${operationOf(exchange.request.event.coap)} ${exchange.answer ?? "unanswered"}`).join(", ");
  scenario.check({
    rule: "bootstrap-request",
    text: `"${alias}" completes its bootstrap`,
    expected: "Finish answered 2.04",
    actual: session !== undefined ? "Finish answered 2.04" : last === undefined ? "no Bootstrap-Request was sent" : `request answered ${last.request.answer ?? "not at all"}; ${steps === "" || steps === undefined ? "no operation" : steps}`,
    ok: session !== undefined,
    timing: session === undefined,
    evidence: last === undefined ? [] : [refOf(last.request.request), ...(session?.finish === undefined ? [] : [refOf(session.finish.request)])],
  });
}

/** Judges the answer to the device's newest Bootstrap-Request. */
export async function checkRequestAnswered(scenario: Scenario, alias: string, code: string): Promise<void> {
  const exchange = await scenario.until(scenario.run.deadlines.exchangeMs, async () => {
    const asked = coapExchanges(ofDevice(await scenario.events(), scenario.endpoint(alias))).filter((candidate) => candidate.direction === "out" && candidate.request.event.coap.path === "/bs");
    return asked.findLast((candidate) => candidate.answer !== undefined);
  });
  scenario.check({
    rule: code === "2.04" ? "bootstrap-request" : "bootstrap-request-codes",
    text: `the answer to the Bootstrap-Request of "${alias}"`,
    expected: code,
    actual: exchange?.answer ?? "none",
    ok: exchange?.answer === code,
    evidence: exchange === undefined ? [] : [refOf(exchange.response ?? exchange.request)],
  });
}

const noted = (scenario: Scenario, rule: RuleName, text: string, expected: string, finding: Finding): void =>
  scenario.check({ rule, text, expected, actual: finding.actual, ok: finding.ok, evidence: finding.evidence, ...(finding.at === undefined ? {} : { at: finding.at }) });

const nothing: Finding = { ok: undefined, actual: "no session of the device is finished", evidence: [] };

export async function checkDiscoverFirst(scenario: Scenario, alias: string): Promise<void> {
  const session = await awaitBootstrapped(scenario, alias);
  noted(scenario, "discover-first", `the session of "${alias}"`, "begins with Bootstrap-Discover", session === undefined ? nothing : discoverFirst(session));
}

export async function checkFinishLast(scenario: Scenario, alias: string): Promise<void> {
  await awaitBootstrapped(scenario, alias);
  // A Write that follows a Finish would come within the same exchange's time.
  await scenario.pause(scenario.run.deadlines.quietMs);
  const session = (await sessionsOf(scenario, alias)).findLast((candidate) => candidate.finish !== undefined);
  noted(scenario, "finish-last", `Finish in the session of "${alias}"`, "after every Write and Delete was answered", session === undefined ? nothing : finishLast(session));
}
