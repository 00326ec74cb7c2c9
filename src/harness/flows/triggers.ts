import { describeAnswer } from "../actors/operator.js";
import { arrivedInOrder, httpExchanges } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { act, shortServerIdOf } from "./devices.js";
import { item } from "./provisioning.js";
import { executesOf } from "./trigger-witness.js";
import { pskRecord } from "./psk.js";

/** Triggers (SM-2) at a LwM2M Server that is judged on its own: the harness asks in the place of the Bootstrap Server. */

const noTrigger = "no trigger";
/** The states from which a trigger goes on, and the time before there is one. */
const openStates: ReadonlySet<string> = new Set([noTrigger, "accepted", "queued", "sent"]);

const noteOf = (server: ServerName, alias: string): string => `trigger of ${alias} at server ${server}`;

const textIn = (body: unknown, member: string): string | undefined => {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, member) : undefined;
  return typeof value === "string" ? value : undefined;
};

const problemOf = (body: unknown): string | undefined => textIn(body, "type")?.replace(/^.*[:/#]/, "");

function post(scenario: Scenario, server: ServerName, alias: string, fields: Readonly<Record<string, unknown>>) {
  const body = { ep: scenario.endpoint(alias), ssid: shortServerIdOf(scenario, server), reason: "operator", ...fields };
  scenario.involve(scenario.endpoint(alias));
  return scenario.server(server).asBootstrapServer({ method: "POST", path: "/smp/v1/triggers", body });
}

/** Asks the server to trigger the device. 202, or 409 where it knows that it cannot reach it; anything else breaks `trigger-executes`. */
export async function askForTrigger(scenario: Scenario, server: ServerName, alias: string, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
  scenario.askedAt = scenario.now();
  const answer = await post(scenario, server, alias, fields);
  const refusal = answer.status === 409 ? problemOf(answer.body) : undefined;
  const unreachable = refusal === "not-registered" || refusal === "client-unreachable";
  scenario.check({
    rule: "trigger-executes",
    text: `server ${server} is asked to trigger "${alias}"`,
    expected: "202, or 409 not-registered",
    actual: describeAnswer(answer),
    ok: answer.status === 202 || unreachable,
  });
  const id = textIn(answer.body, "triggerId");
  scenario.remembered.set(noteOf(server, alias), unreachable || id === undefined ? { state: "not-registered" } : { id });
}

/** The server's trigger of the device: the one the scenario asked for, else the newest of the device's item. */
async function triggerAt(scenario: Scenario, server: ServerName, alias: string): Promise<{ readonly id?: string; readonly state?: string }> {
  const noted = scenario.remembered.get(noteOf(server, alias));
  if (noted !== undefined) return noted;
  const { trigger } = await item(scenario, alias);
  if (trigger?.id !== undefined) return { id: trigger.id };
  const refused = httpExchanges(await scenario.events()).some((call) => call.role === scenario.server(server).role && call.direction === "in" && call.status === 409 && call.request.event.url.startsWith("/smp/v1/triggers"));
  return refused ? { state: "not-registered" } : {};
}

const pathOf = (id: string): string => `/smp/v1/triggers/${encodeURIComponent(id)}`;

async function look(scenario: Scenario, server: ServerName, alias: string): Promise<{ readonly state: string; readonly code?: string }> {
  const { id, state } = await triggerAt(scenario, server, alias);
  if (id === undefined) return { state: state ?? noTrigger };
  const answer = await scenario.server(server).asBootstrapServer({ method: "GET", path: pathOf(id) });
  const code = textIn(answer.body, "code");
  return { state: (answer.status === 200 ? textIn(answer.body, "state") : undefined) ?? describeAnswer(answer), ...(code === undefined ? {} : { code }) };
}

/** Judges the state that the server gives to its trigger; `|` separates states that are equally right. */
export async function checkServerTrigger(scenario: Scenario, server: ServerName, alias: string, expected: string, rule: RuleName = "trigger-executes"): Promise<void> {
  const accepted = expected.split("|").map((state) => state.trim());
  const ended = await scenario.until(scenario.run.deadlines.triggerMs, async () => {
    const now = await look(scenario, server, alias);
    return accepted.includes(now.state) || !openStates.has(now.state) ? now : undefined;
  });
  const { state, code } = ended ?? (await look(scenario, server, alias));
  const ok = accepted.includes(state);
  scenario.check({
    rule,
    text: `the trigger of "${alias}" at server ${server}`,
    expected: accepted.join(" or "),
    actual: code === undefined ? state : `${state} (${code})`,
    ok,
    timing: !ok && openStates.has(state),
  });
}

/** DELETE of the trigger that was asked for. */
export async function withdrawTrigger(scenario: Scenario, server: ServerName, alias: string): Promise<void> {
  const { id } = await triggerAt(scenario, server, alias);
  if (id === undefined) throw new Error(`no step has asked server ${server} to trigger "${alias}"`);
  const answer = await scenario.server(server).asBootstrapServer({ method: "DELETE", path: pathOf(id) });
  scenario.check({ rule: "trigger-withdrawn", text: `server ${server} is told to withdraw the trigger of "${alias}"`, expected: "200 withdrawn", actual: `${describeAnswer(answer)} ${textIn(answer.body, "state") ?? ""}`.trim(), ok: answer.status === 200 && textIn(answer.body, "state") === "withdrawn" });
}

/** Judges a flood: each request is coalesced with the open trigger (same id) or refused with 429. */
export async function checkFlood(scenario: Scenario, server: ServerName, alias: string, count: number): Promise<void> {
  scenario.askedAt = scenario.now();
  const answers = await Promise.all(Array.from({ length: count }, () => post(scenario, server, alias, {})));
  const ids = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => textIn(body, "triggerId") ?? "none"));
  const other = answers.find(({ status }) => status !== 202 && status !== 429);
  const [id] = ids;
  if (id !== undefined) scenario.remembered.set(noteOf(server, alias), { id });
  scenario.check({
    rule: "trigger-flood",
    text: `${count} triggers for "${alias}" at server ${server}`,
    expected: "one trigger, the others coalesced with it or answered 429",
    actual: other === undefined ? (ids.size === 1 ? "one trigger, the others coalesced with it or answered 429" : `${ids.size} triggers`) : describeAnswer(other),
    ok: other === undefined && ids.size === 1,
  });
}

