import { describe, expect, it } from "vitest";
import { newKeyPair } from "../../src/certificates/index.js";
import { Codes } from "../../src/coap/index.js";
import { testAuthorityOf, testCredential, timing, type CredentialMode } from "../../src/config/index.js";
import { Alerts, verifyChain, type PeerClaim, type ServerSettings } from "../../src/dtls/index.js";
import { simulatedPorts, type Impairment } from "../../src/ports/simulated/index.js";
import { serverEndpoint } from "../../src/transport/index.js";
import { deviceOf, rebindPhaseOf, sliceOf, type FleetPlan } from "./plan.js";
import { Shard } from "./shard.js";

const { coap, dtls, device } = timing("lab");
const certified = testAuthorityOf(1);
const server = newKeyPair(simulatedPorts(1).secrets);
const trust = { publicKey: server.publicKey };

const planOf = (security: CredentialMode, more: Partial<FleetPlan> = {}): FleetPlan => ({
  name: "load",
  first: 1,
  last: 41,
  seed: 7,
  endpointPattern: "key-{index:04d}",
  lwm2m: "1.1",
  shape: { kind: "storm" },
  security,
  servers: [{ uri: "coaps://10.0.0.1:5684", shortServerId: 101, lifetime: 100, trust: security === "rpk" ? trust : { publicKey: certified.certificate, usage: 3 }, resources: { 17: 1, 20: 1 } }],
  timing: { coap, dtls, device },
  traced: 0,
  ...more,
});

/** A shard, and a server that takes the test devices of seed 7. Its own certificate is, for want of another, that of an authority. */
async function shardOf(plan: FleetPlan, impairment: Impairment = {}, settings: ServerSettings = {}) {
  const ports = simulatedPorts(1, impairment);
  const authority = testAuthorityOf(7);
  const known = new Set(Array.from({ length: plan.last }, (_, index) => testCredential({ mode: "rpk" }, 7, index, "server", "")).flatMap((each) => (each.mode === "rpk" ? [Buffer.from(each.publicKey).toString("hex")] : [])));
  const findPeer = (claim: PeerClaim) => {
    if (claim.mode === "rpk") return known.has(claim.publicKey.toString("hex")) ? { context: "known" } : { refuse: Alerts.access_denied };
    const objection = verifyChain(claim.chain, { anchors: [authority.certificate], now: ports.clock.epoch(), purpose: "client" });
    return objection === undefined ? { context: "certified" } : { refuse: objection.alert };
  };
  const names: string[] = [];
  let locations = 0;
  const keys = plan.security === "rpk" ? { privateKey: server.privateKey } : { privateKey: certified.privateKey, chain: [certified.certificate] };
  const endpoint = await serverEndpoint<string>(
    ports,
    { coaps: { host: "10.0.0.1", port: 5684, directory: { findKey: () => ({ refuse: 115 }), findPeer, mayResume: () => true, onSession: ({ identity }) => names.push(identity?.name ?? "") }, settings: { keys, ...settings } }, transmission: coap },
    { onRequest: (request) => request.respond(request.path.length === 1 ? { code: Codes.Created, locationPath: ["rd", String(++locations)] } : { code: Codes.Changed }) },
  );
  const shard = new Shard(ports, { traceLimit: 10_000, recorderLimit: 1_000 });
  shard.launch(plan, { first: plan.first, last: plan.last }, 0);
  await ports.clock.advance(5_000);
  return { ports, clock: ports.clock, endpoint, shard, names };
}

