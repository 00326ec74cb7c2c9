import { z } from "zod";
import { personalityNames, type PersonalityName } from "../../../simulators/device/index.js";
import { itemOutcome, type ItemView, type OrderRequest } from "../actors/operator.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { checkListed, checkSet, crowdOf, devicesBy, fleetDeadlineMs, fleetOf, fleetPollMs, orderForFleet, sample, sampleEvidence, shortServerIdIn, type Crowd, type FleetName } from "./load.js";
import { isEndState } from "./provisioning.js";

/** How often sleeping devices of the fleet wake while an order runs. */
const wakeEveryMs = 1_000;

/** How many triggers devices had carried out, and when. */
interface Sighting {
  readonly atMs: number;
  readonly triggers: number;
}

interface Watch {
  readonly beganMs: number;
  readonly perMinute: number;
  readonly before: number;
  readonly sightings: Sighting[];
}

const watches = new WeakMap<Scenario, Watch>();

const triggersOf = async (scenario: Scenario, crowd: Crowd): Promise<number> => (await fleetOf(scenario).counters(crowd.plan)).executes;

/** An order over a whole fleet that triggers its devices at a rate. */
export async function orderAtRate(scenario: Scenario, operator: ServerName, type: OrderRequest["type"], perMinute: number, name: FleetName = "standing"): Promise<void> {
  const crowd = crowdOf(scenario, name);
  watches.set(scenario, { beganMs: scenario.run.clock.now(), perMinute, before: await triggersOf(scenario, crowd), sightings: [] });
  // Two attempts: with one, a device that is late on a busy machine would look like one that is silent.
  await orderForFleet(scenario, name, operator, type, { trigger: "via-server", spread: { perMinute }, maxAttempts: 2 });
}

/** The operator changes the lifetime of the account that the fleet has from it. */
export async function changeFleetLifetime(scenario: Scenario, operator: ServerName, lifetime: number): Promise<void> {
  const account = crowdOf(scenario, "standing").population.accounts.get(operator);
  if (account === undefined) throw new Error(`no step has ordered an account of operator ${operator} for the fleet`);
  await scenario.operators[operator].changeAccount(account.accountId, { lifetime });
}

/** Whether every item of the orders is in an end state, by the orders' own counts. */
async function isOver(scenario: Scenario, operator: ServerName, orders: readonly string[]): Promise<boolean> {
  for (const id of orders) {
    const { counts } = await scenario.operators[operator].orderStatus(id);
    const open = Object.entries(typeof counts === "object" && counts !== null ? counts : {}).filter(([state, count]) => !isEndState(state) && count !== 0);
    if (open.length > 0) return false;
  }
  return true;
}

/**
 * Waits until every item of the operator's order has come to its end, or the deadline is over; sleeping devices wake once a second meanwhile, and the
 * triggers that devices carry out are counted for `checkSpread`.
 */
export async function awaitFleetOrder(scenario: Scenario, operator: ServerName, name: FleetName = "standing"): Promise<void> {
  const { clock, deadlines } = scenario.run;
  const crowd = crowdOf(scenario, name);
  const orders = crowd.population.orders.get(operator) ?? [];
  const watch = watches.get(scenario);
  const spreadMs = watch === undefined ? 0 : (crowd.size / watch.perMinute) * 60_000;
  const end = clock.now() + fleetDeadlineMs(scenario) + spreadMs + deadlines.itemMs;
  let wakeAt = clock.now();
  while (clock.now() < end && !(await isOver(scenario, operator, orders))) {
    if (clock.now() >= wakeAt) {
      await wakeSleepers(scenario, crowd);
      wakeAt = clock.now() + wakeEveryMs;
    }
    watch?.sightings.push({ triggers: await triggersOf(scenario, crowd), atMs: clock.now() });
    await scenario.pause(fleetPollMs);
  }
}

export async function wakeSleepers(scenario: Scenario, crowd: Crowd): Promise<void> {
  await fleetOf(scenario).actAll({ plan: crowd.plan, personality: "sleepy" }, { do: "wake" });
}

/** Judges, by what the devices heard, that at no moment more of them had been triggered than the order's rate allows. A fleet that lags hears of it later. */
export function checkSpread(scenario: Scenario): void {
  const watch = watches.get(scenario);
  if (watch === undefined) throw new Error("no step has placed an order at a rate");
  const allowedAt = (ms: number): number => Math.floor(((ms - watch.beganMs) * watch.perMinute) / 60_000) + 1;
  const tooMany = watch.sightings.find(({ atMs, triggers }) => triggers - watch.before > allowedAt(atMs));
  const describe = ({ atMs, triggers }: Sighting): string => `${triggers - watch.before} triggers ${Math.round(atMs - watch.beganMs)} ms after the order, ${allowedAt(atMs)} allowed`;
  scenario.check({ rule: "order-spread", text: "devices triggered", expected: `at most ${watch.perMinute} a minute`, actual: tooMany === undefined ? `at most ${watch.perMinute} a minute` : describe(tooMany), ok: tooMany === undefined, timing: true });
}

