import { z } from "zod";
import { seedNumber, testKey } from "../../config/index.js";
import { deviceSeed } from "../scenario/names.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { awaitAll, checkSet, crowdOf, endpointsOf, fleetDeadlineMs, fleetOf, launchFleet, sample, sampleEvidence, shortServerIdIn, stormPerSecond, type Crowd, type FleetName } from "./load.js";
import { bootstrapPsk } from "./psk.js";

/** Handshakes that the server counted, by endpoint. */
const attemptsAt = async (scenario: Scenario, operator: ServerName, crowd: Crowd): Promise<ReadonlyMap<string, number>> =>
  new Map((await scenario.server(operator).handshakes(crowd.glob)).flatMap(({ endpoint, attempts }) => (endpoint === undefined ? [] : [[endpoint, attempts] as const])));

interface Loss {
  readonly atEpoch: number;
  readonly attempts: ReadonlyMap<string, number>;
  readonly storms: number;
}

const losses = new WeakMap<Scenario, Loss>();

/** The server loses its sessions and registrations, as in a restart; then every device of the standing fleet has something to say, at the rate of a storm. */
export async function loseSessions(scenario: Scenario, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const fleet = fleetOf(scenario);
  const attempts = await attemptsAt(scenario, operator, crowd);
  const { handshakeStorms } = await fleet.counters(crowd.plan);
  const forgotten = await scenario.server(operator).forgetSessions({ registrations: true });
  scenario.precondition(`server ${operator} had sessions to lose`, forgotten.sessions > 0, "it had none");
  losses.set(scenario, { atEpoch: scenario.run.clock.epoch(), attempts, storms: handshakeStorms });
  await fleet.actAll({ plan: crowd.plan }, { do: "update", shortServerId: shortServerIdIn(crowd, operator) }, stormPerSecond[scenario.security]);
}

function lossOf(scenario: Scenario): Loss {
  const loss = losses.get(scenario);
  if (loss === undefined) throw new Error("no step has made a server lose its sessions");
  return loss;
}

/** Judges that the server lists every device again; how long each took goes into the run's figures, and when 99 % were back into the check. */
export async function checkFleetReturns(scenario: Scenario, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const { atEpoch } = lossOf(scenario);
  const listed = async (): Promise<readonly { readonly endpoint: string; readonly registeredAt: number }[]> => scenario.server(operator).registrations(crowd.glob);
  const lacking = await awaitAll(scenario, crowd, async () => (await listed()).map(({ endpoint }) => endpoint));
  sampleEvidence(scenario, crowd, lacking);
  const took = (await listed()).map(({ registeredAt }) => registeredAt - atEpoch).sort((a, b) => a - b);
  for (const ms of took) fleetOf(scenario).record("return", ms);
  const most = took[Math.ceil(crowd.size * 0.99) - 1];
  const pace = `99 % were back after ${most === undefined ? "no time that was waited for" : `${(most / 1000).toFixed(1)} s`}`;
  scenario.check({
    rule: "fleet-returns",
    text: `devices that server ${operator} does not list again`,
    expected: "none",
    actual: `${sample(lacking)}; ${pace}`,
    ok: lacking.length === 0,
    timing: lacking.length > 0,
  });
}

/** A device tries once to resume and once without, and repeats either at the most once where a datagram was late. */
const handshakesEach = 4;
const atMost = `at most ${handshakesEach} of each device`;

/** What came of a loss of sessions, by the handshakes that the server counted of each device before it and since, and by the storms that the devices counted. */
export function handshakesAfterLoss(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>, storms: number): { readonly tooMany: readonly string[]; readonly actual: string; readonly ok: boolean | undefined } {
  const each = [...now].map(([endpoint, attempts]) => ({ endpoint, made: attempts - (before.get(endpoint) ?? 0) })).filter(({ made }) => made > 0);
  const tooMany = each.filter(({ made }) => made > handshakesEach).map(({ endpoint }) => endpoint);
  const all = each.reduce((sum, { made }) => sum + made, 0);
  const worst = tooMany.length === 0 ? atMost : `more of ${sample(tooMany)}`;
  // Where nobody made any, there is nothing to judge: that nobody came back is another check's affair.
  return { tooMany, actual: `${worst}: ${all} handshakes of ${each.length} devices, ${storms} storms`, ok: each.length === 0 ? undefined : tooMany.length === 0 && storms === 0 };
}

/** Judges, by what the server counted, that no device shook hands without end, and by what the devices counted that none of them made a storm. */
export async function checkNoHandshakeStorm(scenario: Scenario, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const { attempts: before, storms } = lossOf(scenario);
  const now = await attemptsAt(scenario, operator, crowd);
  const stormy = (await fleetOf(scenario).counters(crowd.plan)).handshakeStorms - storms;
  const { tooMany, actual, ok } = handshakesAfterLoss(before, now, stormy);
  sampleEvidence(scenario, crowd, tooMany);
  scenario.check({
    rule: "no-handshake-storm",
    text: `handshakes with server ${operator} after it lost its sessions`,
    expected: `${atMost}, and no storm`,
    actual,
    ok,
    timing: tooMany.length > 0,
  });
}

