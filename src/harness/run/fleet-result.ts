import type { Fleet, FleetSnapshot } from "../../../simulators/fleet/index.js";
import type { FleetResult } from "../result.js";

/** The fleet's share of a result, from its last figures and those of each second. */
export function fleetResult(last: FleetSnapshot, series: readonly FleetSnapshot[], distribution: ReturnType<Fleet["distribution"]>, referenceDrops: Readonly<Record<string, number | undefined>>): FleetResult {
  return {
    counters: { ...last.counters },
    states: { ...last.states },
    latency: { ...last.latency },
    distribution: Object.fromEntries(Object.entries(distribution).map(([operation, bins]) => [operation, [...bins]])),
    generator: {
      saturated: last.health.saturated,
      loopLagP99Ms: last.health.loopLagP99Ms,
      socketDrops: last.health.socketDrops ?? null,
      receiveBuffer: last.health.receiveBuffer ?? null,
      shards: last.health.shards.length,
    },
    referenceDrops: Object.fromEntries(Object.entries(referenceDrops).map(([role, drops]) => [role, drops ?? null])),
    series: series.map((snapshot) => ({
      second: snapshot.second,
      bootstrapped: snapshot.counters.bootstrapsFinished,
      registered: snapshot.states.registered,
      failed: snapshot.counters.registrationsFailed + snapshot.counters.bootstrapsFailed,
      updates: snapshot.counters.updates,
      p99: Object.fromEntries(Object.entries(snapshot.interval).map(([operation, percentiles]) => [operation, percentiles.p99])),
    })),
  };
}
