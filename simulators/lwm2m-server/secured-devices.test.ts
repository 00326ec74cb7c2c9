import { describe, expect, it } from "vitest";
import { Codes, formatCode } from "../../src/coap/index.js";
import type { LwM2mServerInput } from "../../src/config/index.js";
import { deregisterRequest, updateRequest } from "../../src/lwm2m/index.js";
import type { ShownBody } from "./credential-record.js";
import { serverBench } from "./testing/bench.js";

const keyOf = (endpoint: string, version: number): Buffer => Buffer.from(`key ${version} of ${endpoint}`.padEnd(16, "."));
const identityOf = (endpoint: string, version: number): Buffer => Buffer.from(`${endpoint}/v${version}`);
const credential = (endpoint: string, version = 1, key = keyOf(endpoint, version)) => ({ identity: identityOf(endpoint, version), key });

async function secured(input: Partial<LwM2mServerInput> = {}) {
  const bench = await serverBench({ admission: "credential", ...input });
  const { server } = bench;
  let sessions = 0;
  const stage = (endpoint: string, version = 1, extra: Partial<ShownBody> = {}) =>
    server.credentials.stage("a", "bs-a", endpoint, "c1", {
      body: { version, ssid: 101, mode: "psk", identity: { b64u: identityOf(endpoint, version).toString("base64url") }, sessionPolicy: "close-on-revoke", ...extra },
      key: keyOf(endpoint, version),
    });
  const activate = (endpoint: string, version = 1) => server.credentials.activate("a", endpoint, "c1", { version, sessionId: (sessions += 1) });
  return {
    ...bench,
    stage,
    activate,
    provide: (endpoint: string, version = 1, extra: Partial<ShownBody> = {}) => {
      stage(endpoint, version, extra);
      activate(endpoint, version);
    },
    secureDevice: (endpoint: string, version = 1, key?: Buffer) => bench.device({ endpoint, credential: credential(endpoint, version, key) }),
    /** The versions that registrations were reported under. */
    confirmed: () =>
      server.smpEvents
        .page("a", 0, 1000)
        .events.filter(({ type }) => type === "smp.client.registered")
        .map(({ data }) => data.version),
    code: async (response: Promise<{ readonly code: number }>) => formatCode((await bench.settle(response)).code),
    handshakes: (endpoint: string) => server.operations.handshakes({ limit: 10 }).devices.find((one) => one.endpoint === endpoint),
  };
}

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
    server.operations.forgetSessions({ registrations: false });
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
    server.operations.forgetSessions({ registrations: false });
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

  it("is not given to who comes without security where its credential has a key", async () => {
    const { provide, device, settle } = await secured();
    provide("a-1");
    expect(await settle((await device({ endpoint: "a-1" })).register())).toBe("4.03");
  });
});

describe("a handshake without a usable credential", () => {
  it("is met with silence as long as the activation may come", async () => {
    const { stage, activate, secureDevice, settle, handshakes } = await secured();
    stage("a-1");
    const one = await secureDevice("a-1");
    await expect(settle(one.register())).rejects.toMatchObject({ reason: "handshake" });
    expect(one.heard).toEqual(["handshake timeout"]);
    expect(handshakes("a-1")).toMatchObject({ attempts: 1, refused: 1, failed: 0 });
    activate("a-1");
    expect(await settle(one.register())).toBe("2.01");
  });

  it("is met as an unknown one when the activation did not come in time", async () => {
    const { stage, secureDevice, settle, ports } = await secured();
    stage("a-1");
    await ports.clock.advance(10_000);
    const one = await secureDevice("a-1");
    await expect(settle(one.register())).rejects.toMatchObject({ reason: "handshake" });
    expect(one.heard).toEqual(["handshake alert-received 115"]);
  });

  it.each([["silence", "timeout"], [20, "alert-received 20"], [40, "alert-received 40"], [49, "alert-received 49"], [51, "alert-received 51"], [115, "alert-received 115"]] as const)("gets %s where that is the setting", async (answer, heard) => {
    const { stage, secureDevice, settle } = await secured({ unknownIdentity: answer, stagedIdentity: answer });
    stage("a-1");
    for (const endpoint of ["a-1", "a-unknown"]) {
      const one = await secureDevice(endpoint);
      await expect(settle(one.register())).rejects.toMatchObject({ reason: "handshake" });
      expect(one.heard).toEqual([`handshake ${heard}`]);
    }
  });

  it("with a wrong key comes to nothing, is counted and reported", async () => {
    const { provide, secureDevice, settle, server, handshakes, ports } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1", 1, Buffer.from("not the right key"));
    await expect(settle(one.register())).rejects.toMatchObject({ reason: "handshake" });
    await ports.clock.advance(4_000);
    expect(handshakes("a-1")).toMatchObject({ attempts: 1, finished: 0, failed: 1 });
    expect(server.smpEvents.page("a", 0, 100).events.at(-1)).toMatchObject({ type: "smp.client.authfailed", subject: "a-1", data: { credentialId: "c1", version: 1 } });
  });
});

