import type { ActionResult, DeviceAction, DeviceSnapshot } from "../../../simulators/device/index.js";
import type { Psk } from "../../config/index.js";
import type { RegistrationView } from "../../operator/index.js";
import { describeAnswer } from "../actors/operator.js";
import { coapExchanges, ofDevice, operationOf, refOf, type CoapExchange } from "../evidence/index.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { retryResources } from "./retry-terms.js";
import { bootstrapPsk, madePsk, pskRecord } from "./psk.js";

/** Lifetime of accounts whose scenario does not say otherwise, seconds: longer than any scenario. */
export const usualLifetime = 300;

/** Id of the credential record that the harness stages in the place of a Bootstrap Server. */
export const admissionId = "harness";

export type AccountSnapshot = DeviceSnapshot["accounts"][number];

/** The Short Server ID under which the operator is known on the scenario's devices. */
export function shortServerIdOf(scenario: Scenario, operator: ServerName): number {
  const known = scenario.accounts.get(operator)?.shortServerId ?? scenario.factoryIds.get(operator);
  if (known !== undefined) return known;
  const id = scenario.takeShortServerId(operator);
  scenario.factoryIds.set(operator, id);
  return id;
}

/**
 * Lets an endpoint in at a server whose admission rests on credentials: stages and activates a record, as the Bootstrap Server would. With DTLS it is the
 * one of `psk`, which the server must know in any case.
 */
export async function admit(scenario: Scenario, operator: ServerName, endpoint: string, psk?: Psk): Promise<void> {
  if (psk === undefined && scenario.run.missing.has("admission")) return;
  scenario.involve(endpoint);
  const server = scenario.server(operator);
  const path = `/smp/v1/clients/${encodeURIComponent(endpoint)}/credentials/${admissionId}`;
  const ssid = shortServerIdOf(scenario, operator);
  const body = psk === undefined ? { version: 1, ssid, mode: "nosec" } : await pskRecord(scenario, operator, endpoint, psk, { credentialId: admissionId, version: 1, ssid });
  const staged = await server.asBootstrapServer({ method: "PUT", path, body });
  scenario.precondition(`server ${operator} stages a credential of ${endpoint}`, staged.status === 201 || staged.status === 204, describeAnswer(staged));
  const active = await server.asBootstrapServer({ method: "PUT", path: `${path}/activation`, body: { version: 1, sessionId: 1 } });
  scenario.precondition(`server ${operator} activates the credential of ${endpoint}`, active.status >= 200 && active.status < 300, describeAnswer(active));
  const record = await server.asBootstrapServer({ method: "GET", path });
  const state: unknown = typeof record.body === "object" && record.body !== null ? Reflect.get(record.body, "state") : undefined;
  scenario.precondition(`the credential of ${endpoint} at server ${operator} is active`, state === "active", record.status === 200 ? `it is ${String(state)}` : describeAnswer(record));
  scenario.atEnd(`credential of ${endpoint}`, () => server.asBootstrapServer({ method: "DELETE", path: `${path}?version=1` }));
}

/** The key of a device's factory account; undefined where nothing is secured. */
export const factoryPsk = (scenario: Scenario, operator: ServerName, alias: string): Psk | undefined =>
  scenario.security === "psk" ? madePsk(scenario, operator, scenario.endpoint(alias)) : undefined;

/** Declares a device that leaves the factory with an account at the operator's server, and lets it in there. */
export async function factoryAccount(scenario: Scenario, alias: string, operator: ServerName, lifetime = usualLifetime): Promise<void> {
  const known = scenario.specOf(alias)?.servers ?? [];
  const shortServerId = shortServerIdOf(scenario, operator);
  const psk = factoryPsk(scenario, operator, alias);
  const { endpoint } = scenario.declare(alias, { servers: [...known, { uri: scenario.uriOf(operator), shortServerId, lifetime, ...(psk === undefined ? {} : { psk }), resources: retryResources(scenario, alias) }] });
  await admit(scenario, operator, endpoint, psk);
}

/** Declares a device that leaves the factory with the account of the Bootstrap Server (and whatever else was declared). */
export function bootstrapAccount(scenario: Scenario, alias: string, holdOff = 0): void {
  const psk = scenario.security === "psk" ? bootstrapPsk(scenario, scenario.endpoint(alias)) : undefined;
  scenario.declare(alias, { bootstrap: { uri: scenario.bootstrapUri, holdOff, ...(psk === undefined ? {} : { psk }) } });
}

/** Makes the device do something; its answer becomes the last answer where the action is one exchange. */
export async function act(scenario: Scenario, alias: string, action: DeviceAction): Promise<ActionResult> {
  const device = await scenario.device(alias);
  const result = await device.act(action);
  if (result.location !== undefined) scenario.located(alias, `/${result.location.join("/")}`);
  if (result.code !== undefined || result.failure !== undefined) {
    scenario.lastAnswer = { text: `${action.do} of "${alias}"`, code: result.code ?? `no answer (${result.failure ?? "unknown"})`, at: scenario.now() };
  }
  return result;
}

