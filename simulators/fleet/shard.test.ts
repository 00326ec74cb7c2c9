import { describe, expect, it } from "vitest";
import { Codes, type Endpoint, type IncomingRequest } from "../../src/coap/index.js";
import { timing } from "../../src/config/index.js";
import { simulatedPorts } from "../../src/ports/simulated/index.js";
import { udpEndpoint } from "../../src/transport/index.js";
import { Merge } from "./merge.js";
import type { FleetPlan } from "./plan.js";
import { Shard } from "./shard.js";

const { coap, device } = timing("lab");

async function shardWith(more: Partial<FleetPlan> = {}, answer: (request: IncomingRequest) => number | undefined = () => undefined) {
  const ports = simulatedPorts(1);
  const heard: { at: number; query: readonly string[]; path: readonly string[] }[] = [];
  let locations = 0;
  const server: Endpoint = await udpEndpoint(ports, { host: "10.0.0.1", port: 5683, transmission: coap }, {
    onRequest: (request) => {
      heard.push({ at: ports.clock.now(), query: request.query, path: request.path });
      const code = answer(request);
      if (code !== undefined) request.respond({ code });
      else if (request.path.length === 1) request.respond({ code: Codes.Created, locationPath: ["rd", String(++locations)] });
      else request.respond({ code: request.code === Codes.DELETE ? Codes.Deleted : Codes.Changed });
    },
  });
  const shard = new Shard(ports, { traceLimit: 10_000, recorderLimit: 1_000 });
  const plan: FleetPlan = {
    name: "load",
    first: 1,
    last: 101,
    seed: 5,
    endpointPattern: "ab-fleet-{index:08d}",
    lwm2m: "1.1",
    shape: { kind: "storm" },
    timing: { coap, device },
    servers: [{ uri: "coap://10.0.0.1:5683", shortServerId: 101, lifetime: 100 }],
    ...more,
  };
  return { ports, clock: ports.clock, server, heard, shard, plan };
}

