import { describe, expect, it, vi } from "vitest";
import { simulatedPorts } from "../../src/ports/simulated/index.js";
import { Rebinds } from "./rebinds.js";

function wheel(everyMs: number) {
  const { clock } = simulatedPorts(1);
  const began = clock.now();
  const heard: { readonly device: string; readonly at: number }[] = [];
  const rebinds = new Rebinds<string>(clock, everyMs, (device) => heard.push({ device, at: clock.now() - began }));
  return { clock, heard, rebinds };
}

describe("changes of address", () => {
  it("come once in each period for each device, at its own time", async () => {
    const { clock, heard, rebinds } = wheel(30_000);
    rebinds.add("a", 0.1);
    rebinds.add("b", 0.6);
    await clock.advance(90_000);
    expect(heard.map(({ device }) => device)).toEqual(["a", "b", "a", "b", "a", "b"]);
    heard.forEach(({ device, at }, index) => expect(Math.abs(at - 30_000 * Math.floor(index / 2) - (device === "a" ? 3_000 : 18_000))).toBeLessThan(60));
  });

  it("keep to the period over a long time", async () => {
    const { clock, heard, rebinds } = wheel(100);
    rebinds.add("a", 0);
    await clock.advance(60_050);
    expect(heard).toHaveLength(601);
  });

  it("are not made up for where the thread was held up", () => {
    const { heard, rebinds } = wheel(1_000);
    rebinds.add("a", 0.5);
    vi.spyOn(rebinds.clock, "now").mockReturnValue(rebinds.clock.now() + 100_000);
    rebinds.fire();
    expect(heard).toHaveLength(1);
  });

  it("end when they are halted", async () => {
    const { clock, heard, rebinds } = wheel(1_000);
    rebinds.add("a", 0.5);
    rebinds.halt();
    await clock.advance(10_000);
    expect(heard).toEqual([]);
    expect(clock.pending()).toEqual([]);
  });
});
