import { refOf, timeOf } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { actAt, awaitListed, latestOwn } from "./devices.js";
import { sessionEvents } from "./rotation.js";

/** The server loses the sessions of all its devices, as in a restart: a scenario that does this is alone. */
export async function loseAllSessions(scenario: Scenario, operator: ServerName, what: { readonly registrations: boolean; readonly keepResumable: boolean }): Promise<void> {
  const { sessions } = await scenario.server(operator).forgetSessions(what);
  scenario.precondition(`server ${operator} had sessions to lose`, sessions > 0, "it had none");
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
