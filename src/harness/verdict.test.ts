import { describe, expect, it } from "vitest";
import { exitCodeOf, verdictOf, type Check, type JudgedScenario, type ScenarioRecord, type Verdict } from "./verdict.js";

const check = (changes: Partial<Check> = {}): Check => ({
  rule: "ORD-1",
  about: "bootstrap-server",
  text: "Finish waits for the activation",
  expected: "no Finish",
  actual: "no Finish",
  outcome: "pass",
  at: "100",
  timing: false,
  evidence: [],
  ...changes,
});

const record = (changes: Partial<ScenarioRecord> = {}): ScenarioRecord => ({
  id: "sm3/activation",
  name: "activation",
  feature: "SM-3",
  uri: "features/x.feature",
  line: 3,
  tags: [],
  requirements: ["SM-3"],
  judges: "bootstrap-server",
  level: "must",
  rules: ["ORD-1"],
  steps: [{ keyword: "then", text: "no Finish", status: "passed", startedAt: "0", endedAt: "1" }],
  checks: [check()],
  faults: [],
  missing: [],
  saturated: false,
  concluded: true,
  ...changes,
});

const failing = check({ outcome: "fail", actual: "a Finish" });

describe("the verdict of a scenario", () => {
  it("is inconclusive, naming the front, where a front of ours could not pass on what it was asked, and something went wrong", () => {
    const frontFailure = 'the front of server A (leshan M15) was asked to install its credential for "ab-1": it answered 500';
    for (const broken of [{ checks: [failing] }, { missing: ["the device is registered"] }]) {
      expect(verdictOf(record({ ...broken, frontFailure }))).toMatchObject({ verdict: "inconclusive", reason: `precondition missing: ${frontFailure}` });
    }
    expect(verdictOf(record({ frontFailure }))).toMatchObject({ verdict: "pass" });
  });

  it("is inconclusive where something came too late on a machine without processor time left, and stands where time does not matter", () => {
    const crowded = "the machine's processors were 99 % busy for 10 s, 40 % with muster";
    expect(verdictOf(record({ checks: [{ ...failing, timing: true }], crowded }))).toMatchObject({ verdict: "inconclusive", reason: expect.stringContaining(crowded) as string });
    expect(verdictOf(record({ checks: [failing], crowded }))).toMatchObject({ verdict: "fail" });
    expect(verdictOf(record({ checks: [check({ timing: true })], crowded }))).toMatchObject({ verdict: "pass" });
  });

  it("is incomplete until the record is concluded, whatever stands in it", () => {
    expect(verdictOf(record({ concluded: false, checks: [failing], harnessFault: "worker died" })).verdict).toBe("incomplete");
  });

  it("is error for an exception of ours, even beside a failed check", () => {
    expect(verdictOf(record({ harnessFault: "worker died", checks: [failing] }))).toMatchObject({ verdict: "error", reason: "worker died" });
  });

  it("is inconclusive when a role that is not ours was not there any more, whatever was missed for that reason", () => {
    const verdict = verdictOf(record({ unanswered: "http://10.0.0.1 did not answer", checks: [failing] }));
    expect(verdict).toMatchObject({ verdict: "inconclusive", reason: "precondition missing: http://10.0.0.1 did not answer" });
  });

  it("is what was declared before acting", () => {
    expect(verdictOf(record({ checks: [], declined: { as: "unsupported", reason: "no fault injection", afterActing: false } })).verdict).toBe("unsupported");
    expect(verdictOf(record({ checks: [], declined: { as: "not-applicable", reason: "admits everybody", afterActing: false } })).verdict).toBe("not-applicable");
  });

  it("is inconclusive when the target refuses only after the scenario has begun", () => {
    const verdict = verdictOf(record({ declined: { as: "unsupported", reason: "no execute", afterActing: true } }));
    expect(verdict).toMatchObject({ verdict: "inconclusive", reason: "refused after the scenario had begun: no execute" });
  });

  it("is fail when a named rule about the judged role is broken, with requirement, expected and actual in the reason", () => {
    const verdict = verdictOf(record({ checks: [failing] }));
    expect(verdict).toMatchObject({ verdict: "fail", reason: "ORD-1: Finish waits for the activation: expected no Finish, actual a Finish", decisive: failing });
  });

  it("is inconclusive when the broken rule is not named", () => {
    const verdict = verdictOf(record({ checks: [check(), check({ ...failing, rule: "short-server-id" })] }));
    expect(verdict.verdict).toBe("inconclusive");
    expect(verdict.reason).toMatch(/^precondition missing: short-server-id/);
  });

  it("is inconclusive when the broken rule is about another role than the judged one", () => {
    expect(verdictOf(record({ checks: [check({ ...failing, about: "device" })] })).verdict).toBe("inconclusive");
  });

  it("follows the first failure in time, not in order of recording", () => {
    const before = check({ ...failing, rule: "short-server-id", at: "50" });
    const after = check({ ...failing, rule: "short-server-id", at: "150" });
    expect(verdictOf(record({ checks: [failing, before] })).verdict).toBe("inconclusive");
    expect(verdictOf(record({ checks: [after, failing] })).verdict).toBe("fail");
  });

  it("compares times as numbers, not as text", () => {
    expect(verdictOf(record({ checks: [check({ ...failing, at: "1000" }), check({ ...failing, rule: "short-server-id", at: "999" })] })).verdict).toBe("inconclusive");
  });

  it("is inconclusive when a Given did not come about", () => {
    expect(verdictOf(record({ checks: [], missing: ["c1 is registered"] }))).toMatchObject({ verdict: "inconclusive", reason: "precondition missing: c1 is registered" });
  });

  it("is inconclusive when a fault was set and never fired, pass or fail", () => {
    const fault = { id: "f1", role: "server-b", operation: "smp.activation.put", action: "hold", fired: 0 };
    expect(verdictOf(record({ faults: [fault] })).reason).toBe('the fault "hold" on smp.activation.put (server-b) was set and never fired');
    expect(verdictOf(record({ faults: [fault], checks: [failing] })).verdict).toBe("inconclusive");
    expect(verdictOf(record({ faults: [{ ...fault, fired: 1 }] })).verdict).toBe("pass");
  });

  it("is inconclusive when the evidence cannot decide", () => {
    expect(verdictOf(record({ checks: [check(), check({ outcome: "undecided", actual: "capture lost" })] })).verdict).toBe("inconclusive");
  });

  it("is fail, not inconclusive, when one check is undecided and another one failed", () => {
    expect(verdictOf(record({ checks: [check({ outcome: "undecided", at: "1" }), failing] })).verdict).toBe("fail");
  });

  it("is never pass without a passed check of a named rule", () => {
    expect(verdictOf(record({ checks: [] })).verdict).toBe("inconclusive");
    expect(verdictOf(record({ checks: [check({ rule: "finish-last" })] })).verdict).toBe("inconclusive");
    expect(verdictOf(record({ checks: [check({ about: "device" })] })).verdict).toBe("inconclusive");
  });

  it("is not pass while a step did not pass", () => {
    expect(verdictOf(record({ steps: [{ keyword: "then", text: "more", status: "undefined", startedAt: "0", endedAt: "0" }] })).verdict).toBe("inconclusive");
  });

  it("is inconclusive when it hangs on timing and the generator was saturated", () => {
    expect(verdictOf(record({ saturated: true, checks: [check({ timing: true })] })).verdict).toBe("inconclusive");
    expect(verdictOf(record({ saturated: true, checks: [check({ ...failing, timing: true })] })).verdict).toBe("inconclusive");
    expect(verdictOf(record({ saturated: true, checks: [check()] })).verdict).toBe("pass");
    expect(verdictOf(record({ saturated: true, checks: [failing] })).verdict).toBe("fail");
  });

  it("shows how many checks a pass rests on, named rules only", () => {
    expect(verdictOf(record())).toMatchObject({ verdict: "pass", reason: "1 check", checks: 1 });
    expect(verdictOf(record({ checks: [check(), check(), check({ rule: "finish-last" })] }))).toMatchObject({ reason: "2 checks", checks: 2 });
  });
});

