import type { DeviceCounters } from "../../../simulators/device/index.js";
import { describeAnswer } from "../actors/operator.js";
import type { Scenario } from "../scenario/scenario.js";
import type { ServerName } from "../targets/index.js";
import { awaitAll, checkListed, checkSet, crowdOf, endpointsOf, fleetDeadlineMs, fleetOf, fleetPollMs, sample, sampleEvidence, shortServerIdIn, type Crowd } from "./load.js";
import { setsBy, wakeSleepers } from "./load-orders.js";

/** A trigger of SM-2 for every device of the fleet, from the place of the Bootstrap Server, while the devices update. */

/** Requests under way at once. */
const parallel = 32;
/** The same client is asked for so often, one right after the other. */
const asksPerDevice = 2;
/** The updates of the whole fleet are spread over so long. */
const updatesOverSeconds = 4;

type Counts = Readonly<Record<"executes" | "bootstrapRequests" | "bootstrapsFinished" | "updatesFailed", ReadonlyMap<string, number>>>;

interface Storm {
  readonly server: ServerName;
  readonly before: Counts;
  /** Endpoint by trigger id. */
  readonly triggers: Map<string, string>;
  /** State of each trigger by its id, as last heard. */
  readonly ended: Map<string, string>;
  /** Answers that were neither a trigger nor "too many". */
  readonly refused: { readonly endpoint: string; readonly answer: string }[];
}

const storms = new WeakMap<Scenario, Storm>();

const stormOf = (scenario: Scenario): Storm => {
  const storm = storms.get(scenario);
  if (storm === undefined) throw new Error("no step has asked for triggers");
  return storm;
};

async function counts(scenario: Scenario, { plan }: Crowd): Promise<Counts> {
  const of = (counter: keyof DeviceCounters): Promise<ReadonlyMap<string, number>> => fleetOf(scenario).tally(plan, counter);
  const [executes, bootstrapRequests, bootstrapsFinished, updatesFailed] = await Promise.all([of("executes"), of("bootstrapRequests"), of("bootstrapsFinished"), of("updatesFailed")]);
  return { executes, bootstrapRequests, bootstrapsFinished, updatesFailed };
}

const textIn = (body: unknown, member: string): string | undefined => {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, member) : undefined;
  return typeof value === "string" ? value : undefined;
};

/** Does it for all of them, a few at a time. */
async function forAll<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await action(item);
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}

/** Every device of the standing fleet sends an Update meanwhile; the server is asked twice for each device. */
export async function triggerStorm(scenario: Scenario, server: ServerName): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const storm: Storm = { server, before: await counts(scenario, crowd), triggers: new Map(), ended: new Map(), refused: [] };
  storms.set(scenario, storm);
  const actor = scenario.server(server);
  // Sleeping devices have to wake within it, and an Execute that nobody answered ends with it.
  const validity = `PT${Math.ceil((scenario.run.deadlines.fleetMs / 4 + scenario.run.deadlines.triggerMs) / 1000)}S`;
  await fleetOf(scenario).actAll({ plan: crowd.plan }, { do: "update" }, crowd.size / updatesOverSeconds);
  await forAll(endpointsOf(crowd), async (ep) => {
    const body = { ep, ssid: shortServerIdIn(crowd, server), reason: "operator", validity };
    const answers = await Promise.all(Array.from({ length: asksPerDevice }, () => actor.asBootstrapServer({ method: "POST", path: "/smp/v1/triggers", body })));
    for (const answer of answers) {
      const id = textIn(answer.body, "triggerId");
      if (answer.status === 202 && id !== undefined) storm.triggers.set(id, ep);
      else if (answer.status !== 429) storm.refused.push({ endpoint: ep, answer: describeAnswer(answer) });
    }
  });
}

/** State of each trigger by its id; asked until all are over, or the deadline is; sleeping devices wake once in a while. */
async function endStates(scenario: Scenario, crowd: Crowd, { server, triggers, ended: states }: Storm): Promise<ReadonlyMap<string, string>> {
  const { clock } = scenario.run;
  const end = clock.now() + fleetDeadlineMs(scenario) + scenario.run.deadlines.triggerMs;
  const open = (): string[] => [...triggers.keys()].filter((id) => isOpen(states.get(id)));
  for (let left = open(); left.length > 0 && clock.now() < end; left = open()) {
    await wakeSleepers(scenario, crowd);
    await scenario.pause(fleetPollMs);
    await forAll(left, async (id) => {
      const answer = await scenario.server(server).asBootstrapServer({ method: "GET", path: `/smp/v1/triggers/${encodeURIComponent(id)}` });
      states.set(id, (answer.status === 200 ? textIn(answer.body, "state") : undefined) ?? describeAnswer(answer));
    });
  }
  return states;
}

const isOpen = (state: string | undefined): boolean => state === undefined || state === "accepted" || state === "queued" || state === "sent";

/**
 * Judges that every trigger was taken and comes to an end, and that each device has an acknowledged one. A second one may be sent to the address that the
 * device left with the bootstrap of the first: that one expires.
 */