describe("faults of handshakes", () => {
  it("are met by endpoint or identity, as often as they were told", async () => {
    const { provide, secureDevice, settle, server } = await secured();
    for (const endpoint of ["a-1", "a-2"]) provide(endpoint);
    server.faults.set("by-name", { operation: "handshake", endpoint: "a-1", action: { kind: "refuse", alert: 49 }, times: 1 });
    server.faults.set("by-identity", { operation: "handshake", identity: "a-2/*", action: { kind: "silence" }, times: 1 });
    const one = await secureDevice("a-1");
    const two = await secureDevice("a-2");
    for (const device of [one, two]) {
      await expect(settle(device.register())).rejects.toMatchObject({ reason: "handshake" });
      expect(await settle(device.register())).toBe("2.01");
    }
    expect([one.heard[0], two.heard[0]]).toEqual(["handshake alert-received 49", "handshake timeout"]);
    expect(server.faults.list().map(({ fired }) => fired)).toEqual([1, 1]);
  });

  it("are met only where the identity is refused anyway, if that is asked for", async () => {
    const { provide, secureDevice, settle, server } = await secured();
    provide("a-1");
    server.faults.set("f", { operation: "handshake.refused", action: { kind: "refuse", alert: 51 } });
    expect(await settle((await secureDevice("a-1")).register())).toBe("2.01");
    const stranger = await secureDevice("a-2");
    await expect(settle(stranger.register())).rejects.toMatchObject({ reason: "handshake" });
    expect(stranger.heard).toEqual(["handshake alert-received 51"]);
  });

  it("are not slipped past by a resumption", async () => {
    const { provide, secureDevice, settle, server } = await secured();
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    server.faults.set("f", { operation: "handshake", endpoint: "a-1", action: { kind: "refuse", alert: 40 } });
    one.secure?.reconnect();
    await expect(settle(one.update())).rejects.toMatchObject({ reason: "handshake" });
  });

  it("hold a look-up until they are released", async () => {
    const { provide, secureDevice, settle, server, ports } = await secured();
    provide("a-1");
    server.faults.set("f", { operation: "handshake", action: { kind: "hold" } });
    const one = await secureDevice("a-1");
    const registered = one.register();
    await ports.clock.advance(500);
    expect(server.faults.get("f")?.waiting).toBe(1);
    server.faults.release("f");
    expect(await settle(registered)).toBe("2.01");
  });
});

