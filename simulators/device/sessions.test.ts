import { describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { perform } from "./perform.js";
import { takeSnapshot } from "./take-snapshot.js";
import { deviceIn, lab, psk, ScriptedPeer, spec, world, type World } from "./testing/scripted-peer.js";
import { Device } from "./device.js";
import type { DeviceSpec, ServerAccountSpec } from "./spec.js";

const mine = psk("dev-1");
/** 17 to 20: two attempts a second apart, two sequences ten seconds apart. */
const patience = { 17: 2, 18: 1, 19: 10, 20: 2 };

interface Setting {
  readonly of: World;
  readonly server: ScriptedPeer;
  readonly bootstrap: ScriptedPeer;
  readonly device: Device;
}

async function secured(account: Partial<ServerAccountSpec> = {}, more: Partial<DeviceSpec> = {}, prepare: (server: ScriptedPeer) => void = (server) => server.knows(mine)): Promise<Setting> {
  const of: World = await world();
  const server = await ScriptedPeer.at(of, "10.0.0.9");
  const bootstrap = await ScriptedPeer.at(of, "10.0.0.8");
  prepare(server);
  const device = deviceIn(of, { servers: [{ uri: server.secureUri, shortServerId: 101, lifetime: 100, psk: mine, resources: patience, ...account }], ...more });
  return { of, server, bootstrap, device };
}

async function registered(...options: Parameters<typeof secured>): Promise<Setting> {
  const setting = await secured(...options);
  setting.device.start();
  await setting.of.clock.advanceUntil(() => setting.device.fleetState === "registered", 5_000);
  expect(setting.device.fleetState).toBe("registered");
  return setting;
}

describe("a device with a PSK account", () => {
  it("shakes hands with the credential of its Security object, then registers in the session", async () => {
    const { of, server, device } = await registered();
    expect(server.story).toEqual(["POST /rd"]);
    expect(server.last("POST /rd").peer.identity?.name).toBe("dev-1");
    expect(device.counters).toMatchObject({ handshakes: 1, handshakesResumed: 0, registrations: 1 });
    expect(of.measures.map(({ measure }) => measure)).toEqual(["handshake", "register", "start-to-registered"]);
    expect(takeSnapshot(device).accounts[0]).toMatchObject({ session: { suite: "TLS_PSK_WITH_AES_128_CCM_8", resumed: false, identity: "dev-1" } });
    expect(JSON.stringify(takeSnapshot(device))).not.toContain(Buffer.from(mine.key).toString("hex"));
  });

  it("takes the device's own credential where the account names none", async () => {
    const of = await world();
    const server = await ScriptedPeer.at(of, "10.0.0.9");
    server.knows(mine);
    const servers = [{ uri: server.secureUri, shortServerId: 101, lifetime: 100 }];
    const device = new Device(of.host, spec({ servers, credentials: { server: mine } }));
    const other = new Device(of.host, spec({ servers, credentials: { server: psk("dev-2") }, endpoint: "dev-2" }));
    const isPlain = (object: number): boolean => object !== 0;
    expect(device.objects.filter(({ object }) => isPlain(object))).toEqual(other.objects.filter(({ object }) => isPlain(object)));
    expect(device.objects.find(({ object }) => object === 3)?.node).toBe(other.objects.find(({ object }) => object === 3)?.node);
    device.start();
    await of.clock.advance(1_000);
    expect(device.fleetState).toBe("registered");
  });

  it("keeps its session across Updates, and answers its Server in it", async () => {
    const { of, server, device } = await registered();
    await of.clock.advance(160_000);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1", "POST /rd/1"]);
    expect((await server.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("2.05");
    expect(server.sessions).toEqual(["full dev-1"]);
    expect(device.counters.handshakes).toBe(1);
  });

  it("says good-bye to its Server when it is stopped, and nothing when the power goes", async () => {
    const leaving = await registered();
    leaving.device.stop(true);
    await leaving.of.clock.advance(1_000);
    expect(leaving.server.story).toEqual(["POST /rd", "DELETE /rd/1"]);
    expect(leaving.server.sessions).toEqual(["full dev-1", "end: peer-closed"]);
    const dying = await registered();
    dying.device.stop(false);
    await dying.of.clock.advance(1_000);
    expect(dying.server.sessions).toEqual(["full dev-1"]);
    expect(dying.of.clock.pending()).toEqual([]);
  });

  it("uses no account whose mode and URI do not fit, and says why", async () => {
    const { of, device } = await secured({ uri: "coaps://10.0.0.9:5684" }, {}, () => {});
    device.objects = device.objects.map((stored) => (stored.object === 0 ? { ...stored, node: { ...stored.node, resources: stored.node.resources.map((resource) => (resource.id === 2 ? { kind: "resource" as const, id: 2, value: 3 } : resource)) } } : stored));
    device.start();
    await of.clock.advance(100_000);
    expect(of.failures).toEqual(["Register at server 101: security mode 3 does not go with coaps://"]);
    const keyless = await secured({}, {}, () => {});
    const without = deviceIn(keyless.of, { servers: [{ uri: keyless.server.secureUri, shortServerId: 101, lifetime: 100, resources: { 17: 1, 20: 1 } }] });
    without.start();
    await keyless.of.clock.advance(1_000);
    expect(keyless.of.failures).toEqual(["Register at server 101: security mode 0 without a key"]);
  });
});

describe("a device whose Server lost the session", () => {
  it("takes the session up again after silence, and makes its Update in it", async () => {
    const { of, server, device } = await registered();
    server.endpoint.forgetSessions(true);
    await of.clock.advance(90_000);
    expect(server.sessions).toEqual(["full dev-1", "end: closed", "resumed dev-1"]);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1"]);
    expect(device.counters).toMatchObject({ handshakes: 1, handshakesResumed: 1, updates: 1, updatesFailed: 0 });
  });

  it("registers in a new session when it cannot be resumed", async () => {
    const { of, server, device } = await registered();
    server.endpoint.forgetSessions();
    await of.clock.advance(90_000);
    expect(server.sessions).toEqual(["full dev-1", "end: closed", "full dev-1"]);
    expect(server.story).toEqual(["POST /rd", "POST /rd"]);
    expect(device.accounts[0]?.location).toEqual(["rd", "2"]);
  });

  it("goes on with its Update in a new session where that is allowed: in 1.0, and with a stack that does so", async () => {
    for (const more of [{ lwm2m: "1.0" }, { personality: "wakaama-like" }] as const) {
      const { of, server } = await registered({}, { ...more, deviations: { sessions: { resumes: false, onNewSession: more.lwm2m === undefined ? "update" : "by-version", onNewCredential: "handshake", backOff: "policy" } } });
      server.endpoint.forgetSessions();
      await of.clock.advance(90_000);
      expect(server.story).toEqual(["POST /rd", "POST /rd/1"]);
    }
  });

  it("does not lose what its Update had to say", async () => {
    const { of, server, device } = await registered();
    server.endpoint.forgetSessions(true);
    device.accounts[0]?.announce(1);
    await of.clock.advance(60_000);
    expect(server.last("POST /rd/1").query).toEqual(["lt=100"]);
  });

  it("makes a session for the next Update when the Server ended the last one, and registers in it", async () => {
    const { of, server, device } = await registered();
    server.endpoint.revoke(() => true);
    await of.clock.advance(1_000);
    expect(device.fleetState).toBe("registered");
    expect(server.story).toEqual(["POST /rd"]);
    await of.clock.advance(80_000);
    expect(server.story).toEqual(["POST /rd", "POST /rd"]);
    expect(server.sessions).toEqual(["full dev-1", "end: closed", "full dev-1"]);
  });

  it("makes a new session after a while of silence when its stack does", async () => {
    const { of, server } = await registered({}, { personality: "wakaama-like" });
    await of.clock.advance(80_000);
    expect(server.sessions).toEqual(["full dev-1", "end: replaced", "full dev-1"]);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1"]);
  });
});

describe("a device that is told to reconnect", () => {
  it("resumes its session and updates, or makes a new one and registers", async () => {
    const { of, server, device } = await registered();
    const outcome = async (full: boolean) => {
      const done = perform(device, { do: "reconnect", full });
      await of.clock.advance(1_000);
      return (await done).code;
    };
    expect(await outcome(false)).toBe("2.04");
    expect(await outcome(true)).toBe("2.01");
    expect(server.sessions.filter((each) => !each.startsWith("end"))).toEqual(["full dev-1", "resumed dev-1", "full dev-1"]);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1", "POST /rd"]);
  });
});

describe("a device whose handshake fails", () => {
  const times = ({ of }: Setting): number[] =>
    of.trace.read({ after: 0, limit: 10_000 }).events.flatMap(({ at, event }) => (event.kind === "state" && event.machine === "dtls" && event.input === "connect" ? [Math.round(Number(at) / 1e9)] : []));

  it("tries again after an alert of the retry class, by /1/x/17 to /1/x/20, and then gives up", async () => {
    const setting = await secured({}, {}, (server) => server.keys.set("dev-1", { refuse: 40 }));
    setting.device.start();
    await setting.of.clock.advance(60_000);
    expect(times(setting)).toEqual([0, 1, 11, 12]);
    expect(setting.of.failures).toEqual(["Register at server 101: handshake: received handshake_failure (40)"]);
    expect(setting.device.counters).toMatchObject({ handshakesRefused: 4, handshakes: 0, registrationsFailed: 4 });
  });

  it("leaves a sequence after an alert of the fail class", async () => {
    const setting = await secured({}, {}, () => {});
    setting.device.start();
    await setting.of.clock.advance(60_000);
    expect(times(setting)).toEqual([0, 10]);
    expect(setting.of.failures).toEqual(["Register at server 101: handshake: received unknown_psk_identity (115)"]);
  });

  it("goes to its Bootstrap Server after an alert of the fail class, unless /1/x/16 says no", async () => {
    const setting = await secured({}, { bootstrap: { uri: "coap://10.0.0.8:5683" } }, () => {});
    setting.device.start();
    await setting.of.clock.advance(500);
    expect(setting.bootstrap.story).toEqual(["POST /bs"]);
    expect(setting.device.lastBootstrapCause).toBe("fallback");
    const stubborn = await secured({ resources: { ...patience, 16: false } }, { bootstrap: { uri: "coap://10.0.0.8:5683" } }, () => {});
    stubborn.device.start();
    await stubborn.of.clock.advance(60_000);
    expect(stubborn.bootstrap.story).toEqual([]);
    expect(times(stubborn)).toEqual([0, 10]);
  });

  it("counts silence as failed communication: a wrong key", async () => {
    const setting = await secured({}, {}, (server) => server.knows(psk("dev-1", "another")));
    setting.device.start();
    await setting.of.clock.advance(100_000);
    expect(times(setting)).toEqual([0, 4, 17, 21]);
    expect(setting.device.counters).toMatchObject({ handshakesUnanswered: 4, handshakesRefused: 0 });
    expect(setting.of.failures).toEqual(["Register at server 101: handshake: timeout"]);
    expect(setting.device.fleetState).toBe("failed");
  });

  it("shows the alert in /1/x/11, where the object has it", async () => {
    const alertOf = async (lwm2m: "1.0" | "1.1") => {
      const setting = await secured({}, { lwm2m }, (server) => server.keys.set("dev-1", { refuse: 40 }));
      setting.device.start();
      await setting.of.clock.advance(100);
      return takeSnapshot(setting.device).objects["1"]?.["0"]?.["11"];
    };
    expect(await alertOf("1.1")).toBe(40);
    expect(await alertOf("1.0")).toBeUndefined();
  });

  it("is registered as soon as its Server knows the key", async () => {
    const setting = await secured({}, {}, () => {});
    setting.device.start();
    await setting.of.clock.advance(5_000);
    setting.server.knows(mine);
    await setting.of.clock.advance(10_000);
    expect(setting.device.fleetState).toBe("registered");
  });

  it("of a stack without back-off is a storm, and is counted as one", async () => {
    const calm = await secured({}, {}, (server) => server.keys.set("dev-1", { refuse: 40 }));
    calm.device.start();
    await calm.of.clock.advance(60_000);
    expect(calm.device.counters.handshakeStorms).toBe(0);
    const wild = await secured({}, { personality: "no-back-off" }, (server) => server.keys.set("dev-1", { refuse: 40 }));
    wild.device.start();
    await wild.of.clock.advance(lab.device.stormWindowMs - 100);
    expect(wild.device.counters.handshakeStorms).toBe(1);
    expect(wild.device.counters.handshakesRefused).toBeGreaterThan(lab.device.stormHandshakes);
  });

  it("says nothing more once it fell silent in the middle of a handshake", async () => {
    const setting = await secured({}, {}, (server) => server.knows(psk("dev-1", "another")));
    setting.device.start();
    await setting.of.clock.advance(300);
    setting.device.goSilent();
    const before = setting.server.endpoint.dtls?.recordsIn;
    await setting.of.clock.advance(100_000);
    expect(setting.server.endpoint.dtls?.recordsIn).toBe(before);
    setting.server.knows(mine);
    setting.device.speakAgain();
    await setting.of.clock.advance(5_000);
    expect(setting.device.fleetState).toBe("registered");
  });
});

describe("a traced device with a session", () => {
  it("shows handshake, records and the messages inside, under its name", async () => {
    const { of } = await registered();
    const { events } = of.trace.read({ after: 0, limit: 1_000, endpoints: ["dev-1"] });
    const records = events.flatMap(({ event }) => (event.kind === "dtls" ? [`${event.direction} ${event.summary.split(/[,;]/)[0] ?? ""}`] : []));
    expect(records).toEqual(["out clientHello", "in helloVerifyRequest", "out clientHello", "in serverHello", "out clientKeyExchange", "in ChangeCipherSpec", "out application data", "in application data"]);
    expect(events.flatMap(({ event }) => (event.kind === "datagram" ? [`${event.direction} ${event.coap?.code ?? ""} ${event.secured === true ? "secured" : "plain"}`] : []))).toEqual(["out 0.02 secured", "in 2.01 secured"]);
    expect(events.flatMap(({ event }) => (event.kind === "state" && event.machine === "dtls" ? [`${event.from} ${event.to} ${event.input}`] : []))).toEqual(["none handshaking connect", "handshaking connected full"]);
  });
});

describe("devices with sessions under loss", () => {
  it("all register in the end", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const of = await world(seed, { loss: 0.2, delayMs: [1, 20] });
      const server = await ScriptedPeer.at(of, "10.0.0.9");
      server.knows(mine);
      const device = deviceIn(of, { servers: [{ uri: server.secureUri, shortServerId: 101, lifetime: 100, psk: mine, resources: { 17: 5, 18: 1 } }] });
      device.start();
      expect(await of.clock.advanceUntil(() => device.fleetState === "registered", 120_000)).toBe(true);
    }
  });
});
