import type { FleetState, PersonalityName } from "../../../simulators/device/index.js";
import type { Fleet, FleetPlan, Shape, Share } from "../../../simulators/fleet/index.js";
import { itemOutcome, type ItemView } from "../actors/operator.js";
import type { RuleName } from "../rules.js";
import { Unsupported } from "../scenario/recorder.js";
import type { Scenario } from "../scenario/scenario.js";
import { deviceSeed } from "../scenario/names.js";
import type { ServerName } from "../targets/index.js";
import { isEndState } from "./provisioning.js";

/** Most endpoints in one order. */
const ordersOf = 10_000;
/** Devices per second that a machine is expected to get through at the very least: bounds how long a fleet is waited for. */
const slowestRate = 40;
/** Between two looks at the whole fleet. */
const fleetPollMs = 250;
const planName = "population";
const fleetPrefix = "ab-fleet-";
const pattern = `${fleetPrefix}{index:08d}`;
/** Names that a failed check shows; the rest is a number. */
const shown = 5;

const fleetOf = (scenario: Scenario): Fleet => {
  if (scenario.run.fleet === undefined) throw new Unsupported("load scenarios need a fleet of our own");
  return scenario.run.fleet;
};

const endpointsOf = (size: number): string[] => Array.from({ length: size }, (_, index) => `${fleetPrefix}${String(index + 1).padStart(8, "0")}`);
const sample = (names: readonly string[]): string => (names.length === 0 ? "none" : `${names.length}: ${names.slice(0, shown).join(", ")}${names.length > shown ? ", ..." : ""}`);

/** How long the fleet may take for something that every device does once at `perSecond`. */
export const fleetDeadlineMs = (scenario: Scenario, perSecond: number): number =>
  (scenario.run.fleetSize / Math.min(perSecond, slowestRate)) * 1000 + scenario.run.deadlines.bootstrapMs + scenario.run.deadlines.registerMs;

/** SM-1 for the whole fleet: an account, and orders over every device. Resolves with the orders' ids. */
export async function orderForFleet(scenario: Scenario, operator: ServerName, type: "provision" | "update" | "remove", policy: Readonly<Record<string, unknown>>): Promise<string[]> {
  const { population, fleetSize } = scenario.run;
  const known = population.accounts.get(operator);
  const actor = scenario.operators[operator];
  let account = known;
  if (account === undefined) {
    const shortServerId = scenario.run.shortServerIds[operator].take();
    const handle = await actor.supplyAccount({ uri: scenario.server(operator).uri, securityMode: "nosec", lifetime: 3600, ssid: shortServerId });
    account = { accountId: handle.id, shortServerId };
    population.accounts.set(operator, account);
  }
  const ids: string[] = [];
  const all = endpointsOf(fleetSize);
  for (let from = 0; from < all.length; from += ordersOf) ids.push(await actor.order({ type, accountId: account.accountId, endpoints: all.slice(from, from + ordersOf), policy }));
  for (const id of ids) scenario.orders.push({ id, operator, type });
  return ids;
}

/** Launches the run's fleet: from the factory it knows its Bootstrap Server only. */
export async function launchFleet(scenario: Scenario, shape: Shape, personalities: readonly Share[] = []): Promise<void> {
  const { run } = scenario;
  const plan: FleetPlan = {
    name: planName,
    first: 1,
    last: run.fleetSize + 1,
    seed: deviceSeed(run.seed, planName),
    endpointPattern: pattern,
    lwm2m: "1.1",
    shape,
    personalities,
    bootstrap: { uri: run.bootstrapServer.uri },
    timing: { coap: run.timing.coap, device: run.timing.device },
  };
  run.population.plan = planName;
  await fleetOf(scenario).launch(plan);
}

/** Looks at the whole fleet a few times a second until no device is missing from what `present` names; resolves with those that are. */
async function awaitAll(scenario: Scenario, perSecond: number, present: () => Promise<readonly string[]>): Promise<readonly string[]> {
  const { clock, fleetSize } = scenario.run;
  const end = clock.now() + fleetDeadlineMs(scenario, perSecond);
  for (;;) {
    const there = new Set(await present());
    if (there.size >= fleetSize || clock.now() >= end) return endpointsOf(fleetSize).filter((endpoint) => !there.has(endpoint));
    await scenario.pause(fleetPollMs);
  }
}

/** Waits until every device of the fleet is registered with the operator, or the deadline is over; resolves with those that are not. */
export async function awaitFleetRegistered(scenario: Scenario, operator: ServerName, perSecond: number): Promise<readonly string[]> {
  const account = scenario.run.population.accounts.get(operator);
  if (account === undefined) throw new Error(`no step has ordered an account of operator ${operator} for the fleet`);
  return awaitAll(scenario, perSecond, () => fleetOf(scenario).select({ plan: planName, registeredWith: account.shortServerId }));
}

/** A fleet that stands: launched and registered with the operator, by this scenario or an earlier one. */
export async function standingFleet(scenario: Scenario, operator: ServerName, personalities: readonly Share[]): Promise<void> {
  if (scenario.run.population.plan === undefined) {
    await orderForFleet(scenario, operator, "provision", { trigger: "wait-for-client" });
    await launchFleet(scenario, { kind: "storm", jitterMs: 1_000 }, personalities);
  }
  const lacking = await awaitFleetRegistered(scenario, operator, slowestRate);
  scenario.precondition(`the fleet is registered with operator ${operator}`, lacking.length === 0, `not registered: ${sample(lacking)}`);
}

