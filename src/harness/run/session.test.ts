import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../ports/simulated/index.js";
import { EvidenceStore } from "../evidence/store.js";
import { ScenarioRecorder, Unsupported } from "../scenario/recorder.js";
import { Scenario } from "../scenario/scenario.js";
import { readTags } from "../scenario/tags.js";
import { fakeRun } from "../testing/fake-run.js";
import { MemoryFiles } from "../testing/memory-files.js";
import type { Capability, Lack } from "../targets/index.js";
import type { PlannedScenario } from "./plan.js";
import { declinedBefore } from "./outlook.js";
import type { RunProgress } from "./progress.js";
import { cucumberStatus, currentSession, inSession, ScenarioSession } from "./session.js";

function session(tags: readonly string[] = [], missing: ReadonlyMap<Capability, Lack> = new Map()) {
  const all = ["@SM-3", "@judges:bootstrap-server", "@profile", "@rule:ORD-1", ...tags];
  const clock = new VirtualClock();
  const run = fakeRun(clock, missing);
  const identity = { id: "sm3/held", name: "held", feature: "SM-3", uri: "features/sm3.feature", line: 4, tags: all };
  const planned: PlannedScenario = { ...identity, declared: readTags(all), steps: [{ keyword: "given", text: "a device" }, { keyword: "then", text: "nothing is written" }] };
  const scenario = new Scenario(run, new ScenarioRecorder(identity, planned.declared, clock), "key123", "nosec");
  const files = new MemoryFiles();
  const heard: RunProgress[] = [];
  return { clock, run, scenario, files, heard, session: new ScenarioSession(planned, scenario, new EvidenceStore(files, "/reports/run", 0n, "test"), (progress) => void heard.push(progress), 0) };
}

const check = { rule: "ORD-1", text: "it", expected: "x", actual: "y" } as const;

describe("before the first step", () => {
  it("a scenario whose need the target lacks is skipped, with the target's reason", async () => {
    const { session: one } = session(["@needs:faults"], new Map([["faults", { as: "unsupported", reason: "no operator API" }]]));
    expect(one.begin()).toBe("skipped");
    expect(await one.conclude()).toMatchObject({ verdict: "unsupported", reason: "no operator API" });
  });

  it("a scenario that needs misbehaving devices is not applicable to those that cannot", async () => {
    const { session: one } = session(["@needs:misbehaviour"]);
    expect(one.begin()).toBe("skipped");
    expect((await one.conclude()).verdict).toBe("not-applicable");
  });

  it("a scenario that spells a request out is not applicable to devices that send their own only", async () => {
    const { session: one, run } = session(["@needs:raw-requests"]);
    expect(declinedBefore(one.planned, run.target, { ...run.devices, ours: false, facts: { name: "theirs", lacks: new Map([["raw-request", "its engine decides"]]) } }, "nosec")).toEqual({
      as: "not-applicable",
      reason: "devices on fakes cannot be told what to send: its engine decides",
    });
    expect(one.begin()).toBeUndefined();
  });

  it("a scenario about our fleet is not applicable to other devices, one with our fleet beside them is", async () => {
    const { session: one } = session(["@needs:fleet"]);
    expect(one.begin()).toBe("skipped");
    expect((await one.conclude()).verdict).toBe("not-applicable");
    expect(session(["@needs:fleet-beside"]).session.begin()).toBeUndefined();
  });

  it("any other scenario begins", () => {
    expect(session().session.begin()).toBeUndefined();
  });
});

describe("a step", () => {
  it("that throws something unexpected is our error, and fails in Cucumber", async () => {
    const { session: one } = session();
    await expect(one.guard(() => Promise.reject(new TypeError("oops")))).rejects.toThrow("oops");
    expect(await one.conclude()).toMatchObject({ verdict: "error", reason: "oops" });
  });

  it("with a failed check of a named rule fails in Cucumber", async () => {
    const { session: one, scenario } = session();
    one.enterStep("nothing is written", "Outcome");
    await expect(one.guard(() => scenario.check({ ...check, ok: false }))).rejects.toThrow("ORD-1: it: expected x, actual y");
  });

  it("with a failed check is pending while a fault has not fired, because then there is no verdict", async () => {
    const { session: one, scenario, run } = session();
    await scenario.setFault(run.servers.B, { operation: "smp.activation.put", action: { kind: "hold" } });
    one.enterStep("nothing is written", "Outcome");
    expect(await one.guard(() => scenario.check({ ...check, ok: false }))).toBe("pending");
    expect((await one.conclude()).verdict).toBe("inconclusive");
  });

  it("whose precondition is missing is pending", async () => {
    const { session: one, scenario } = session();
    one.enterStep("a device", "Context");
    expect(await one.guard(() => scenario.check({ ...check, ok: false }))).toBe("pending");
  });

  it("that the target refuses only after the scenario has acted leaves it inconclusive", async () => {
    const { session: one } = session();
    one.enterStep("it acts", "Action");
    one.leaveStep("PASSED", undefined);
    expect(await one.guard(() => Promise.reject(new Unsupported("no execute")))).toBe("pending");
    expect((await one.conclude()).reason).toBe("refused after the scenario had begun: no execute");
  });

  it("that never comes back is our error, after a time that follows from the timing", async () => {
    const { session: one, clock, run } = session();
    const outcome = one.guard(() => new Promise(() => {})).catch((error: unknown) => String(error));
    await clock.advance(run.deadlines.stepMs + 100);
    expect(await outcome).toMatch(/did not come back within \d+ ms/);
    expect(clock.pending()).toEqual([]);
  });
});

