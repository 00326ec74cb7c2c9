import { restOfPlainSchema, type PlainBootstrapInput } from "../../config/index.js";
import { decode } from "../../coap/index.js";
import { coapExchanges, isOperation, ofRole, operationOf, refOf, timeOf, type CoapExchange, type Operation } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { configureOnly } from "./bootstrap.js";
import { admit, factoryPsk, shortServerIdOf, bootstrapAccount } from "./devices.js";
import { handshakesOf } from "./handshakes.js";
import { retryResources } from "./retry-terms.js";
import { madePsk } from "./psk.js";
import { awaitFrom, exchangesAt } from "./registration.js";

// Configurations of the Enabler Test Specification

/** Lifetime of configuration C.1, seconds. */
const lifetimeOfC1 = 86_400;
/** /1/x/6 */
const storing = 6;

/** C.13: the account of the Bootstrap Server in /0/1, and nothing else. */
export function configurationC13(scenario: Scenario, alias: string): void {
  bootstrapAccount(scenario, alias);
  const { bootstrap } = scenario.specOf(alias) ?? {};
  if (bootstrap !== undefined) scenario.declare(alias, { bootstrap: { ...bootstrap, securityInstance: 1 } });
}

/** C.1 from the factory; the operator's server lets the device in. */
export async function configurationC1(scenario: Scenario, alias: string, operator: ServerName, lifetime = lifetimeOfC1, further: Readonly<Record<number, number>> = {}): Promise<void> {
  const psk = factoryPsk(scenario, operator, alias);
  const account = { uri: scenario.uriOf(operator), shortServerId: shortServerIdOf(scenario, operator), lifetime, ...(psk === undefined ? {} : { psk }), resources: { [storing]: false, ...further, ...retryResources(scenario, alias) } };
  const { endpoint } = scenario.declare(alias, { servers: [account] });
  await admit(scenario, operator, endpoint, psk);
}

/** C.3: C.1 with /1/x/2 and /1/x/3, the periods of notifications, and /1/x/5, how long it stays away when it is disabled. */
export const configurationC3 = (scenario: Scenario, alias: string, operator: ServerName): Promise<void> => configurationC1(scenario, alias, operator, lifetimeOfC1, { 2: 1, 3: 10, 5: 86_400 });

/** Members of a plain bootstrap configuration beside its accounts; those that are absent stay what the sentence says. */
function configured(text: string): Partial<PlainBootstrapInput> {
  const given: unknown = JSON.parse(text);
  return Object.fromEntries(Object.entries(restOfPlainSchema.parse(given)).filter(([name]) => typeof given === "object" && given !== null && name in given));
}

/** C.1 from the Bootstrap Server. `text`: further members of its configuration, in JSON. */
export async function giveC1(scenario: Scenario, alias: string, operator: ServerName, text = "{}"): Promise<void> {
  await configureOnly(scenario, alias, [operator], { lifetime: lifetimeOfC1, storeNotifications: false, binding: "U" }, [], configured(text));
  const name = `${alias} is let in at ${operator}`;
  if (scenario.remembered.has(name)) return;
  scenario.remembered.set(name, {});
  await admit(scenario, operator, scenario.endpoint(alias), factoryPsk(scenario, operator, alias));
}

export const giveNoAccount = (scenario: Scenario, alias: string, text: string): Promise<void> => configureOnly(scenario, alias, [], {}, [], configured(text));

/** An account of a server at a port where nobody listens, from the factory; the device tries once. */
export function deadAccount(scenario: Scenario, alias: string): void {
  const psk = madePsk(scenario, "A", `${scenario.endpoint(alias)}-nowhere`);
  const secured = scenario.security === "psk";
  scenario.declare(alias, { servers: [{ uri: secured ? "coaps://127.0.0.1:9" : "coap://127.0.0.1:9", shortServerId: 2, lifetime: lifetimeOfC1, ...(secured ? { psk } : {}), resources: { 16: true, 17: 1, 18: 1, 19: 600, 20: 1 } }] });
}

// Of the device, as the Bootstrap Server saw it

export type SessionOperation = "Discover" | "Read" | "Write" | "Delete" | "Finish";

const operationsNamed: Readonly<Record<SessionOperation, Operation>> = { Discover: "bootstrap-discover", Read: "read", Write: "write", Delete: "delete", Finish: "bootstrap-finish" };

/** What the Bootstrap Server asked of the device since its newest Bootstrap-Request. */
async function asked(scenario: Scenario, alias: string): Promise<CoapExchange[]> {
  const exchanges = coapExchanges(ofRole(await scenario.events(), scenario.bootstrapServer.role, scenario.endpoint(alias)));
  const begin = exchanges.findLast((exchange) => exchange.direction === "in" && isOperation("bootstrap-request")(exchange));
  return begin === undefined ? [] : exchanges.filter((exchange) => exchange.direction === "out" && timeOf(exchange.request) > timeOf(begin.request));
}

