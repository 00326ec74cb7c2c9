import { z } from "zod";
import type { Psk } from "../../config/index.js";
import { describeAnswer } from "../actors/operator.js";
import { activations, changedAccounts, deviceSessions, httpExchanges, ofDevice, refOf, timeOf } from "../evidence/index.js";
import type { TraceEvent } from "../../ports/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { awaitBootstrapped } from "./bootstrap.js";
import { noteAnswer } from "./calls.js";
import { newestSessionFailed } from "./credentials.js";
import { act, actAt, awaitAtRest, admissionId, awaitRegistered, inspect, shortServerIdOf, usualLifetime } from "./devices.js";
import { madePsk, pskRecord } from "./psk.js";

const keptIdentity = (alias: string, operator: ServerName): string => `identity of ${alias} at ${operator} in all versions`;

/** Identity and key of a version; of a device that keeps its identity, that of the first one. */
function versionPsk(scenario: Scenario, alias: string, operator: ServerName, version: number): Psk {
  const endpoint = scenario.endpoint(alias);
  const psk = madePsk(scenario, operator, endpoint, version);
  return scenario.remembered.has(keptIdentity(alias, operator)) ? { ...psk, identity: madePsk(scenario, operator, endpoint).identity } : psk;
}

/** From here on the versions of the device's credential have one identity, and differ by their keys. */
export const keepIdentity = (scenario: Scenario, alias: string, operator: ServerName): void => void scenario.remembered.set(keptIdentity(alias, operator), {});

const credentialUrl = (scenario: Scenario, alias: string): string => `/smp/v1/clients/${encodeURIComponent(scenario.endpoint(alias))}/credentials/${admissionId}`;

/** Stages a version of the credential that a device has from the factory, with a key of its own, in the place of the Bootstrap Server; the answer becomes the last answer. */
export async function stageVersion(scenario: Scenario, alias: string, operator: ServerName, version: number, policy: Readonly<Record<string, unknown>> = {}): Promise<number> {
  const endpoint = scenario.endpoint(alias);
  const path = credentialUrl(scenario, alias);
  const body = await pskRecord(scenario, operator, endpoint, versionPsk(scenario, alias, operator, version), { credentialId: admissionId, version, ssid: shortServerIdOf(scenario, operator), more: policy });
  const request = { method: "PUT", path, body } as const;
  const answer = await scenario.server(operator).asBootstrapServer(request);
  noteAnswer(scenario, request, answer);
  scenario.atEnd(`version ${version} of ${endpoint}`, () => scenario.server(operator).asBootstrapServer({ method: "DELETE", path: `${path}?version=${version}` }));
  return answer.status;
}

/** Stages and activates a version: what a rotation is to the LwM2M Server. The device knows nothing of it. */
export async function putInForce(scenario: Scenario, alias: string, operator: ServerName, version: number, policy: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const staged = await stageVersion(scenario, alias, operator, version, policy);
  scenario.precondition(`server ${operator} stages version ${version} for "${alias}"`, staged === 201 || staged === 204, String(staged));
  const request = { method: "PUT", path: `${credentialUrl(scenario, alias)}/activation`, body: { version, sessionId: version } } as const;
  const answer = await scenario.server(operator).asBootstrapServer(request);
  noteAnswer(scenario, request, answer);
  scenario.precondition(`server ${operator} activates version ${version} for "${alias}"`, answer.status >= 200 && answer.status < 300, describeAnswer(answer));
}

export async function takeBack(scenario: Scenario, alias: string, operator: ServerName, version: number): Promise<void> {
  const request = { method: "DELETE", path: `${credentialUrl(scenario, alias)}/activation?version=${version}` } as const;
  noteAnswer(scenario, request, await scenario.server(operator).asBootstrapServer(request));
}

/** The device gets a version by a plain bootstrap, and registers with it. */
export async function deliverVersion(scenario: Scenario, alias: string, operator: ServerName, version: number): Promise<void> {
  const endpoint = scenario.endpoint(alias);
  const { identity, key } = versionPsk(scenario, alias, operator, version);
  const psk = { identity: Buffer.from(identity).toString("utf8"), key: Buffer.from(key).toString("hex") };
  const account = { uri: scenario.uriOf(operator), shortServerId: shortServerIdOf(scenario, operator), lifetime: usualLifetime, securityMode: "psk" as const, psk };
  await scenario.bootstrapServer.configure(endpoint, { accounts: [account] });
  scenario.atEnd(`configuration of ${endpoint}`, () => scenario.bootstrapServer.forget(endpoint));
  const times = deviceSessions(await scenario.events(), endpoint).length + 1;
  await act(scenario, alias, { do: "bootstrap" });
  const session = await awaitBootstrapped(scenario, alias, times);
  scenario.precondition(`"${alias}" is given version ${version}`, session !== undefined, "its bootstrap was not finished");
  const session2 = await sessionBy(scenario, alias, operator, identity);
  scenario.precondition(`"${alias}" registers with version ${version}`, session2 && (await awaitRegistered(scenario, alias, operator)) !== undefined, "it does not");
}

