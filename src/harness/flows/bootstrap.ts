import type { PlainBootstrapInput } from "../../config/index.js";
import {
  coapExchanges,
  correctedBeforeFinish,
  deviceSessions,
  discoverFirst,
  eachStepOnce,
  finishLast,
  isCoap,
  isOperation,
  nothingWhileUnanswered,
  objectOf,
  ofDevice,
  ofRole,
  operationOf,
  refOf,
  refusedStep,
  type CoapExchange,
  type DeviceSession,
  type Finding,
} from "../evidence/index.js";
import type { TraceEvent } from "../../ports/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { judgedRule } from "./calls.js";
import { act, admit, bootstrapAccount, factoryPsk, inspect, shortServerIdOf, usualLifetime } from "./devices.js";
import { awaitItem, isEndState } from "./provisioning.js";
import { itemOutcome } from "../actors/operator.js";

/** Plain configuration: the device gets the operator's account at its next bootstrap, without any order. Its server lets it in. */
export async function configure(scenario: Scenario, alias: string, operators: readonly ServerName[], fields: Readonly<Record<string, unknown>> = {}, writes: PlainBootstrapInput["writes"] = []): Promise<void> {
  await configureOnly(scenario, alias, operators, fields, writes);
  for (const operator of operators) await admit(scenario, operator, scenario.endpoint(alias), factoryPsk(scenario, operator, alias));
}

/** The same, and nobody tells the operators' servers. `more`: what else the configuration says. */
export async function configureOnly(scenario: Scenario, alias: string, operators: readonly ServerName[], fields: Readonly<Record<string, unknown>> = {}, writes: PlainBootstrapInput["writes"] = [], more: Partial<PlainBootstrapInput> = {}): Promise<void> {
  if (scenario.specOf(alias)?.bootstrap === undefined) bootstrapAccount(scenario, alias);
  const endpoint = scenario.endpoint(alias);
  const accounts = operators.map((operator) => {
    const psk = factoryPsk(scenario, operator, alias);
    return {
      uri: scenario.uriOf(operator),
      shortServerId: shortServerIdOf(scenario, operator),
      lifetime: usualLifetime,
      securityMode: scenario.security,
      ...(psk === undefined ? {} : { psk: { identity: Buffer.from(psk.identity).toString("utf8"), key: Buffer.from(psk.key).toString("hex") } }),
      ...fields,
    };
  });
  await scenario.bootstrapServer.configure(endpoint, { accounts, writes, ...more });
  scenario.atEnd(`configuration of ${endpoint}`, () => scenario.bootstrapServer.forget(endpoint));
}

const sessionsOf = async (scenario: Scenario, alias: string): Promise<DeviceSession[]> => deviceSessions(await scenario.events(), scenario.endpoint(alias));

/** Waits for so many sessions of the device whose Finish was answered 2.04; resolves with the newest. */
export async function awaitBootstrapped(scenario: Scenario, alias: string, times = 1): Promise<DeviceSession | undefined> {
  return scenario.until(scenario.run.deadlines.bootstrapMs, async () => {
    const finished = (await sessionsOf(scenario, alias)).filter((session) => session.finish !== undefined);
    return finished.length < times ? undefined : finished.at(-1);
  });
}

/** A session that wrote over the account of the Bootstrap Server itself broke that rule first; what became of the session is its consequence. */
function checkOwnAccountSpared(scenario: Scenario, alias: string, { operations }: DeviceSession): void {
  const own = `/0/${scenario.specOf(alias)?.bootstrap?.securityInstance ?? 0}`;
  const stray = operations.find((exchange) => isOperation("write")(exchange) && exchange.request.event.coap.path === own);
  if (stray === undefined) return;
  const ref = refOf(stray.request);
  scenario.check({ rule: "instance-ids", text: `the account of the Bootstrap Server on "${alias}"`, expected: "left alone", actual: `written (${own})`, ok: false, at: ref.at, evidence: [ref] });
}

