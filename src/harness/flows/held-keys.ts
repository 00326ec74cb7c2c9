import type { HeldKey } from "../../../simulators/device/index.js";
import type { ServedActor } from "../actors/types.js";
import { deviceRole, httpExchanges, refOf } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { act, inspect, shortServerIdOf } from "./devices.js";

/** What the device holds keys of; asked over its shard's port, and of nobody else. */
export async function heldKeys(scenario: Scenario, alias: string): Promise<readonly HeldKey[]> {
  const { keys = [] } = await act(scenario, alias, { do: "tell-keys" });
  scenario.precondition(`"${alias}" holds keys`, keys.length > 0, "it holds none");
  return keys;
}

/** Those too that were written to it and that it holds no more: rotated away, or of a bootstrap that came to nothing. */
async function everHeldKeys(scenario: Scenario, alias: string): Promise<readonly HeldKey[]> {
  const { keys = [] } = await act(scenario, alias, { do: "tell-keys", former: true });
  scenario.precondition(`"${alias}" holds keys`, keys.length > 0, "it holds none");
  return keys;
}

async function keyFor(scenario: Scenario, alias: string, operator: ServerName): Promise<HeldKey> {
  const id = shortServerIdOf(scenario, operator);
  const key = (await heldKeys(scenario, alias)).find(({ of }) => of === id);
  return key ?? scenario.recorder.missing(`"${alias}" holds a key of operator ${operator}: it holds none`);
}

/** Judges that no two accounts of the device, that of the Bootstrap Server included, have the same key or identity. */
export async function checkKeysDiffer(scenario: Scenario, alias: string): Promise<void> {
  const keys = await heldKeys(scenario, alias);
  const different = new Set(keys.map(({ keyHex }) => keyHex)).size;
  scenario.check({ rule: "keys-differ", text: `keys of the ${keys.length} accounts on "${alias}"`, expected: `${keys.length} different ones`, actual: `${different} different ones`, ok: keys.length < 2 ? undefined : different === keys.length });
}

const keyNote = (alias: string, operator: ServerName): string => `noted key of ${alias} for ${operator}`;

/** Remembers identity and key that the device has for the operator. */
export async function noteKey(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const { identityHex, keyHex } = await keyFor(scenario, alias, operator);
  scenario.remembered.set(keyNote(alias, operator), { identityHex, keyHex });
}

/** Judges identity and key that the device has for the operator against those that were noted. */
export async function checkKeyRenewed(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const before = scenario.remembered.get(keyNote(alias, operator));
  if (before === undefined) throw new Error(`no step before this one noted the key of "${alias}"`);
  const now = await keyFor(scenario, alias, operator);
  const told = (changed: boolean): string => (changed ? "another one" : "the one before");
  scenario.equal("item-truthful", `the key that "${alias}" has for operator ${operator}`, "another one", told(now.keyHex !== before["keyHex"]));
  scenario.equal("new-version-new-identity", `the identity that "${alias}" has for operator ${operator}`, "another one", told(now.identityHex !== before["identityHex"]));
}

const stagingPath = /\/credentials\/[^/?]+(\?|$)|\/credentials:batch$/;

