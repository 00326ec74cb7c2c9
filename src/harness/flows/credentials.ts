import { activations, changedAccounts, deviceSessions, httpExchanges, refOf, refusedStep, timeOf, type HttpExchange } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { awaitUnlisted, latestOwn, shortServerIdOf, usualLifetime } from "./devices.js";

/** Declares a device that leaves the factory with the operator's account, of which nobody told the operator's server. */
export function untoldAccount(scenario: Scenario, alias: string, operator: ServerName): void {
  const servers = scenario.specOf(alias)?.servers ?? [];
  const { endpoint } = scenario.declare(alias, { servers: [...servers, { uri: scenario.uriOf(operator), shortServerId: shortServerIdOf(scenario, operator), lifetime: usualLifetime, resources: patient }] });
  scenario.involve(endpoint);
}

/** /1/x/16 false, 18 long: a device that is refused waits until it is told to try again, and does not go back to bootstrap. */
const patient = { 16: false, 17: 1, 18: 600, 19: 600, 20: 1 } as const;

/** Waits for the answer to the device's first Register; it becomes the last answer. */
export async function awaitFirstRegister(scenario: Scenario, alias: string): Promise<void> {
  const answered = await scenario.until(scenario.run.deadlines.registerMs, async () => {
    const register = await latestOwn(scenario, alias, "register");
    return register?.answer === undefined ? undefined : register;
  });
  scenario.lastAnswer = { text: `the first Register of "${alias}"`, code: answered?.answer ?? "no answer", at: answered?.response?.at ?? scenario.now() };
}

/** Judges that the server does not list the device. */
export async function checkNotListed(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const absent = await awaitUnlisted(scenario, alias, operator, scenario.run.deadlines.quietMs);
  scenario.equal("admission", `"${alias}" in the registry of server ${operator}`, "absent", absent ? "absent" : "listed");
}

/** Judges the statuses of a batch's results, in order. */
export function checkBatchResults(scenario: Scenario, expected: string): void {
  const body = scenario.lastAnswer?.body;
  const results: readonly unknown[] = typeof body === "object" && body !== null && "results" in body && Array.isArray(body.results) ? (body.results as readonly unknown[]) : [];
  const statuses = results.map((result) => (typeof result === "object" && result !== null && "status" in result ? String(result.status) : "none"));
  scenario.equal("credential-batch", "the results of the batch", expected, statuses.join(", "));
}

const calls = async (scenario: Scenario, operator: ServerName, method: string, path: RegExp): Promise<HttpExchange[]> =>
  httpExchanges(await scenario.events()).filter(
    (call) => call.role === scenario.server(operator).role && call.direction === "in" && call.request.event.method === method && path.test(call.request.event.url),
  );

const credentialPath = /\/credentials\/[^/?]+(\?|$)/;
const activationPath = /\/activation(\?|$)/;
const triggerPath = /\/smp\/v1\/triggers$/;

/** Judges that the staging of the credential was answered before the trigger was asked for. */
export async function checkStagedBeforeTrigger(scenario: Scenario, alias: string, holder: ServerName, trigger: ServerName): Promise<void> {
  const staged = (await calls(scenario, holder, "PUT", credentialPath)).find((call) => call.status !== undefined && call.status < 300)?.answer;
  const asked = (await calls(scenario, trigger, "POST", triggerPath)).at(-1)?.request;
  const before = staged !== undefined && asked !== undefined && timeOf(staged) < timeOf(asked);
  scenario.check({
    rule: "credential-staged",
    text: `the credential of "${alias}" at server ${holder} and the trigger at server ${trigger}`,
    expected: "the credential is staged first",
    actual: staged === undefined ? "no credential was staged" : asked === undefined ? "no trigger was asked for" : before ? "staged first" : "the trigger came first",
    ok: staged !== undefined && asked === undefined ? undefined : before,
    evidence: [staged, asked].flatMap((event) => (event === undefined ? [] : [refOf(event)])),
  });
}

/** Judges that an activation was sent again with the same body, and that the later one was answered 2xx. */
export async function checkActivationRepeated(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const sent = activations(await scenario.events(), scenario.server(operator).role);
  const bodies = sent.map((call) => JSON.stringify(call.request.event.body));
  const repeated = sent.length > 1 && new Set(bodies).size === 1;
  const last = sent.at(-1);
  scenario.check({
    rule: "credential-repeated",
    text: `activations of "${alias}" at server ${operator}`,
    expected: "the same body again, answered 2xx",
    actual: `${sent.length} sent, ${new Set(bodies).size} different, the last answered ${last?.status ?? "not at all"}`,
    ok: repeated && last?.status !== undefined && last.status < 300,
    evidence: sent.map((call) => refOf(call.request)),
  });
}