export async function inspect(scenario: Scenario, alias: string): Promise<DeviceSnapshot> {
  return (await scenario.device(alias)).inspect();
}

/** The account of the operator on the device, as the device has it. */
export async function accountOn(scenario: Scenario, alias: string, operator: ServerName): Promise<AccountSnapshot | undefined> {
  const id = shortServerIdOf(scenario, operator);
  return (await inspect(scenario, alias)).accounts.find((account) => account.shortServerId === id);
}

/** CoAP exchanges of one device, oldest first. */
export async function exchangesOf(scenario: Scenario, alias: string): Promise<CoapExchange[]> {
  return coapExchanges(ofDevice(await scenario.events(), scenario.endpoint(alias)));
}

/** The newest exchange of an operation that the device began. */
export async function latestOwn(scenario: Scenario, alias: string, ...operations: readonly string[]): Promise<CoapExchange | undefined> {
  return (await exchangesOf(scenario, alias)).filter((exchange) => exchange.direction === "out" && operations.includes(operationOf(exchange.request.event.coap))).at(-1);
}

/** Waits until the device counts itself registered with the operator (and with no other lifetime than the given one). */
export async function awaitRegistered(scenario: Scenario, alias: string, operator: ServerName, deadlineMs = scenario.run.deadlines.registerMs): Promise<AccountSnapshot | undefined> {
  const id = shortServerIdOf(scenario, operator);
  const ended = await scenario.until(deadlineMs, async () => {
    const { accounts, fleetState } = await inspect(scenario, alias);
    const account = accounts.find(({ shortServerId }) => shortServerId === id);
    if (account?.state === "registered") return { account };
    // It has given up with all of its accounts, and asks nobody any more.
    return fleetState === "failed" ? { account: undefined } : undefined;
  });
  if (ended?.account?.location !== undefined) scenario.located(alias, ended.account.location);
  return ended?.account;
}

const busyStates: ReadonlySet<AccountSnapshot["state"]> = new Set(["waiting", "registering", "updating", "deregistering"]);

/** Waits until the device does nothing about its registration: a server may count it registered before it does so itself. */
export async function awaitAtRest(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  await scenario.until(scenario.run.deadlines.registerMs, async () => {
    const account = await accountOn(scenario, alias, operator);
    return account !== undefined && busyStates.has(account.state) ? undefined : true;
  });
}

/** Has the device do something about its registration, once it is at rest. */
export async function actAt(scenario: Scenario, alias: string, operator: ServerName, action: { readonly do: "register" | "update" | "deregister" } | { readonly do: "reconnect"; readonly full: boolean }): Promise<ActionResult> {
  await awaitAtRest(scenario, alias, operator);
  return act(scenario, alias, { ...action, shortServerId: shortServerIdOf(scenario, operator) });
}

/** Waits until the server lists the endpoint. */
export function awaitListed(scenario: Scenario, alias: string, operator: ServerName): Promise<RegistrationView | undefined> {
  return scenario.until(scenario.run.deadlines.registerMs, () => scenario.server(operator).registration(scenario.endpoint(alias)));
}

/** Waits until the server lists the endpoint no more; true when it came to that. */
export async function awaitUnlisted(scenario: Scenario, alias: string, operator: ServerName, deadlineMs: number): Promise<boolean> {
  const gone = await scenario.until(deadlineMs, async () => ((await scenario.server(operator).registration(scenario.endpoint(alias))) === undefined ? true : undefined));
  return gone === true;
}

/** Judges whether the device is registered with the operator: by the answers it got, not by what the server says. */
export async function checkRegistered(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const account = await awaitRegistered(scenario, alias, operator, scenario.run.deadlines.bootstrapMs + scenario.run.deadlines.registerMs);
  const last = await latestOwn(scenario, alias, "register");
  const state = account === undefined ? ((await accountOn(scenario, alias, operator))?.state ?? "no such account") : "registered";
  scenario.check({
    rule: "register-accepted",
    text: `"${alias}" is registered with operator ${operator}`,
    expected: "Register answered 2.01",
    actual: account === undefined ? `${state}, last Register answered ${last?.answer ?? "not at all"}` : "Register answered 2.01",
    ok: account !== undefined,
    timing: account === undefined,
    evidence: last === undefined ? [] : [refOf(last.response ?? last.request)],
  });
}

/** Judges that the device has no registration with the operator: the server answers its old location no more, and lists it no more. */
export async function checkNotRegistered(scenario: Scenario, alias: string, operator: ServerName, rule: "deregister" | "revocation-effective" | "registration-expiry" | "admission"): Promise<void> {
  const gone = await awaitUnlisted(scenario, alias, operator, scenario.run.deadlines.registerMs);
  scenario.check({
    rule,
    text: `"${alias}" is not registered with operator ${operator}`,
    expected: "no registration",
    actual: gone ? "no registration" : "still registered",
    ok: gone,
    timing: !gone,
  });
}