/** Judges in which form keys of the device came to the server, as the server tells it: it may have got none in any other than a JWE. */
export async function checkEncrypted(scenario: Scenario, alias: string, server: ServerName): Promise<void> {
  const { role } = scenario.server(server);
  const seen = async () => httpExchanges(await scenario.events()).filter(({ role: seenBy, direction, request }) => seenBy === role && direction === "in" && ["PUT", "POST"].includes(request.event.method) && stagingPath.test(request.event.url));
  const staged = (await scenario.until(scenario.run.deadlines.itemMs, async () => ((await seen()).length > 0 ? seen() : undefined))) ?? [];
  const forms = staged.flatMap(({ request }) => [...JSON.stringify(request.event.body ?? null).matchAll(/"secret":"([^"]*)"/g)].map(([, form = ""]) => form));
  scenario.check({
    rule: "secret-encrypted",
    text: `keys of "${alias}" on their way to server ${server}`,
    expected: "each as a JWE",
    actual: forms.length === 0 ? "none was seen" : forms.every((form) => form === "(jwe)") ? "each as a JWE" : "in clear text",
    ok: forms.length === 0 ? undefined : forms.every((form) => form === "(jwe)"),
    evidence: staged.map(({ request }) => refOf(request)),
  });
}

// A15: nobody tells a key

/** A key as it may stand in a text. */
function writingsOf({ keyHex }: HeldKey): string[] {
  const key = Buffer.from(keyHex, "hex");
  const text = key.toString("latin1");
  return [keyHex, keyHex.toUpperCase(), key.toString("base64").replace(/=+$/, ""), key.toString("base64url"), text, JSON.stringify(text).slice(1, -1)];
}

interface Told {
  readonly where: string;
  readonly text: string;
}

const operatorPages = { common: ["/metrics", "/operator/v1/health", "/operator/v1/faults"], server: ["/operator/v1/registrations?limit=1000", "/operator/v1/handshakes?limit=1000", "/operator/v1/secure-sessions?limit=1000"] } as const;

/** An answer that another role gave: what it says is that one's affair. */
function isAnswerOfOthers(entry: unknown): boolean {
  const event: unknown = Reflect.get(Object(entry), "event");
  return Reflect.get(Object(event), "kind") === "http" && Reflect.get(Object(event), "direction") === "in" && Reflect.get(Object(event), "status") !== undefined;
}

/** Everything that a role has recorded, also of what belongs to no endpoint. */
async function wholeTrace(actor: ServedActor): Promise<Told[]> {
  const told: Told[] = [];
  for (let after = 0; ; ) {
    const text = await actor.page(`/operator/v1/trace?after=${after}&limit=5000`);
    const page: unknown = JSON.parse(text);
    const next = Number(Reflect.get(Object(page), "next"));
    const events: unknown = Reflect.get(Object(page), "events");
    told.push({ where: "the trace", text: Array.isArray(events) ? JSON.stringify(events.filter((event) => !isAnswerOfOthers(event))) : text });
    if (!(next > after) || !Array.isArray(events) || events.length < 5000) return told;
    after = next;
  }
}

async function pagesOf(actor: ServedActor, paths: readonly string[]): Promise<Told[]> {
  return Promise.all(paths.map(async (path) => ({ where: path, text: await actor.page(path) })));
}

/** The events stream, from the oldest that is remembered. */
async function streamOf(scenario: Scenario, actor: ServedActor): Promise<Told> {
  const end = new AbortController();
  const texts = actor.eventTexts(end.signal);
  await scenario.pause(scenario.run.deadlines.quietMs);
  end.abort();
  return { where: "/operator/v1/events", text: (await texts).join("\n") };
}

type Ask = (path: string) => Promise<Told>;

/** SMP's own events, page by page. */
async function smpEvents(ask: Ask): Promise<Told[]> {
  const told: Told[] = [];
  let after = "0";
  for (let pages = 0; pages < 100; pages++) {
    const page = await ask(`/smp/v1/events?after=${encodeURIComponent(after)}&limit=1000`);
    told.push(page);
    const body: unknown = JSON.parse(page.text);
    const next: unknown = Reflect.get(Object(Reflect.get(Object(body), "body")), "next");
    if (typeof next !== "string" || next === after) break;
    after = next;
  }
  return told;
}

async function toldByBootstrapServer(scenario: Scenario, alias: string, operators: readonly ServerName[]): Promise<Told[]> {
  const { bootstrapServer } = scenario;
  const endpoint = encodeURIComponent(scenario.endpoint(alias));
  const told = [...(await pagesOf(bootstrapServer, [...operatorPages.common, `/operator/v1/sessions?endpoint=${endpoint}&limit=1000`])), ...(await wholeTrace(bootstrapServer)), await streamOf(scenario, bootstrapServer)];
  for (const operator of operators) {
    const ask: Ask = async (path) => ({ where: path, text: JSON.stringify(await scenario.operators[operator].call({ method: "GET", path })) });
    const orders = scenario.orders.filter((order) => order.operator === operator).flatMap(({ id }) => [`/smp/v1/orders/${encodeURIComponent(id)}`, `/smp/v1/orders/${encodeURIComponent(id)}/items?limit=100`, `/smp/v1/orders/${encodeURIComponent(id)}/items/${endpoint}`]);
    const account = `/smp/v1/accounts/${encodeURIComponent(scenario.account(operator).id)}`;
    for (const path of ["/smp/v1/capabilities", "/smp/v1/jwks", "/smp/v1/accounts?limit=1000", account, `/smp/v1/clients/${endpoint}`, ...orders]) told.push(await ask(path));
    told.push(...(await smpEvents(ask)));
  }
  return told;
}

async function toldByServer(scenario: Scenario, alias: string, server: ServerName): Promise<Told[]> {
  const actor = scenario.server(server);
  const endpoint = encodeURIComponent(scenario.endpoint(alias));
  const ask: Ask = async (path) => ({ where: path, text: JSON.stringify(await actor.asBootstrapServer({ method: "GET", path })) });
  const told = [...(await pagesOf(actor, [...operatorPages.common, ...operatorPages.server])), ...(await wholeTrace(actor)), await streamOf(scenario, actor)];
  for (const path of ["/smp/v1/capabilities", "/smp/v1/jwks", "/smp/v1/credentials?limit=1000", `/smp/v1/credentials?ep=${endpoint}`, `/smp/v1/reachability/${endpoint}`]) told.push(await ask(path));
  const ids = [...new Set([...(told.map(({ text }) => text).join("\n").matchAll(/"credentialId\\?":\\?"([^"\\]+)/g))].map(([, id = ""]) => id))];
  for (const id of ids) told.push(await ask(`/smp/v1/clients/${endpoint}/credentials/${encodeURIComponent(id)}`));
  // What is refused is an answer too: a key that comes in clear text, and a body that is none.
  for (const { keyHex } of await everHeldKeys(scenario, alias)) {
    const key = Buffer.from(keyHex, "hex");
    for (const body of [{ version: 99, ssid: 1, mode: "psk", secret: key.toString("base64url"), bits: key.length * 8, kcv: "0".repeat(16), identity: { b64u: "QQ" } }, { key: keyHex }]) {
      const answer = await actor.asBootstrapServer({ method: "PUT", path: `/smp/v1/clients/${endpoint}/credentials/canary`, body });
      scenario.precondition("a body without sense is refused", answer.status >= 400 && answer.status < 500, String(answer.status));
      told.push({ where: "the refusal of a key in clear text", text: JSON.stringify(answer) });
    }
  }
  return [...told, ...(await wholeTrace(actor)).map(({ text }) => ({ where: "the trace, after refusals", text }))];
}

