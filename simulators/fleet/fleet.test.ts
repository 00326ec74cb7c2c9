import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Codes, type Endpoint } from "../../src/coap/index.js";
import { timing } from "../../src/config/index.js";
import { packageRoot, realFiles, realPorts } from "../../src/ports/real/index.js";
import { sleep } from "../../src/ports/index.js";
import { udpEndpoint } from "../../src/transport/index.js";
import { startFleet, type Fleet, type FleetOptions, type FleetPlan } from "./index.js";

const { coap, device } = timing("lab");
const ports = realPorts(1);
const open: Endpoint[] = [];
const fleets: Fleet[] = [];

async function server(): Promise<{ uri: string; registered: Set<string> }> {
  const registered = new Set<string>();
  const byLocation = new Map<string, string>();
  const endpoint = await udpEndpoint(ports, { host: "127.0.0.1", receiveBuffer: 4_000_000, transmission: coap }, {
    onRequest: (request) => {
      const [, location] = request.path;
      if (location === undefined) {
        const name = request.query.find((parameter) => parameter.startsWith("ep="))?.slice(3) ?? "";
        registered.add(name);
        byLocation.set(String(byLocation.size), name);
        request.respond({ code: Codes.Created, locationPath: ["rd", String(byLocation.size - 1)] });
      } else if (request.code === Codes.DELETE) {
        registered.delete(byLocation.get(location) ?? "");
        request.respond({ code: Codes.Deleted });
      } else request.respond({ code: Codes.Changed });
    },
  });
  open.push(endpoint);
  return { uri: `coap://127.0.0.1:${endpoint.local.port}`, registered };
}

async function fleet(options: FleetOptions = {}): Promise<Fleet> {
  const started = await startFleet({ shards: 2, ...options });
  fleets.push(started);
  return started;
}

const planAt = (uri: string, more: Partial<FleetPlan> = {}): FleetPlan => ({
  name: "load",
  first: 1,
  last: 101,
  seed: 5,
  endpointPattern: "ab-fleet-{index:08d}",
  lwm2m: "1.1",
  shape: { kind: "storm" },
  timing: { coap, device },
  servers: [{ uri, shortServerId: 101, lifetime: 60 }],
  ...more,
});

async function until(done: () => Promise<boolean> | boolean, withinMs = 10_000): Promise<void> {
  const end = ports.clock.now() + withinMs;
  while (!(await done())) {
    if (ports.clock.now() > end) throw new Error(`not within ${withinMs} ms`);
    await sleep(ports.clock, 20);
  }
}

beforeAll(async () => {
  if (!(await realFiles.exists(`${packageRoot}/dist/simulators/fleet/worker.js`))) throw new Error("worker threads run the build: npm run build first");
});

afterEach(async () => {
  for (const started of fleets.splice(0)) await started.stop({ withinMs: 1_000 });
  for (const endpoint of open.splice(0)) await endpoint.close();
});

describe("a fleet in worker threads", () => {
  it("registers every device of a plan, each in its shard, and merges what they count", async () => {
    const { uri, registered } = await server();
    const started = await fleet();
    expect(started.shards).toBe(2);
    await started.launch(planAt(uri));
    await until(async () => (await started.states("load")).registered === 100);
    expect(registered.size).toBe(100);
    expect((await started.counters("load")).registrations).toBe(100);
    expect(await started.failures(5, "load")).toEqual([]);
    expect(await started.select({ registeredWith: 101 })).toEqual([...registered].sort());
    expect(await started.inspect("ab-fleet-00000001")).toMatchObject({ fleetState: "registered" });
    expect(await started.inspect("ab-fleet-00000100")).toMatchObject({ fleetState: "registered" });
    expect(await started.inspect("ab-fleet-00000101")).toBeUndefined();
    expect((await started.trace("ab-fleet-00000001")).events.length).toBeGreaterThan(3);
    const last = await started.stop();
    expect(last.counters).toMatchObject({ devices: 100, registrations: 100, deregistrations: 100 });
    expect(last.latency.register?.count).toBe(100);
    expect(last.states.off).toBe(100);
    expect(last.health.shards).toHaveLength(2);
    expect(registered.size).toBe(0);
  });

  it("runs single devices and does what it is told with them", async () => {
    const { uri, registered } = await server();
    const started = await fleet({ shards: 1 });
    const spec = { endpoint: "a-1", lwm2m: "1.1", personality: "default", seed: 1, timing: { coap, device }, servers: [{ uri, shortServerId: 101, lifetime: 60 }] } as const;
    await started.createDevice(spec, { start: true });
    await expect(started.createDevice(spec)).rejects.toThrow("already");
    await until(async () => (await started.inspect("a-1"))?.fleetState === "registered");
    expect(await started.act("a-1", { do: "update" })).toEqual({ ok: true, code: "2.04" });
    expect(await started.act("a-2", { do: "update" })).toEqual({ ok: false, failure: "unknown-device" });
    expect(await started.removeDevice("a-1")).toBe(true);
    expect(registered.size).toBe(0);
    expect(await started.inspect("a-1")).toBeUndefined();
  });

  it("sends statistics each second", async () => {
    const { uri } = await server();
    const started = await fleet();
    const seconds: number[] = [];
    const stop = started.onSnapshot((snapshot) => seconds.push(snapshot.counters.registrations));
    await started.launch(planAt(uri, { shape: { kind: "rate", perSecond: 40 } }));
    await started.setRate("load", 400);
    await until(() => seconds.length >= 2);
    stop();
    expect(seconds.at(-1)).toBe(100);
    expect(started.series().length).toBeGreaterThanOrEqual(2);
  });

  it("refuses a plan that is none, and one whose name is taken", async () => {
    const { uri } = await server();
    const started = await fleet({ shards: 1 });
    await expect(started.launch(planAt(uri, { last: 0 }))).rejects.toThrow("1 to 0");
    await started.launch(planAt(uri, { last: 2 }));
    await expect(started.launch(planAt(uri))).rejects.toThrow("already");
    await expect(started.states("other")).rejects.toThrow('no plan "other"');
  });

  it("is lost as a whole when a shard's thread dies", async () => {
    const { uri } = await server();
    const lost: string[] = [];
    const started = await fleet({ onLost: (reason) => lost.push(reason) });
    const broken: unknown = { ...planAt(uri), timing: undefined };
    await started.launch(broken as FleetPlan).catch(() => undefined);
    await until(() => lost.length > 0);
    expect(lost[0]).toMatch(/^fleet shard \d: /);
    await expect(started.states()).rejects.toThrow("fleet shard");
  });

  it("is lost as a whole when a shard is silent", async () => {
    const lost: string[] = [];
    const started = await fleet({ heartbeatMs: 1, onLost: (reason) => lost.push(reason) });
    await until(() => lost.length > 0);
    expect(lost[0]).toMatch(/^fleet shard \d: silent for 1 ms$/);
    expect(started.lost).toBe(lost[0]);
    await expect(started.states()).rejects.toThrow("silent");
  });
});
