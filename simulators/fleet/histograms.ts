import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { Bin, Percentiles } from "./fleet-types.js";
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

  distribution(): Partial<Record<Operation, readonly Bin[]>> {
    const found: Partial<Record<Operation, readonly Bin[]>> = {};
    for (const [operation, histogram] of this.#of) if (histogram.totalCount > 0) found[operation] = binsOf(histogram);
    return found;
  }
}

/** Recorded values up to `value`: the greatest rank whose percentile is not above it. */
function countUpTo(histogram: Histogram, value: number): number {
  if (histogram.maxValue <= value) return histogram.totalCount;
  let low = 0;
  let high = histogram.totalCount;
  while (low < high) {
    const rank = Math.ceil((low + high) / 2);
    if (histogram.getValueAtPercentile((100 * rank) / histogram.totalCount) <= value) low = rank;
    else high = rank - 1;
  }
  return low;
}

/** Bins from the smallest value to the largest, each twice as wide as the one before. */
function binsOf(histogram: Histogram): Bin[] {
  const bins: Bin[] = [];
  let before = 0;
  for (let upTo = 125; before < histogram.totalCount && upTo <= 2 * highest; upTo *= 2) {
    const sum = countUpTo(histogram, upTo);
    if (sum > 0) bins.push({ upToMs: ms(upTo), count: sum - before });
    before = sum;
  }
  return bins;
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