const matching = (exchanges: readonly CoapExchange[], operation: SessionOperation, path?: string): CoapExchange[] =>
  exchanges.filter((exchange) => operationOf(exchange.request.event.coap) === operationsNamed[operation] && (path === undefined || exchange.request.event.coap.path === path));

/** Waits until the session has come to its Finish, so that everything before it is there; without one to the end of the time that a session takes. */
async function wholeSession(scenario: Scenario, alias: string): Promise<CoapExchange[]> {
  const over = await scenario.until(scenario.run.deadlines.bootstrapMs + scenario.run.deadlines.registerMs, async () => {
    const exchanges = await asked(scenario, alias);
    return matching(exchanges, "Finish").some(({ answer }) => answer !== undefined) ? exchanges : undefined;
  });
  return over ?? asked(scenario, alias);
}

/** Judges the answers of the device to an operation in its newest session: all of them, the first one, or the last one. */
export async function checkSessionAnswers(scenario: Scenario, alias: string, operation: SessionOperation, code: string, rule: RuleName, which: "every" | "first" | "last" = "every", path?: string): Promise<void> {
  const session = await wholeSession(scenario, alias);
  const kept = `/0/${scenario.specOf(alias)?.bootstrap?.securityInstance ?? 0}`;
  scenario.precondition(`the Bootstrap Server leaves its own account on "${alias}" alone`, matching(session, "Write", kept).length === 0, `it writes ${kept}`);
  // What comes after the Finish is no part of the session that the case is about.
  const end = matching(session, "Finish").at(-1);
  if (operation === "Read" && path !== undefined) {
    const below = matching(session, "Write").some(({ request, answer }) => request.event.coap.path?.startsWith(`${path}/`) === true && answer === "2.04");
    scenario.precondition(`the Bootstrap Server writes something below ${path}`, below, "it does not");
  }
  const found = matching(session, operation, path).filter((exchange) => exchange === end || end === undefined || timeOf(exchange.request) < timeOf(end.request));
  const looked = which === "every" ? found : which === "first" ? found.slice(0, 1) : found.slice(-1);
  scenario.precondition(`the Bootstrap Server sends ${operation} ${path ?? ""} to "${alias}"`, looked.length > 0, "it does not");
  const wrong = looked.find(({ answer }) => answer !== code);
  scenario.check({
    rule,
    text: `"${alias}" and ${operation} ${path ?? ""}`.trimEnd(),
    expected: `answered ${code}`,
    actual: `answered ${wrong === undefined ? code : (wrong.answer ?? "not at all")}`,
    ok: wrong === undefined,
    evidence: (wrong === undefined ? looked : [wrong]).map((exchange) => refOf(exchange.response ?? exchange.request)),
  });
}

/** Links of a payload: `</0/0>;ssid=1`, without blanks. The enabler version is written as a link or, in older texts, bare. */
const linksIn = ({ response }: CoapExchange): string[] => (response === undefined ? [] : Buffer.from(decode(Buffer.from(response.event.hex, "hex")).payload).toString("utf8").split(",").map((link) => link.replaceAll(" ", "")));

const has = (links: readonly string[], wanted: string): boolean => {
  const [path = "", ...attributes] = wanted.split(";");
  return links.some((link) => {
    const [at, ...present] = link.split(";");
    return at === path && attributes.every((attribute) => present.includes(attribute));
  });
};

/** Judges the last Bootstrap-Discover of the newest session: links that it must have, and links that it must not. */
export async function checkLastDiscover(scenario: Scenario, alias: string, wanted: readonly string[], forbidden: readonly string[], rule: RuleName, version: boolean): Promise<void> {
  // The one before the writes, where some follow; else the last of all.
  const found = matching(await wholeSession(scenario, alias), "Discover").findLast(({ response }) => response !== undefined);
  scenario.precondition(`"${alias}" is asked for its objects`, found !== undefined, "it is not");
  if (found === undefined) return;
  const links = linksIn(found);
  const absent = wanted.filter((link) => !has(links, link));
  const stray = forbidden.filter((link) => has(links, link));
  const versionMissing = version && !links.some((link) => /^(<\/>;)?lwm2m=/.test(link));
  const expected = [`has ${wanted.join(", ")}`, ...(version ? ["the enabler version"] : []), ...(forbidden.length === 0 ? [] : [`nothing of ${forbidden.join(", ")}`])].join(", ");
  const ok = found.answer === "2.05" && absent.length === 0 && stray.length === 0 && !versionMissing;
  scenario.check({ rule, text: `what "${alias}" answers to Bootstrap-Discover`, expected, actual: ok ? expected : `${found.answer ?? "no answer"}: ${links.join(", ")}`, ok, evidence: [refOf(found.response ?? found.request)] });
}

