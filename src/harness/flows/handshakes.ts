import { deviceHandshakes, handshakeInWords, refOf, type DeviceHandshake } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
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