describe("a rotation with a session open", () => {
  const rotated = async (input: Partial<LwM2mServerInput> = {}, extra: Partial<ShownBody> = {}) => {
    const bench = await secured(input);
    bench.provide("a-1");
    const old = await bench.secureDevice("a-1", 1);
    await bench.settle(old.register());
    bench.stage("a-1", 2, extra);
    bench.activate("a-1", 2);
    return { ...bench, old, renewed: await bench.secureDevice("a-1", 2) };
  };

  it("leaves the old session alone until the new version is confirmed, then closes it", async () => {
    const { old, renewed, settle, confirmed, server } = await rotated();
    expect(await settle(old.update())).toBe("2.04");
    expect(confirmed()).toEqual([1]);
    expect(await settle(renewed.register())).toBe("2.01");
    expect(confirmed()).toEqual([1, 2]);
    await settle(renewed.update());
    expect(old.heard).toEqual(["session", "session peer-closed"]);
    expect(server.operations.registration("a-1")?.security).toMatchObject({ version: 2, sessionOpen: true });
    expect(server.operations.secureSessions({ limit: 10 }).sessions.map(({ version }) => version)).toEqual([2]);
  });

  it("reports a Register on the old session under the old version", async () => {
    const { old, settle, confirmed, server } = await rotated();
    expect(await settle(old.register())).toBe("2.01");
    expect(confirmed()).toEqual([1, 1]);
    expect(server.credentials.find("a", "a-1", "c1")?.versions.map(({ state }) => state)).toEqual(["retiring", "active"]);
  });

  it("keeps the old session until the next handshake where that is the policy, which then fails, resumption among it", async () => {
    const { old, renewed, settle, handshakes } = await rotated({}, { sessionPolicy: "keep-until-rehandshake" });
    await settle(renewed.register());
    expect(await settle(old.register())).toBe("2.01");
    expect(await settle(old.update())).toBe("2.04");
    old.secure?.reconnect();
    await expect(settle(old.update())).rejects.toMatchObject({ reason: "handshake" });
    expect(old.heard.at(-1)).toBe("handshake alert-received 115");
    expect(handshakes("a-1")).toMatchObject({ resumed: 0, refused: 1 });
  });

  it("with one slot closes it at activation, and the registration waits for the new one", async () => {
    const { old, renewed, settle, server } = await rotated({ credentialSlots: 1 });
    await settle(renewed.register());
    expect(old.heard).toEqual(["session", "session peer-closed"]);
    expect(server.operations.registration("a-1")?.security.version).toBe(2);
  });

  it("ends the old version and its session when the overlap is over", async () => {
    const { old, server, ports } = await rotated({}, { overlapSeconds: 5 });
    await ports.clock.advance(7_000);
    expect(old.heard.at(-1)).toBe("session peer-closed");
    expect(server.credentials.find("a", "a-1", "c1")?.versions.map(({ state }) => state)).toEqual(["revoked", "active"]);
    expect(server.operations.registration("a-1")?.security.sessionOpen).toBe(false);
  });

  it("that is taken back closes the sessions of the new version and leaves the old", async () => {
    const { old, renewed, settle, server, code } = await rotated();
    // A handshake is no registration: the new version is not confirmed by it.
    expect(await code(renewed.raw([], ["elsewhere"]))).toBe("4.04");
    server.credentials.rollBack("a", "a-1", "c1", 2, undefined);
    expect(await settle(old.update())).toBe("2.04");
    expect(renewed.heard).toEqual(["session", "session peer-closed"]);
    await expect(settle(renewed.register())).rejects.toMatchObject({ reason: "handshake" });
  });

  it("revoked between look-up and the end of the handshake makes no session", async () => {
    const { stage, activate, secureDevice, server, ports, settle } = await secured();
    stage("a-1");
    activate("a-1");
    ports.network.impairment = { loss: 0, duplicate: 0, delayMs: [50, 50], reorder: 0 };
    const one = await secureDevice("a-1");
    const registered = one.register();
    registered.catch(() => undefined);
    const keyGiven = (): boolean => server.operations.handshakes({ limit: 1 }).total.attempts === 1;
    await ports.clock.advanceUntil(keyGiven, 5_000);
    server.credentials.revoke("a", "a-1", "c1", 1);
    await expect(settle(registered)).rejects.toMatchObject({ reason: expect.stringMatching(/handshake|unreachable/) as string });
    expect(server.security.size).toBe(0);
    expect(server.registry.size).toBe(0);
  });
});

