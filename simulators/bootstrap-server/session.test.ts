import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOver, maxCorrections, nextSession } from "./session.js";
import type { SessionInput, SessionState, Workload } from "./session.js";

const work = (deletes: number, writes: number, commit = false): Workload => ({ deletes, writes, commit });

function run(inputs: readonly SessionInput[], from: SessionState = { at: "requested" }): SessionState {
  return inputs.reduce<SessionState>((state, input) => {
    const next = nextSession(state, input);
    if (next === undefined) throw new Error(`${input.in} has no meaning while ${state.at}`);
    return next;
  }, from);
}

describe("a bootstrap session", () => {
  it("discovers, activates, deletes, writes and finishes in that order", () => {
    const seen: string[] = [];
    let state: SessionState = { at: "requested" };
    const inputs: SessionInput[] = [
      { in: "accepted" },
      { in: "begin" },
      { in: "planned", stage: false, activate: true, work: work(1, 2) },
      { in: "activated", work: work(1, 2) },
      { in: "answered" },
      { in: "answered" },
      { in: "answered" },
      { in: "answered" },
    ];
    for (const input of inputs) {
      state = nextSession(state, input)!;
      seen.push(state.at);
    }
    expect(seen).toEqual(["authorised", "discovering", "activating", "deleting", "writing", "writing", "finishing", "finished"]);
  });

  it("does what is added before it discovers, and asks what is added once everything is written", () => {
    expect(run([{ in: "accepted" }, { in: "begin", extras: 2 }, { in: "answered" }])).toEqual({ at: "preparing", done: 1, of: 2 });
    const discovering = run([{ in: "accepted" }, { in: "begin", extras: 1 }, { in: "answered" }]);
    expect(discovering).toEqual({ at: "discovering", corrections: 0 });
    const asking = run([{ in: "planned", stage: false, activate: false, work: { ...work(1, 1, true), questions: 1 } }, { in: "answered" }, { in: "answered" }], discovering);
    expect(asking).toEqual({ at: "asking", done: 0, of: 1, commit: true, corrections: 0 });
    expect(run([{ in: "answered" }], asking)).toEqual({ at: "committing", corrections: 0 });
  });

  it("reads what Discover does not show before it plans", () => {
    const reading = run([{ in: "accepted" }, { in: "begin" }, { in: "discovered", reads: 2 }]);
    expect(nextSession(reading, { in: "planned", stage: false, activate: false, work: work(0, 1) })).toBeUndefined();
    expect(run([{ in: "read" }, { in: "read" }, { in: "planned", stage: false, activate: false, work: work(0, 1) }], reading)).toMatchObject({ at: "writing", of: 1 });
  });

  it("stages inline before it activates", () => {
    const staging = run([{ in: "accepted" }, { in: "begin" }, { in: "planned", stage: true, activate: true, work: work(0, 2) }]);
    expect(staging.at).toBe("staging");
    expect(nextSession(staging, { in: "staged", activate: true, work: work(0, 2) })?.at).toBe("activating");
    expect(nextSession(staging, { in: "staged", activate: false, work: work(0, 0) })?.at).toBe("finishing");
  });

  it("activates after the writes and before Finish what has to wait for them", () => {
    const writing = run([{ in: "accepted" }, { in: "begin" }, { in: "planned", stage: false, activate: false, work: work(1, 1, true) }, { in: "answered" }]);
    const committing = run([{ in: "answered" }], writing);
    expect([writing.at, committing.at]).toEqual(["writing", "committing"]);
    expect(nextSession(committing, { in: "answered" })).toBeUndefined();
    expect(nextSession(committing, { in: "committed" })).toEqual({ at: "finishing", corrections: 0 });
    expect(nextSession(writing, { in: "committed" })).toBeUndefined();
  });

  it("does not finish when the activation that waited for the writes is refused", () => {
    const committing = run([{ in: "accepted" }, { in: "begin" }, { in: "planned", stage: false, activate: false, work: work(0, 1, true) }, { in: "answered" }]);
    const failed = nextSession(committing, { in: "failed", failure: { reason: "activation-refused" } });
    expect(failed).toEqual({ at: "failed", failure: { reason: "activation-refused" } });
  });

  it("goes straight to Finish when every activation was refused and nothing else is left", () => {
    const activating = run([{ in: "accepted" }, { in: "begin" }, { in: "planned", stage: false, activate: true, work: work(0, 2) }]);
    expect(nextSession(activating, { in: "activated", work: work(0, 0) })).toEqual({ at: "finishing", corrections: 0 });
  });

  it("ends with Finish alone for a known endpoint without accounts, and does not correct what it never wrote", () => {
    const finishing = run([{ in: "accepted" }, { in: "nothing-configured" }]);
    expect(nextSession(finishing, { in: "answered" })).toEqual({ at: "finished" });
    expect(nextSession(finishing, { in: "not-acceptable" })).toMatchObject({ at: "failed", failure: { reason: "finish-failed", code: "4.06" } });
  });

  it("writes again after Finish was answered 4.06, a bounded number of times", () => {
    let state = run([{ in: "accepted" }, { in: "begin" }, { in: "planned", stage: false, activate: false, work: work(0, 0) }]);
    for (let corrections = 1; corrections <= maxCorrections; corrections += 1) {
      state = run([{ in: "not-acceptable" }], state);
      expect(state).toEqual({ at: "discovering", corrections });
      state = run([{ in: "planned", stage: false, activate: false, work: work(0, 1) }, { in: "answered" }], state);
    }
    expect(nextSession(state, { in: "not-acceptable" })).toMatchObject({ at: "failed" });
  });

  it("names what the device refused", () => {
    const state = run([{ in: "accepted" }, { in: "begin" }, { in: "failed", failure: { reason: "request-failed", operation: "discover", path: "/", code: "4.04" } }]);
    expect(state).toMatchObject({ at: "failed", failure: { operation: "discover", code: "4.04" } });
  });

  it("remembers in what it was when its time ran out", () => {
    expect(run([{ in: "accepted" }, { in: "begin" }, { in: "timeout" }])).toEqual({ at: "timed-out", during: "discovering" });
  });

  it("never leaves a final state and never writes before it is planned, whatever comes in", () => {
    const input: fc.Arbitrary<SessionInput> = fc.oneof(
      fc.constantFrom<SessionInput>({ in: "accepted" }, { in: "begin" }, { in: "read" }, { in: "answered" }, { in: "not-acceptable" }, { in: "displaced" }, { in: "timeout" }),
      fc.constant<SessionInput>({ in: "discovered", reads: 1 }),
      fc.record({ in: fc.constant("planned" as const), stage: fc.boolean(), activate: fc.boolean(), work: fc.constantFrom(work(1, 1), work(1, 1, true)) }),
      fc.constant<SessionInput>({ in: "committed" }),
      fc.constant<SessionInput>({ in: "activated", work: work(1, 1) }),
      fc.constant<SessionInput>({ in: "staged", activate: true, work: work(1, 1) }),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
        let state: SessionState = { at: "requested" };
        let planned = false;
        for (const one of inputs) {
          const next = nextSession(state, one);
          if (isOver(state)) expect(next).toBeUndefined();
          if (next === undefined) continue;
          if (one.in === "planned") planned = true;
          if (next.at === "deleting" || next.at === "writing") expect(planned).toBe(true);
          state = next;
        }
      }),
    );
  });
});
