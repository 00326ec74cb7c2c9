import type { PersonalityName } from "../../../simulators/device/index.js";
import { endpointName, type Fleet, type FleetPlan, type Shape, type Share } from "../../../simulators/fleet/index.js";
import { maxTransmitWaitMs, type Psk, type Timing } from "../../config/index.js";
import type { AccountFields, OrderRequest } from "../actors/operator.js";
import type { SecurityMode } from "../actors/types.js";
import { Unsupported } from "../scenario/recorder.js";
import type { Scenario } from "../scenario/scenario.js";
import { deviceSeed } from "../scenario/names.js";
import { retryTerms } from "./retry-terms.js";
import { bootstrapPsk } from "./psk.js";
import { newPopulation, type Population } from "../run-context.js";
import type { ServerName } from "../targets/index.js";

/** Most endpoints in one order. */
const ordersOf = 10_000;
/** Names that a failed check shows; the rest is a number. */
const shown = 5;
/** A fleet of a scenario's own is so many times smaller than that of the run, beside which it is. Signatures cost both sides more than pre-shared keys do. */
const timesSmaller = { second: 4, small: 20 } as const;
/** Between two looks at a whole fleet. */
export const fleetPollMs = 250;

/** Which of the fleets: the one of the run, handed on from scenario to scenario, or a second (or a small) one of the scenario's own. */
export type FleetName = "standing" | "second" | "small";

/** A population of devices with all that scenarios know about it. */
export interface Crowd {
  readonly plan: string;
  readonly pattern: string;
  /** For a server that lists endpoints by a pattern. */
  readonly glob: string;
  readonly size: number;
  readonly population: Population;
}

const seconds = new WeakMap<Scenario, Population>();

/** The second fleet's own accounts and orders: they end with its scenario. */
function secondPopulation(scenario: Scenario): Population {
  let population = seconds.get(scenario);
  if (population === undefined) seconds.set(scenario, (population = newPopulation()));
  return population;
}

export function crowdOf(scenario: Scenario, name: FleetName): Crowd {
  const prefix = name === "standing" ? "ab-fleet-" : `ab-${scenario.key}-`;
  return {
    plan: name === "standing" ? "population" : `${name}-${scenario.key}`,
    pattern: `${prefix}{index:08d}`,
    glob: `${prefix}*`,
    size: name === "standing" ? scenario.run.fleetSize : Math.ceil(scenario.run.fleetSize / timesSmaller[name]),
    population: name === "standing" ? scenario.run.population : secondPopulation(scenario),
  };
}

export const fleetOf = (scenario: Scenario): Fleet => {
  if (scenario.run.fleet === undefined) throw new Unsupported("load scenarios need a fleet of our own");
  return scenario.run.fleet;
};

export const endpointsOf = ({ pattern, size }: Crowd): string[] => Array.from({ length: size }, (_, index) => endpointName(pattern, index + 1));

/** `3: ab-fleet-1, ab-fleet-2, ...`. */
export const sample = (names: readonly string[]): string => (names.length === 0 ? "none" : `${names.length}: ${names.slice(0, shown).join(", ")}${names.length > shown ? ", ..." : ""}`);

/** How long the whole fleet may take for something that each device does once. */
export const fleetDeadlineMs = (scenario: Scenario): number => {
  const { deadlines, timing } = scenario.run;
  // The last device begins when the storm is over; each makes a handshake with two servers.
  const handshakesMs = scenario.security === "psk" ? 2 * handshakePatienceMs(timing) : 0;
  return stormOf(scenario, "standing").jitterMs + deadlines.fleetMs + deadlines.bootstrapMs + deadlines.registerMs + handshakesMs;
};

/** Short Server ID of the operator's account for this fleet. */
export function shortServerIdIn(crowd: Crowd, operator: ServerName): number {
  const account = crowd.population.accounts.get(operator);
  if (account === undefined) throw new Error(`no step has ordered an account of operator ${operator} for the fleet`);
  return account.shortServerId;
}

