import { decodeFromCompressedBase64, encodeIntoCompressedBase64, Int32Histogram } from "hdr-histogram-js";
import type { Bin, Percentiles } from "./fleet-types.js";
import { operations, type Operation } from "./protocol.js";

/** A quarter of an hour, in microseconds: longer is counted as that. */
const highest = 900_000_000;

const fresh = (): Int32Histogram => new Int32Histogram(1, highest, 3);

function decode(text: string): Int32Histogram {
  const histogram = decodeFromCompressedBase64(text, 32);
  if (!(histogram instanceof Int32Histogram)) throw new TypeError("not the counts of a shard");
  return histogram;
}

export type DecodedHistograms = readonly (readonly [Operation, Int32Histogram])[];

/** What `take` encoded. */
export const decoded = (encoded: Readonly<Partial<Record<Operation, string>>>): DecodedHistograms =>
  operations.flatMap((operation) => {
    const text = encoded[operation];
    return text === undefined ? [] : [[operation, decode(text)] as const];
  });

/** One histogram for each operation that happened, in microseconds. */
export class Histograms {
  readonly #of = new Map<Operation, Int32Histogram>();

  record(operation: Operation, milliseconds: number): void {
    this.#histogramOf(operation).recordValue(Math.min(highest, Math.max(0, Math.round(milliseconds * 1000))));
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

  merge(histograms: DecodedHistograms): void {
    for (const [operation, histogram] of histograms) this.#histogramOf(operation).add(histogram);
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

  #histogramOf(operation: Operation): Int32Histogram {
    let histogram = this.#of.get(operation);
    if (histogram === undefined) this.#of.set(operation, (histogram = fresh()));
    return histogram;
  }
}

/** The values that occur, from the smallest on, and how often: what lies between `from` and `to` is one value to a histogram. The library's own iterator takes ten times as long. */
function* recorded(histogram: Int32Histogram): Generator<{ readonly from: number; readonly to: number; readonly count: number }> {
  for (let index = 0, left = histogram.totalCount; left > 0; index++) {
    const count = histogram.getCountAtIndex(index);
    if (count === 0) continue;
    left -= count;
    yield { from: histogram.valueFromIndex(index), to: histogram.valueFromIndex(index + 1) - 1, count };
  }
}

/** Bins from the smallest value to the largest, each twice as wide as the one before. */
function binsOf(histogram: Int32Histogram): Bin[] {
  const bins: Bin[] = [];
  let upTo = 125;
  let inBin = 0;
  for (const { to, count } of recorded(histogram)) {
    for (; to > upTo; upTo *= 2) {
      if (bins.length + inBin > 0) bins.push({ upToMs: ms(upTo), count: inBin });
      inBin = 0;
    }
    inBin += count;
  }
  bins.push({ upToMs: ms(upTo), count: inBin });
  return bins;
}

const ms = (microseconds: number): number => Math.round(microseconds) / 1000;

const perMille = [["p50", 500], ["p90", 900], ["p95", 950], ["p99", 990], ["p999", 999]] as const;

/** All of them in one walk: it is done for every operation in every second. */
function percentilesOf(histogram: Int32Histogram): Percentiles {
  const { totalCount } = histogram;
  const found = { p50: 0, p90: 0, p95: 0, p99: 0, p999: 0 };
  let seen = 0;
  let sum = 0;
  for (const { from, to, count } of recorded(histogram)) {
    for (const [name, share] of perMille) if (seen * 1000 < share * totalCount) found[name] = ms(to);
    seen += count;
    sum += count * Math.ceil((from + to) / 2);
  }
  return { count: totalCount, mean: ms(sum / totalCount), ...found, max: ms(histogram.maxValue) };
}
