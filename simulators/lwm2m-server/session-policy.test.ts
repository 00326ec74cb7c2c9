import { describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import type { LwM2mServerInput } from "../../src/config/index.js";
import type { ShownBody } from "./credential-record.js";
import { secured } from "./testing/secured-bench.js";

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
