import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Shape } from "./plan.js";
import { Schedule } from "./schedule.js";

const shapes: fc.Arbitrary<Shape> = fc.oneof(
  fc.record({ kind: fc.constant("storm" as const), jitterMs: fc.nat(5_000) }),
  fc.record({ kind: fc.constant("rate" as const), perSecond: fc.integer({ min: 1, max: 5_000 }) }),
  fc.record({ kind: fc.constant("ramp" as const), from: fc.integer({ min: 1, max: 500 }), to: fc.integer({ min: 1, max: 5_000 }), overMs: fc.integer({ min: 100, max: 20_000 }) }),
);

describe("a schedule", () => {
  it("starts everybody at once in a storm", () => {
    const storm = new Schedule({ kind: "storm" }, 1000);
    expect([storm.dueAt(0), storm.startOf(999)]).toEqual([1000, 0]);
    const spread = new Schedule({ kind: "storm", jitterMs: 1000 }, 1000);
    expect([spread.startOf(0), spread.startOf(500), spread.dueAt(499.5)]).toEqual([0, 500, 500]);
  });

  it("keeps a rate", () => {
    const rate = new Schedule({ kind: "rate", perSecond: 100 }, 1000);
    expect([rate.startOf(0), rate.startOf(100), rate.dueAt(0), rate.dueAt(999)]).toEqual([0, 1000, 1, 100]);
  });

  it("ramps up in a straight line and goes on", () => {
    const ramp = new Schedule({ kind: "ramp", from: 0.001, to: 100, overMs: 10_000 }, 10_000);
    expect(ramp.startOf(500)).toBeCloseTo(10_000, -1);
    expect(ramp.startOf(600) - ramp.startOf(500)).toBeCloseTo(1_000, 0);
    expect(ramp.startOf(125)).toBeCloseTo(5_000, -1);
  });

  it("has due exactly what was meant to start by then, in order", () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 2_000 }), fc.nat(1_999), (shape, devices, at) => {
        const schedule = new Schedule(shape, devices);
        const position = at % devices;
        const start = schedule.startOf(position);
        expect(schedule.dueAt(start + 0.01)).toBeGreaterThan(position);
        if (start > 0.02) expect(schedule.dueAt(start - 0.02)).toBeLessThanOrEqual(position);
        if (position > 0) expect(schedule.startOf(position - 1)).toBeLessThanOrEqual(start);
      }),
    );
  });

  it("goes on from where it is when the rate changes", () => {
    const schedule = new Schedule({ kind: "rate", perSecond: 100 }, 1000);
    schedule.changeRate(10, 1000);
    expect(schedule.startOf(101)).toBe(1000);
    expect(schedule.startOf(111)).toBe(2000);
    expect(schedule.dueAt(2050)).toBe(112);
  });
});
