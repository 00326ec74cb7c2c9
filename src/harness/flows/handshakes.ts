import { coapExchanges, deviceHandshakes, handshakeInWords, handshakesSeen, isOperation, isState, isUnheard, msBetween, ofDevice, ofRole, refOf, sameByDevice, type CoapExchange, type DeviceHandshake, type StateEvent } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { locationIn } from "./registration.js";
import { awaitRegistered, latestOwn, shortServerIdOf } from "./devices.js";

export type HandshakePeer = ServerName | "bootstrap";

const nameOf = (peer: HandshakePeer): string => (peer === "bootstrap" ? "the Bootstrap Server" : `server ${peer}`);

/** The handshakes of the device with a server, oldest first. */
export async function handshakesOf(scenario: Scenario, alias: string, peer: HandshakePeer): Promise<DeviceHandshake[]> {
  return deviceHandshakes(await scenario.events(), scenario.endpoint(alias), peer === "bootstrap" ? peer : shortServerIdOf(scenario, peer));
}

/** Judges that the device asked for a session and got none: its newest handshake came to an end without one. */
export const checkNoSession = (scenario: Scenario, alias: string, peer: HandshakePeer, rule: RuleName): Promise<void> => checkOutcome(scenario, alias, peer, rule, "none");

/** Judges that the device's newest handshake came to a session. */
export const checkSession = (scenario: Scenario, alias: string, peer: HandshakePeer, rule: RuleName): Promise<void> => checkOutcome(scenario, alias, peer, rule, "session");

const outcomes = { none: "no session", session: "a session", open: "not over" } as const;

async function checkOutcome(scenario: Scenario, alias: string, peer: HandshakePeer, rule: RuleName, expected: "none" | "session"): Promise<void> {
  const ended = await scenario.until(scenario.run.deadlines.registerMs, async () => {
    const newest = (await handshakesOf(scenario, alias, peer)).at(-1);
    return newest?.ended === undefined ? undefined : newest;
  });
  const newest = ended ?? (await handshakesOf(scenario, alias, peer)).at(-1);
  scenario.precondition(`"${alias}" begins a handshake with ${nameOf(peer)}`, newest !== undefined, "it began none");
  if (newest === undefined) return;
  scenario.check({
    rule,
    text: `the handshake of "${alias}" with ${nameOf(peer)}`,
    expected: outcomes[expected],
    actual: newest.outcome === expected ? outcomes[expected] : `${outcomes[newest.outcome]} (${handshakeInWords(newest)})`,
    ok: newest.outcome === "open" ? undefined : newest.outcome === expected,
    evidence: [newest.began, ...(newest.ended === undefined ? [] : [newest.ended])].map(refOf),
  });
}

/** Judges that the device came to a session with the key it has, and that its Register was answered 2.01 in it. */
export async function checkRegistersWithKey(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  const account = await awaitRegistered(scenario, alias, server, scenario.run.deadlines.registerMs + scenario.run.deadlines.bootstrapMs);
  const session = (await handshakesOf(scenario, alias, server)).at(-1);
  const register = await latestOwn(scenario, alias, "register");
  const expected = "a session, and Register answered 2.01 in it";
  const nowhere = account === undefined && register?.answer === "2.01" && register.response !== undefined && locationIn(register.response) === undefined;
  scenario.precondition(`the 2.01 of server ${server} says where "${alias}" is registered`, !nowhere, "it has no location");
  const ok = account !== undefined && session?.outcome === "session";
  scenario.check({
    rule,
    text: `"${alias}" at server ${server}`,
    expected,
    actual: ok ? expected : session === undefined ? "no handshake was begun" : `handshake: ${handshakeInWords(session)}; Register answered ${register?.answer ?? "not at all"}`,
    ok,
    timing: !ok,
    evidence: [...(session === undefined ? [] : [refOf(session.ended ?? session.began)]), ...(register === undefined ? [] : [refOf(register.response ?? register.request)])],
  });
}

// Of the device, as its servers saw it

const seenBy = async (scenario: Scenario, server: ServerName, alias: string): Promise<StateEvent[]> => handshakesSeen(await scenario.events(), scenario.server(server).role, scenario.endpoint(alias));

/** Timers may be early by the grain of a clock. */
const grainMs = 20;

/**
 * Judges that the device tries so often, each time after a pause of at least `seconds`; where the device tells when a try was over, from then on. A shorter one after an answer that it never heard is
 * no pause.
 */
