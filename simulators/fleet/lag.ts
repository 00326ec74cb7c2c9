import type { ShardHealth } from "./protocol.js";

/** Event-loop lag above which a shard cannot keep its own times any more, milliseconds. */
export const lagLimitMs = 100;

type Turns = Pick<ShardHealth, "loopTurns" | "lateTurns">;

/** Fewer late turns than this are single hiccups and no percentile of anything. */
const fewestLate = 3;

/**
 * Whether the p99 of a shard's event-loop lag over these intervals is above the limit: more than one turn in a hundred came too late. A second has about a
 * hundred turns, so that its p99 alone would be its worst one.
 */
export function lagged(intervals: readonly Turns[]): boolean {
  let turns = 0;
  let late = 0;
  for (const { loopTurns, lateTurns } of intervals) {
    turns += loopTurns;
    late += lateTurns;
  }
  return late >= fewestLate && late * 100 > turns;
}

const windowSeconds = 10;

/** Whether a shard lagged in any ten seconds of these intervals, or in all of them where they are fewer: a long quiet time afterwards takes nothing back. */
export function laggedWithin(intervals: readonly Turns[]): boolean {
  const lastFrom = Math.max(0, intervals.length - windowSeconds);
  for (let from = 0; from <= lastFrom; from++) if (lagged(intervals.slice(from, from + windowSeconds))) return true;
  return false;
}

/** The last ten intervals of one shard. */
export class LagWindow {
  readonly #intervals: Turns[] = [];

  /** True when the shard lagged within the window that this interval completes. */
  add({ loopTurns, lateTurns }: Turns): boolean {
    this.#intervals.push({ loopTurns, lateTurns });
    if (this.#intervals.length > windowSeconds) this.#intervals.shift();
    return lagged(this.#intervals);
  }
}