/** Waits until the device has a session under the identity. */
async function sessionBy(scenario: Scenario, alias: string, operator: ServerName, identity: Uint8Array): Promise<boolean> {
  const name = Buffer.from(identity).toString("utf8");
  const id = shortServerIdOf(scenario, operator);
  const there = await scenario.until(scenario.run.deadlines.registerMs, async () => ((await inspect(scenario, alias)).accounts.some((account) => account.shortServerId === id && account.session?.identity === name) ? true : undefined));
  return there === true;
}

type SessionEvent = TraceEvent & { readonly event: Extract<TraceEvent["event"], { kind: "state" }> };

/** What became of the device's DTLS sessions with the operator's server, by the device's own record. */
export async function sessionEvents(scenario: Scenario, alias: string, operator: ServerName, since = 0n): Promise<SessionEvent[]> {
  const endpoint = scenario.endpoint(alias);
  const id = `${endpoint}/${shortServerIdOf(scenario, operator)}`;
  return ofDevice(await scenario.events(), endpoint).filter((event): event is SessionEvent => event.event.kind === "state" && event.event.machine === "dtls" && event.event.id === id && timeOf(event) >= since);
}

/** `full`: with its key. `resumed`: offers the session it had. */
export type NewSession = "full" | "resumed";

const inWords = (ended: SessionEvent | undefined): string => {
  if (ended === undefined) return "no handshake came to an end";
  const { to, input, detail } = ended.event;
  return to === "connected" ? `a session (${input})` : `none (${input}${detail?.["alert"] === undefined ? "" : ` ${String(detail["alert"])}`})`;
};

/**
 * The device gives its session up and makes another; judged is what comes of it. Wanted `none`: no session. `resumed` offers to take up the old one, and a
 * server may answer with a full handshake instead: that is no resumption.
 */
export async function checkReconnect(scenario: Scenario, alias: string, operator: ServerName, rule: RuleName, offer: NewSession, wanted: NewSession | "not-resumed" | "none"): Promise<void> {
  await awaitAtRest(scenario, alias, operator);
  const since = BigInt(scenario.now());
  await actAt(scenario, alias, operator, { do: "reconnect", full: offer === "full" });
  const ended = await scenario.until(scenario.run.deadlines.registerMs, async () => (await sessionEvents(scenario, alias, operator, since)).find(({ event }) => event.from === "handshaking" && event.to !== "handshaking"));
  const got = ended === undefined ? "nothing" : ended.event.to === "connected" ? ended.event.input : "none";
  const texts = { full: "a session (full)", resumed: "a session (resumed)", "not-resumed": "nothing resumed", none: "none" };
  scenario.check({
    rule,
    text: `the session that "${alias}" asks server ${operator} for`,
    expected: texts[wanted],
    actual: inWords(ended),
    ok: got === "nothing" ? undefined : wanted === "not-resumed" ? got !== "resumed" : got === wanted,
    timing: got !== wanted && wanted !== "none" && wanted !== "not-resumed",
    evidence: ended === undefined ? [] : [refOf(ended)],
    ...(ended === undefined ? {} : { at: ended.at }),
  });
}

/** /1/x/16 false, 18 long: a copy that is refused asks nobody else and not again. */
const once = { 16: false, 17: 1, 18: 600, 19: 600, 20: 1 } as const;

/** Another device that holds one version of the credential asks for a session; judged is what comes of it. */
export async function checkCopy(scenario: Scenario, alias: string, version: number, operator: ServerName, rule: RuleName, wanted: "full" | "none"): Promise<void> {
  const copy = `${alias}-copy${version}`;
  const shortServerId = shortServerIdOf(scenario, operator);
  scenario.declare(copy, { servers: [{ uri: scenario.uriOf(operator), shortServerId, lifetime: usualLifetime, resources: once, psk: madePsk(scenario, operator, scenario.endpoint(alias), version) }] });
  await act(scenario, copy, { do: "start" });
  const ended = await scenario.until(scenario.run.deadlines.registerMs, async () => (await sessionEvents(scenario, copy, operator)).find(({ event }) => event.from === "handshaking" && event.to !== "handshaking"));
  const got = ended === undefined ? "nothing" : ended.event.to === "connected" ? "full" : "none";
  scenario.check({
    rule,
    text: `the session that a device with version ${version} of the credential of "${alias}" asks server ${operator} for`,
    expected: wanted === "full" ? "a session (full)" : "none",
    actual: inWords(ended),
    ok: got === "nothing" ? undefined : got === wanted,
    timing: got !== wanted && wanted === "full",
    evidence: ended === undefined ? [] : [refOf(ended)],
  });
}

