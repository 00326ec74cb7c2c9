import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../ports/simulated/index.js";
import { verdictOf } from "../verdict.js";
import { CheckFailed, PreconditionMissing, ScenarioRecorder } from "./recorder.js";
import { readTags } from "./tags.js";

const tags = ["@SM-3", "@judges:bootstrap-server", "@profile", "@rule:ORD-1"];
const recorder = (): ScenarioRecorder => new ScenarioRecorder({ id: "a/b", name: "b", feature: "a", uri: "features/a.feature", line: 1, tags }, readTags(tags), new VirtualClock());
const input = { rule: "ORD-1", text: "it", expected: "x", actual: "y" } as const;

describe("a recorder", () => {
  it("turns a failed check in a Given into a missing precondition and counts no passed one", () => {
    const record = recorder();
    record.check({ ...input, ok: true });
    expect(() => record.check({ ...input, ok: false })).toThrow(PreconditionMissing);
    record.conclude();
    expect(record.record()).toMatchObject({ checks: [], missing: ["it: expected x, actual y"] });
    expect(verdictOf(record.record())).toMatchObject({ verdict: "inconclusive", reason: "precondition missing: it: expected x, actual y" });
  });

  it("ends a scenario by CheckFailed when the rule is named, by PreconditionMissing when it is not", () => {
    const record = recorder();
    record.enter("then");
    expect(() => record.check({ ...input, ok: false })).toThrow(CheckFailed);
    expect(() => record.check({ ...input, rule: "finish-last", ok: false })).toThrow(PreconditionMissing);
    expect(record.record().checks.map(({ rule, about, outcome }) => [rule, about, outcome])).toEqual([
      ["ORD-1", "bootstrap-server", "fail"],
      ["finish-last", "bootstrap-server", "fail"],
    ]);
  });

  it("goes on after an undecided check", () => {
    const record = recorder();
    record.enter("then");
    record.check({ ...input, ok: undefined });
    expect(record.record().checks[0]?.outcome).toBe("undecided");
  });

  it("takes a rule about several roles to speak about the judged one unless the check says otherwise", () => {
    const record = recorder();
    record.enter("then");
    record.note({ ...input, rule: "ORD-5", ok: true });
    record.note({ ...input, rule: "ORD-5", about: "lwm2m-server", ok: true });
    expect(record.record().checks.map(({ about }) => about)).toEqual(["bootstrap-server", "lwm2m-server"]);
  });

  it("keeps the first fault of ours and the first reason to decline", () => {
    const record = recorder();
    record.broken("first");
    record.broken("second");
    record.decline("unsupported", "one");
    record.decline("not-applicable", "two");
    expect(record.record()).toMatchObject({ harnessFault: "first", declined: { as: "unsupported", reason: "one" } });
  });
});