export async function checkStormEnds(scenario: Scenario): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const storm = stormOf(scenario);
  const { refused } = storm;
  sampleEvidence(scenario, crowd, refused.map(({ endpoint }) => endpoint));
  scenario.check({ rule: "fleet-triggers", text: `triggers that server ${storm.server} refused`, expected: "none", actual: sample(refused.map(({ endpoint, answer }) => `${endpoint} (${answer})`)), ok: refused.length === 0 });
  const states = await endStates(scenario, crowd, storm);
  const sets = setsBy([...states], ([, state]) => state, ([id]) => storm.triggers.get(id) ?? id);
  const wrong = [...sets].filter(([state]) => state !== "acknowledged" && state !== "expired");
  sampleEvidence(scenario, crowd, wrong.flatMap(([, endpoints]) => endpoints));
  for (const [state, endpoints] of wrong) {
    scenario.check({ rule: "fleet-triggers", text: `triggers that end "${state}"`, expected: "none", actual: sample(endpoints), ok: false, timing: isOpen(state) });
  }
  // A device that has none has only such as expired: what came too late on a machine without time left says nothing of the server.
  checkSet(scenario, "fleet-triggers", `devices whose trigger ends "acknowledged"`, endpointsOf(crowd), [...new Set(sets.get("acknowledged"))], true);
}

/** What a device counted since the storm began. */
const since = (now: ReadonlyMap<string, number>, before: ReadonlyMap<string, number>, endpoint: string): number => (now.get(endpoint) ?? 0) - (before.get(endpoint) ?? 0);

/** Judges, by what the devices counted, that each trigger had the effect of one Execute and each Execute of one bootstrap at most. */
export async function checkStormEffects(scenario: Scenario): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const { before, triggers, ended } = stormOf(scenario);
  const all = endpointsOf(crowd);
  const silent = new Set(await fleetOf(scenario).select({ plan: crowd.plan, personality: "silent-after-trigger" }));
  let now = before;
  await awaitAll(scenario, crowd, async () => {
    now = await counts(scenario, crowd);
    return all.filter((endpoint) => silent.has(endpoint) || since(now.bootstrapsFinished, before.bootstrapsFinished, endpoint) > 0);
  });
  const asked = setsBy([...triggers], ([, endpoint]) => endpoint, ([id]) => id);
  const acknowledged = setsBy([...ended].filter(([, state]) => state === "acknowledged"), ([id]) => triggers.get(id) ?? id, ([id]) => id);
  const executes = (endpoint: string): number => since(now.executes, before.executes, endpoint);

  const triggersOf = (endpoint: string): number => asked.get(endpoint)?.length ?? 0;
  const never = all.filter((endpoint) => executes(endpoint) < (acknowledged.get(endpoint)?.length ?? 0));
  const twice = all.filter((endpoint) => executes(endpoint) > triggersOf(endpoint));
  const restarted = all.filter((endpoint) => since(now.bootstrapRequests, before.bootstrapRequests, endpoint) > executes(endpoint));
  const stayed = all.filter((endpoint) => !silent.has(endpoint) && since(now.bootstrapsFinished, before.bootstrapsFinished, endpoint) === 0);
  sampleEvidence(scenario, crowd, [...never, ...twice, ...restarted, ...stayed]);
  const none = (rule: "trigger-executes" | "trigger-execute-once" | "bootstrap-once" | "fleet-bootstrapped", text: string, endpoints: readonly string[], timing: boolean): void =>
    scenario.check({ rule, text, expected: "none", actual: sample(endpoints), ok: endpoints.length === 0, timing: timing && endpoints.length > 0 });
  none("trigger-executes", "devices that carried out fewer Executes than they had triggers acknowledged", never, false);
  none("trigger-execute-once", "devices that carried out more Executes than they had triggers", twice, false);
  none("bootstrap-once", "devices that asked for a bootstrap more often than they were triggered", restarted, true);
  // A second Execute during the bootstrap of the first joins it: fewer bootstraps than Executes are as good, none at all is not.
  none("fleet-bootstrapped", "devices that were triggered and came through no bootstrap", stayed, true);
}

/** Judges that no registration was lost: no Update refused, every device registered, and the server lists exactly the fleet. */
export async function checkNothingLost(scenario: Scenario): Promise<void> {
  const crowd = crowdOf(scenario, "standing");
  const { server, before } = stormOf(scenario);
  const shortServerId = shortServerIdIn(crowd, server);
  const lacking = await awaitAll(scenario, crowd, () => fleetOf(scenario).select({ plan: crowd.plan, registeredWith: shortServerId }));
  const now = await counts(scenario, crowd);
  const lost = endpointsOf(crowd).filter((endpoint) => since(now.updatesFailed, before.updatesFailed, endpoint) > 0);
  sampleEvidence(scenario, crowd, [...lost, ...lacking]);
  scenario.check({ rule: "fleet-triggers", text: "devices whose Update was refused or not answered", expected: "none", actual: sample(lost), ok: lost.length === 0, timing: lost.length > 0 });
  scenario.check({ rule: "fleet-triggers", text: `devices not registered with operator ${server} after the storm`, expected: "none", actual: sample(lacking), ok: lacking.length === 0, timing: lacking.length > 0 });
  await checkListed(scenario, crowd, server, endpointsOf(crowd));
}