/** The device of the second fleet that holds another key than its Bootstrap Server: chosen by the run's seed. */
export function oddDevice(scenario: Scenario): string {
  const all = endpointsOf(crowdOf(scenario, "second"));
  return all[deviceSeed(scenario.run.seed, "wrong key") % all.length] ?? "";
}

/** Launches the second fleet, one of whose devices has a wrong key. */
export async function launchWithWrongKey(scenario: Scenario): Promise<void> {
  const odd = oddDevice(scenario);
  const { identity } = bootstrapPsk(scenario, odd);
  await launchFleet(scenario, "second", { kind: "rate", perSecond: stormPerSecond[scenario.security] }, [], new Map([[odd, { identity, key: testKey(seedNumber(scenario.run.seed), `another ${odd}`, "bootstrap") }]]));
}

/** Judges that the device with the wrong key comes to nothing, and every other device of the second fleet to its registration. */
export async function checkAllButOne(scenario: Scenario, name: FleetName, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, name);
  const odd = oddDevice(scenario);
  const finished = async (): Promise<string[]> => [...(await fleetOf(scenario).tally(crowd.plan, "bootstrapsFinished")).keys()];
  const lacking = await awaitAll(scenario, crowd, async () => [odd, ...(await finished())]);
  sampleEvidence(scenario, crowd, [odd, ...lacking]);
  const others = endpointsOf(crowd).filter((endpoint) => endpoint !== odd);
  checkSet(scenario, "fleet-bootstrapped", "devices that came through a bootstrap", others, await finished(), true);
  const registered = async (): Promise<readonly string[]> => fleetOf(scenario).select({ plan: crowd.plan, registeredWith: shortServerIdIn(crowd, operator) });
  await awaitAll(scenario, crowd, async () => [odd, ...(await registered())]);
  checkSet(scenario, "fleet-registered", `devices registered with operator ${operator}`, others, await registered(), true);
  const inVain = await scenario.until(fleetDeadlineMs(scenario), async () => {
    const [unanswered, refused] = [await fleetOf(scenario).tally(crowd.plan, "handshakesUnanswered"), await fleetOf(scenario).tally(crowd.plan, "handshakesRefused")];
    const count = (unanswered.get(odd) ?? 0) + (refused.get(odd) ?? 0);
    return count > 0 ? count : undefined;
  });
  scenario.check({ rule: "fleet-bootstrapped", text: `handshakes of ${odd}, whose key is wrong`, expected: "come to nothing", actual: inVain === undefined ? "none has ended" : "come to nothing", ok: inVain !== undefined, timing: inVain === undefined });
  checkSet(scenario, "fleet-bootstrapped", "devices that came through a bootstrap in the end", others, await finished(), true);
}

const shownCredentials = z.looseObject({
  credentials: z.array(z.looseObject({ ep: z.string(), version: z.number(), activatedAt: z.iso.datetime().optional() })),
  next: z.string().optional(),
});

/** When the newest version of each device's credential was activated, as the operator's server tells its Bootstrap Server. */
async function activations(scenario: Scenario, operator: ServerName, crowd: Crowd): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  let cursor: string | undefined;
  do {
    const answer = await scenario.server(operator).asBootstrapServer({ method: "GET", path: `/smp/v1/credentials?limit=1000${cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`}` });
    const page = shownCredentials.safeParse(answer.body);
    if (!page.success) break;
    for (const { ep, activatedAt } of page.data.credentials) if (activatedAt !== undefined && ep.startsWith(crowd.glob.slice(0, -1))) found.set(ep, Date.parse(activatedAt));
    cursor = page.data.next;
  } while (cursor !== undefined);
  return found;
}

/**
 * The outage of each device at a server that has one slot: from the activation, which ends the old key, to the Register under the new one; both as the server stamped
 * them. Into the run's figures; judged is that it is over for everybody who was given the new key.
 */
export async function checkFleetOutage(scenario: Scenario, name: FleetName, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, name);
  const activated = await activations(scenario, operator, crowd);
  const look = async () => (await scenario.server(operator).registrations(crowd.glob)).flatMap(({ endpoint, registeredAt }) => {
    const from = activated.get(endpoint);
    return from === undefined || registeredAt < from ? [] : [{ endpoint, ms: registeredAt - from }];
  });
  const rotated = new Set([...activated.keys()]);
  const over = await scenario.until(fleetDeadlineMs(scenario), async () => {
    const seen = await look();
    return seen.length >= rotated.size ? seen : undefined;
  });
  const seen = over ?? (await look());
  const there = new Set(seen.map(({ endpoint }) => endpoint));
  for (const { ms } of seen) fleetOf(scenario).record("outage", ms);
  const lacking = [...rotated].filter((endpoint) => !there.has(endpoint));
  sampleEvidence(scenario, crowd, lacking);
  const longest = seen.reduce<{ readonly endpoint: string; readonly ms: number } | undefined>((most, one) => (most === undefined || one.ms > most.ms ? one : most), undefined);
  scenario.check({
    rule: "fleet-outage",
    text: `devices whose key was activated at server ${operator} and that did not register with it`,
    expected: "none",
    actual: `${sample(lacking)}${longest === undefined ? "" : `; the longest outage that is over, that of ${longest.endpoint}, took ${longest.ms.toFixed(0)} ms`}`,
    ok: rotated.size === 0 ? undefined : lacking.length === 0,
    timing: lacking.length > 0,
  });
}
