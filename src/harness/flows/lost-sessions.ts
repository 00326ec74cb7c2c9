import { refOf, timeOf } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { actAt, awaitAtRest, awaitListed, latestOwn } from "./devices.js";
import { handshakesOf } from "./handshakes.js";
import { sessionEvents } from "./rotation.js";

/** What a device is in the middle of when the server's sessions go would be counted with what it does about the loss. */
async function allAtRest(scenario: Scenario, operator: ServerName): Promise<void> {
  await Promise.all([...scenario.started].map((alias) => awaitAtRest(scenario, alias, operator)));
}

/** The server loses the sessions of all its devices, as in a restart: a scenario that does this is alone. */
export async function loseAllSessions(scenario: Scenario, operator: ServerName, what: { readonly registrations: boolean; readonly keepResumable: boolean }): Promise<void> {
  await allAtRest(scenario, operator);
  const { sessions } = await scenario.server(operator).forgetSessions(what);
  scenario.precondition(`server ${operator} had sessions to lose`, sessions > 0, "it had none");
}

/** What the server had counted of each device's handshakes when it was restarted. */
const countedBefore = new WeakMap<Scenario, ReadonlyMap<string, number>>();

async function countedBy(scenario: Scenario, operator: ServerName, endpoint: string): Promise<number> {
  return (await scenario.server(operator).handshakes(endpoint)).find((counted) => counted.endpoint === endpoint)?.attempts ?? 0;
}

/** The server is restarted, with the sessions of all its devices or without them: a scenario that does this is alone. */
export async function restartServer(scenario: Scenario, operator: ServerName, keepSessions: boolean): Promise<void> {
  await allAtRest(scenario, operator);
  const counted = await Promise.all(scenario.endpoints.map(async (endpoint) => [endpoint, await countedBy(scenario, operator, endpoint)] as const));
  countedBefore.set(scenario, new Map(counted));
  scenario.askedAt = scenario.now();
  const { sessions } = await scenario.server(operator).restart({ keepSessions });
  scenario.precondition(`server ${operator} had sessions when it was restarted`, sessions > 0, "it had none");
}

/** Judges an Update of the device in the session that it had before the restart. */
export async function checkGoesOn(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const since = BigInt(scenario.askedAt);
  const { code, failure } = await actAt(scenario, alias, operator, { do: "update" });
  const [moved] = await sessionEvents(scenario, alias, operator, since);
  scenario.check({
    rule: "restart-keeps-sessions",
    text: `an Update of "${alias}" after server ${operator} was restarted`,
    expected: "2.04, in the session from before",
    actual: `${code ?? failure ?? "nothing"}, ${moved === undefined ? "in the session from before" : `after ${moved.event.input}`}`,
    ok: code === "2.04" && moved === undefined,
    timing: code === undefined,
    evidence: moved === undefined ? [] : [refOf(moved)],
  });
}

/** Judges how often the device has shaken hands since the restart, as both ends counted. */
export async function checkCounted(scenario: Scenario, alias: string, operator: ServerName, count: number, rule: RuleName): Promise<void> {
  const endpoint = scenario.endpoint(alias);
  const before = countedBefore.get(scenario)?.get(endpoint);
  if (before === undefined) throw new Error("no step has restarted a server");
  const atServer = (await countedBy(scenario, operator, endpoint)) - before;
  const begun = (await handshakesOf(scenario, alias, operator)).filter(({ began }) => timeOf(began) >= BigInt(scenario.askedAt));
  const ok = atServer === count && begun.length === count;
  scenario.check({
    rule,
    text: `handshakes of "${alias}" since server ${operator} was restarted, as the server and the device counted them`,
    expected: `${count} and ${count}`,
    actual: `${atServer} and ${begun.length}`,
    ok,
    // One more is made where an answer came too late for the device.
    timing: !ok,
    evidence: begun.map(({ began, ended }) => refOf(ended ?? began)),
  });
}

/** The device sends an Update in a session that its server lost; judged is that it finds out, makes another session and registers in it. */
export async function checkComesBack(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const since = BigInt(scenario.now());
  await actAt(scenario, alias, operator, { do: "update" });
  const listed = await awaitListed(scenario, alias, operator);
  const made = (await sessionEvents(scenario, alias, operator, since)).findLast(({ event }) => event.to === "connected");
  const register = await latestOwn(scenario, alias, "register");
  const inIt = made !== undefined && register !== undefined && timeOf(register.request) >= timeOf(made);
  scenario.check({
    rule: "device-returns",
    text: `"${alias}" after server ${operator} lost its session`,
    expected: "another session, and a Register in it",
    actual: made === undefined ? "no other session" : !inIt ? "another session, no Register in it" : listed === undefined ? `a Register that was answered ${register.answer ?? "not at all"}` : "another session, and a Register in it",
    ok: inIt && listed !== undefined,
    timing: !inIt || listed === undefined,
    evidence: [...(made === undefined ? [] : [refOf(made)]), ...(register === undefined ? [] : [refOf(register.request)])],
  });
}