/** Judges that each session activated with a session id greater than the one before (ORD-5). */
export async function checkSessionIdsGrow(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const sent = activations(await scenario.events(), scenario.server(operator).role);
  const ids = sent.map((call) => sessionIdIn(call.request.event.body));
  const grows = ids.every((id, index) => index === 0 || id >= (ids[index - 1] ?? 0)) && new Set(ids).size > 1;
  scenario.check({
    rule: "ORD-5",
    text: `session ids of the activations of "${alias}" at server ${operator}`,
    expected: "a greater one for the session that came later",
    actual: ids.join(", ") || "no activation",
    ok: ids.length < 2 ? undefined : grows,
    evidence: sent.map((call) => refOf(call.request)),
  });
}

const sessionIdIn = (body: unknown): number => (typeof body === "object" && body !== null && "sessionId" in body && typeof body.sessionId === "number" ? body.sessionId : Number.NaN);

/** Judges that the account is written in the newest session only: after its Discover, nothing of an older one comes between. */
export async function checkDisplacedIsQuiet(scenario: Scenario, alias: string): Promise<void> {
  const sessions = deviceSessions(await scenario.events(), scenario.endpoint(alias)).slice(-2);
  const [displaced, newest] = sessions;
  if (displaced === undefined || newest === undefined) {
    scenario.check({ rule: "ORD-5", text: `sessions of "${alias}"`, expected: "two", actual: String(sessions.length), ok: undefined });
    return;
  }
  // What comes after the second request and before that session's Discover can only belong to the first.
  const discover = newest.operations.findIndex((exchange) => exchange.request.event.coap.code === "0.01");
  const strays = changedAccounts({ ...newest, operations: newest.operations.slice(0, Math.max(0, discover)) });
  const finishes = newest.operations.filter((exchange) => exchange.request.event.coap.path === "/bs");
  const stray = strays[0] ?? (finishes.length > 1 ? finishes[0] : undefined);
  scenario.check({
    rule: "ORD-5",
    text: `the displaced session of "${alias}"`,
    expected: "nothing of it after the second Bootstrap-Request",
    actual: stray === undefined ? "nothing" : `${stray.request.event.summary} after it`,
    ok: stray === undefined,
    evidence: [refOf(newest.request.request), ...(stray === undefined ? [] : [refOf(stray.request)])],
  });
}

/** A precondition: the device's newest session failed. One that a Bootstrap Server finishes all the same breaks another rule than what follows from a failure. */
export async function newestSessionFailed(scenario: Scenario, alias: string): Promise<void> {
  const session = deviceSessions(await scenario.events(), scenario.endpoint(alias)).at(-1);
  scenario.precondition(`the newest bootstrap session of "${alias}" fails`, session !== undefined && session.finish === undefined, session === undefined ? "there is none" : "its Finish is answered 2.04");
}

/** Judges that the activation was taken back (DELETE) after it had been made. */
export async function checkActivationTakenBack(scenario: Scenario, alias: string, operator: ServerName, rule: RuleName): Promise<void> {
  const made = activations(await scenario.events(), scenario.server(operator).role).some((call) => timeOf(call.request) >= BigInt(scenario.askedAt));
  scenario.precondition(`server ${operator} is asked to activate the credential of "${alias}"`, made, "it is not");
  const session = deviceSessions(await scenario.events(), scenario.endpoint(alias)).at(-1);
  scenario.precondition(`"${alias}" refuses a Write of its newest session`, session !== undefined && refusedStep(session) !== undefined, "it did not come to that");
  if (rule === "rotation-rolled-back") await newestSessionFailed(scenario, alias);
  const taken = await scenario.until(scenario.run.deadlines.itemMs, async () => (await calls(scenario, operator, "DELETE", activationPath)).find((call) => call.status !== undefined));
  scenario.check({
    rule,
    text: `the activation of "${alias}" at server ${operator}`,
    expected: "DELETE of the activation, answered 204",
    actual: taken === undefined ? "not taken back" : `DELETE answered ${taken.status ?? "not at all"}`,
    ok: taken?.status === 204,
    timing: taken === undefined,
    evidence: taken === undefined ? [] : [refOf(taken.request)],
  });
}

/** Judges that the credential was revoked (DELETE), and only after the device's Finish was answered. */
export async function checkRevokedAfterFinish(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const revoked = await scenario.until(scenario.run.deadlines.itemMs, async () => (await calls(scenario, operator, "DELETE", credentialPath)).find((call) => call.status !== undefined));
  const finish = deviceSessions(await scenario.events(), scenario.endpoint(alias)).at(-1)?.finish?.response;
  const after = revoked !== undefined && finish !== undefined && timeOf(revoked.request) > timeOf(finish);
  scenario.check({
    rule: "account-removed",
    text: `the credential of "${alias}" at server ${operator}`,
    expected: "revoked after Finish was answered",
    actual: revoked === undefined ? "not revoked" : finish === undefined ? "revoked without a Finish" : after ? "revoked after Finish was answered" : "revoked before Finish was answered",
    ok: after && revoked.status === 204,
    timing: revoked === undefined,
    evidence: [...(finish === undefined ? [] : [refOf(finish)]), ...(revoked === undefined ? [] : [refOf(revoked.request)])],
  });
}