/** SM-1 for a whole fleet: an account (with `fields` in it) unless the operator has one there, and orders over every device. */
export async function orderForFleet(scenario: Scenario, name: FleetName, operator: ServerName, type: OrderRequest["type"], policy: Readonly<Record<string, unknown>>, fields: AccountFields = {}): Promise<void> {
  const crowd = crowdOf(scenario, name);
  const { accounts, orders } = crowd.population;
  const actor = scenario.operators[operator];
  let account = accounts.get(operator);
  if (account === undefined) {
    const shortServerId = name === "standing" ? scenario.run.shortServerIds[operator].take() : scenario.takeShortServerId(operator);
    const handle = await actor.supplyAccount({ uri: scenario.uriOf(operator), securityMode: scenario.security, lifetime: 3600, retry: retryTerms(scenario.run.timing.device), ...fields, ssid: shortServerId });
    account = { accountId: handle.id, shortServerId };
    accounts.set(operator, account);
    if (name !== "standing") scenario.atEnd(`account ${handle.id}`, () => actor.withdrawAccount(handle.id));
  }
  const ids: string[] = [];
  const all = endpointsOf(crowd);
  for (let from = 0; from < all.length; from += ordersOf) ids.push(await actor.order({ type, accountId: account.accountId, endpoints: all.slice(from, from + ordersOf), policy }));
  orders.set(operator, ids);
  if (name !== "standing") for (const id of ids) scenario.atEnd(`order ${id}`, () => actor.cancelOrder(id));
}

/**
 * Devices that switch on within a second, at most. Beyond it a queue grows that no device's patience (`bootstrapTimeoutMs`) outlasts, whatever the server does. With
 * pre-shared keys each start costs both sides two handshakes, two sessions and a key that travels encrypted: about four times the work.
 */
export const stormPerSecond = { nosec: 1_000, psk: 250 } as const satisfies Record<SecurityMode, number>;

/** A fleet that starts at once: within a second, or as long as its size needs at the most that are let loose in one. */
export const stormOf = (scenario: Scenario, name: FleetName): Extract<Shape, { readonly kind: "storm" }> & { readonly jitterMs: number } => ({ kind: "storm", jitterMs: Math.max(1_000, (crowdOf(scenario, name).size * 1_000) / stormPerSecond[scenario.security]) });

const handshakePatienceMs = ({ coap, dtls }: Pick<Timing, "coap" | "dtls">): number => Math.max(dtls.giveUpMs, maxTransmitWaitMs(coap));

/**
 * A device in a crowd waits for a handshake as long as for the answer to a CoAP message (MAX_TRANSMIT_WAIT): its server has to hear many others first. Between its
 * sendings it waits longer each time, so that a queue is not fed with repetitions.
 */
export function crowdTiming({ coap, dtls, device }: Timing): FleetPlan["timing"] {
  const patienceMs = handshakePatienceMs({ coap, dtls });
  return { coap, dtls: { ...dtls, maximumMs: Math.max(dtls.maximumMs, patienceMs / 2), giveUpMs: patienceMs }, device };
}

/** What else a plan says of a fleet: where its devices are known, how they are on the network. */
export type FleetTraits = Pick<FleetPlan, "servers" | "credentials" | "connectionIdLength" | "nat">;

