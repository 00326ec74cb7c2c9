import { describe, expect, it, vi } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { perform } from "./perform.js";
import { takeSnapshot } from "./take-snapshot.js";
import { deviceIn, psk, ScriptedPeer, world } from "./testing/scripted-peer.js";
import type { ServerSettings } from "../../src/dtls/index.js";
import type { DeviceSpec } from "./spec.js";

const mine = psk("dev-1");

async function registered(more: Partial<DeviceSpec> = {}, secured = true, settings: ServerSettings = {}) {
  const of = await world();
  const server = await ScriptedPeer.at(of, "10.0.0.9", 5683, settings);
  server.knows(mine);
  const device = deviceIn(of, { servers: [{ uri: secured ? server.secureUri : server.uri, shortServerId: 101, lifetime: 100, ...(secured ? { psk: mine } : {}) }], ...more });
  device.start();
  await of.clock.advance(500);
  expect(device.fleetState).toBe("registered");
  const act = async (action: Parameters<typeof perform>[1]) => {
    const done = perform(device, action);
    await of.clock.advance(100);
    return done;
  };
  return { of, server, device, act };
}

const measured = (of: Awaited<ReturnType<typeof registered>>["of"]): number[] => of.measures.flatMap(({ measure, milliseconds }) => (measure === "recovery" ? [milliseconds] : []));

describe("a device with connection ids whose address changes", () => {
  const withIds = (length: number) => registered({ connectionIdLength: length }, true, { connectionIdLength: 8 });

  it.each([0, 5])("makes its next Update in the session that it has (own length %i)", async (length) => {
    const { of, server, device, act } = await withIds(length);
    for (let round = 1; round <= 3; round++) {
      await act({ do: "rebind" });
      await of.clock.advance(80_000);
      expect(server.count("POST /rd/1")).toBe(round);
    }
    expect(server.sessions).toEqual(["full dev-1"]);
    expect(device.counters).toMatchObject({ rebinds: 3, updates: 3, updatesLost: 0, handshakesAfterRebind: 0, handshakes: 1, handshakesResumed: 0 });
    for (const recovery of measured(of)) expect(recovery).toBeLessThan(100);
    expect(measured(of)).toHaveLength(3);
    // The server believes an address that answers.
    await act({ do: "update" });
    expect(server.device.address).toEqual(device.accounts[0]?.endpoint?.local);
  });

  it("is asked by its Server at the new address once it has spoken from there", async () => {
    const { of, server, act } = await withIds(0);
    const { device: peer } = server;
    await act({ do: "rebind" });
    await act({ do: "update" });
    expect((await server.ask(of, { code: Codes.GET, path: ["3", "0", "0"] }, peer)).code).toBe("2.05");
  });

  it("loses its Update all the same where the server has none", async () => {
    const { of, device, act } = await registered({ connectionIdLength: 0 });
    await act({ do: "rebind" });
    await of.clock.advance(120_000);
    expect(device.counters).toMatchObject({ updates: 1, updatesLost: 1, handshakesAfterRebind: 1 });
  });

  it("sleeps through changes of its address, and wakes with an Update that is answered", async () => {
    const { of, device, act } = await registered({ connectionIdLength: 0, personality: "sleepy" }, true, { connectionIdLength: 8 });
    await of.clock.advance(40_000);
    expect(device.asleep).toBe(true);
    for (let change = 0; change < 2; change++) expect((await act({ do: "rebind" })).ok).toBe(true);
    await act({ do: "wake" });
    expect(device.counters).toMatchObject({ rebinds: 2, updates: 1, updatesLost: 0, handshakes: 1 });
  });
});

