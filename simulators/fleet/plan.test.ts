import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testCredentials, timing } from "../../src/config/index.js";
import { deviceOf, endpointName, indexIn, indexOf, personalityOf, planFor, positionOf, sliceOf, type FleetPlan } from "./plan.js";

const { coap, device } = timing("lab");
const plan = (more: Partial<FleetPlan> = {}): FleetPlan => ({
  name: "load",
  first: 1,
  last: 1001,
  seed: 5,
  endpointPattern: "ab-fleet-{index:08d}",
  lwm2m: "1.1",
  shape: { kind: "storm" },
  timing: { coap, device },
  ...more,
});
const indexes = ({ first, last }: { first: number; last: number }): number[] => Array.from({ length: last - first }, (_, at) => first + at);

const ranges = fc.record({ first: fc.integer({ min: 0, max: 100_000 }), devices: fc.integer({ min: 1, max: 3_000 }), seed: fc.integer(), shards: fc.integer({ min: 1, max: 32 }) });

describe("the slices of a plan", () => {
  it("are disjoint and cover it, for every number of shards", () => {
    fc.assert(
      fc.property(ranges, ({ first, devices, shards }) => {
        const covered = Array.from({ length: shards }, (_, shard) => indexes(sliceOf({ first, last: first + devices }, shard, shards))).flat();
        expect(covered).toEqual(indexes({ first, last: first + devices }));
      }),
    );
  });
});

describe("a device of a plan", () => {
  it("is the same whichever shard runs it, and however many there are", () => {
    fc.assert(
      fc.property(ranges, ({ first, devices, seed, shards }) => {
        const whole = plan({ first, last: first + devices, seed, personalities: [{ personality: "sleepy", share: 0.2 }] });
        const index = first + Math.abs(seed) % devices;
        const shard = Array.from({ length: shards }, (_, each) => each).find((each) => index >= sliceOf(whole, each, shards).first && index < sliceOf(whole, each, shards).last);
        expect(shard).toBeDefined();
        // Strides are remembered from call to call: another plan in between must not change the device.
        const before = deviceOf(whole, index);
        const position = positionOf(whole, index);
        deviceOf(plan({ last: 7, personalities: [{ personality: "sleepy", share: 0.5 }] }), 3);
        expect(deviceOf(structuredClone(whole), index)).toEqual(before);
        expect(positionOf(whole, index)).toBe(position);
      }),
    );
  });

  it("has a name and a seed of its own", () => {
    const devices = indexes(plan()).map((index) => deviceOf(plan(), index));
    expect(devices[0]?.endpoint).toBe("ab-fleet-00000001");
    expect(new Set(devices.map(({ endpoint }) => endpoint)).size).toBe(1000);
    expect(new Set(devices.map(({ seed }) => seed)).size).toBe(1000);
  });

  it("has another source address when one has no ports left", () => {
    const large = plan({ last: 2_100_001, perAddress: 8_000 });
    expect([1, 8_000, 8_001, 2_056_001].map((index) => deviceOf(large, index).host)).toEqual(["127.0.0.1", "127.0.0.1", "127.1.1.1", "127.2.1.1"]);
  });

  it("is traced when it belongs to the sample", () => {
    const traced = indexes(plan()).filter((index) => deviceOf(plan({ traced: 4 }), index).traced === true);
    expect(traced).toEqual([1, 251, 501, 751]);
    expect(indexes(plan()).some((index) => deviceOf(plan({ traced: 0 }), index).traced === true)).toBe(false);
  });
});

describe("endpoint names", () => {
  it("give their index back, and no other name does", () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.constantFrom("ab-fleet-{index:08d}", "x{index}y", "urn:dev:{index:03d}"), (index, pattern) => {
        expect(indexOf(pattern, endpointName(pattern, index))).toBe(index);
      }),
    );
    expect(indexOf("ab-fleet-{index:08d}", "ab-fleet-1")).toBeUndefined();
    expect(indexOf("ab-fleet-{index:08d}", "ab-fleet-0000000x")).toBeUndefined();
    expect(indexOf("ab-{index}", "ab-01")).toBeUndefined();
    expect(indexOf("fixed", "fixed")).toBeUndefined();
  });
});

describe("the order of starting", () => {
  it("gives each device a position of its own", () => {
    fc.assert(
      fc.property(ranges, ({ first, devices, seed }) => {
        const of = { first, last: first + devices, seed };
        const positions = new Set(indexes(of).map((index) => positionOf(of, index)));
        expect(positions.size).toBe(devices);
        expect(Math.max(...positions)).toBe(devices - 1);
        expect(Math.min(...positions)).toBe(0);
      }),
    );
  });

  it("spreads every slice over the whole start", () => {
    const slice = sliceOf(plan(), 1, 4);
    const early = indexes(slice).filter((index) => positionOf(plan(), index) < 500);
    expect(early.length).toBeGreaterThan(100);
    expect(early.length).toBeLessThan(150);
  });
});

describe("personalities", () => {
  const mixed = plan({
    personalities: [
      { personality: "silent-after-trigger", share: 0.1 },
      { personality: "sleepy", share: 0.25 },
    ],
  });

  it("have exactly their shares, and the rest is default", () => {
    const counts = new Map<string, number>();
    for (const index of indexes(mixed)) counts.set(personalityOf(mixed, index), (counts.get(personalityOf(mixed, index)) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({ "silent-after-trigger": 100, sleepy: 250, default: 650 });
  });

  it("are spread over the start", () => {
    const sleepy = indexes(mixed).filter((index) => personalityOf(mixed, index) === "sleepy");
    const early = sleepy.filter((index) => positionOf(mixed, index) < 500);
    expect(early.length).toBeGreaterThan(100);
    expect(early.length).toBeLessThan(150);
  });
});

describe("the credentials of a plan's devices", () => {
  const secured = { servers: [{ uri: "coaps://127.0.0.1:5684", shortServerId: 101, lifetime: 60 }] };

  it("are test keys, which follow from the seed and the number", () => {
    expect(deviceOf(plan(secured), 17).credentials).toEqual(testCredentials(5, 17, "ab-fleet-00000017"));
    expect(deviceOf(plan({ bootstrap: { uri: "coaps://127.0.0.1:5684" } }), 17).credentials?.bootstrap).toBeDefined();
    expect(deviceOf(plan({ servers: [{ uri: "coap://127.0.0.1:5683", shortServerId: 101, lifetime: 60 }] }), 17)).not.toHaveProperty("credentials");
  });

  it("come from a list with the names, of which each shard gets its part", () => {
    const devices = Array.from({ length: 1000 }, (_, at) => testCredentials(1, at, `their-${at}`));
    const whole = plan({ ...secured, credentials: { first: 1, devices } });
    expect(indexIn(whole, "their-16")).toBe(17);
    expect(indexIn(whole, "ab-fleet-00000017")).toBeUndefined();
    for (const shard of [0, 1, 2]) {
      const slice = sliceOf(whole, shard, 3);
      const part = planFor(whole, slice);
      expect(part.credentials?.devices).toHaveLength(slice.last - slice.first);
      for (const index of [slice.first, slice.last - 1]) {
        expect(deviceOf(part, index)).toEqual(deviceOf(whole, index));
        expect(deviceOf(part, index)).toMatchObject({ endpoint: `their-${index - 1}`, credentials: { server: devices[index - 1]?.server } });
        expect(indexIn(part, `their-${index - 1}`)).toBe(index);
      }
    }
  });
});