/** Judges that a Register of the device came after the Finish of its newest session. */
export async function checkRegistersAfterFinish(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  const finish = matching(await wholeSession(scenario, alias), "Finish").at(-1);
  scenario.precondition(`the session of "${alias}" comes to its Finish`, finish !== undefined, "it does not");
  if (finish === undefined) return;
  const came = await awaitFrom(scenario, server, alias, "register", timeOf(finish.request), scenario.run.deadlines.registerMs);
  scenario.check({ rule, text: `"${alias}" after its Finish`, expected: `a Register at server ${server}`, actual: came === undefined ? "none came" : `a Register at server ${server}`, ok: came !== undefined, timing: came === undefined, evidence: [refOf(finish.request), ...(came === undefined ? [] : [refOf(came.request)])] });
}

/** Judges that the newest handshake with the server came to a session, and that the Register was sent in one. */
export async function checkSessionOfRegister(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  const register = (await exchangesAt(scenario, server, alias)).findLast(isOperation("register"));
  const handshake = (await handshakesOf(scenario, alias, server)).at(-1);
  const secured = register?.request.event.secured === true && handshake?.outcome === "session";
  scenario.check({ rule, text: `the Register of "${alias}" at server ${server}`, expected: "in a session", actual: secured ? "in a session" : "in none", ok: secured, evidence: register === undefined ? [] : [refOf(register.request)] });
}

/** Judges the answer to the newest De-register. */
export async function checkDeregisterAnswered(scenario: Scenario, alias: string, server: ServerName, code: string, rule: RuleName): Promise<void> {
  const deregister = await scenario.until(scenario.run.deadlines.exchangeMs, async () => (await exchangesAt(scenario, server, alias)).findLast((exchange) => isOperation("deregister")(exchange) && exchange.answer !== undefined));
  scenario.precondition(`"${alias}" has sent a De-register to server ${server}, and was answered`, deregister !== undefined, "it was not");
  if (deregister !== undefined) scenario.equal(rule, `the De-register of "${alias}" at server ${server}`, `answered ${code}`, `answered ${deregister.answer ?? "not at all"}`, { evidence: [refOf(deregister.response ?? deregister.request)] });
}

/** Judges the newest Update: without parameters, and answered 2.04. */
export async function checkBareUpdate(scenario: Scenario, alias: string, server: ServerName, rule: RuleName): Promise<void> {
  const update = (await exchangesAt(scenario, server, alias)).findLast(isOperation("update"));
  const { query = [], payloadLength = 0 } = update?.request.event.coap ?? {};
  const actual = update === undefined ? "none came" : query.length + payloadLength > 0 ? `with ${query.join("&")} and ${payloadLength} bytes` : `without parameters, answered ${update.answer ?? "not at all"}`;
  scenario.equal(rule, `the Update of "${alias}" at server ${server}`, "without parameters, answered 2.04", actual, update === undefined ? {} : { evidence: [refOf(update.request)] });
}

/** Judges that the server lists the device when the lifetime of its Register is over. */
export async function checkOutlives(scenario: Scenario, alias: string, server: ServerName, seconds: number): Promise<void> {
  const register = (await exchangesAt(scenario, server, alias)).findLast(isOperation("register"));
  scenario.precondition(`"${alias}" has registered with server ${server}`, register !== undefined, "no Register came");
  if (register === undefined) return;
  const { timing, clock } = scenario.run;
  const passed = Number(clock.hrtime() - timeOf(register.request)) / 1e6;
  await scenario.pause(Math.max(0, seconds * 1000 + timing.lwm2mServer.expiryGraceMs + timing.lwm2mServer.sweepMs - passed));
  const listed = await scenario.server(server).registration(scenario.endpoint(alias));
  // The device has said that it is there; what the server makes of it is the server's affair.
  scenario.equal("update-renews", `"${alias}" at server ${server} ${seconds} s after its Register`, "listed", listed === undefined ? "not listed" : "listed");
}

/** Judges that the last Read brought a value of each of these resources. */
export function checkValuesOf(scenario: Scenario, paths: readonly string[], rule: RuleName): void {
  const { body, text = "nothing", at } = scenario.lastAnswer ?? {};
  const present = typeof body === "object" && body !== null ? Object.keys(body) : [];
  const absent = paths.filter((path) => !present.some((key) => key === path || key.startsWith(`${path}/`)));
  scenario.equal(rule, `the answer to ${text}`, `a value of ${paths.join(", ")}`, absent.length === 0 ? `a value of ${paths.join(", ")}` : `none of ${absent.join(", ")}`, at === undefined ? {} : { at });
}

