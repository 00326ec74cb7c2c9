import { seedNumber, testCertificateOf, testKeyPair, type Certificate, type TimingProfile } from "../../config/index.js";
import { testAuthority, type AuthorityKeys } from "../../certificates/index.js";
import { describeAnswer } from "../actors/operator.js";
import { deviceSeed } from "../scenario/names.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { usualLifetime } from "./devices.js";
import { awaitAll, checkSet, crowdOf, endpointsOf, fleetDeadlineMs, fleetOf, launchFleet, orderForFleet, sampleEvidence, shortServerIdIn, stormPerSecond, type Crowd } from "./load.js";
import { accountOfMode, trustIn, type PublicMode } from "./public-keys.js";

/** SM-1 for the small fleet, with an account in this mode. */
export async function orderInMode(scenario: Scenario, operator: ServerName, mode: PublicMode): Promise<void> {
  await orderForFleet(scenario, "small", operator, "provision", { trigger: "wait-for-client" }, await accountOfMode(scenario, operator, mode));
}

/** One certificate in a hundred, and one at the least. */
const wrongShare = 0.01;

/** Devices of the small fleet whose certificates come from an authority that nobody knows: chosen by the run's seed. */
function wronglyCertified(scenario: Scenario, crowd: Crowd): readonly string[] {
  const all = endpointsOf(crowd);
  const count = Math.max(1, Math.round(all.length * wrongShare));
  const first = deviceSeed(scenario.run.seed, "wrong certificates") % all.length;
  const apart = Math.floor(all.length / count);
  return Array.from({ length: count }, (_, index) => all[(first + index * apart) % all.length] ?? "");
}

const authorityNamed = (scenario: Scenario, name: string): AuthorityKeys => testAuthority(testKeyPair(seedNumber(scenario.run.seed), name, "authority"), `Muster test authority of a fleet ${scenario.run.seed}`);

/** Calls at once while a fleet's credentials are told. */
const tellers = 16;
const month = 30 * 86_400_000;

/** SM-3 in the place of the Bootstrap Server for each device: whoever has a certificate of the authority with its name is admitted. */
async function tellSubjects(scenario: Scenario, operator: ServerName, crowd: Crowd, shortServerId: number, authority: AuthorityKeys): Promise<void> {
  const server = scenario.server(operator);
  const notAfter = new Date(scenario.run.clock.epoch() + month).toISOString();
  const left = endpointsOf(crowd);
  const tell = async (): Promise<void> => {
    for (let endpoint = left.pop(); endpoint !== undefined; endpoint = left.pop()) {
      const path = `/smp/v1/clients/${encodeURIComponent(endpoint)}/credentials/cr-1`;
      const body = { version: 1, ssid: shortServerId, mode: "x509", subject: { commonName: endpoint }, issuerChain: [Buffer.from(authority.certificate).toString("base64url")], notAfter };
      const staged = await server.asBootstrapServer({ method: "PUT", path, body });
      scenario.precondition(`server ${operator} stages the certificate of ${endpoint}`, staged.status === 201 || staged.status === 204, describeAnswer(staged));
      scenario.atEnd(`certificate of ${endpoint}`, () => server.asBootstrapServer({ method: "DELETE", path: `${path}?version=1` }));
      const active = await server.asBootstrapServer({ method: "PUT", path: `${path}/activation`, body: { version: 1, sessionId: 1 } });
      scenario.precondition(`server ${operator} activates the certificate of ${endpoint}`, active.status >= 200 && active.status < 300, describeAnswer(active));
    }
  };
  await Promise.all(Array.from({ length: tellers }, tell));
}

/** A device that is refused stays refused: /1/x/16 to /1/x/20. */
const patience = { 16: false, 17: 1, 18: 600, 19: 600, 20: 1 } as const;

/** The small fleet starts with certificates and accounts from the factory, which the operator's server has been told of; those of one in a hundred are of another authority. */
export async function launchWithCertificates(scenario: Scenario, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "small");
  const seed = seedNumber(scenario.run.seed);
  const shortServerId = scenario.takeShortServerId(operator);
  crowd.population.accounts.set(operator, { accountId: "factory", shortServerId });
  const [known, stranger] = [authorityNamed(scenario, "fleet"), authorityNamed(scenario, "stranger")];
  await tellSubjects(scenario, operator, crowd, shortServerId, known);
  const wrong = new Set(wronglyCertified(scenario, crowd));
  const certificateOf = (endpoint: string): Certificate => testCertificateOf(wrong.has(endpoint) ? stranger : known, seed, endpoint, "server", endpoint);
  const servers = [{ uri: scenario.uriOf(operator), shortServerId, lifetime: usualLifetime, trust: await trustIn(scenario, operator, "x509"), resources: patience }];
  const credentials = { first: 1, devices: endpointsOf(crowd).map((endpoint) => ({ endpoint, server: certificateOf(endpoint) })) };
  await launchFleet(scenario, "small", { kind: "rate", perSecond: stormPerSecond.psk }, [], new Map(), { servers, credentials });
}

