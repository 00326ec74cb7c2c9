import { build } from "hdr-histogram-js";
import { describe, expect, it } from "vitest";
import { decoded, Histograms } from "./histograms.js";
import { Merge } from "./merge.js";

describe("merged histograms", () => {
  it("give the distribution in bins that double, from the smallest value to the largest", () => {
    const [one, two, merged] = [new Histograms(), new Histograms(), new Histograms()];
    for (const ms of [0.1, 0.2, 0.3]) one.record("register", ms);
    for (const ms of [3, 3.5]) two.record("register", ms);
    merged.merge(decoded(one.take()));
    merged.merge(decoded(two.take()));
    const bins = merged.distribution().register ?? [];
    expect(bins.filter(({ count }) => count > 0)).toEqual([
      { upToMs: 0.125, count: 1 },
      { upToMs: 0.25, count: 1 },
      { upToMs: 0.5, count: 1 },
      { upToMs: 4, count: 2 },
    ]);
    expect(bins.map(({ upToMs }) => upToMs)).toEqual([0.125, 0.25, 0.5, 1, 2, 4]);
  });

  it("count every value, whatever its size", () => {
    const histograms = new Histograms();
    for (const ms of [0, 1, 60_000, 10_000_000]) histograms.record("update", ms);
    expect((histograms.distribution().update ?? []).reduce((sum, { count }) => sum + count, 0)).toBe(4);
  });

  it("give the percentiles of the library that counts", () => {
    const reference = build({ bitBucketSize: 32, highestTrackableValue: 900_000_000 });
    const histograms = new Histograms();
    for (let i = 1; i <= 3000; i++) {
      const microseconds = (i * i * 7919) % 5_000_000;
      reference.recordValue(microseconds);
      histograms.record("update", microseconds / 1000);
    }
    const at = (percentile: number): number => reference.getValueAtPercentile(percentile) / 1000;
    expect(histograms.percentiles().update).toEqual({ count: 3000, mean: Math.round(reference.mean) / 1000, p50: at(50), p90: at(90), p95: at(95), p99: at(99), p999: at(99.9), max: reference.maxValue / 1000 });
  });

  it("have nothing to say of what never happened", () => {
    expect(new Histograms().distribution()).toEqual({});
  });
});

describe("the fleet's figures", () => {
  it("hold what no shard can time, in the interval that it was told and from the start", () => {
    const merge = new Merge(2);
    merge.record("order-to-confirmed", 250);
    expect(merge.tick().interval["order-to-confirmed"]).toMatchObject({ count: 1, p50: 250.111 });
    const { interval, latency } = merge.tick();
    expect(interval["order-to-confirmed"]).toBeUndefined();
    expect(latency["order-to-confirmed"]?.count).toBe(1);
  });
});
