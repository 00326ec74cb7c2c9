import { describe, expect, it } from "vitest";
import { testPsk } from "../../src/config/index.js";
import { deregisterRequest, updateRequest } from "../../src/lwm2m/index.js";
import { secured } from "./testing/secured-bench.js";

describe("a device with a pre-shared key", () => {
  it("registers on its session, and is shown with the credential that authenticated it", async () => {
    const { provide, secureDevice, server, settle, confirmed } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1");
    expect(await settle(one.register())).toBe("2.01");
    expect(await settle(one.update())).toBe("2.04");
    expect(server.operations.registration("a-1")?.security).toEqual({ mode: "psk", credentialId: "c1", version: 1, sessionOpen: true });
    expect(server.operations.secureSessions({ limit: 10 })).toMatchObject({ total: 1, sessions: [{ endpoint: "a-1", credentialId: "c1", version: 1, state: "active", resumed: false }] });
    expect(confirmed()).toEqual([1]);
    expect(await settle(one.deregister())).toBe("2.02");
  });

  it("is asked over its session", async () => {
    const { provide, secureDevice, server, settle } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    expect(await settle(server.operations.operate("a-1", { operation: "read", path: "/3/0/0" }))).toMatchObject({ code: "2.05", resources: { "/3/0/0": "Muster" } });
  });

  it("is asked over the session of its latest Register", async () => {
    const { provide, secureDevice, server, settle } = await secured();
    provide("a-1");
    const before = await secureDevice("a-1");
    const after = await secureDevice("a-1");
    await settle(before.register());
    await settle(after.register());
    await settle(server.operations.operate("a-1", { operation: "read", path: "/3/0/0" }));
    expect([before.seen, after.seen]).toEqual([[], ["GET /3/0/0"]]);
  });

  it("is not asked while its session is gone, and again once it came back", async () => {
    const { provide, secureDevice, server, settle } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    server.operations.forgetSessions({ registrations: false, keepResumable: false });
    expect(await settle(server.operations.operate("a-1", { operation: "read", path: "/3/0/0" }))).toEqual({ failure: "unreachable" });
    expect(server.operations.registration("a-1")?.security.sessionOpen).toBe(false);
    one.secure?.reconnect();
    await settle(one.register());
    expect(await settle(server.operations.operate("a-1", { operation: "read", path: "/3/0/0" }))).toMatchObject({ code: "2.05" });
  });

  it("is triggered when it comes back, where its session was gone", async () => {
    const { provide, secureDevice, server, settle, ports } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    server.operations.forgetSessions({ registrations: false, keepResumable: false });
    const trigger = server.triggers.create({ peerId: "bs-a", tenant: "a" }, { ep: "a-1", reason: "operator", validity: "PT5S", priority: "normal", ssid: 101 });
    await ports.clock.advance(500);
    expect(trigger.machine.state).toBe("queued");
    one.secure?.reconnect();
    await settle(one.register());
    await ports.clock.advance(500);
    expect(trigger.machine.state).toBe("acknowledged");
  });

  it("keeps its registration when it comes on a resumed session", async () => {
    const { provide, secureDevice, settle, handshakes } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    one.secure?.reconnect();
    expect(await settle(one.update())).toBe("2.04");
    expect(one.heard.at(-1)).toBe("resumed");
    expect(handshakes("a-1")).toMatchObject({ attempts: 2, finished: 2, resumed: 1, refused: 0 });
  });
});

describe("a device whose key is in the server's own configuration", () => {
  it("is let in, and no peer hears of its credential", async () => {
    const { device, settle, server } = await secured({ clients: [{ endpoint: "a-1", psk: { key: "00112233445566778899aabbccddeeff" } }] });
    const one = await device({ endpoint: "a-1", credential: { identity: Buffer.from("a-1"), key: Buffer.from("00112233445566778899aabbccddeeff", "hex") } });
    expect(await settle(one.register())).toBe("2.01");
    expect(server.handlers.listCredentials({ peerId: "bs-a", tenant: "a" }, { limit: 10 })).toEqual({ credentials: [] });
    expect(server.smpEvents.page("a", 0, 10).events).toEqual([]);
    expect(server.peers.waiting).toBe(0);
  });

  it("may be a test device, whose key follows from a seed", async () => {
    const { device, settle, server } = await secured({ clients: [{ testDevices: { seed: 7, pattern: "fleet-{index}", devices: 100 } }] });
    for (const index of [3, 42]) {
      const endpoint = `fleet-${index}`;
      expect(await settle((await device({ endpoint, credential: testPsk(7, index, "server", endpoint) })).register())).toBe("2.01");
    }
    const stranger = await device({ endpoint: "fleet-101", credential: testPsk(7, 101, "server", "fleet-101") });
    await expect(settle(stranger.register())).rejects.toMatchObject({ reason: "handshake" });
    expect(server.credentials.size).toBe(2);
  });

  it("comes under the credential that a Bootstrap Server staged where that has its identity", async () => {
    const { device, settle, server } = await secured({ clients: [{ testDevices: { seed: 7, pattern: "a-*" } }] });
    const key = Buffer.from("the key of SM-3!");
    server.credentials.stage("a", "bs-a", "a-1", "c1", { body: { version: 1, ssid: 101, mode: "psk", identity: { b64u: Buffer.from("a-1").toString("base64url") }, sessionPolicy: "close-on-revoke" }, key });
    server.credentials.activate("a", "a-1", "c1", { version: 1, sessionId: 1 });
    expect(await settle((await device({ endpoint: "a-1", credential: { identity: Buffer.from("a-1"), key } })).register())).toBe("2.01");
    expect(server.operations.registration("a-1")?.security.credentialId).toBe("c1");
  });
});