// Sleeping devices

/** The device hears nothing from now on, and has been quiet for so long that its servers take it to sleep. */
export async function fallAsleep(scenario: Scenario, alias: string): Promise<void> {
  await act(scenario, alias, { do: "sleep" });
  await scenario.pause(scenario.run.deadlines.asleepMs);
}

/** A Read that waits for the device; nobody waits for its answer. It has arrived at the server when this resolves. */
export async function readMeanwhile(scenario: Scenario, operator: ServerName, alias: string, path: string): Promise<void> {
  const answered = scenario
    .server(operator)
    .operate(scenario.endpoint(alias), { operation: "read", path })
    .catch(() => undefined);
  scenario.atEnd(`Read ${path} of "${alias}"`, () => answered);
  await scenario.pause(scenario.run.deadlines.pollMs);
}

/** Judges that requests reached the device in this order. */
export async function checkArrivalOrder(scenario: Scenario, alias: string, paths: readonly string[]): Promise<void> {
  const endpoint = scenario.endpoint(alias);
  await scenario.until(scenario.run.deadlines.exchangeMs, async () => {
    const seen = arrivedInOrder(await scenario.events(), endpoint, paths);
    return seen.evidence.length >= paths.length ? seen : undefined;
  });
  const events = await scenario.events();
  const { ok, actual, at, evidence } = arrivedInOrder(events, endpoint, paths);
  const trigger = paths.find((path) => /^\/1\/\d+\/9$/.test(path));
  if (trigger !== undefined && (await executesOf(scenario, alias)).length === 0) {
    scenario.check({ rule: "trigger-executes", text: `what waited for "${alias}"`, expected: `an Execute of ${trigger} among it`, actual, ok: false, timing: true });
  }
  const asked = paths.filter((path) => path !== trigger);
  const arrived = asked.filter((path) => arrivedInOrder(events, endpoint, [path]).ok === true);
  const lost = asked.filter((path) => !arrived.includes(path));
  scenario.check({ rule: "queue-held", text: `what operators asked of "${alias}" while it slept`, expected: asked.join(", "), actual: lost.length === 0 ? asked.join(", ") : `${arrived.join(", ") || "nothing"}; ${lost.join(", ")} did not come`, ok: lost.length === 0, timing: lost.length > 0, evidence });
  scenario.check({ rule: "queue-order", text: `what waited for "${alias}"`, expected: paths.join(", "), actual, ok, timing: ok !== true, evidence, ...(at === undefined ? {} : { at }) });
}

// What a server tells

/** Judges members of the server's reachability answer: `false | absent` where several are right. */
export async function checkReachability(scenario: Scenario, server: ServerName, alias: string, expected: Readonly<Record<string, string>>): Promise<void> {
  scenario.involve(scenario.endpoint(alias));
  const answer = await scenario.server(server).asBootstrapServer({ method: "GET", path: `/smp/v1/reachability/${encodeURIComponent(scenario.endpoint(alias))}` });
  scenario.check({ rule: "reachability-truthful", text: `reachability of "${alias}" at server ${server}`, expected: "200", actual: describeAnswer(answer), ok: answer.status === 200 });
  for (const [member, text] of Object.entries(expected)) {
    const accepted = text.split("|").map((value) => value.trim());
    const value: unknown = typeof answer.body === "object" && answer.body !== null ? Reflect.get(answer.body, member) : undefined;
    const actual = value === undefined ? "absent" : typeof value === "string" ? value : JSON.stringify(value);
    scenario.check({ rule: "reachability-truthful", text: `${member} of "${alias}" in the reachability answer of server ${server}`, expected: accepted.join(" or "), actual, ok: accepted.includes(actual) });
  }
}