/** Launches a fleet: from the factory its devices know their Bootstrap Server only, unless `traits` give them accounts. `otherKeys`: what devices hold in place of what it knows. */
export async function launchFleet(scenario: Scenario, name: FleetName, shape: Shape, personalities: readonly Share[] = [], otherKeys: ReadonlyMap<string, Psk> = new Map(), traits: Partial<FleetTraits> = {}): Promise<void> {
  const { run } = scenario;
  const fleet = fleetOf(scenario);
  const crowd = crowdOf(scenario, name);
  const { plan: planName, pattern, size, population } = crowd;
  scenario.precondition("the fleet has not been started before", !population.launched, "it stands already");
  const plan: FleetPlan = {
    name: planName,
    first: 1,
    last: size + 1,
    seed: deviceSeed(run.seed, planName),
    endpointPattern: pattern,
    lwm2m: "1.1",
    shape,
    personalities,
    ...(traits.servers === undefined ? { bootstrap: { uri: scenario.bootstrapUri } } : {}),
    // As all devices of a run, by their names and not by their numbers: the Bootstrap Server knows nothing of fleets.
    ...(scenario.security === "psk" ? { credentials: { first: 1, devices: endpointsOf(crowd).map((endpoint) => ({ endpoint, bootstrap: otherKeys.get(endpoint) ?? bootstrapPsk(scenario, endpoint) })) } } : {}),
    timing: crowdTiming(run.timing),
    ...traits,
  };
  population.launched = true;
  await fleet.launch(plan);
  if (name === "standing") return;
  scenario.atEnd("the fleet leaves", async () => {
    await fleet.actAll({ plan: planName }, { do: "stop" });
    await scenario.until(fleetDeadlineMs(scenario), async () => ((await fleet.states(planName)).off === size ? true : undefined));
  });
}

/** Looks at the whole fleet a few times a second until no device is missing from what `present` names; resolves with those that are. */
export async function awaitAll(scenario: Scenario, crowd: Crowd, present: () => Promise<Iterable<string>>): Promise<readonly string[]> {
  const { clock } = scenario.run;
  const end = clock.now() + fleetDeadlineMs(scenario);
  for (;;) {
    const there = new Set(await present());
    if (there.size >= crowd.size || clock.now() >= end) return endpointsOf(crowd).filter((endpoint) => !there.has(endpoint));
    await scenario.pause(fleetPollMs);
  }
}

/** Waits until every device of the fleet is registered with the operator, or the deadline is over; resolves with those that are not. */
async function awaitFleetRegistered(scenario: Scenario, crowd: Crowd, operator: ServerName): Promise<readonly string[]> {
  const shortServerId = shortServerIdIn(crowd, operator);
  return awaitAll(scenario, crowd, () => fleetOf(scenario).select({ plan: crowd.plan, registeredWith: shortServerId }));
}

/** A fleet that stands: launched and registered with the operator, by this scenario or an earlier one. */
export async function standingFleet(scenario: Scenario, operator: ServerName, personalities: readonly Share[]): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  if (!crowd.population.accounts.has(operator)) {
    const ordered = crowd.population.launched ? { trigger: "via-server" } : { trigger: "wait-for-client" };
    await orderForFleet(scenario, "standing", operator, "provision", ordered);
  }
  if (!crowd.population.launched) await launchFleet(scenario, "standing", stormOf(scenario, "standing"), personalities);
  const lacking = await awaitFleetRegistered(scenario, crowd, operator);
  scenario.precondition(`the fleet is registered with operator ${operator}`, lacking.length === 0, `not registered: ${sample(lacking)}`);
}

/** Why devices failed, as they tell it, each reason once. */
async function reasonsOf(scenario: Scenario, crowd: Crowd, endpoints: readonly string[]): Promise<string> {
  if (endpoints.length === 0) return "";
  const reasons = new Map((await fleetOf(scenario).failures(undefined, crowd.plan)).map(({ endpoint, reason }) => [endpoint, reason]));
  const why = [...new Set(endpoints.flatMap((endpoint) => reasons.get(endpoint) ?? []))].slice(0, shown).join("; ");
  return why === "" ? "" : ` (${why})`;
}