describe("the endpoint name of a session", () => {
  it("is the one that the credential was staged for: another is 4.00, none is that one from LwM2M 1.1 on", async () => {
    const { provide, secureDevice, server, code } = await secured();
    provide("a-1");
    provide("a-2");
    const one = await secureDevice("a-1");
    expect(await code(one.raw(["ep=a-2", "lt=60", "lwm2m=1.1"]))).toBe("4.00");
    expect(await code(one.raw(["lt=60", "lwm2m=1.0"]))).toBe("4.00");
    expect(server.registry.size).toBe(0);
    expect(await code(one.raw(["lt=60", "lwm2m=1.1"]))).toBe("2.01");
    expect(server.registry.byEndpoint("a-1")).toBeDefined();
  });

  it("guards its registration: Update and De-register of another device find nothing there", async () => {
    const { provide, secureDevice, device, server, settle, code } = await secured();
    provide("a-1");
    provide("a-2");
    const victim = await secureDevice("a-1");
    const other = await secureDevice("a-2");
    const stranger = await device({ endpoint: "a-1" });
    await settle(victim.register());
    const location = victim.location ?? [];
    for (const one of [other, stranger]) {
      const server = one.coap.peer(one.options.server);
      expect(await code(one.coap.request(server, updateRequest(location, "1.1", { lifetime: 7 })))).toBe("4.04");
      expect(await code(one.coap.request(server, deregisterRequest(location)))).toBe("4.04");
    }
    expect(server.registry.byEndpoint("a-1")?.lifetime).toBe(60);
  });

  it("is not taken from a Register whose session ended while it was held", async () => {
    const { provide, secureDevice, server, ports } = await secured({ admission: "open" });
    provide("a-1");
    server.faults.set("f", { operation: "register", action: { kind: "hold" } });
    const registered = (await secureDevice("a-1")).register();
    registered.catch(() => undefined);
    await ports.clock.advance(500);
    server.credentials.revoke("a", "a-1", "c1", 1);
    server.faults.release("f");
    await ports.clock.advance(500);
    expect(server.registry.size).toBe(0);
  });

  it("is what a session is filed under, whatever it states", async () => {
    const { provide, secureDevice, server, code } = await secured();
    provide("a-1");
    expect(await code((await secureDevice("a-1")).raw(["ep=a-2", "lt=60", "lwm2m=1.1"]))).toBe("4.00");
    const events = server.trace.read({ after: 0, limit: 1000, endpoints: ["a-1"] }).events.filter(({ event }) => event.kind === "datagram");
    expect(events).toHaveLength(2);
  });

  it("is not given to who comes without security where its credential has a key", async () => {
    const { provide, device, settle } = await secured();
    provide("a-1");
    expect(await settle((await device({ endpoint: "a-1" })).register())).toBe("4.03");
  });
});

describe("a server that lost its sessions", () => {
  it("tells nobody, and takes its devices back", async () => {
    const { provide, secureDevice, settle, server, ports } = await secured();
    const devices = [];
    for (const endpoint of ["a-1", "a-2", "a-3"]) {
      provide(endpoint);
      devices.push(await secureDevice(endpoint));
    }
    for (const one of devices) await settle(one.register());
    expect(server.operations.forgetSessions({ registrations: true, keepResumable: false })).toEqual({ sessions: 3, registrations: 3 });
    await ports.clock.advance(1_000);
    expect(devices.map(({ heard }) => heard)).toEqual([["session"], ["session"], ["session"]]);
    expect(server.operations.secureSessions({ limit: 10 })).toEqual({ total: 0, sessions: [] });
    for (const one of devices) {
      await expect(settle(one.update())).rejects.toMatchObject({ reason: "timeout" });
      one.secure?.reconnect();
      expect(await settle(one.register())).toBe("2.01");
      expect(one.heard.at(-1)).toBe("session");
    }
    expect(server.events.after(0, 100).events.map(({ type }) => type)).toContain("sessions-forgotten");
  });
});

describe("a server that kept what sessions can be resumed from", () => {
  it("resumes them", async () => {
    const { provide, secureDevice, settle, server } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    server.operations.forgetSessions({ registrations: false, keepResumable: true });
    one.secure?.reconnect();
    expect(await settle(one.update())).toBe("2.04");
    expect(one.heard).toEqual(["session", "resumed"]);
  });
});
