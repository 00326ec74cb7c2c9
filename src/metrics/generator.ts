import type { Metrics, Sample } from "./metrics.js";

/** How well the load generator itself is doing; a saturated one judges nobody's timing. */
export interface GeneratorHealth {
  /** Datagrams the kernel dropped at the fleet's own sockets; undefined where unknown. */
  readonly kernelDrops?: number | undefined;
  /** Slowest shard's event-loop lag, 99th percentile, milliseconds. */
  readonly loopLagP99Ms?: number | undefined;
  readonly saturated: boolean;
}

export interface FleetFigures {
  readonly health: GeneratorHealth;
  /** Devices by what became of them: `bootstrapped`, `registered`, `failed`. */
  readonly devices: Readonly<Record<string, number>>;
  /** Latency in milliseconds by operation and quantile: `{register: {"0.99": 12}}`. */
  readonly latencies: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Shows the merged figures of a fleet; `read` gives the newest, undefined before there are any. */
export function fleetMetrics(metrics: Metrics, read: () => FleetFigures | undefined): void {
  metrics.gauges("muster_fleet_devices", "Devices of the fleet by state.", ["state"], () => Object.entries(read()?.devices ?? {}).map(([state, value]): Sample<"state"> => [{ state }, value]));
  metrics.gauges("muster_fleet_latency_seconds", "Latency percentiles of the whole fleet, from the intended start.", ["operation", "quantile"], () =>
    Object.entries(read()?.latencies ?? {}).flatMap(([operation, quantiles]) => Object.entries(quantiles).map(([quantile, value]): Sample<"operation" | "quantile"> => [{ operation, quantile }, value / 1000])),
  );
  metrics.total("muster_generator_kernel_drops_total", "Datagrams the kernel dropped at the fleet's own sockets.", [], () => one(read()?.health.kernelDrops));
  metrics.gauge("muster_generator_loop_lag_seconds", "Event-loop lag of the slowest shard, 99th percentile.", () => {
    const lag = read()?.health.loopLagP99Ms;
    return lag === undefined ? undefined : lag / 1000;
  });
  metrics.gauge("muster_generator_saturated", "1 when the generator, not the system under test, was the limit.", () => {
    const figures = read();
    return figures === undefined ? undefined : Number(figures.health.saturated);
  });
}

const one = (value: number | undefined): Sample<never>[] => (value === undefined ? [] : [[{}, value]]);
