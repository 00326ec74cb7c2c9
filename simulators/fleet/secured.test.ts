import { describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { testCredentials, timing } from "../../src/config/index.js";
import { simulatedPorts } from "../../src/ports/simulated/index.js";
import { serverEndpoint } from "../../src/transport/index.js";
import { endpointName, type FleetPlan } from "./plan.js";
import { Shard } from "./shard.js";

const { coap, dtls, device } = timing("lab");

/** A shard with fifty devices, and a server that has their keys. */
async function securedShard(more: Partial<FleetPlan> = {}, keyLog?: (line: string) => void) {
  const ports = simulatedPorts(1);
  const plan: FleetPlan = {
    name: "load",
    first: 1,
    last: 51,
    seed: 7,
    endpointPattern: "psk-{index:04d}",
    lwm2m: "1.1",
    shape: { kind: "storm" },
    servers: [{ uri: "coaps://10.0.0.1:5684", shortServerId: 101, lifetime: 100, resources: { 17: 1, 20: 1 } }],
    timing: { coap, dtls, device },
    traced: 0,
    ...more,
  };
  const keys = new Map<string, Uint8Array>();
  for (let index = plan.first; index < plan.last; index++) {
    const { endpoint, server } = testCredentials(plan.seed, index, endpointName(plan.endpointPattern, index));
    keys.set(endpoint, server.key);
  }
  let locations = 0;
  const server = await serverEndpoint<string>(
    ports,
    {
      coaps: {
        host: "10.0.0.1",
        port: 5684,
        directory: {
          findKey: (identity) => {
            const key = keys.get(identity.toString());
            return key === undefined ? { refuse: 115 } : { key, context: "known" };
          },
          mayResume: () => true,
        },
      },
      transmission: coap,
    },
    { onRequest: (request) => request.respond(request.path.length === 1 ? { code: Codes.Created, locationPath: ["rd", String(++locations)] } : { code: Codes.Changed }) },
  );
  const shard = new Shard(ports, { traceLimit: 10_000, recorderLimit: 1_000, ...(keyLog === undefined ? {} : { keyLog }) });
  shard.launch(plan, { first: plan.first, last: plan.last }, 0);
  await ports.clock.advance(5_000);
  return { ports, clock: ports.clock, keys, server, shard, plan };
}

describe("a shard of PSK devices", () => {
  it("registers each with its own key, counts and times the handshakes", async () => {
    const { shard } = await securedShard();
    expect(shard.states("load").registered).toBe(50);
    expect(shard.counters()).toMatchObject({ handshakes: 50, handshakesResumed: 0, handshakesRefused: 0, handshakesUnanswered: 0, handshakeStorms: 0, registrations: 50 });
    expect(shard.tally("load", "handshakes")).toHaveLength(50);
    expect(Object.keys(shard.histograms.take())).toContain("handshake");
  });

  it("shows exactly the device whose key is wrong, and the records of its handshake", async () => {
    const { shard } = await securedShard({ credentials: { first: 1, devices: Array.from({ length: 50 }, (_, at) => testCredentials(at === 20 ? 8 : 7, at + 1, endpointName("psk-{index:04d}", at + 1))) } });
    expect(shard.states("load").registered).toBe(49);
    expect(shard.failures(10, "load")).toEqual([{ endpoint: "psk-0021", personality: "default", reason: "Register at server 101: handshake: timeout" }]);
    const { events } = shard.traceOf("psk-0021", 0, 100);
    expect(events.some(({ event }) => event.kind === "dtls" && event.direction === "out" && event.summary === "clientHello")).toBe(true);
  });

  it("comes back when the server lost every session, with one handshake for each device", async () => {
    const { shard, server, clock } = await securedShard();
    server.forgetSessions();
    await clock.advance(100_000);
    expect(shard.states("load").registered).toBe(50);
    expect(shard.counters()).toMatchObject({ handshakes: 100, handshakeStorms: 0, registrations: 100 });
  });

  it("writes the key log that was asked for, one line for each session", async () => {
    const lines: string[] = [];
    await securedShard({}, (line) => lines.push(line));
    expect(lines).toHaveLength(50);
    expect(lines[0]).toMatch(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/);
  });
});