describe("the exit code", () => {
  const scenario = (verdict: Verdict, changes: Partial<JudgedScenario> = {}): JudgedScenario => ({ verdict, level: "must", requirements: ["SM-1"], ...changes });
  const done = { interrupted: false };

  it("is 0 when everything passes or was declared, and each requirement has a pass", () => {
    expect(exitCodeOf([scenario("pass"), scenario("unsupported"), scenario("not-applicable")], done)).toBe(0);
  });

  it("is 3 when a requirement asked for has no pass", () => {
    expect(exitCodeOf([scenario("pass"), scenario("not-applicable", { requirements: ["SM-2"] })], done)).toBe(3);
  });

  it("is 3 when nothing ran", () => {
    expect(exitCodeOf([], done)).toBe(3);
  });

  it("is 1 for a fail, also beside an inconclusive one or an error", () => {
    expect(exitCodeOf([scenario("fail"), scenario("inconclusive"), scenario("error")], done)).toBe(1);
  });

  it("is 3 for an inconclusive or incomplete one", () => {
    expect(exitCodeOf([scenario("pass"), scenario("inconclusive")], done)).toBe(3);
    expect(exitCodeOf([scenario("pass"), scenario("incomplete")], done)).toBe(3);
  });

  it("is 4 for an error of ours, in a scenario or in the run", () => {
    expect(exitCodeOf([scenario("pass"), scenario("error"), scenario("inconclusive")], done)).toBe(4);
    expect(exitCodeOf([scenario("pass")], { interrupted: false, error: "a role did not start" })).toBe(4);
  });

  it("is 3 where a system of the target could not be had: nothing was judged, and it is no error of ours", () => {
    expect(exitCodeOf([scenario("incomplete")], { interrupted: false, error: "nobody listens", errorOf: "target" })).toBe(3);
    expect(exitCodeOf([scenario("pass")], { interrupted: false, error: "it ended", errorOf: "target" })).toBe(3);
    expect(exitCodeOf([scenario("error")], { interrupted: false, error: "it ended", errorOf: "target" })).toBe(4);
  });

  it("is 3 for an interrupted run, whatever was seen until then", () => {
    expect(exitCodeOf([scenario("pass"), scenario("fail")], { interrupted: true })).toBe(3);
  });

  it("does not follow scenarios that only inform", () => {
    expect(exitCodeOf([scenario("pass"), scenario("fail", { level: "info" }), scenario("inconclusive", { level: "info", requirements: ["SM-2"] })], done)).toBe(0);
  });
});