/** Judges that every device is registered with the operator, by what the devices were answered, and that the server lists as many. */
export async function checkFleetRegistered(scenario: Scenario, operator: ServerName, perSecond = slowestRate): Promise<void> {
  const lacking = await awaitFleetRegistered(scenario, operator, perSecond);
  const fleet = fleetOf(scenario);
  sampleEvidence(scenario, lacking);
  scenario.check({ rule: "fleet-registered", text: `devices not registered with operator ${operator}`, expected: "none", actual: sample(lacking), ok: lacking.length === 0, timing: lacking.length > 0 });
  const listed = (await scenario.server(operator).registrations(`${fleetPrefix}*`)).length;
  scenario.equal("fleet-registered", `devices of the fleet that server ${operator} lists`, String(scenario.run.fleetSize), String(listed));
  const { registrationsFailed } = await fleet.counters(planName);
  // Under load a Register may be lost and sent again later: a matter of time, not of refusal.
  scenario.check({ rule: "fleet-registered", text: "Registers of the fleet that were refused, or unanswered for good", expected: "0", actual: String(registrationsFailed), ok: registrationsFailed === 0, timing: true });
}

/** Where a device is that has come through a bootstrap. */
const afterBootstrap = ["registering", "partly-registered", "registered", "deregistered"] as const satisfies readonly FleetState[];

/** Judges that every device of the fleet came through a bootstrap. */
export async function checkFleetBootstrapped(scenario: Scenario): Promise<void> {
  const fleet = fleetOf(scenario);
  const wrong = await awaitAll(scenario, slowestRate, async () => (await Promise.all(afterBootstrap.map((state) => fleet.select({ plan: planName, state })))).flat());
  sampleEvidence(scenario, wrong);
  const reasons = new Map((await fleet.failures(undefined, planName)).map(({ endpoint, reason }) => [endpoint, reason]));
  const why = [...new Set(wrong.flatMap((endpoint) => reasons.get(endpoint) ?? []))].slice(0, shown).join("; ");
  scenario.check({
    rule: "fleet-bootstrapped",
    text: "devices without a finished bootstrap",
    expected: "none",
    actual: `${sample(wrong)}${why === "" ? "" : ` (${why})`}`,
    ok: wrong.length === 0,
    timing: wrong.length > 0,
  });
}

async function allItems(scenario: Scenario, operator: ServerName): Promise<ItemView[]> {
  const ids = scenario.orders.filter((order) => order.operator === operator).map((order) => order.id);
  return (await Promise.all(ids.map((id) => scenario.operators[operator].items(id)))).flat();
}

/** Waits until every item of the scenario's orders is in an end state, or the deadline is over. */
async function awaitItems(scenario: Scenario, operator: ServerName, deadlineMs: number): Promise<ItemView[]> {
  // Many items: looked at once a second.
  const { clock, deadlines } = scenario.run;
  const end = clock.now() + deadlineMs + deadlines.itemMs;
  for (;;) {
    const items = await allItems(scenario, operator);
    if (items.every((item) => isEndState(item.state)) || clock.now() >= end) return items;
    await scenario.pause(1_000);
  }
}

/** Judges that the items end in exactly the predicted sets: by personality, the outcome of each of its devices. */
export async function checkFleetItems(scenario: Scenario, operator: ServerName, predicted: Readonly<Partial<Record<PersonalityName, string>>>, perSecond: number, rule: RuleName = "fleet-items"): Promise<void> {
  const fleet = fleetOf(scenario);
  const items = await awaitItems(scenario, operator, fleetDeadlineMs(scenario, perSecond));
  const outcomes = new Map(items.map((item) => [item.ep, itemOutcome(item)]));
  for (const [personality, outcome] of Object.entries(predicted) as [PersonalityName, string][]) {
    const expected = await fleet.select({ plan: planName, personality });
    const wrong = expected.filter((endpoint) => outcomes.get(endpoint) !== outcome);
    sampleEvidence(scenario, wrong);
    const states = [...new Set(wrong.map((endpoint) => outcomes.get(endpoint) ?? "no item"))].join(", ");
    scenario.check({
      rule,
      text: `items of the ${expected.length} devices that are "${personality}"`,
      expected: `all ${outcome}`,
      actual: wrong.length === 0 ? `all ${outcome}` : `${sample(wrong)} in ${states}`,
      ok: wrong.length === 0,
      timing: wrong.some((endpoint) => !isEndState((outcomes.get(endpoint) ?? "").replace(/\(.*$/, ""))),
    });
  }
}

/** Devices whose events go into the evidence: those that went wrong, and a few that were traced from the start. */
function sampleEvidence(scenario: Scenario, wrong: readonly string[]): void {
  const fleet = fleetOf(scenario);
  const size = scenario.run.fleetSize;
  const every = Math.max(1, Math.ceil(size / shown));
  const traced = endpointsOf(size).filter((_, index) => index % every === 0);
  for (const endpoint of [...wrong.slice(0, shown), ...traced]) scenario.watch(endpoint, (after) => fleet.trace(endpoint, after));
}