/** Judges that exactly the devices with a right certificate are registered, and that the others' handshakes were refused. */
export async function checkOthersFail(scenario: Scenario, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "small");
  const wrong = wronglyCertified(scenario, crowd);
  const others = endpointsOf(crowd).filter((endpoint) => !wrong.includes(endpoint));
  const registered = async (): Promise<readonly string[]> => fleetOf(scenario).select({ plan: crowd.plan, registeredWith: shortServerIdIn(crowd, operator) });
  const inVain = async (): Promise<readonly string[]> => {
    const [refused, unanswered] = [await fleetOf(scenario).tally(crowd.plan, "handshakesRefused"), await fleetOf(scenario).tally(crowd.plan, "handshakesUnanswered")];
    return wrong.filter((endpoint) => (refused.get(endpoint) ?? 0) + (unanswered.get(endpoint) ?? 0) > 0);
  };
  await awaitAll(scenario, crowd, async () => [...(await inVain()), ...(await registered())]);
  sampleEvidence(scenario, crowd, wrong);
  checkSet(scenario, "certificate-at-handshake", "devices whose handshakes came to nothing, of those with a wrong certificate", wrong, await inVain(), true);
  checkSet(scenario, "certificate-at-handshake", `devices registered with operator ${operator}`, others, await registered(), true);
}

// Addresses that change

/** Each device gets another address once in that time; like all times of the lab, its own is short. */
const rebindingMs = { lab: 12_000, rfc: 30_000 } as const satisfies Readonly<Record<TimingProfile, number>>;
const everyMs = (scenario: Scenario): number => rebindingMs[scenario.run.timing.profile];

/** Rounds of Updates; in all of them together every device gets another address once at the least. */
const rounds = 3;

/** The small fleet starts behind a NAT that changes addresses again and again, and with or without connection ids. */
export async function launchBehindNat(scenario: Scenario, connectionIds: boolean): Promise<void> {
  await launchFleet(scenario, "small", { kind: "rate", perSecond: stormPerSecond.psk }, [], new Map(), { nat: { share: 1, everyMs: everyMs(scenario) }, ...(connectionIds ? { connectionIdLength: 0 } : {}) });
}

interface Before {
  readonly rebinds: number;
  readonly updatesLost: number;
  readonly handshakesAfterRebind: number;
}
const before = new WeakMap<Scenario, Before>();

const natCounters = async (scenario: Scenario): Promise<Before> => {
  const { rebinds, updatesLost, handshakesAfterRebind } = await fleetOf(scenario).counters(crowdOf(scenario, "small").plan);
  return { rebinds, updatesLost, handshakesAfterRebind };
};

/** Each device sends an Update a few times, while its address changes. */
export async function updateWhileRebinding(scenario: Scenario, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "small");
  before.set(scenario, await natCounters(scenario));
  const roundMs = everyMs(scenario) / rounds;
  for (let round = 0; round < rounds; round++) {
    await fleetOf(scenario).actAll({ plan: crowd.plan }, { do: "update", shortServerId: shortServerIdIn(crowd, operator) }, (crowd.size * 1000) / roundMs);
    await scenario.pause(roundMs);
  }
}

async function natFigures(scenario: Scenario): Promise<Before> {
  const since = before.get(scenario);
  if (since === undefined) throw new Error("no step has made the fleet update while its addresses change");
  const now = await natCounters(scenario);
  const figures = { rebinds: now.rebinds - since.rebinds, updatesLost: now.updatesLost - since.updatesLost, handshakesAfterRebind: now.handshakesAfterRebind - since.handshakesAfterRebind };
  scenario.precondition("addresses changed", figures.rebinds > 0, "none did");
  return figures;
}

const inWords = ({ rebinds, updatesLost, handshakesAfterRebind }: Before): string => `${rebinds} changes of address, ${updatesLost} Updates lost, ${handshakesAfterRebind} handshakes`;

/** Judges that no change of address cost an Update or a handshake; the figures are in the check. */
export async function checkNothingLostToNat(scenario: Scenario): Promise<void> {
  const figures = await natFigures(scenario);
  const ok = figures.updatesLost === 0 && figures.handshakesAfterRebind === 0;
  scenario.check({ rule: "fleet-rebinds", text: "what changes of address cost with connection ids", expected: "0 Updates lost, 0 handshakes", actual: inWords(figures), ok, timing: !ok });
}

/** Judges that every device is registered in the end; the figures are in the check. */
export async function checkFleetRecovers(scenario: Scenario, operator: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "small");
  const registered = async (): Promise<readonly string[]> => fleetOf(scenario).select({ plan: crowd.plan, registeredWith: shortServerIdIn(crowd, operator) });
  const began = scenario.run.clock.now();
  const lacking = await awaitAll(scenario, crowd, registered);
  const tookMs = scenario.run.clock.now() - began;
  const figures = await natFigures(scenario);
  sampleEvidence(scenario, crowd, lacking);
  scenario.check({
    rule: "fleet-recovers",
    text: "devices that are not registered again, without connection ids",
    expected: "none",
    actual: lacking.length === 0 ? `none; ${inWords(figures)}; all were back ${(tookMs / 1000).toFixed(1)} s after the last Update` : `${lacking.length} after ${(fleetDeadlineMs(scenario) / 1000).toFixed(0)} s; ${inWords(figures)}`,
    ok: lacking.length === 0,
    timing: lacking.length > 0,
  });
}
