import { laggedWithin, lagLimitMs, type FleetSnapshot } from "../../../simulators/fleet/index.js";

/** A point in the fleet's figures, to ask later what happened since. */
export interface HealthMark {
  readonly second: number;
  readonly drops: number;
  /** Looks at the machine's processors until then. */
  readonly looks: number;
}

export const markOf = (snapshot: FleetSnapshot | undefined, looks = 0): HealthMark => ({ second: snapshot?.second ?? 0, drops: snapshot?.health.socketDrops ?? 0, looks });

/**
 * Why the generator cannot vouch for times since the mark: a shard lagged (p99 of the turns of its event loop in some ten seconds since), or its
 * sockets dropped datagrams. Undefined when it can.
 */
export function saturatedSince(mark: HealthMark, series: readonly FleetSnapshot[], now: FleetSnapshot | undefined): string | undefined {
  const since = series.filter(({ second }) => second > mark.second).map(({ health }) => health.shards);
  const shards = Math.max(0, ...since.map((health) => health.length));
  for (let shard = 0; shard < shards; shard++) {
    const intervals = since.flatMap((health) => health[shard] ?? []);
    const worst = Math.max(0, ...intervals.map(({ loopLagMaxMs }) => loopLagMaxMs));
    if (laggedWithin(intervals)) return `the event loop of shard ${shard} lagged more than ${lagLimitMs} ms (p99), ${worst.toFixed(0)} ms at worst`;
  }
  const dropped = (now?.health.socketDrops ?? 0) - mark.drops;
  return dropped > 0 ? `the kernel dropped ${dropped} datagrams at the fleet's own sockets` : undefined;
}