const versionStates = z.looseObject({ versions: z.array(z.looseObject({ version: z.number(), state: z.string() })) });

/** A precondition: the server does not say that the version still admits. One that lists no versions is believed. */
export async function versionIsOver(scenario: Scenario, alias: string, operator: ServerName, version: number): Promise<void> {
  const answer = await scenario.server(operator).asBootstrapServer({ method: "GET", path: credentialUrl(scenario, alias) });
  const shown = versionStates.safeParse(answer.body);
  const state = shown.success ? shown.data.versions.find((one) => one.version === version)?.state : undefined;
  scenario.precondition(`version ${version} of the credential of "${alias}" is over at server ${operator}`, state !== "active" && state !== "retiring", `it is ${state ?? "unknown"}`);
}

/** Judges that the server ended the session that the device had: it said so, or, as no close_notify is sent twice, answers nothing in it any more. */
export async function checkSessionEnded(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const look = async () => (await sessionEvents(scenario, alias, operator)).findLast(({ event }) => event.from === "connected" && event.to === "none");
  const told = await scenario.until(scenario.run.deadlines.quietMs, look);
  const ended = told ?? ((await isAnsweredInSession(scenario, alias, operator)) ? undefined : await look());
  scenario.check({
    rule: "session-policy",
    text: `the session of "${alias}" with server ${operator}`,
    expected: "ended by the server",
    actual: ended === undefined ? "still open: an Update was answered in it" : told === undefined ? `ended: an Update was not answered in it (${ended.event.input})` : `ended (${ended.event.input})`,
    ok: ended !== undefined,
    evidence: ended === undefined ? [] : [refOf(ended)],
  });
}

async function isAnsweredInSession(scenario: Scenario, alias: string, operator: ServerName): Promise<boolean> {
  await awaitAtRest(scenario, alias, operator);
  const since = BigInt(scenario.now());
  const { code } = await actAt(scenario, alias, operator, { do: "update" });
  return code === "2.04" && (await sessionEvents(scenario, alias, operator, since)).length === 0;
}

/** Judges that the session goes on: an Update is answered in it, and no handshake was made. */
export async function checkSessionKept(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  await awaitAtRest(scenario, alias, operator);
  const since = BigInt(scenario.now());
  const { code, failure } = await actAt(scenario, alias, operator, { do: "update" });
  const moved = (await sessionEvents(scenario, alias, operator, since)).at(0);
  const ended = (await sessionEvents(scenario, alias, operator)).findLast(({ event }) => event.from === "connected");
  scenario.check({
    rule: "session-policy",
    text: `an Update of "${alias}" in its session with server ${operator}`,
    expected: "2.04, in the same session",
    actual: `${code ?? failure ?? "nothing"}, ${ended !== undefined ? `after the session ended (${ended.event.input})` : moved !== undefined ? "in another session" : "in the same session"}`,
    ok: code === "2.04" && moved === undefined && ended === undefined,
    evidence: [ended, moved].flatMap((event) => (event === undefined ? [] : [refOf(event)])),
  });
}

/** Long enough that an overlap of that many seconds is over at the server. */
export const awaitOverlapOver = (scenario: Scenario, seconds: number): Promise<void> => scenario.pause(seconds * 1000 + overlapSweepMs + scenario.run.deadlines.pollMs);
/** How often a server looks at its overlaps, at the least. */
const overlapSweepMs = 1_000;

const memberOf = (body: unknown, name: string): unknown => (typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined);

/** Judges that every version of the device's credential that the server was told has a PSK identity of its own (server-side record of SM-3). */
export async function checkNewIdentities(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const { role } = scenario.server(operator);
  const puts = httpExchanges(await scenario.events()).filter((call) => call.role === role && call.direction === "in" && call.request.event.method === "PUT" && /\/credentials\/[^/?]+$/.test(call.request.event.url));
  const identities = new Map<number, string>();
  for (const { request } of puts) {
    const version = memberOf(request.event.body, "version");
    const identity = memberOf(memberOf(request.event.body, "identity"), "b64u");
    if (typeof version === "number" && typeof identity === "string") identities.set(version, Buffer.from(identity, "base64url").toString("utf8"));
  }
  const distinct = new Set(identities.values()).size;
  scenario.check({
    rule: "new-version-new-identity",
    text: `PSK identities of the versions for "${alias}" at server ${operator}`,
    expected: "one for each version",
    actual: [...identities].map(([version, identity]) => `${version}: ${identity}`).join(", ") || "none was staged",
    ok: identities.size < 2 ? undefined : distinct === identities.size,
    evidence: puts.slice(-2).map((call) => refOf(call.request)),
  });
}

