import { Counter, Gauge, Registry } from "prom-client";
import { OperationMetrics, registerOperations } from "./operations.js";

/** One sample of a family: its labels and its value now. */
export type Sample<Label extends string> = readonly [labels: Readonly<Record<Label, string>>, value: number];

/** Operations kept apart; their names come from our code, so this is never reached but by a mistake. */
const maxOperations = 200;

/**
 * The metrics of one role or one run. Labels are of low cardinality: role, name, operation, code, outcome; a device is never a label.
 * Everything is read when it is scraped, so the hot path pays for counting only.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #operations = new Map<string, OperationMetrics>();

  /** `labels` go on every sample: `{role: "lwm2m-server", name: "server-a"}`. */
  constructor(labels: Readonly<Record<string, string>> = {}) {
    this.registry.setDefaultLabels(labels);
    registerOperations(this.registry, this.#operations);
    this.gauge("process_resident_memory_bytes", "Resident memory of the whole process.", () => process.memoryUsage.rss());
    this.gauge("process_heap_used_bytes", "Heap in use of this thread.", () => process.memoryUsage().heapUsed);
    this.total("process_cpu_seconds_total", "CPU time of the whole process, user and system.", [], () => {
      const { user, system } = process.cpuUsage();
      return [[{}, (user + system) / 1_000_000]];
    });
  }

  /** The cell of an operation; ask once and keep it. */
  operation(name: string): OperationMetrics {
    const kept = this.#operations.get(name);
    if (kept !== undefined) return kept;
    if (this.#operations.size >= maxOperations) throw new RangeError(`more than ${maxOperations} operations have metrics: ${name} cannot`);
    const created = new OperationMetrics(name);
    this.#operations.set(name, created);
    return created;
  }

  /** A number that goes up and down, read at scrape time; NaN and undefined are left out. */
  gauge(name: string, help: string, read: () => number | undefined): void {
    this.gauges(name, help, [], () => {
      const value = read();
      return value === undefined ? [] : [[{}, value]];
    });
  }

  gauges<Label extends string>(name: string, help: string, labels: readonly Label[], read: () => Iterable<Sample<Label>>): void {
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [this.registry],
      collect() {
        this.reset();
        // A family without labels would otherwise show 0 for what is unknown.
        if (labels.length === 0) this.remove({});
        for (const [given, value] of read()) if (Number.isFinite(value)) this.labels(given).set(value);
      },
    });
  }

  /** Counters kept elsewhere, that only grow. */
  total<Label extends string>(name: string, help: string, labels: readonly Label[], read: () => Iterable<Sample<Label>>): void {
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [this.registry],
      collect() {
        this.reset();
        // A family without labels would otherwise show 0 for what is unknown.
        if (labels.length === 0) this.remove({});
        for (const [given, value] of read()) if (Number.isFinite(value)) this.labels(given).inc(Math.max(0, value));
      },
    });
  }

  /** The counters of a CoAP endpoint as `muster_coap_events_total{event}`. */
  coap(read: () => object): void {
    this.total("muster_coap_events_total", "What the CoAP endpoint counted: datagrams, retransmissions, duplicates, malformed messages.", ["event"], () =>
      Object.entries(read()).flatMap(([event, value]): Sample<"event">[] => (typeof value === "number" ? [[{ event }, value]] : [])),
    );
  }

  /** What Prometheus reads. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}
