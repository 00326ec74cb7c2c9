import { describe, expect, it } from "vitest";
import type { FleetSnapshot } from "../../../simulators/fleet/index.js";
import { markOf, saturatedSince } from "./saturation.js";

const snapshot = (second: number, loopLagP99Ms: number, socketDrops: number | undefined = 0): FleetSnapshot =>
  ({ second, health: { socketDrops, shards: [{ loopLagP99Ms }, { loopLagP99Ms: 1 }] } }) as unknown as FleetSnapshot;

describe("the generator", () => {
  it("vouches for times while no shard lagged and nothing was dropped", () => {
    expect(saturatedSince(markOf(undefined), [snapshot(1, 99)], snapshot(2, 5))).toBeUndefined();
  });

  it("does not when a shard lagged since the mark, and does when that was before", () => {
    const series = [snapshot(1, 150), snapshot(2, 5), snapshot(3, 5)];
    expect(saturatedSince(markOf(undefined), series, undefined)).toBe("a shard's event loop lagged 150 ms (p99) in second 1");
    expect(saturatedSince(markOf(snapshot(2, 5)), series, undefined)).toBeUndefined();
  });

  it("does not when its sockets dropped datagrams since the mark", () => {
    const mark = markOf(snapshot(2, 5, 3));
    expect(saturatedSince(mark, [], snapshot(3, 5, 3))).toBeUndefined();
    expect(saturatedSince(mark, [], snapshot(3, 5, 5))).toBe("the kernel dropped 2 datagrams at the fleet's own sockets");
  });

  it("says nothing about drops where they cannot be known", () => {
    expect(saturatedSince(markOf(undefined), [], snapshot(3, 5, undefined))).toBeUndefined();
  });
});
