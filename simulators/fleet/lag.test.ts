import { describe, expect, it } from "vitest";
import { LagWindow, lagged } from "./lag.js";

describe("the lag of a shard", () => {
  it("is over the limit when more than one turn in a hundred came late", () => {
    expect(lagged([{ loopTurns: 290, lateTurns: 1 }, { loopTurns: 110, lateTurns: 3 }])).toBe(false);
    expect(lagged([{ loopTurns: 290, lateTurns: 2 }, { loopTurns: 110, lateTurns: 3 }])).toBe(true);
    expect(lagged([])).toBe(false);
  });

  it("is not told by a hiccup or two of a short window", () => {
    expect(lagged([{ loopTurns: 90, lateTurns: 2 }])).toBe(false);
    expect(lagged([{ loopTurns: 4, lateTurns: 4 }])).toBe(true);
  });

  it("is forgotten after ten intervals", () => {
    const window = new LagWindow();
    expect(window.add({ loopTurns: 90, lateTurns: 5 })).toBe(true);
    for (let second = 0; second < 9; second++) window.add({ loopTurns: 50, lateTurns: 0 });
    expect(window.add({ loopTurns: 50, lateTurns: 0 })).toBe(false);
  });
});