describe("the end of a scenario", () => {
  it("writes the evidence before anything is undone, skips what was not reached and gives the verdict", async () => {
    const { session: one, scenario, run, files, heard } = session();
    scenario.declare("c1");
    await scenario.device("c1");
    run.made[0]!.log.push({ seq: 1, at: "5", role: "device", endpoint: "ab-key123-c1", event: { kind: "state", machine: "device", id: "c1", from: "off", to: "serving", input: "power-on" } });
    scenario.atEnd("account", () => Promise.resolve(files.written.push("(undone)")));
    one.enterStep("a device", "Context");
    one.leaveStep("PASSED", undefined);
    expect(await one.conclude()).toMatchObject({ verdict: "inconclusive", reason: "step did not pass: nothing is written" });
    expect(files.written).toEqual(["/reports/run/scenarios/sm3/held/trace.ndjson", "/reports/run/scenarios/sm3/held/capture.pcapng", "(undone)"]);
    expect(one.outcome).toMatchObject({ evidence: "scenarios/sm3/held", endpoints: ["ab-key123-c1"], leftovers: [] });
    expect(one.outcome.record.steps.map(({ status }) => status)).toEqual(["passed", "skipped"]);
    expect(run.made[0]!.removed).toBe(true);
    expect(heard).toMatchObject([{ type: "step-finished", text: "a device", status: "passed" }]);
  });

  it("is an error of ours when the evidence cannot be had", async () => {
    const { session: one, scenario } = session();
    scenario.declare("c1");
    const device = await scenario.device("c1");
    device.trace = () => Promise.reject(new Error("shard lost"));
    expect(await one.conclude()).toMatchObject({ verdict: "error", reason: "the evidence could not be collected: shard lost" });
  });

  it("marks what hung on timing while the generator was saturated", async () => {
    const { session: one, scenario, run } = session();
    run.saturated = "lagged";
    for (const type of ["Context", "Outcome"]) {
      one.enterStep("a step", type);
      if (type === "Outcome") await one.guard(() => scenario.check({ ...check, ok: true, timing: true }));
      one.leaveStep("PASSED", undefined);
    }
    expect((await one.conclude()).reason).toMatch(/^generator saturated/);
  });

  it("of one that is abandoned is incomplete", () => {
    const { session: one } = session();
    one.abandon();
    expect(one.abandoned).toBe(true);
    expect(one.outcome.record.concluded).toBe(false);
  });
});

describe("what Cucumber is told", () => {
  it("is FAILED for fail and error, PENDING for inconclusive, SKIPPED for declined, PASSED for pass", () => {
    expect(cucumberStatus({ verdict: "pass", reason: "1 check" })).toBeUndefined();
    expect(cucumberStatus({ verdict: "unsupported", reason: "" })).toBe("skipped");
    expect(cucumberStatus({ verdict: "not-applicable", reason: "" })).toBe("skipped");
    expect(cucumberStatus({ verdict: "inconclusive", reason: "" })).toBe("pending");
    expect(() => cucumberStatus({ verdict: "fail", reason: "why" })).toThrow("why");
    expect(() => cucumberStatus({ verdict: "error", reason: "why" })).toThrow("why");
  });
});

describe("the session of a step", () => {
  it("is found by whoever runs inside it, side by side with others", async () => {
    const [one, two] = [session().session, session().session];
    const found = await Promise.all([one, two].map((each) => inSession(each, async () => Promise.resolve().then(() => currentSession()))));
    expect(found).toEqual([one, two]);
    expect(() => currentSession()).toThrow(/inside `muster run`/);
  });
});