/** Judges that a role never told a key that the device ever held and has none in what it recorded, in any writing. What is not told is looked for only where the device is named at all. */
export async function checkNoKeyTold(scenario: Scenario, alias: string, by: ServerName | "bootstrap", operators: readonly ServerName[]): Promise<void> {
  const rule: RuleName = by === "bootstrap" ? "no-secret-in-get" : "secret-never-readable";
  const keys = await everHeldKeys(scenario, alias);
  const told = by === "bootstrap" ? await toldByBootstrapServer(scenario, alias, operators) : await toldByServer(scenario, alias, by);
  const endpoint = scenario.endpoint(alias);
  scenario.precondition(`what was looked through speaks of "${alias}"`, ["the trace", "/operator/v1/events", "/smp/v1/"].every((place) => told.some(({ where, text }) => where.startsWith(place) && text.includes(endpoint))), "it does not");
  const found = told.find(({ text }) => keys.some((key) => writingsOf(key).some((writing) => text.includes(writing))));
  const name = by === "bootstrap" ? "the Bootstrap Server" : `server ${by}`;
  scenario.equal(rule, `the ${keys.length} keys that "${alias}" ever held in the ${told.length} texts that ${name} told`, "in none", found === undefined ? "in none" : `in ${found.where}`);
  await checkOwnRecords(scenario, alias, keys);
}

/** Our own devices and the evidence of the run are nobody's to judge: a key in them is our error. */
async function checkOwnRecords(scenario: Scenario, alias: string, keys: readonly HeldKey[]): Promise<void> {
  const own = JSON.stringify([(await scenario.events()).filter((event) => event.role === deviceRole), await inspect(scenario, alias)]);
  if (keys.some((key) => writingsOf(key).some((writing) => own.includes(writing)))) throw new Error(`a key of "${alias}" is in what the device itself traced`);
}
