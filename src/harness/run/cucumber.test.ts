import type { AsyncLocalStorage } from "node:async_hooks";
import { fileURLToPath } from "node:url";
import type { Envelope } from "@cucumber/messages";
import { beforeAll, describe, expect, it } from "vitest";
import { Cucumber } from "./cucumber.js";
import { inLanes } from "./lanes.js";
import { MessageMerger } from "./messages.js";
import { planOf, scheduleOf, type Plan, type PlannedScenario } from "./plan.js";

/** What the steps of `testing/lane-steps.mjs` saw: Cucumber imports that file by itself. */
interface Probe {
  readonly seen: { readonly most: number; readonly finished: readonly { readonly own: string; readonly proxied: string; readonly lane: string }[] };
  readonly lane: AsyncLocalStorage<string>;
}
const probe = (): Probe => (globalThis as unknown as Record<symbol, Probe>)[Symbol.for("muster.lane-test")]!;

const folder = fileURLToPath(new URL("../testing", import.meta.url));
const plan = async (cucumber: Cucumber, file: string): Promise<Plan> => {
  const envelopes: Envelope[] = [];
  await cucumber.run([`${folder}/features/${file}`], "", true, (envelope) => void envelopes.push(envelope));
  return planOf(envelopes);
};

let cucumber: Cucumber;
beforeAll(async () => {
  cucumber = await Cucumber.load([`${folder}/lane-steps.mjs`], folder);
});

describe("a plan", () => {
  it("names each scenario by file and name, rows of an outline too, with the line that selects it", async () => {
    const { scenarios, problems } = await plan(cucumber, "lanes.feature");
    expect(problems).toEqual([]);
    expect(scenarios.map(({ id, line }) => `${id}:${line}`)).toEqual(["lanes/one-waits:4", "lanes/two-waits:8", "lanes/rows-wait-r1:18", "lanes/rows-wait-r2:19"]);
    expect(scenarios[0]?.steps).toEqual([
      { keyword: "given", text: 'the lane "one"' },
      { keyword: "then", text: "it goes on" },
    ]);
  });

  it("finds undefined sentences, names used twice and tags that do not add up before anything is sent", async () => {
    const { problems } = await plan(cucumber, "problems.feature");
    expect(problems).toEqual([
      'features/problems.feature:4: no step definition says "nobody knows this"',
      "features/problems.feature:8: is named as the scenario of line 4; give it another name (an outline: put a <column> into its name)",
      'features/problems.feature:12: "Nobody is judged" needs exactly one of @judges:bootstrap-server, @judges:lwm2m-server, @judges:device',
      'features/problems.feature:16: "A rule about somebody else" judges the device, but none of its rules (ORD-1) speaks about it',
      'features/problems.feature:20: "A rule that is none" names the rule ORD-77, which the catalogue (src/harness/rules.ts) does not have',
    ]);
  });
});

describe("concurrent lanes", () => {
  it("run scenarios side by side, each with a World of its own, and give one stream of messages", async () => {
    const { scenarios } = await plan(cucumber, "lanes.feature");
    const merger = new MessageMerger();
    await inLanes(scenarios, 4, new AbortController().signal, async (scenario: PlannedScenario) => {
      const envelopes: Envelope[] = [];
      await probe().lane.run(scenario.id, () => cucumber.run([`${folder}/${scenario.uri}:${scenario.line}`], "", false, (envelope) => void envelopes.push(envelope)));
      merger.add(envelopes);
    });
    const { seen } = probe();
    expect(seen.most).toBe(4);
    expect(seen.finished.map((one) => one.own === one.proxied)).toEqual([true, true, true, true]);
    expect(seen.finished.map((one) => `${one.own} ${one.lane}`).sort()).toEqual(["one lanes/one-waits", "r1 lanes/rows-wait-r1", "r2 lanes/rows-wait-r2", "two lanes/two-waits"]);

    const merged = merger.merged() as Envelope[];
    const count = (kind: keyof Envelope): number => merged.filter((envelope) => envelope[kind] !== undefined).length;
    expect([count("meta"), count("source"), count("gherkinDocument"), count("pickle"), count("testRunStarted"), count("testCase"), count("testCaseFinished"), count("testRunFinished")]).toEqual([1, 1, 1, 4, 1, 4, 4, 1]);
    // Every reference leads to something in the stream.
    const pickles = new Map(merged.flatMap(({ pickle }) => (pickle === undefined ? [] : [[pickle.id, pickle] as const])));
    const nodes = JSON.stringify(merged.filter((envelope) => envelope.gherkinDocument !== undefined));
    const steps = new Set(merged.flatMap(({ stepDefinition }) => (stepDefinition === undefined ? [] : [stepDefinition.id])));
    for (const pickle of pickles.values()) for (const id of pickle.astNodeIds) expect(nodes).toContain(`"id":"${id}"`);
    for (const { testCase } of merged) {
      if (testCase === undefined) continue;
      const pickle = pickles.get(testCase.pickleId);
      for (const step of testCase.testSteps) {
        expect(pickle?.steps.map(({ id }) => id)).toContain(step.pickleStepId);
        for (const id of step.stepDefinitionIds ?? []) expect(steps).toContain(id);
      }
    }
    const runs = new Set(merged.flatMap(({ testRunStarted, testCase, testRunFinished }) => [testRunStarted?.id, testCase?.testRunStartedId, testRunFinished?.testRunStartedId].filter((id) => id !== undefined)));
    expect(runs.size).toBe(1);
  });

  it("take nothing more once they are told to stop", async () => {
    const stop = new AbortController();
    const done: number[] = [];
    await inLanes([1, 2, 3, 4], 2, stop.signal, async (item) => {
      done.push(item);
      if (item === 2) stop.abort();
    });
    expect(done).toEqual([1, 2]);
  });
});

describe("the schedule", () => {
  it("keeps sanity, lonely and load scenarios apart and begins with the slow ones", async () => {
    const { scenarios } = await plan(cucumber, "lanes.feature");
    const [one, two, three, four] = scenarios as [PlannedScenario, PlannedScenario, PlannedScenario, PlannedScenario];
    const declared = (scenario: PlannedScenario, changes: Partial<PlannedScenario["declared"]>, tags: readonly string[] = []): PlannedScenario => ({ ...scenario, tags, declared: { ...scenario.declared, ...changes } });
    const slow = declared(four, {}, ["@slow"]);
    const schedule = scheduleOf([declared(one, { sanity: true }), declared(two, { alone: true }), declared(three, { load: true }), declared(three, { load: true, beside: true }), one, slow]);
    expect(Object.entries<readonly PlannedScenario[]>({ ...schedule }).map(([kind, list]) => `${kind} ${list.length}`)).toEqual(["sanity 1", "together 2", "alone 1", "load 1", "beside 1"]);
    expect(schedule.together[0]).toBe(slow);
  });
});
