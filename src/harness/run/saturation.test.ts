import { describe, expect, it } from "vitest";
import type { FleetSnapshot } from "../../../simulators/fleet/index.js";
import { markOf, saturatedSince } from "./saturation.js";

const snapshot = (second: number, lateTurns: number, socketDrops: number | undefined = 0): FleetSnapshot =>
  ({
    second,
    health: {
      socketDrops,
      shards: [
        { loopTurns: 90, lateTurns, loopLagMaxMs: 150 },
        { loopTurns: 100, lateTurns: 0, loopLagMaxMs: 1 },
      ],
    },
  }) as unknown as FleetSnapshot;

describe("the generator", () => {
  it("vouches for times while no shard lagged and nothing was dropped", () => {
    expect(saturatedSince(markOf(undefined), [snapshot(1, 0)], snapshot(1, 0))).toBeUndefined();
  });

  it("does not when a shard lagged since the mark, and does when that was before", () => {
    const series = [snapshot(1, 0), snapshot(2, 5), snapshot(3, 1)];
    expect(saturatedSince(markOf(snapshot(1, 0)), series, undefined)).toBe("the event loop of shard 0 lagged more than 100 ms (p99), 150 ms at worst");
    expect(saturatedSince(markOf(snapshot(2, 5)), series, undefined)).toBeUndefined();
  });

  it("judges the turns of seconds together, not each second by its worst one", () => {
    expect(saturatedSince(markOf(undefined), [1, 2, 3, 4, 5, 6, 7, 8].map((second) => snapshot(second, second === 4 ? 4 : 0)), undefined)).toBeUndefined();
  });

  it("does not when a shard lagged for a while, however long it was quiet afterwards", () => {
    const series = Array.from({ length: 120 }, (_, index) => snapshot(index + 1, index < 10 ? 2 : 0));
    expect(saturatedSince(markOf(undefined), series, undefined)).toMatch(/^the event loop of shard 0 lagged/);
  });

  it("does not when its sockets dropped datagrams since the mark", () => {
    const mark = markOf(snapshot(2, 0, 3));
    expect(saturatedSince(mark, [], snapshot(3, 0, 3))).toBeUndefined();
    expect(saturatedSince(mark, [], snapshot(3, 0, 5))).toBe("the kernel dropped 2 datagrams at the fleet's own sockets");
  });

  it("says nothing about drops where they cannot be known", () => {
    expect(saturatedSince(markOf(undefined), [], snapshot(3, 0, undefined))).toBeUndefined();
  });
});
