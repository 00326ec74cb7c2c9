import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../ports/simulated/index.js";
import { fakeRun } from "../testing/fake-run.js";
import { deviceSeed, scenarioId, scenarioKey } from "./names.js";
import { ScenarioRecorder } from "./recorder.js";
import { Scenario } from "./scenario.js";
import { readTags } from "./tags.js";

const tags = ["@SM-3", "@judges:bootstrap-server", "@profile", "@rule:ORD-1"];

function scenario() {
  const clock = new VirtualClock();
  const run = fakeRun(clock);
  return { clock, run, scenario: new Scenario(run, new ScenarioRecorder({ id: "a/b", name: "b", feature: "a", uri: "u", line: 1, tags }, readTags(tags), clock), "k1k1k1", "nosec") };
}

describe("names", () => {
  it("come from file and scenario, so that they stay when lines move", () => {
    expect(scenarioId("features/server-management/sm3.feature", "While held, nothing is written!")).toBe("server-management/sm3/while-held-nothing-is-written");
  });

  it("differ between scenarios, between repetitions of one, and between runs of another seed", () => {
    const keys = [scenarioKey("a", 0, "1"), scenarioKey("b", 0, "1"), scenarioKey("a", 1, "1"), scenarioKey("a", 0, "2")];
    expect(new Set(keys).size).toBe(4);
    for (const key of keys) expect(key).toMatch(/^[0-9a-z]{6}$/);
  });

  it("give a device its seed by the run's seed and its own name", () => {
    expect(deviceSeed("1", "a")).toBe(deviceSeed("1", "a"));
    expect(deviceSeed("1", "a")).not.toBe(deviceSeed("2", "a"));
  });

  it("of endpoints say who may act on them", () => {
    const { scenario: one } = scenario();
    expect(["c1", "a:c1", "b:c1", "x:c1"].map((alias) => one.endpoint(alias))).toEqual(["ab-k1k1k1-c1", "a-k1k1k1-c1", "b-k1k1k1-c1", "x-k1k1k1-c1"]);
    expect(() => one.endpoint("C 1")).toThrow(/no name for a device/);
  });
});

describe("a scenario", () => {
  it("makes a device once, from what was declared of it", async () => {
    const { scenario: one, run } = scenario();
    one.declare("c1", { personality: "sleepy" });
    one.declare("c1", { lwm2m: "1.0" });
    expect(await one.device("c1")).toBe(await one.device("c1"));
    expect(run.made.map(({ spec }) => [spec.endpoint, spec.personality, spec.lwm2m])).toEqual([["ab-k1k1k1-c1", "sleepy", "1.0"]]);
    expect(() => one.declare("c1")).toThrow(/exists already/);
    await expect(one.device("c2")).rejects.toThrow(/no step has declared/);
  });

  it("gives Short Server IDs back at its end, and refuses when all are taken", async () => {
    const { scenario: one, run } = scenario();
    expect([one.takeShortServerId("A"), one.takeShortServerId("A")]).toEqual([100, 101]);
    expect(() => one.takeShortServerId("A")).toThrow(/in use/);
    await one.tidyUp();
    expect(run.shortServerIds.A.take()).toBeDefined();
  });

  it("reads how often its faults fired, and clears them whatever else goes wrong", async () => {
    const { scenario: one, run } = scenario();
    const id = await one.setFault(run.servers.B, { operation: "smp.activation.put", action: { kind: "hold" } });
    run.servers.B.fire(id);
    one.atEnd("something", () => Promise.reject(new Error("refused")));
    await one.readFaults();
    expect(await one.tidyUp()).toEqual(["something: refused"]);
    expect(run.servers.B.faults.size).toBe(0);
    expect(one.recorder.record().faults).toEqual([{ id, role: "server-b", operation: "smp.activation.put", action: "hold", fired: 1 }]);
  });

  it("undoes what it made, the newest first", async () => {
    const { scenario: one } = scenario();
    const undone: string[] = [];
    one.atEnd("account", () => Promise.resolve(undone.push("account")));
    one.atEnd("order", () => Promise.resolve(undone.push("order")));
    await one.tidyUp();
    expect(undone).toEqual(["order", "account"]);
  });

  it("looks until something is there, and no longer than its deadline", async () => {
    const { scenario: one, clock } = scenario();
    let looked = 0;
    const found = one.until(1_000, async () => (++looked === 3 ? "there" : undefined));
    await clock.advance(1_000);
    expect(await found).toBe("there");
    const missing = one.until(1_000, async () => undefined);
    await clock.advance(1_100);
    expect(await missing).toBeUndefined();
  });

  it("merges what the roles and its devices saw of its endpoints, and reads each log only once", async () => {
    const { scenario: one, run } = scenario();
    one.declare("c1");
    await one.device("c1");
    const event = { kind: "http", direction: "in", peer: "x", method: "GET", url: "/1" } as const;
    run.servers.A.log.push({ seq: 1, at: "20", role: "server-a", endpoint: "ab-k1k1k1-c1", event }, { seq: 2, at: "21", role: "server-a", endpoint: "ab-other-c1", event });
    run.made[0]!.log.push({ seq: 1, at: "10", role: "device", endpoint: "ab-k1k1k1-c1", event });
    expect((await one.events()).map(({ role }) => role)).toEqual(["device", "server-a"]);
    run.servers.A.log.push({ seq: 3, at: "30", role: "server-a", endpoint: "ab-k1k1k1-c1", event });
    expect((await one.events()).map(({ at }) => at)).toEqual(["10", "20", "30"]);
    expect(run.logPositions.get("server-a")).toBe(3);
  });
});