describe("a device whose address changes", () => {
  it("goes on in its session from another port, and says so in the trace", async () => {
    const { of, device, act } = await registered();
    const before = takeSnapshot(device).accounts[0]?.local;
    const sockets = of.host.openSockets;
    expect(await act({ do: "rebind" })).toEqual({ ok: true });
    const after = takeSnapshot(device).accounts[0];
    expect(after?.local).not.toBe(before);
    expect(after?.session).toMatchObject({ resumed: false });
    expect(device.counters).toMatchObject({ rebinds: 1, handshakes: 1 });
    expect(of.host.openSockets).toBe(sockets);
    const { events } = of.trace.read({ after: 0, limit: 1_000 });
    expect(events.find(({ event }) => event.kind === "state" && event.input === "rebind")?.event).toMatchObject({ machine: "dtls", to: "connected", detail: { local: after?.local } });
  });

  it("without a connection id loses its next Update, takes the session up again, and makes the Update in it", async () => {
    const { of, server, device, act } = await registered();
    await act({ do: "rebind" });
    await of.clock.advance(120_000);
    expect(server.sessions.filter((each) => !each.startsWith("end"))).toEqual(["full dev-1", "resumed dev-1"]);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1"]);
    expect(device.counters).toMatchObject({ rebinds: 1, updates: 1, updatesLost: 1, handshakesAfterRebind: 1, updatesFailed: 0 });
    const [recovery = 0] = measured(of);
    // The Update was given up, a handshake took four ways, and the Update two.
    expect(recovery).toBeGreaterThan(1_000);
    expect(recovery).toBeLessThan(20_000);
    // It says nothing of how fast the server answers.
    expect(of.measures.filter(({ measure }) => measure === "update")).toEqual([]);
    await act({ do: "update" });
    await of.clock.advance(1_000);
    expect(of.measures.filter(({ measure }) => measure === "update")).toHaveLength(1);
  });

  it("is not heard by its Server until it has spoken, and is then", async () => {
    const { of, server, act } = await registered();
    const before = server.device;
    await act({ do: "rebind" });
    expect((await server.ask(of, { code: Codes.GET, path: ["3", "0", "0"] }, before)).code).toBe("timeout");
    await of.clock.advance(120_000);
    expect((await server.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("2.05");
  });

  it("counts its recovery from the first change that nothing was answered after", async () => {
    const { of, device, act } = await registered();
    for (let change = 0; change < 3; change++) await act({ do: "rebind" });
    await of.clock.advance(120_000);
    expect(device.counters).toMatchObject({ rebinds: 3, updatesLost: 1, handshakesAfterRebind: 1 });
    expect(measured(of)).toHaveLength(1);
  });

  it("may change it in the middle of an exchange", async () => {
    const { of, server, device } = await registered();
    const silent = of.network.partition(() => true);
    void perform(device, { do: "update" });
    await of.clock.advance(100);
    silent();
    void perform(device, { do: "rebind" });
    await of.clock.advance(30_000);
    expect(device.counters).toMatchObject({ updates: 1, updatesLost: 1 });
    expect(server.last("POST /rd/1").peer.address).toEqual(device.accounts[0]?.endpoint?.local);
  });

  it("has none to change without a session, and no session to keep while one is being made", async () => {
    const plain = await registered({}, false);
    expect(await plain.act({ do: "rebind" })).toEqual({ ok: false, failure: "no-session" });
    const { of, device, server } = await registered();
    server.endpoint.revoke(() => true);
    await of.clock.advance(10);
    const [account] = device.accounts;
    account?.step({ in: "update" });
    expect(account?.link.secured?.state).toBe("handshaking");
    expect(await device.rebind()).toBe(false);
    expect(await device.rebind(102)).toBe(false);
    expect(device.counters.rebinds).toBe(0);
  });

  it("stays where it is when there is no port to be had", async () => {
    const { of, device, act } = await registered();
    const before = takeSnapshot(device).accounts[0]?.local;
    const full = vi.spyOn(of.network, "bind").mockRejectedValue(new Error("no port"));
    expect(await act({ do: "rebind" })).toMatchObject({ failure: "no-session" });
    full.mockRestore();
    expect(takeSnapshot(device).accounts[0]?.local).toBe(before);
    expect(of.host.refusedSockets).toBe(1);
    await of.clock.advance(80_000);
    expect(device.counters).toMatchObject({ updates: 1, rebinds: 0 });
  });

  it("leaves no socket behind when it is stopped meanwhile", async () => {
    const { of, device } = await registered();
    const moving = device.rebind();
    device.stop(false);
    await of.clock.advance(10);
    expect(await moving).toBe(false);
    expect(of.host.openSockets).toBe(0);
  });
});