describe("a shard", () => {
  it("starts its slice and no other device, and counts what happens", async () => {
    const { clock, heard, shard, plan } = await shardWith();
    shard.launch(plan, { first: 51, last: 101 }, 10);
    expect(shard.states("load").off).toBe(50);
    await clock.advance(1_000);
    expect(shard.states("load")).toMatchObject({ registered: 50, off: 0 });
    expect(shard.deviceCounters("load").registrations).toBe(50);
    expect(shard.counters()).toMatchObject({ devices: 50, started: 50, registrations: 50, datagramsOut: 50, datagramsIn: 50 });
    expect(heard.map(({ query }) => query[0]).sort()[0]).toBe("ep=ab-fleet-00000051");
    const merge = new Merge(1);
    merge.take({ type: "statistics", shard: 0, sequence: 0, histograms: shard.histograms.take(), counters: shard.counters(), states: shard.states(undefined), health: idle, last: false });
    expect(merge.snapshot().latency.register?.count).toBe(50);
    expect(merge.snapshot().latency.lateness?.count).toBe(50);
  });

  it("keeps to the rate, and to a changed one", async () => {
    const { clock, heard, shard, plan } = await shardWith({ shape: { kind: "rate", perSecond: 10 } });
    shard.launch(plan, { first: 1, last: 101 }, 0);
    await clock.advance(2_000);
    expect(heard.length).toBeGreaterThanOrEqual(20);
    expect(heard.length).toBeLessThanOrEqual(21);
    shard.changeRate("load", 100);
    await clock.advance(500);
    expect(heard.length).toBeGreaterThanOrEqual(69);
    expect(heard.length).toBeLessThanOrEqual(72);
  });

  it("selects devices by state, personality and registration", async () => {
    const { clock, shard, plan } = await shardWith({ personalities: [{ personality: "sleepy", share: 0.3 }] });
    shard.launch(plan, { first: 1, last: 101 }, 0);
    await clock.advance(1_000);
    expect(shard.select({ personality: "sleepy" })).toHaveLength(30);
    expect(shard.select({ registeredWith: 101 })).toHaveLength(100);
    expect(shard.select({ notRegisteredWith: 101 })).toEqual([]);
    expect(shard.select({ state: "registered", plan: "load", limit: 7 })).toHaveLength(7);
    expect(() => shard.select({ plan: "other" })).toThrow('there is no plan "other"');
  });

  it("selects devices that wait for no answer to an Update", async () => {
    const { clock, shard, plan } = await shardWith();
    shard.launch(plan, { first: 1, last: 101 }, 0);
    await clock.advance(1_000);
    shard.actAll({ limit: 10 }, { do: "update" }, undefined);
    expect([shard.select({ registeredWith: 101 }).length, shard.select({ answeredBy: 101 }).length]).toEqual([100, 90]);
    await clock.advance(1_000);
    expect(shard.select({ answeredBy: 101 })).toHaveLength(100);
  });

  it("makes many devices act, at a rate", async () => {
    const { clock, heard, shard, plan } = await shardWith();
    shard.launch(plan, { first: 1, last: 101 }, 0);
    await clock.advance(1_000);
    expect(shard.actAll({}, { do: "update" }, 50)).toBe(100);
    await clock.advance(1_000);
    const updates = heard.filter(({ path }) => path.length === 2).length;
    expect(updates).toBeGreaterThanOrEqual(49);
    expect(updates).toBeLessThanOrEqual(52);
    await clock.advance(2_000);
    expect(heard.filter(({ path }) => path.length === 2)).toHaveLength(100);
  });

  it("tells why a device failed, with its last datagrams, and traces it from then on", async () => {
    const { clock, shard, plan } = await shardWith({ last: 2, traced: 0, servers: [{ uri: "coap://10.0.0.1:5683", shortServerId: 101, lifetime: 100, resources: { 17: 1, 20: 1 } }] }, () => Codes.Forbidden);
    shard.launch(plan, { first: 1, last: 2 }, 0);
    await clock.advance(1_000);
    expect(shard.failures(10, "load")).toEqual([{ endpoint: "ab-fleet-00000001", personality: "default", reason: "Register at server 101: 4.03" }]);
    const { events } = shard.traceOf("ab-fleet-00000001", 0, 100);
    expect(events.map(({ event }) => (event.kind === "datagram" ? event.coap?.code : event.kind))).toEqual(["0.02", "4.03"]);
    void shard.act("ab-fleet-00000001", { do: "register" });
    await clock.advance(100);
    expect(shard.traceOf("ab-fleet-00000001", 0, 100).events.length).toBeGreaterThan(2);
  });

  it("runs single devices, and lets them go", async () => {
    const { clock, shard, heard } = await shardWith();
    shard.create({ endpoint: "a-1", lwm2m: "1.1", personality: "default", seed: 1, timing: { coap, device }, servers: [{ uri: "coap://10.0.0.1:5683", shortServerId: 101, lifetime: 100 }] }, true);
    await clock.advance(100);
    expect(shard.inspect("a-1")).toMatchObject({ endpoint: "a-1", fleetState: "registered" });
    expect(shard.traceOf("a-1", 0, 100).events.length).toBeGreaterThan(3);
    expect(() => shard.create({ endpoint: "a-1", lwm2m: "1.1", personality: "default", seed: 1, timing: { coap, device } }, true)).toThrow("already");
    const removed = shard.remove("a-1", true);
    await clock.advance(100);
    expect(await removed).toBe(true);
    expect(shard.inspect("a-1")).toBeUndefined();
    expect(heard.at(-1)?.path).toEqual(["rd", "1"]);
    expect(shard.counters()).toMatchObject({ devices: 0, registrations: 1, deregistrations: 1 });
    expect(await shard.remove("a-1", true)).toBe(false);
    expect(await shard.act("a-1", { do: "update" })).toEqual({ ok: false, failure: "unknown-device" });
  });

  it("lets everybody leave, or ends it when the time is over", async () => {
    const orderly = await shardWith();
    orderly.shard.launch(orderly.plan, { first: 1, last: 101 }, 0);
    await orderly.clock.advance(1_000);
    let left = false;
    void orderly.shard.stop(true, 5_000).then(() => (left = true));
    await orderly.clock.advance(1_000);
    expect(left).toBe(true);
    expect(orderly.shard.counters().deregistrations).toBe(100);
    const deaf = await shardWith();
    deaf.shard.launch(deaf.plan, { first: 1, last: 101 }, 0);
    await deaf.clock.advance(1_000);
    await deaf.server.close();
    deaf.ports.network.partition(() => true);
    let over = false;
    void deaf.shard.stop(true, 500).then(() => (over = true));
    await deaf.clock.advance(600);
    expect(over).toBe(true);
    expect(deaf.shard.states(undefined)).toMatchObject({ off: 100 });
  });
});

const idle = { loopLagP99Ms: 0, loopLagMaxMs: 0, loopTurns: 100, lateTurns: 0, socketDrops: 0, lostOnPurpose: 0, refusedSockets: 0, receiveBuffer: undefined, openSockets: 0, rss: 0 };

describe("merging", () => {
  it("adds shards and intervals, and says when the generator is saturated", async () => {
    const { clock, shard, plan } = await shardWith();
    shard.launch(plan, { first: 1, last: 101 }, 0);
    await clock.advance(1_000);
    const statistics = { type: "statistics" as const, sequence: 0, histograms: shard.histograms.take(), counters: shard.counters(), states: shard.states(undefined), last: false };
    const merge = new Merge(2);
    merge.take({ ...statistics, shard: 0, health: idle });
    merge.take({ ...statistics, shard: 1, health: idle });
    const first = merge.tick();
    expect(first).toMatchObject({ second: 1, states: { registered: 200 }, counters: { registrations: 200 }, health: { saturated: false } });
    expect(first.latency.register?.count).toBe(200);
    merge.take({ ...statistics, histograms: {}, shard: 1, health: { ...idle, loopLagP99Ms: 150, socketDrops: 3 } });
    const second = merge.tick();
    expect(second.interval.register).toBeUndefined();
    expect(second.latency.register?.count).toBe(200);
    expect(second.health).toMatchObject({ saturated: true, socketDrops: 3, loopLagP99Ms: 150 });
    expect(merge.series).toHaveLength(2);
  });
});