/** Names that one of the sets has and the other has not. */
function differing(a: readonly string[], b: readonly string[]): string[] {
  const [inA, inB] = [new Set(a), new Set(b)];
  return [...a.filter((name) => !inB.has(name)), ...b.filter((name) => !inA.has(name))];
}

/** Judges which devices hold a registration with the operator, by name, as the devices were answered and as the server lists them. */
export async function checkExactlyRegistered(scenario: Scenario, operator: ServerName, personalities: readonly PersonalityName[]): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const expected = await devicesBy(scenario, crowd, personalities);
  const registered = await fleetOf(scenario).select({ plan: crowd.plan, registeredWith: shortServerIdIn(crowd, operator) });
  sampleEvidence(scenario, crowd, differing(expected, registered));
  checkSet(scenario, "fleet-items", `devices registered with operator ${operator}`, expected, registered, true);
  await checkListed(scenario, crowd, operator, expected);
}

/** Judges which devices the server lists with a lifetime: those that were given the changed account. */
export async function checkExactlyWithLifetime(scenario: Scenario, operator: ServerName, lifetime: number, personalities: readonly PersonalityName[]): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const expected = await devicesBy(scenario, crowd, personalities);
  const look = async (): Promise<string[]> => (await scenario.server(operator).registrations(crowd.glob)).filter((registration) => registration.lifetime === lifetime).map(({ endpoint }) => endpoint);
  let names = await look();
  // An item may be confirmed by a Register that a device had under way when it was given the account; the one with its values follows.
  const { bootstrapMs, registerMs } = scenario.run.deadlines;
  await scenario.until(bootstrapMs + registerMs, async () => {
    const there = new Set(names);
    return expected.every((endpoint) => there.has(endpoint)) ? true : void (names = await look());
  });
  sampleEvidence(scenario, crowd, differing(expected, names));
  checkSet(scenario, "account-fields", `devices that server ${operator} lists with a lifetime of ${lifetime} s`, expected, names, true);
}

const stamps = z.object({ accepted: z.iso.datetime(), confirmed: z.iso.datetime() });

/** Adds how long a confirmed item took, by its own stamps, to the fleet's latencies. */
function recordConfirmation(scenario: Scenario, item: ItemView): void {
  const { success, data } = stamps.safeParse(item["evidence"]);
  if (success) fleetOf(scenario).record("order-to-confirmed", Date.parse(data.confirmed) - Date.parse(data.accepted));
}

/** Judges that the items of the operator's newest order end in exactly the predicted sets: by state, the names of the devices. */
export async function checkFleetItems(scenario: Scenario, operator: ServerName, predicted: Readonly<Partial<Record<PersonalityName, string>>>, name: FleetName = "standing"): Promise<void> {
  const crowd = crowdOf(scenario, name);
  const orders = crowd.population.orders.get(operator) ?? [];
  const items = (await Promise.all(orders.map((id) => scenario.operators[operator].items(id)))).flat();
  for (const item of items) recordConfirmation(scenario, item);
  const actual = setsBy(items, itemOutcome, ({ ep }: ItemView) => ep);
  const expected = new Map<string, string[]>();
  for (const personality of personalityNames) {
    const names = await devicesBy(scenario, crowd, [personality]);
    const outcome = predicted[personality];
    if (names.length === 0) continue;
    if (outcome === undefined) throw new Error(`the fleet has "${personality}" devices; say how their items end`);
    expected.set(outcome, [...(expected.get(outcome) ?? []), ...names]);
  }
  // What was given up for want of time would have ended otherwise with more of it.
  const late = new Set(items.filter((item) => !isEndState(item.state) || itemOutcome(item).endsWith("(timeout)")).map(({ ep }) => ep));
  const wrong = [...expected].flatMap(([outcome, names]) => {
    const there = new Set(actual.get(outcome));
    return names.filter((endpoint) => !there.has(endpoint));
  });
  sampleEvidence(scenario, crowd, wrong);
  for (const outcome of new Set([...expected.keys(), ...actual.keys()])) {
    const open = !isEndState(outcome.replace(/\(.*$/, ""));
    const [names, found] = [expected.get(outcome) ?? [], actual.get(outcome) ?? []];
    if (names.length === 0) scenario.check({ rule: "fleet-items", text: `items that are "${outcome}"`, expected: "none", actual: sample(found), ok: false, timing: open });
    else checkSet(scenario, "fleet-items", `items that are "${outcome}"`, names, found, wrong.some((endpoint) => late.has(endpoint)));
  }
}

/** Names by the group that each thing belongs to. */
export function setsBy<T>(things: readonly T[], groupOf: (thing: T) => string, nameOf: (thing: T) => string): ReadonlyMap<string, readonly string[]> {
  const sets = new Map<string, string[]>();
  for (const thing of things) {
    const names = sets.get(groupOf(thing));
    if (names === undefined) sets.set(groupOf(thing), [nameOf(thing)]);
    else names.push(nameOf(thing));
  }
  return sets;
}