export async function checkTries(scenario: Scenario, alias: string, server: ServerName, count: number, seconds: number, rule: RuleName): Promise<void> {
  const { registerMs } = scenario.run.deadlines;
  const isHasty = (pause: number): boolean => pause < seconds * 1000 - grainMs;
  const look = async () => {
    const tries = await seenBy(scenario, server, alias);
    const told = await handshakesOf(scenario, alias, server);
    const pauses = tries.slice(1).flatMap((next, index) => {
      const before = tries[index] ?? next;
      const pause = msBetween(sameByDevice(before, told)?.ended ?? before, next);
      return isHasty(pause) && isUnheard(before, told) ? [] : [pause];
    });
    return { tries, pauses };
  };
  await scenario.until(count * (registerMs + seconds * 1000), async () => ((await look()).pauses.length >= count - 1 ? true : undefined));
  const seen = await look();
  const pauses = seen.pauses.slice(0, count - 1);
  const tries = seen.tries.slice(0, count + seen.tries.length - 1 - seen.pauses.length);
  const lost = Math.max(0, tries.length - 1 - pauses.length);
  const enough = tries.length > 0 && pauses.length === count - 1;
  scenario.check({
    rule,
    text: `handshakes of "${alias}" with server ${server}`,
    expected: `${count}, with ${seconds} s or more between them`,
    actual: `${tries.length}, after ${pauses.map((pause) => `${(pause / 1000).toFixed(2)} s`).join(", ") || "no pause"}${lost > 0 ? `, and ${lost} whose answer was lost` : ""}`,
    ok: enough && !pauses.some(isHasty),
    timing: !enough,
    evidence: tries.map(refOf),
  });
}

/** Judges that the device began no more handshakes with the server than its account allows, beside those whose answer it never heard. */
export async function checkMostTries(scenario: Scenario, alias: string, server: ServerName, most: number): Promise<void> {
  const tries = await seenBy(scenario, server, alias);
  const told = await handshakesOf(scenario, alias, server);
  const lost = tries.filter((attempt) => isUnheard(attempt, told)).length;
  scenario.check({
    rule: "device-handshakes-bounded",
    text: `handshakes of "${alias}" with server ${server}`,
    expected: `1 to ${most}`,
    actual: `${tries.length - lost}${lost > 0 ? `, and ${lost} whose answer was lost` : ""}`,
    ok: tries.length === 0 ? undefined : tries.length - lost <= most,
    evidence: tries.slice(0, most + lost + 1).map(refOf),
  });
}

const bootstrapRequests = async (scenario: Scenario, alias: string): Promise<CoapExchange[]> =>
  coapExchanges(ofRole(await scenario.events(), scenario.bootstrapServer.role, scenario.endpoint(alias))).filter((exchange) => exchange.direction === "in" && isOperation("bootstrap-request")(exchange));

/** No account of a scenario allows more within the time that a fallback takes. */
const mostTries = 10;

/** Judges that the device comes to its Bootstrap Server when the other one lets it in no session. */
export async function checkAsksForBootstrap(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  const came = await scenario.until(scenario.run.deadlines.registerMs + scenario.run.deadlines.bootstrapMs, async () => (await bootstrapRequests(scenario, alias)).at(-1));
  if (came === undefined) {
    const begun = ofDevice(await scenario.events(), scenario.endpoint(alias)).filter((event) => isState(event) && event.event.machine === "dtls" && event.event.input === "connect").length;
    scenario.precondition(`"${alias}" does not shake hands without end`, begun <= mostTries, `it began ${begun} handshakes`);
  }
  const actual = came === undefined ? "none came" : "a Bootstrap-Request";
  scenario.check({ rule, text: `"${alias}", without a session with server ${server}`, expected: "a Bootstrap-Request", actual, ok: came !== undefined, timing: came === undefined, evidence: came === undefined ? [] : [refOf(came.request)] });
}

/** Judges that the device did not come to its Bootstrap Server until now. */
export async function checkNotAsked(scenario: Scenario, alias: string, rule: RuleName): Promise<void> {
  const [came] = await bootstrapRequests(scenario, alias);
  scenario.check({
    rule,
    text: `"${alias}" towards the Bootstrap Server`,
    expected: "no Bootstrap-Request",
    actual: came === undefined ? "no Bootstrap-Request" : "a Bootstrap-Request",
    ok: came === undefined,
    ...(came === undefined ? {} : { at: came.request.at, evidence: [refOf(came.request)] }),
  });
}