/** Judges whether the device came through a bootstrap, or so many. */
export async function checkBootstrapped(scenario: Scenario, alias: string, times = 1): Promise<void> {
  const session = await awaitBootstrapped(scenario, alias, times);
  const last = (await sessionsOf(scenario, alias)).at(-1);
  if (session === undefined && last !== undefined) checkOwnAccountSpared(scenario, alias, last);
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

/** Judges, when a bootstrap of the device is over or was turned away, that it holds no account. The rule is the first one the scenario names. */
export async function checkHoldsNoAccount(scenario: Scenario, alias: string): Promise<void> {
  const over = await scenario.until(scenario.run.deadlines.bootstrapMs, async () => {
    const last = (await sessionsOf(scenario, alias)).at(-1);
    return last?.operations.some((exchange) => isOperation("bootstrap-finish")(exchange) && exchange.answer !== undefined) === true || last?.request.answer?.startsWith("4.") === true ? true : undefined;
  });
  scenario.precondition(`a bootstrap of "${alias}" came to its end`, over === true, "none did");
  const { accounts } = await inspect(scenario, alias);
  scenario.equal(judgedRule(scenario), `accounts on "${alias}"`, "none", accounts.map(({ shortServerId }) => shortServerId).join(", ") || "none");
}

/**
 * Judges the answer to the device's newest Bootstrap-Request. One that was lost is told by the Bootstrap Server: its first operation may come all the same, and the device then asks
 * no more.
 */
export async function checkRequestAnswered(scenario: Scenario, alias: string, code: string): Promise<void> {
  const answered = (events: readonly TraceEvent[], direction: "in" | "out"): CoapExchange | undefined =>
    coapExchanges(events).findLast((candidate) => candidate.direction === direction && candidate.request.event.coap.path === "/bs" && candidate.answer !== undefined);
  const seen = await scenario.until(scenario.run.deadlines.exchangeMs, async () => answered(ofDevice(await scenario.events(), scenario.endpoint(alias)), "out"));
  const sent = seen === undefined ? answered(ofRole(await scenario.events(), scenario.bootstrapServer.role, scenario.endpoint(alias)), "in") : undefined;
  const exchange = seen ?? sent;
  scenario.check({
    rule: code === "2.04" ? "bootstrap-request" : "bootstrap-request-codes",
    text: `the answer to the Bootstrap-Request of "${alias}"`,
    expected: code,
    actual: exchange?.answer === undefined ? "none" : sent === undefined ? exchange.answer : `${exchange.answer} (lost on the way)`,
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
  if (session !== undefined) noted(scenario, "discover-first", `the session of "${alias}" until Discover was answered`, "nothing else is asked", nothingWhileUnanswered(session, "bootstrap-discover"));
}

/** Judges an unknown endpoint: its request was not accepted, and nothing follows. */
export async function checkTurnedAway(scenario: Scenario, alias: string): Promise<void> {
  await scenario.until(scenario.run.deadlines.exchangeMs, async () => (await sessionsOf(scenario, alias)).find((session) => session.request.answer !== undefined));
  await scenario.pause(scenario.run.deadlines.quietMs);
  const [session] = await sessionsOf(scenario, alias);
  const expected = "refused, and nothing asked of the device";
  const outcome = (): string => {
    if (session === undefined) return "no Bootstrap-Request was sent";
    const { answer } = session.request;
    const [asked] = session.operations;
    if (answer === undefined) return "not answered";
    if (answer.startsWith("2.")) return `accepted with ${answer}`;
    return asked === undefined ? expected : `refused, and yet: ${asked.request.event.summary}`;
  };
  scenario.equal("bootstrap-request-unknown", `the Bootstrap-Request of "${alias}"`, expected, outcome(), { evidence: session === undefined ? [] : [refOf(session.request.response ?? session.request.request)] });
}

/** Judges what follows a Finish answered 4.06. */
export async function checkFinishCorrected(scenario: Scenario, alias: string): Promise<void> {
  await awaitBootstrapped(scenario, alias);
  const session = (await sessionsOf(scenario, alias))[0];
  noted(scenario, "finish-corrected", `the session of "${alias}" after its Finish was refused`, "something is written before the next Finish", session === undefined ? nothing : correctedBeforeFinish(session));
}

/** Judges, in the session of the newest request, that no other session runs beside it or in its place: each step came once. */
export async function checkEachStepOnce(scenario: Scenario, alias: string, rule: "ORD-5" | "session-displaced"): Promise<void> {
  await scenario.pause(scenario.run.deadlines.quietMs);
  const session = (await sessionsOf(scenario, alias)).at(-1);
  noted(scenario, rule, `the session of the newest request of "${alias}"`, "each step once", session === undefined ? nothing : eachStepOnce(session));
}

/** Either of two datagrams may be lost, and nobody sends them again by himself. */
const mostCopies = 4;

/** Sends the device's newest Bootstrap-Request again, the same bytes; resolves when the Bootstrap Server has answered it again (RFC 7252 §4.5). */
export async function repeatRequest(scenario: Scenario, alias: string): Promise<void> {
  const last = (await sessionsOf(scenario, alias)).at(-1);
  if (last === undefined) throw new Error(`"${alias}" has sent no Bootstrap-Request`);
  const { hex, coap } = last.request.request.event;
  const answers = async (): Promise<number> =>
    ofDevice(await scenario.events(), scenario.endpoint(alias)).filter((event) => isCoap(event) && event.event.direction === "in" && event.event.coap.type === "ACK" && event.event.coap.messageId === coap.messageId).length;
  const before = await answers();
  let again: true | undefined;
  for (let copy = 0; copy < mostCopies && again === undefined; copy++) {
    await act(scenario, alias, { do: "send-raw", to: "bootstrap", hex });
    again = await scenario.until(scenario.run.deadlines.exchangeMs / mostCopies, async () => ((await answers()) > before ? true : undefined));
  }
  scenario.precondition(`the retransmission of "${alias}" arrives`, again === true, "it was not answered again");
}

/**
 * Judges that a bootstrap which the device did not take is not said to be applied: the item of the order comes to another end. `provoked` is what the
 * device did; without it there is no verdict.
 */
export async function checkNotApplied(scenario: Scenario, alias: string, provoked: "write-refused" | "finish-unanswered"): Promise<void> {
  const view = await awaitItem(scenario, alias, ["applied", "confirmed"]);
  const session = (await sessionsOf(scenario, alias)).at(-1);
  const refused = session === undefined ? undefined : refusedStep(session);
  const silent = session?.operations.find((exchange) => isOperation("bootstrap-finish")(exchange) && exchange.answer === undefined);
  const cause = provoked === "write-refused" ? refused : silent;
  scenario.precondition(provoked === "write-refused" ? `"${alias}" refuses a Write` : `"${alias}" leaves the Finish unanswered`, cause !== undefined, "it did not come to that");
  const applied = view.state === "applied" || view.state === "confirmed";
  scenario.check({
    rule: provoked,
    text: `the item of "${alias}"`,
    expected: "neither applied nor confirmed",
    actual: itemOutcome(view),
    ok: applied ? false : isEndState(view.state),
    timing: !applied && !isEndState(view.state),
    evidence: cause === undefined ? [] : [refOf(cause.request), ...(cause.response === undefined ? [] : [refOf(cause.response)])],
  });
}

/** Judges that nobody asked a device for what its version does not have. */
export async function checkNoBootstrapRead(scenario: Scenario, alias: string): Promise<void> {
  await awaitBootstrapped(scenario, alias);
  const sessions = await sessionsOf(scenario, alias);
  const read = sessions.flatMap(({ operations }) => operations).find(isOperation("read"));
  scenario.check({
    rule: "bootstrap-read-version",
    text: `the sessions of "${alias}"`,
    expected: "without a Bootstrap-Read",
    actual: read === undefined ? "without a Bootstrap-Read" : read.request.event.summary,
    ok: sessions.every(({ finish }) => finish === undefined) ? undefined : read === undefined,
    evidence: read === undefined ? [] : [refOf(read.request)],
  });
}

/** Judges the device by what the Bootstrap Server heard: each Write of the object was answered 2.04. */
export async function checkWritesAccepted(scenario: Scenario, alias: string, object: number): Promise<void> {
  const writes = await scenario.until(scenario.run.deadlines.bootstrapMs, async () => {
    const sent = coapExchanges(ofRole(await scenario.events(), scenario.bootstrapServer.role, scenario.endpoint(alias))).filter((exchange) => exchange.direction === "out");
    const finish = sent.findIndex(isOperation("bootstrap-finish"));
    const asked = sent.slice(0, finish < 0 ? sent.length : finish).filter((exchange) => isOperation("write")(exchange) && objectOf(exchange) === object);
    return asked.length > 0 && asked.every((exchange) => exchange.answer !== undefined) ? asked : undefined;
  });
  const bad = writes?.find((exchange) => exchange.answer !== "2.04");
  if (writes === undefined) {
    const asked = coapExchanges(ofRole(await scenario.events(), scenario.bootstrapServer.role, scenario.endpoint(alias))).some((exchange) => isOperation("write")(exchange) && objectOf(exchange) === object);
    scenario.precondition(`the Bootstrap Server writes /${object} to "${alias}"`, asked, "it sends no such Write");
  }
  scenario.check({
    rule: "device-ignores-unknown-optional",
    text: `Writes of /${object} to "${alias}"`,
    expected: "answered 2.04",
    actual: writes === undefined ? "none was answered" : `answered ${bad?.answer ?? "2.04"}`,
    ok: writes !== undefined && bad === undefined,
    timing: writes === undefined,
    evidence: (writes ?? []).map((exchange) => refOf(exchange.response ?? exchange.request)),
  });
}

export async function checkFinishLast(scenario: Scenario, alias: string): Promise<void> {
  await awaitBootstrapped(scenario, alias);
  // A Write that follows a Finish would come within the same exchange's time.
  await scenario.pause(scenario.run.deadlines.quietMs);
  const session = (await sessionsOf(scenario, alias)).findLast((candidate) => candidate.finish !== undefined);
  noted(scenario, "finish-last", `Finish in the session of "${alias}"`, "after every Write and Delete was answered", session === undefined ? nothing : finishLast(session));
}