/** Judges that every device of the fleet came through a bootstrap, by the Finish that it answered 2.04. */
export async function checkFleetBootstrapped(scenario: Scenario, name: FleetName): Promise<void> {
  const crowd = crowdOf(scenario, name);
  const lacking = await awaitAll(scenario, crowd, async () => (await fleetOf(scenario).tally(crowd.plan, "bootstrapsFinished")).keys());
  sampleEvidence(scenario, crowd, lacking);
  const actual = `${sample(lacking)}${await reasonsOf(scenario, crowd, lacking)}`;
  scenario.check({ rule: "fleet-bootstrapped", text: "devices without a finished bootstrap", expected: "none", actual, ok: lacking.length === 0, timing: lacking.length > 0 });
}

/** Judges that every device is registered with the operator, by what the devices were answered, and that the server lists exactly these. */
export async function checkFleetRegistered(scenario: Scenario, name: FleetName, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, name);
  const lacking = await awaitFleetRegistered(scenario, crowd, operator);
  sampleEvidence(scenario, crowd, lacking);
  const actual = `${sample(lacking)}${await reasonsOf(scenario, crowd, lacking)}`;
  scenario.check({ rule: "fleet-registered", text: `devices not registered with operator ${operator}`, expected: "none", actual, ok: lacking.length === 0, timing: lacking.length > 0 });
  const refused = [...(await fleetOf(scenario).tally(crowd.plan, "registrationsFailed")).keys()];
  sampleEvidence(scenario, crowd, refused);
  // Under load a Register may stay without an answer and be sent again later: a matter of time, not of refusal.
  scenario.check({ rule: "fleet-registered", text: "devices whose Register was refused or not answered", expected: "none", actual: `${sample(refused)}${await reasonsOf(scenario, crowd, refused)}`, ok: refused.length === 0, timing: refused.length > 0 });
  await checkListed(scenario, crowd, operator, endpointsOf(crowd));
}

/** Judges the set of devices that the server lists, by their names. */
export async function checkListed(scenario: Scenario, crowd: Crowd, operator: ServerName, expected: readonly string[]): Promise<void> {
  const listed = (await scenario.server(operator).registrations(crowd.glob)).map(({ endpoint }) => endpoint);
  checkSet(scenario, "fleet-registered", `devices of the fleet that server ${operator} lists`, expected, listed);
}

/** Judges that two sets of endpoint names are the same, and shows whom the actual one lacks and has besides. */
export function checkSet(scenario: Scenario, rule: "certificate-at-handshake" | "fleet-bootstrapped" | "fleet-registered" | "fleet-items" | "fleet-triggers" | "account-fields", text: string, expected: readonly string[], actual: readonly string[], timing = false): void {
  const [wanted, found] = [new Set(expected), new Set(actual)];
  const lacking = expected.filter((endpoint) => !found.has(endpoint));
  const besides = actual.filter((endpoint) => !wanted.has(endpoint));
  const ok = lacking.length === 0 && besides.length === 0;
  const exactly = `exactly the predicted ${wanted.size}`;
  scenario.check({ rule, text, expected: exactly, actual: ok ? exactly : `${found.size}; lacking ${sample(lacking)}; besides ${sample(besides)}`, ok, timing: !ok && timing });
}

/** Endpoint names by personality; only those that the fleet has. */
export async function devicesBy(scenario: Scenario, crowd: Crowd, names: readonly PersonalityName[]): Promise<string[]> {
  return (await Promise.all(names.map((personality) => fleetOf(scenario).select({ plan: crowd.plan, personality })))).flat();
}

/** Devices whose events go into the evidence: those that went wrong, and a few that were traced from the start. */
export function sampleEvidence(scenario: Scenario, crowd: Crowd, wrong: readonly string[]): void {
  const fleet = fleetOf(scenario);
  const every = Math.max(1, Math.ceil(crowd.size / shown));
  const traced = endpointsOf(crowd).filter((_, index) => index % every === 0);
  for (const endpoint of [...wrong.slice(0, shown), ...traced]) scenario.watch(endpoint, (after) => fleet.trace(endpoint, after));
}