describe("a shard of devices with public keys", () => {
  it.each(["rpk", "x509"] as const)("registers each with its own (%s)", async (mode) => {
    const { shard, names } = await shardOf(planOf(mode));
    expect(shard.failures(3, "load")).toEqual([]);
    expect(shard.states("load").registered).toBe(40);
    expect(shard.counters()).toMatchObject({ handshakes: 40, handshakesRefused: 0, registrations: 40 });
    expect(new Set(names).size).toBe(40);
    if (mode === "x509") expect(names).toContain("key-0007");
  });

  it("registers all of them on a bad network", async () => {
    const lasting = planOf("x509", { servers: [{ uri: "coaps://10.0.0.1:5684", shortServerId: 101, lifetime: 100, trust: { publicKey: certified.certificate }, resources: { 17: 5, 18: 1 } }] });
    const { shard, clock } = await shardOf(lasting, { loss: 0.1, reorder: 0.1, delayMs: [1, 40] });
    expect(await clock.advanceUntil(() => shard.states("load").registered === 40, 120_000)).toBe(true);
  });

  it("shows exactly the devices that another authority certified", async () => {
    const wrong = testAuthorityOf(8);
    const devices = Array.from({ length: 40 }, (_, at) => {
      const endpoint = `key-${at}`;
      return { endpoint, server: testCredential({ mode: "x509", authority: at === 20 ? wrong : testAuthorityOf(7) }, 7, at, "server", endpoint) };
    });
    const { shard } = await shardOf(planOf("x509", { credentials: { first: 1, devices } }));
    expect(shard.states("load").registered).toBe(39);
    expect(shard.failures(10, "load")).toEqual([{ endpoint: "key-20", personality: "default", reason: "Register at server 101: handshake: received unknown_ca (48)" }]);
  });

  it("makes the same device wherever it runs, and shares what all have", () => {
    const plan = planOf("x509", { bootstrap: { uri: "coaps://10.0.0.2:5684" }, trustStore: [certified.certificate] });
    const [one, again, other] = [deviceOf(plan, 3), deviceOf({ ...plan }, 3), deviceOf(plan, 4)];
    expect(one).toEqual(again);
    expect(one.credentials?.server).not.toEqual(other.credentials?.server);
    expect(one.credentials?.server).not.toEqual(one.credentials?.bootstrap);
    expect(one.trustStore).toBe(other.trustStore);
    expect(deviceOf(planOf("x509"), 3).credentials?.bootstrap).toBeUndefined();
  });
});

describe("devices of a plan behind a NAT", () => {
  it("are exactly their share, the same ones however many shards there are, and change their addresses all over the period", () => {
    const plan = planOf("rpk", { first: 1, last: 1_001, nat: { share: 0.3, everyMs: 30_000 } });
    const phases = Array.from({ length: 1_000 }, (_, at) => rebindPhaseOf(plan, at + 1)).filter((phase) => phase !== undefined);
    expect(phases).toHaveLength(300);
    for (const quarter of [0, 1, 2, 3]) expect(phases.filter((phase) => Math.floor(phase * 4) === quarter).length).toBeGreaterThan(50);
    const halves = [0, 1].map((shard) => sliceOf(plan, shard, 2));
    expect(halves.flatMap(({ first, last }) => Array.from({ length: last - first }, (_, at) => rebindPhaseOf(plan, first + at))).filter((phase) => phase !== undefined)).toEqual(phases);
    expect(rebindPhaseOf({ ...plan, seed: 8 }, 1)).not.toBe(rebindPhaseOf(plan, 1) ?? -1);
    expect(rebindPhaseOf(planOf("rpk"), 1)).toBeUndefined();
  });

  it("lose Updates, make handshakes and recover, all of which is counted", async () => {
    const { shard, clock } = await shardOf(planOf("rpk", { nat: { share: 0.5, everyMs: 60_000 }, connectionIdLength: 0 }));
    await clock.advance(300_000);
    const counters = shard.counters();
    expect(counters.rebinds).toBeGreaterThanOrEqual(80);
    expect(counters.updatesLost).toBeGreaterThan(0);
    expect(counters.handshakesAfterRebind).toBe(counters.handshakesResumed);
    expect(counters.updatesFailed).toBe(0);
    expect(shard.states("load").registered).toBe(40);
    expect(Object.keys(shard.histograms.take())).toContain("recovery");
    const unmoved = shard.tally("load", "rebinds");
    expect(unmoved).toHaveLength(20);
  });

  it("lose nothing and make no handshake with connection ids, though all change at once", async () => {
    const { shard, clock } = await shardOf(planOf("x509", { nat: { share: 1, everyMs: 30_000 }, connectionIdLength: 0 }), {}, { connectionIdLength: 8 });
    await clock.advance(120_000);
    expect(shard.actAll({}, { do: "rebind" }, undefined)).toBe(40);
    await clock.advance(1_000);
    const before = shard.counters().updates;
    shard.actAll({}, { do: "update" }, undefined);
    await clock.advance(1_000);
    expect(shard.counters().updates - before).toBe(40);
    expect(shard.counters()).toMatchObject({ updatesLost: 0, handshakesAfterRebind: 0, handshakes: 40, handshakesResumed: 0 });
    expect(shard.counters().rebinds).toBeGreaterThanOrEqual(190);
  });

  it("keep their addresses once everybody leaves", async () => {
    const { shard, clock } = await shardOf(planOf("rpk", { nat: { share: 1, everyMs: 1_000 } }));
    void shard.stop(true, 5_000);
    await clock.advance(10_000);
    const { rebinds } = shard.counters();
    await clock.advance(10_000);
    expect(shard.counters().rebinds).toBe(rebinds);
    expect(clock.pending().filter((name) => name.includes("address"))).toEqual([]);
  });
});
