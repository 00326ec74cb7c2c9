import { describe, expect, it } from "vitest";
import { secured } from "./testing/secured-bench.js";

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