/** The secret of the record that the scenario keeps at the server: a canary that nothing else contains. */
const canaryOf = (scenario: Scenario): string => Buffer.from(`canary-${scenario.run.nonce}-${scenario.key}`).toString("base64url");

const secretId = "with-secret";
const stagingOf = (server: ServerName, alias: string): string => `staging of ${alias} at server ${server}`;

/** Stages a credential in mode psk whose key is a canary, in the place of the Bootstrap Server. */
export async function stageSecret(scenario: Scenario, server: ServerName, alias: string): Promise<void> {
  const endpoint = scenario.endpoint(alias);
  scenario.involve(endpoint);
  const path = `/smp/v1/clients/${encodeURIComponent(endpoint)}/credentials/${secretId}`;
  const psk = { identity: Buffer.from(endpoint), key: Buffer.from(canaryOf(scenario), "base64url") };
  const body = await pskRecord(scenario, server, endpoint, psk, { credentialId: secretId, version: 1, ssid: shortServerIdOf(scenario, server) });
  const answer = await scenario.server(server).asBootstrapServer({ method: "PUT", path, body });
  scenario.precondition(`server ${server} stages a credential with a secret`, answer.status === 201 || answer.status === 200, describeAnswer(answer));
  scenario.atEnd(`credential of ${endpoint}`, () => scenario.server(server).asBootstrapServer({ method: "DELETE", path: `${path}?version=1` }));
  scenario.remembered.set(stagingOf(server, alias), { answer: JSON.stringify(answer) });
}

/** Bytes of a secret that went out in some other writing are as readable. */
function checkNoCanary(scenario: Scenario, text: string, answer: unknown): void {
  const secret = canaryOf(scenario);
  const shown = JSON.stringify(answer);
  const forms = [secret, Buffer.from(secret, "base64url").toString("utf8"), Buffer.from(secret, "base64url").toString("hex"), Buffer.from(secret, "base64url").toString("base64")];
  const found = forms.some((form) => shown.includes(form));
  scenario.check({ rule: "secret-never-readable", text, expected: "no secret", actual: found ? "the secret" : "no secret", ok: !found });
}

/** Judges that the server tells the credential and never its secret: in the record, the list, its events and its own log. */
export async function checkSecretNowhere(scenario: Scenario, server: ServerName, alias: string): Promise<void> {
  const actor = scenario.server(server);
  const endpoint = scenario.endpoint(alias);
  checkNoCanary(scenario, "the answer to PUT of the credential", scenario.remembered.get(stagingOf(server, alias)));
  const record = await actor.asBootstrapServer({ method: "GET", path: `/smp/v1/clients/${encodeURIComponent(endpoint)}/credentials/${secretId}` });
  scenario.precondition("the credential can be read back", record.status === 200, describeAnswer(record));
  checkNoCanary(scenario, "GET of the credential", record);

  let cursor: string | undefined;
  let listed = false;
  const states = "state=staged";
  do {
    const page = await actor.asBootstrapServer({ method: "GET", path: `/smp/v1/credentials?${states}&limit=1000${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}` });
    scenario.precondition("the credentials can be listed", page.status === 200, describeAnswer(page));
    checkNoCanary(scenario, "the list of credentials", page);
    listed ||= JSON.stringify(page.body).includes(JSON.stringify(endpoint));
    cursor = textIn(page.body, "next");
  } while (cursor !== undefined && !listed);
  scenario.precondition("the list has the credential", listed, "it has not");

  // A bad version of the same body: a problem is an answer too.
  const refused = await actor.asBootstrapServer({ method: "PUT", path: `/smp/v1/clients/${encodeURIComponent(endpoint)}/credentials/${secretId}`, body: { version: 0, ssid: shortServerIdOf(scenario, server), mode: "psk", secret: canaryOf(scenario) } });
  scenario.precondition("a body without sense is refused", refused.status >= 400 && refused.status < 500, describeAnswer(refused));
  checkNoCanary(scenario, "the problem about a bad body", refused);

  let after = "0";
  let told = false;
  // A log holds more pages while others write to it; the credential of this scenario is far before the end of these.
  for (let pages = 0; pages < 100; pages++) {
    const page = await actor.asBootstrapServer({ method: "GET", path: `/smp/v1/events?after=${encodeURIComponent(after)}&limit=1000` });
    scenario.precondition("the events can be read", page.status === 200, describeAnswer(page));
    checkNoCanary(scenario, "the events", page);
    told ||= JSON.stringify(page.body).includes(JSON.stringify(endpoint));
    const next = textIn(page.body, "next");
    const events: unknown = Reflect.get(Object(page.body), "events");
    if (next === undefined || next === after || !Array.isArray(events) || events.length === 0) break;
    after = next;
  }
  scenario.precondition("the events tell of the credential", told, "they do not");
  checkNoCanary(scenario, `what server ${server} recorded`, (await scenario.events()).filter((event) => event.role === actor.role));
}
