import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { Percentiles } from "./fleet-types.js";
import { operations, type Operation } from "./protocol.js";

/** A quarter of an hour, in microseconds: longer is counted as that. */
const highest = 900_000_000;

const fresh = (): Histogram => build({ bitBucketSize: 32, lowestDiscernibleValue: 1, highestTrackableValue: highest, numberOfSignificantValueDigits: 3, autoResize: false });

/** One histogram for each operation that happened, in microseconds. */
export class Histograms {
  readonly #of = new Map<Operation, Histogram>();

  record(operation: Operation, milliseconds: number): void {
    let histogram = this.#of.get(operation);
    if (histogram === undefined) this.#of.set(operation, (histogram = fresh()));
    histogram.recordValue(Math.min(highest, Math.max(0, Math.round(milliseconds * 1000))));
  }

  /** Encoded for the main thread, and emptied for the next interval. */
  take(): Partial<Record<Operation, string>> {
    const encoded: Partial<Record<Operation, string>> = {};
    for (const [operation, histogram] of this.#of) {
      if (histogram.totalCount === 0) continue;
      encoded[operation] = encodeIntoCompressedBase64(histogram);
      histogram.reset();
    }
    return encoded;
  }

  merge(encoded: Readonly<Partial<Record<Operation, string>>>): void {
    for (const operation of operations) {
      const text = encoded[operation];
      if (text === undefined) continue;
      let histogram = this.#of.get(operation);
      if (histogram === undefined) this.#of.set(operation, (histogram = fresh()));
      histogram.add(decodeFromCompressedBase64(text, 32));
    }
  }

  percentiles(): Partial<Record<Operation, Percentiles>> {
    const figures: Partial<Record<Operation, Percentiles>> = {};
    for (const [operation, histogram] of this.#of) if (histogram.totalCount > 0) figures[operation] = percentilesOf(histogram);
    return figures;
  }
}

const ms = (microseconds: number): number => Math.round(microseconds) / 1000;

const percentilesOf = (histogram: Histogram): Percentiles => ({
  count: histogram.totalCount,
  mean: ms(histogram.mean),
  p50: ms(histogram.getValueAtPercentile(50)),
  p90: ms(histogram.getValueAtPercentile(90)),
  p95: ms(histogram.getValueAtPercentile(95)),
  p99: ms(histogram.getValueAtPercentile(99)),
  p999: ms(histogram.getValueAtPercentile(99.9)),
  max: ms(histogram.maxValue),
});