/**
 * One slot: the old key is over with the activation, so that comes after the Writes and right before Finish. The outage is what lies between the activation and the
 * Register under the new version; it is reported.
 */
export async function checkSwap(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const events = await scenario.events();
  const call = activations(events, scenario.server(operator).role).find(({ request }) => timeOf(request) >= BigInt(scenario.askedAt));
  const activated = call?.answer;
  // A device that came once more after it has nothing to do with the swap.
  const session = deviceSessions(events, scenario.endpoint(alias)).findLast(({ finish: done, request }) => done !== undefined && (activated === undefined || timeOf(request.request) < timeOf(activated)));
  const written = session === undefined ? undefined : changedAccounts(session).at(-1)?.response;
  const finish = session?.finish?.request;
  // A session without one of them has broken another rule.
  scenario.precondition(`a session writes the account of operator ${operator} on "${alias}", and comes to its Finish`, written !== undefined && finish !== undefined, written === undefined ? "it writes nothing of the kind" : "it does not come to its Finish");
  const inOrder = activated !== undefined && written !== undefined && finish !== undefined && timeOf(written) < timeOf(activated) && timeOf(activated) < timeOf(finish);
  scenario.check({
    rule: "swap-before-finish",
    text: `the activation at server ${operator}, which has one slot`,
    expected: "after the Writes, before Finish",
    actual: activated === undefined || written === undefined || finish === undefined ? "none" : inOrder ? "after the Writes, before Finish" : timeOf(activated) <= timeOf(written) ? "before a Write was answered" : "after Finish",
    ok: inOrder,
    evidence: [written, activated, finish].flatMap((event) => (event === undefined ? [] : [refOf(event)])),
  });
  if (activated === undefined) return;
  const registered = await scenario.until(scenario.run.deadlines.registerMs, async () => (await sessionEvents(scenario, alias, operator, timeOf(activated))).find(({ event }) => event.to === "connected"));
  const view = await scenario.until(scenario.run.deadlines.registerMs, () => scenario.server(operator).registration(scenario.endpoint(alias)));
  const outageMs = registered === undefined ? undefined : Number(timeOf(registered) - timeOf(activated)) / 1e6;
  if (outageMs !== undefined) scenario.run.fleet?.record("outage", outageMs);
  scenario.check({
    rule: "swap-before-finish",
    text: `outage of "${alias}" at server ${operator}`,
    expected: "over with a session under the new version",
    actual: outageMs === undefined || view === undefined ? "not over" : `over after ${outageMs.toFixed(0)} ms`,
    ok: outageMs !== undefined && view !== undefined,
    timing: outageMs === undefined,
    evidence: registered === undefined ? [] : [refOf(registered)],
  });
}

/** What the server tells its Bootstrap Server of the credential of the operator's account: one member of it, as JSON, or the refusal. */
async function toldOfCredential(scenario: Scenario, alias: string, operator: ServerName, member: string, absent: unknown): Promise<string> {
  const path = `/smp/v1/clients/${encodeURIComponent(scenario.endpoint(alias))}/credentials/${encodeURIComponent(scenario.account(operator).id)}`;
  const answer = await scenario.server(operator).asBootstrapServer({ method: "GET", path });
  return answer.status === 200 ? JSON.stringify(memberOf(answer.body, member) ?? absent) : describeAnswer(answer);
}

/** Judges which version is in force at the server, as it tells its Bootstrap Server. The credential is that of the operator's account. */
export async function checkVersionInForce(scenario: Scenario, alias: string, operator: ServerName, rule: RuleName, version: number): Promise<void> {
  if (rule === "rotation-rolled-back") await newestSessionFailed(scenario, alias);
  const look = (): Promise<string> => toldOfCredential(scenario, alias, operator, "activeVersion", "none");
  await scenario.until(scenario.run.deadlines.quietMs, async () => ((await look()) === String(version) ? true : undefined));
  scenario.equal(rule, `the version of the credential of "${alias}" in force at server ${operator}`, String(version), await look());
}

/** Judges whether the server says that the device came under the newest version. */
export async function checkConfirmedAtServer(scenario: Scenario, alias: string, operator: ServerName, confirmed: boolean): Promise<void> {
  const told = await toldOfCredential(scenario, alias, operator, "confirmed", false);
  scenario.equal("confirmed-by-new-credential", `the newest version of the credential of "${alias}" at server ${operator} is confirmed`, String(confirmed), told);
}
