import type { Bin, FleetHealth, FleetSnapshot } from "./fleet-types.js";
import { decoded, Histograms } from "./histograms.js";
import { LagWindow } from "./lag.js";
import type { FromShard, Operation, ShardCounters, ShardHealth } from "./protocol.js";
import { newCounters, noStates, type FleetState } from "../device/index.js";

type Statistics = Extract<FromShard, { type: "statistics" }>;

const secondsKept = 3600;

/** Merges what the shards send: the only place where percentiles are computed. */
export class Merge {
  readonly #total = new Histograms();
  #interval = new Histograms();
  readonly #latest: (Statistics | undefined)[];
  readonly #series: FleetSnapshot[] = [];
  #second = 0;
  readonly #recent: LagWindow[];
  #lagged = false;

  constructor(shards: number) {
    this.#latest = Array.from({ length: shards }, () => undefined);
    this.#recent = Array.from({ length: shards }, () => new LagWindow());
  }

  take(statistics: Statistics): void {
    this.#latest[statistics.shard] = statistics;
    const histograms = decoded(statistics.histograms);
    this.#total.merge(histograms);
    this.#interval.merge(histograms);
    if (this.#recent[statistics.shard]?.add(statistics.health) === true) this.#lagged = true;
  }

  /** What was measured outside the shards. */
  record(operation: Operation, milliseconds: number): void {
    this.#total.record(operation, milliseconds);
    this.#interval.record(operation, milliseconds);
  }

  /** Closes an interval. */
  tick(): FleetSnapshot {
    this.#second++;
    const snapshot = this.snapshot();
    this.#interval = new Histograms();
    if (this.#series.length === secondsKept) this.#series.shift();
    this.#series.push(snapshot);
    return snapshot;
  }

  distribution(): Readonly<Partial<Record<Operation, readonly Bin[]>>> {
    return this.#total.distribution();
  }

  get series(): readonly FleetSnapshot[] {
    return this.#series;
  }

  snapshot(): FleetSnapshot {
    const present = this.#latest.filter((statistics) => statistics !== undefined);
    return {
      second: this.#second,
      states: present.map(({ states }) => states).reduce<Record<FleetState, number>>(sum, noStates()),
      counters: present.map(({ counters }) => counters).reduce<ShardCounters>(sum, noCounters()),
      latency: this.#total.percentiles(),
      interval: this.#interval.percentiles(),
      health: this.#health(present.map(({ health }) => health)),
    };
  }

  #health(shards: readonly ShardHealth[]): FleetHealth {
    const drops = shards.map(({ socketDrops }) => socketDrops).filter((count) => count !== undefined);
    const socketDrops = drops.length === 0 ? undefined : drops.reduce((total, count) => total + count, 0);
    const refusedSockets = shards.reduce((total, { refusedSockets: refused }) => total + refused, 0);
    const buffers = shards.map(({ receiveBuffer }) => receiveBuffer).filter((bytes) => bytes !== undefined);
    return {
      loopLagP99Ms: Math.max(0, ...shards.map(({ loopLagP99Ms }) => loopLagP99Ms)),
      socketDrops,
      lostOnPurpose: shards.reduce((total, { lostOnPurpose }) => total + lostOnPurpose, 0),
      refusedSockets,
      receiveBuffer: buffers.length === 0 ? undefined : Math.min(...buffers),
      openSockets: shards.reduce((total, { openSockets }) => total + openSockets, 0),
      saturated: this.#lagged || (socketDrops ?? 0) > 0 || refusedSockets > 0,
      shards,
    };
  }
}

const noCounters = (): ShardCounters => ({ ...newCounters(), devices: 0, started: 0, datagramsIn: 0, datagramsOut: 0, retransmissions: 0, timeouts: 0 });

function sum<K extends string>(into: Record<K, number>, more: Readonly<Record<K, number>>): Record<K, number> {
  for (const name of Object.keys(into) as K[]) into[name] += more[name];
  return into;
}
