import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../../ports/simulated/index.js";
import { SmpEventLog, type TriggerBody } from "../../smp/index.js";
import type { TriggerAnswer } from "./adapter.js";
import { PassedOnTriggers } from "./passed-on-triggers.js";

const body: TriggerBody = { ep: "ab-1", reason: "operator", validity: "PT6S", priority: "normal" };

/** Triggers at a system that gives these answers in turn, the last one again and again. */
function rig(...answers: readonly (TriggerAnswer | Error)[]) {
  const { clock } = simulatedPorts(1);
  const events = new SmpEventLog(clock, "urn:test");
  let asked = 0;
  const triggers = new PassedOnTriggers(
    clock,
    "a demo",
    () => {
      const answer = answers[Math.min(asked++, answers.length - 1)];
      return answer === undefined || answer instanceof Error ? Promise.reject(answer ?? new Error("no answer")) : Promise.resolve(answer);
    },
    events,
  );
  return { clock, triggers, asked: () => asked, told: () => events.page("a", 0, 100).events.map(({ data }) => data.state) };
}

describe("triggers that are passed on to a system that has none", () => {
  it("end with what the device answered", async () => {
    const { triggers, told } = rig({ kind: "answered", code: "2.04" });
    expect(await triggers.create("a", body)).toMatchObject({ state: "acknowledged", code: "2.04" });
    expect(told()).toEqual(["acknowledged"]);
  });

  it("are asked for again while the device sleeps", async () => {
    const { clock, triggers, told, asked } = rig({ kind: "asleep" }, { kind: "asleep" }, { kind: "answered", code: "2.04" });
    const { triggerId, state } = await triggers.create("a", body);
    expect(state).toBe("queued");
    await clock.advance(1_000);
    expect(triggers.get(triggerId)).toMatchObject({ state: "acknowledged" });
    expect(told()).toEqual(["queued", "acknowledged"]);
    expect(asked()).toBe(3);
  });

  it("are over with their validity where the device goes on sleeping, or nobody tells what it answered", async () => {
    for (const kind of ["asleep", "taken"] as const) {
      const { clock, triggers, asked } = rig({ kind });
      const { triggerId } = await triggers.create("a", body);
      await clock.advance(6_500);
      expect(triggers.get(triggerId)).toMatchObject({ state: "expired" });
      const before = asked();
      await clock.advance(5_000);
      expect(asked()).toBe(before);
    }
  });

  it("are refused where the system knows no such device, and where it fails", async () => {
    await expect(rig({ kind: "not-registered" }).triggers.create("a", body)).rejects.toMatchObject({ type: "not-registered" });
    await expect(rig(new Error("down")).triggers.create("a", body)).rejects.toThrow("down");
  });

  it("can be withdrawn while they wait", async () => {
    const { clock, triggers, asked } = rig({ kind: "asleep" });
    const { triggerId } = await triggers.create("a", body);
    expect(triggers.withdraw(triggerId)).toMatchObject({ state: "withdrawn" });
    await clock.advance(2_000);
    expect(asked()).toBe(1);
  });
});
