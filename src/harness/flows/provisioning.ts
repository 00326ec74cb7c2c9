import { itemOutcome, OperatorCallRefused, type AccountFields, type ItemView, type OrderRequest } from "../actors/operator.js";
import { refOf, changedAccounts, deviceSessions, httpExchanges } from "../evidence/index.js";
import type { RuleName } from "../rules.js";
import type { Scenario, ScenarioAccount } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { accountOn, act, inspect, shortServerIdOf, usualLifetime } from "./devices.js";
import { checkReportWitnessed } from "./trigger-witness.js";

/** States an item does not leave any more. */
const endStates: ReadonlySet<string> = new Set(["confirmed", "rejected", "failed", "partially-applied", "rolled-back", "expired", "cancelled", "superseded"]);

export const isEndState = (state: string): boolean => endStates.has(state);

/** An operator's call in a step: refused, it is a missing precondition in a Given and a failed check of `rule` elsewhere. */
async function calling<T>(scenario: Scenario, rule: "account-supplied" | "order-accepted", text: string, call: () => Promise<T>): Promise<T> {
  try {
    const result = await call();
    scenario.check({ rule, text, expected: "accepted", actual: "accepted", ok: true });
    return result;
  } catch (error) {
    if (!(error instanceof OperatorCallRefused)) throw error;
    scenario.check({ rule, text, expected: error.expected, actual: error.message, ok: false });
    throw error;
  }
}

/** SM-1: the operator supplies an account; URI, Short Server ID and lifetime are the scenario's own unless the fields say otherwise. */
export async function supplyAccount(scenario: Scenario, operator: ServerName, fields: AccountFields = {}): Promise<ScenarioAccount> {
  const shortServerId = fields.ssid ?? scenario.factoryIds.get(operator) ?? scenario.takeShortServerId(operator);
  const whole = { uri: scenario.uriOf(operator), securityMode: scenario.security, lifetime: usualLifetime, ...fields, ssid: shortServerId };
  const handle = await calling(scenario, "account-supplied", `operator ${operator} supplies an account`, () => scenario.operators[operator].supplyAccount(whole));
  const account = { ...handle, shortServerId };
  scenario.accounts.set(operator, account);
  scenario.atEnd(`account ${handle.id}`, () => scenario.operators[operator].withdrawAccount(handle.id));
  return account;
}

/** SM-1: the operator changes its account. */
export async function changeAccount(scenario: Scenario, operator: ServerName, changes: AccountFields): Promise<void> {
  const current = scenario.account(operator);
  const handle = await calling(scenario, "account-supplied", `operator ${operator} changes its account`, () => scenario.operators[operator].changeAccount(current.id, changes));
  scenario.accounts.set(operator, { ...handle, shortServerId: current.shortServerId });
}

/** SM-1: the operator places an order over devices of the scenario. */
export async function placeOrder(scenario: Scenario, operator: ServerName, type: OrderRequest["type"], aliases: readonly string[], policy: Readonly<Record<string, unknown>> = {}, more: Pick<OrderRequest, "deadline" | "ownKeys"> = {}): Promise<void> {
  const account = scenario.account(operator);
  const endpoints = aliases.map((alias) => scenario.endpoint(alias));
  for (const endpoint of endpoints) scenario.involve(endpoint);
  scenario.askedAt = scenario.now();
  const request: OrderRequest = { type, accountId: account.id, endpoints, policy, ...more };
  const id = await calling(scenario, "order-accepted", `operator ${operator} orders: ${type} ${aliases.join(", ")}`, () => scenario.operators[operator].order(request));
  scenario.orders.push({ id, operator, type });
  scenario.atEnd(`order ${id}`, () => scenario.operators[operator].cancelOrder(id));
}

/** The item of a device in the newest order (of the operator). */
export function item(scenario: Scenario, alias: string, operator?: ServerName): Promise<ItemView> {
  const order = scenario.order(operator);
  return scenario.operators[order.operator].item(order.id, scenario.endpoint(alias));
}

/** Waits until the item is in one of the states, or in its end state. */
export async function awaitItem(scenario: Scenario, alias: string, states: readonly string[], operator?: ServerName): Promise<ItemView> {
  const reached = await scenario.until(scenario.run.deadlines.itemMs, async () => {
    const view = await item(scenario, alias, operator);
    return states.includes(view.state) || states.includes(itemOutcome(view)) || endStates.has(view.state) ? view : undefined;
  });
  return reached ?? item(scenario, alias, operator);
}

const credentialUrl = /\/clients\/[^/]+\/credentials\/[^/?]+(?:\?|$)/;

/** Judges the state of an item that a scenario expects; what a LwM2M Server refused before, unless the scenario is about that, is a precondition. */
export async function checkItemState(scenario: Scenario, alias: string, view: ItemView, accepted: readonly string[], rule: RuleName): Promise<void> {
  const outcome = itemOutcome(view);
  const ok = accepted.includes(outcome) || accepted.includes(view.state);
  if (!ok && outcome === "failed(sm3-refused)") {
    const refused = httpExchanges(await scenario.events()).find(({ request, status }) => request.event.method === "PUT" && credentialUrl.test(request.event.url) && status !== undefined && status >= 400);
    scenario.precondition(`the LwM2M Server takes the credential for "${alias}"`, refused === undefined, `it answers ${refused?.status ?? ""}`);
  }
  scenario.check({ rule, text: `the item of "${alias}"`, expected: accepted.join(" or "), actual: outcome, ok, timing: !ok && !endStates.has(view.state) });
}

