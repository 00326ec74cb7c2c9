import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../src/ports/simulated/index.js";
import { DueQueue } from "./due-queue.js";

describe("many deadlines behind one timer", () => {
  it("run in the order of their times, and of their arrival where times are equal", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 }), async (delays) => {
        const clock = new VirtualClock();
        const due = new DueQueue(clock, "test");
        const ran: { delay: number; index: number; at: number }[] = [];
        delays.forEach((delay, index) => due.add(delay, () => ran.push({ delay, index, at: clock.now() })));
        const from = clock.now();
        await clock.advance(60);
        expect(ran.map(({ index }) => index)).toEqual(delays.map((delay, index) => ({ delay, index })).sort((a, b) => a.delay - b.delay || a.index - b.index).map(({ index }) => index));
        for (const { delay, at } of ran) expect(at - from).toBeGreaterThanOrEqual(delay);
        expect(due.size).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("accept new ones while they run, and neither keep nor take any once closed", async () => {
    const clock = new VirtualClock();
    const due = new DueQueue(clock, "test");
    const ran: string[] = [];
    due.add(10, () => {
      ran.push("first");
      due.add(5, () => ran.push("second"));
      due.add(500, () => ran.push("never"));
    });
    await clock.advance(100);
    expect(ran).toEqual(["first", "second"]);
    due.close();
    due.add(10, () => ran.push("late"));
    expect(clock.pending()).toEqual([]);
    await clock.advance(1000);
    expect(ran).toEqual(["first", "second"]);
  });
});
