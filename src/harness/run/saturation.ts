import type { FleetSnapshot } from "../../../simulators/fleet/index.js";

/** Event-loop lag (p99 of a second) above which a shard cannot keep its own times any more, milliseconds. */
export const lagLimitMs = 100;

/** A point in the fleet's figures, to ask later what happened since. */
export interface HealthMark {
  readonly second: number;
  readonly drops: number;
}

export const markOf = (snapshot: FleetSnapshot | undefined): HealthMark => ({ second: snapshot?.second ?? 0, drops: snapshot?.health.socketDrops ?? 0 });

/** Why the generator cannot vouch for times since the mark: a shard lagged, or its sockets dropped datagrams. Undefined when it can. */
export function saturatedSince(mark: HealthMark, series: readonly FleetSnapshot[], now: FleetSnapshot | undefined): string | undefined {
  for (const snapshot of now === undefined ? series : [...series, now]) {
    if (snapshot.second < mark.second) continue;
    const worst = Math.max(0, ...snapshot.health.shards.map((shard) => shard.loopLagP99Ms));
    if (worst > lagLimitMs) return `a shard's event loop lagged ${worst.toFixed(0)} ms (p99) in second ${Math.round(snapshot.second)}`;
  }
  const dropped = (now?.health.socketDrops ?? 0) - mark.drops;
  return dropped > 0 ? `the kernel dropped ${dropped} datagrams at the fleet's own sockets` : undefined;
}