/** Judges the state an item comes to; `failed` stands for any failure, `failed(timeout)` for that one; `|` separates states that are equally right. */
export async function checkItem(scenario: Scenario, alias: string, expected: string, operator?: ServerName, rule: RuleName = "item-truthful"): Promise<void> {
  const accepted = expected.split("|").map((state) => state.trim());
  const view = await awaitItem(scenario, alias, accepted, operator);
  if (!accepted.includes(itemOutcome(view)) && !accepted.includes(view.state)) await checkReportWitnessed(scenario, alias, view);
  await checkItemState(scenario, alias, view, accepted, rule);
}

export async function startDevice(scenario: Scenario, alias: string): Promise<void> {
  scenario.started.add(alias);
  await act(scenario, alias, { do: "start" });
}

/** Judges what the account on the device says, field by field: names of the profile (`lifetime`, `uri`, `binding`, `ssid`). */
export async function checkAccountFields(scenario: Scenario, alias: string, operator: ServerName, expected: Readonly<Record<string, string>>): Promise<void> {
  const account = await scenario.until(scenario.run.deadlines.bootstrapMs, async () => accountOn(scenario, alias, operator));
  const snapshot = await inspect(scenario, alias);
  const writes = deviceSessions(await scenario.events(), scenario.endpoint(alias)).flatMap(changedAccounts);
  const evidence = writes.slice(-3).map((exchange) => refOf(exchange.request));
  const server = snapshot.objects["1"]?.[String(account?.serverInstance ?? "")];
  const values: Readonly<Record<string, unknown>> = { uri: account?.uri, ssid: account?.shortServerId, lifetime: account?.lifetime, binding: server?.["7"], pmin: server?.["2"], pmax: server?.["3"] };
  for (const [field, value] of Object.entries(expected)) {
    const held = values[field];
    const actual = account === undefined ? `no account with Short Server ID ${shortServerIdOf(scenario, operator)}; there are ${snapshot.accounts.map((known) => known.shortServerId).join(", ") || "none"}` : String(held as string | number | undefined ?? "absent");
    scenario.check({ rule: "account-fields", text: `${field} of operator ${operator}'s account on "${alias}"`, expected: value, actual, ok: actual === value, evidence });
  }
}

/** The resources of the operator's account as the device holds them, each as text by its path. */
async function accountValues(scenario: Scenario, alias: string, operator: ServerName): Promise<Readonly<Record<string, string>>> {
  const account = await accountOn(scenario, alias, operator);
  if (account === undefined) return {};
  const { objects } = await inspect(scenario, alias);
  const instances = [["0", account.securityInstance], ["1", account.serverInstance]] as const;
  return Object.fromEntries(
    instances.flatMap(([object, instance]) => Object.entries(objects[object]?.[String(instance)] ?? {}).map(([resource, value]) => [`/${object}/${instance}/${resource}`, JSON.stringify(value)])),
  );
}

/** Remembers the operator's account on the device, for `checkAccountUntouched`. */
export async function rememberAccount(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const values = await accountValues(scenario, alias, operator);
  scenario.precondition(`"${alias}" holds an account of operator ${operator}`, Object.keys(values).length > 0, "it holds none");
  scenario.remembered.set(`${alias} ${operator}`, values);
}

/** Judges that the operator's account on the device has the values it had when it was remembered, at the same instances. */
export async function checkAccountUntouched(scenario: Scenario, alias: string, operator: ServerName): Promise<void> {
  const before = scenario.remembered.get(`${alias} ${operator}`);
  if (before === undefined) throw new Error(`no step before this one noted the account of operator ${operator} on "${alias}"`);
  const now = await accountValues(scenario, alias, operator);
  const changed = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((path) => before[path] !== now[path] && !volatile(path));
  const writes = deviceSessions(await scenario.events(), scenario.endpoint(alias)).flatMap(changedAccounts);
  scenario.check({
    rule: "other-accounts-untouched",
    text: `operator ${operator}'s account on "${alias}"`,
    expected: `the ${Object.keys(before).length} values it had`,
    actual: changed.length === 0 ? `the ${Object.keys(before).length} values it had` : changed.map((path) => `${path} was ${before[path] ?? "absent"}, is ${now[path] ?? "absent"}`).join("; "),
    ok: changed.length === 0,
    evidence: writes.slice(-5).map((exchange) => refOf(exchange.request)),
  });
}

/** /1/x/12, the time of the last bootstrap, is the device's own and moves with each one. */
const volatile = (path: string): boolean => /^\/1\/\d+\/12$/.test(path);

/** Judges that nothing of the operator's account is on the device. */
export async function checkNoAccount(scenario: Scenario, alias: string, operator: ServerName, rule: "account-removed" | "credential-refused" | "ORD-2" | "ORD-4" | "ORD-5"): Promise<void> {
  const account = await accountOn(scenario, alias, operator);
  scenario.check({
    rule,
    text: `account of operator ${operator} on "${alias}"`,
    expected: "none",
    actual: account === undefined ? "none" : `/0/${account.securityInstance} and /1/${account.serverInstance}`,
    ok: account === undefined,
  });
}