describe("a credential that is removed", () => {
  it.each(["close-on-revoke", "keep-until-rehandshake"] as const)("takes sessions and registration with it, whatever its policy (%s)", async (sessionPolicy) => {
    const { provide, secureDevice, settle, server, handshakes, ports } = await secured();
    provide("a-1", 1, { sessionPolicy });
    const one = await secureDevice("a-1");
    await settle(one.register());
    const { record } = server.credentials.revoke("a", "a-1", "c1", 1);
    server.handlers.options.revoked(record);
    expect(server.registry.size).toBe(0);
    expect(server.security.size).toBe(0);
    await ports.clock.advance(100);
    await expect(settle(one.register())).rejects.toMatchObject({ reason: "handshake" });
    expect(one.heard).toEqual(["session", "session peer-closed", "handshake alert-received 115"]);
    expect(handshakes("a-1")).toMatchObject({ attempts: 2, refused: 1 });
  });

  it("leaves a registration that came under another one", async () => {
    const { provide, secureDevice, settle, server } = await secured();
    provide("a-1");
    server.credentials.stage("a", "bs-a", "a-1", "c2", { body: { version: 1, ssid: 102, mode: "psk", identity: { b64u: "b3RoZXI" }, sessionPolicy: "close-on-revoke" }, key: Buffer.from("another") });
    server.credentials.activate("a", "a-1", "c2", { version: 1, sessionId: 9 });
    await settle((await secureDevice("a-1")).register());
    server.handlers.options.revoked(server.credentials.revoke("a", "a-1", "c2", 1).record);
    expect(server.registry.size).toBe(1);
    server.handlers.options.revoked(server.credentials.revoke("a", "a-1", "c1", 1).record);
    expect(server.registry.size).toBe(0);
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
    expect(server.operations.forgetSessions({ registrations: true })).toEqual({ sessions: 3, registrations: 3 });
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

describe("a storm of handshakes", () => {
  it("is told once, with the device it comes from", async () => {
    const { provide, secureDevice, settle, server, handshakes } = await secured({ handshakeStorm: 3 });
    provide("a-1");
    const one = await secureDevice("a-1");
    for (let turn = 0; turn < 6; turn += 1) {
      await settle(one.register());
      one.secure?.reconnect("full");
    }
    expect(handshakes("a-1")).toMatchObject({ storms: 1 });
    expect(server.events.after(0, 1000).events.filter(({ type }) => type === "handshake-storm")).toMatchObject([{ endpoint: "a-1", data: { identity: "a-1/v1", attempts: 4 } }]);
  });
});

describe("planted faults of sessions", () => {
  it("session-outlives-revoke", async () => {
    const { provide, secureDevice, settle, server } = await secured({ plants: ["session-outlives-revoke"] });
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    server.credentials.revoke("a", "a-1", "c1", 1);
    expect(await settle(one.update())).toBe("2.04");
  });

  it("resumption-outlives-revoke", async () => {
    const { provide, secureDevice, settle, server } = await secured({ plants: ["resumption-outlives-revoke"] });
    provide("a-1");
    const one = await secureDevice("a-1");
    await settle(one.register());
    server.credentials.revoke("a", "a-1", "c1", 1);
    one.secure?.reconnect();
    expect(await settle(one.update())).toBe("2.04");
    expect(one.heard.at(-1)).toBe("resumed");
  });

  it("ep-not-bound-to-credential", async () => {
    const { provide, secureDevice, code } = await secured({ plants: ["ep-not-bound-to-credential"] });
    provide("a-1");
    const one = await secureDevice("a-1");
    expect(await code(one.raw(["ep=a-2", "lt=60", "lwm2m=1.1"]))).toBe("2.01");
    expect(await code(one.raw(["lt=60", "lwm2m=1.1"]))).toBe("2.01");
  });

  it("foreign-session-accepted", async () => {
    const { provide, secureDevice, settle, code } = await secured({ plants: ["foreign-session-accepted"] });
    provide("a-1");
    provide("a-2");
    const victim = await secureDevice("a-1");
    await settle(victim.register());
    const other = await secureDevice("a-2");
    expect(await code(other.coap.request(other.coap.peer(other.options.server), { code: Codes.DELETE, path: victim.location ?? [] }))).toBe("2.02");
  });
});
