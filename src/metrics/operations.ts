import { Counter, Histogram } from "prom-client";
import type { MetricObjectWithValues, MetricValueWithName, Registry } from "prom-client";

/** Upper bounds in seconds: from a loopback exchange to a CON that used up its retransmissions. */
export const durationBuckets: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100];

export type Outcome = "ok" | "refused" | "failed";
const outcomes: readonly Outcome[] = ["ok", "refused", "failed"];

class CodeCell {
  count = 0;
  constructor(
    readonly code: string,
    readonly outcome: Outcome,
  ) {}
}

class DurationCell {
  readonly buckets = new Float64Array(durationBuckets.length + 1);
  sum = 0;
  count = 0;
}

/** Distinct codes kept apart per operation; a peer that invents more of them is counted under `other`. */
const maxCodes = 64;

/**
 * One operation of a role (`register`, `smp.activation.put`). `done` costs a map look-up and a few additions, no allocation:
 * prom-client sees the numbers when somebody scrapes.
 */
export class OperationMetrics {
  /** @internal */
  readonly codes = new Map<string, CodeCell>();
  /** @internal */
  readonly durations: Readonly<Record<Outcome, DurationCell>> = { ok: new DurationCell(), refused: new DurationCell(), failed: new DurationCell() };

  constructor(readonly operation: string) {}

  /** It was answered with a CoAP code (`2.04`) or an HTTP status (`204`). */
  done(code: string, milliseconds?: number): void {
    const first = code.charCodeAt(0);
    this.#count(code, first === 0x32 || first === 0x33 || first === 0x31 ? "ok" : "refused", milliseconds);
  }

  /** No answer came; `reason` is one of a small set (`timeout`, `reset`, ...). */
  failed(reason: string, milliseconds?: number): void {
    this.#count(reason, "failed", milliseconds);
  }

  #count(code: string, outcome: Outcome, milliseconds: number | undefined): void {
    let cell = this.codes.get(code);
    if (cell === undefined) {
      const name = this.codes.size < maxCodes ? code : "other";
      cell = this.codes.get(name) ?? new CodeCell(name, outcome);
      this.codes.set(name, cell);
    }
    cell.count++;
    if (milliseconds === undefined) return;
    const duration = this.durations[outcome];
    const seconds = milliseconds / 1000;
    let bucket = 0;
    while (bucket < durationBuckets.length && seconds > (durationBuckets[bucket] ?? 0)) bucket++;
    duration.buckets[bucket] = (duration.buckets[bucket] ?? 0) + 1;
    duration.sum += seconds;
    duration.count++;
  }
}

const durationName = "muster_operation_duration_seconds";
const durationHelp = "Duration of operations; for a fleet from the intended start.";

/** `muster_operation_duration_seconds`, read out of the cells at scrape time. */
type DurationLabel = "operation" | "outcome" | "le";
type DurationValues = MetricObjectWithValues<MetricValueWithName<DurationLabel>>;

class DurationHistogram extends Histogram<DurationLabel> {
  /** Gives the family's name, help and type; nothing is ever observed in it. */
  readonly #frame = new Histogram<DurationLabel>({ name: durationName, help: durationHelp, registers: [] });
  #operations: ReadonlyMap<string, OperationMetrics> = new Map();

  readFrom(operations: ReadonlyMap<string, OperationMetrics>): void {
    this.#operations = operations;
  }

  override async get(): Promise<DurationValues> {
    const frame = await this.#frame.get();
    return { ...frame, values: [...this.#operations.values()].flatMap((operation) => outcomes.flatMap((outcome) => valuesOf(operation, outcome))) };
  }

  /** prom-client asks this one when it writes text. */
  getForPromString(): Promise<DurationValues> {
    return this.get();
  }
}


function valuesOf(operation: OperationMetrics, outcome: Outcome): MetricValueWithName<DurationLabel>[] {
  const cell = operation.durations[outcome];
  if (cell.count === 0) return [];
  const labels = { operation: operation.operation, outcome };
  let below = 0;
  const buckets = durationBuckets.map((bound, index) => {
    below += cell.buckets[index] ?? 0;
    return { metricName: `${durationName}_bucket`, labels: { ...labels, le: bound }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${durationName}_bucket`, labels: { ...labels, le: "+Inf" }, value: cell.count },
    { metricName: `${durationName}_sum`, labels, value: cell.sum },
    { metricName: `${durationName}_count`, labels, value: cell.count },
  ];
}

/** Registers the two families that read from `operations`. */
export function registerOperations(registry: Registry, operations: ReadonlyMap<string, OperationMetrics>): void {
  new Counter({
    name: "muster_operations_total",
    help: "Operations finished, by operation, code (CoAP code, HTTP status or reason of failure) and outcome.",
    labelNames: ["operation", "code", "outcome"] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { operation, codes } of operations.values()) {
        for (const { code, outcome, count } of new Set(codes.values())) this.inc({ operation, code, outcome }, count);
      }
    },
  });
  new DurationHistogram({
    name: durationName,
    help: durationHelp,
    labelNames: ["operation", "outcome"] as const,
    buckets: [...durationBuckets],
    registers: [registry],
  }).readFrom(operations);
}
