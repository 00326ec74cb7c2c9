import { describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { executeRequest, parsePath } from "../../src/lwm2m/index.js";
import { bootstrapping } from "./testing/bootstrapping.js";
import type { deviceIn } from "./testing/scripted-peer.js";
import { takeSnapshot } from "./take-snapshot.js";

/** A device registered with A (account 3), and its Bootstrap Server. */
async function triggered(more: Parameters<typeof deviceIn>[1] = {}, bootstrapAccount = true) {
  const servers = [{ uri: "coap://10.0.0.1:5683", shortServerId: 101, lifetime: 100, securityInstance: 3, serverInstance: 3 }];
  const setting = await bootstrapping({ servers, ...more }, bootstrapAccount);
  await setting.start();
  const execute = async () => (await setting.a.ask(setting.of, executeRequest(parsePath("/1/3/9")))).code;
  return { ...setting, execute };
}

describe("Execute of /1/x/9", () => {
  it("is answered, then followed by a Bootstrap-Request that says what caused it", async () => {
    const { of, bootstrap, device, execute } = await triggered();
    expect(bootstrap.story).toEqual([]);
    expect(await execute()).toBe("2.04");
    await of.clock.advance(50);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(device.counters).toMatchObject({ bootstrapTriggers: 1, executes: 1, bootstrapRequests: 1 });
    expect(takeSnapshot(device)).toMatchObject({ lastBootstrapCause: "trigger", executed: { "/1/3/9": 1 } });
    const { events } = of.trace.read({ after: 0, limit: 1000, endpoints: ["dev-1"] });
    const request = events.find(({ event }) => event.kind === "state" && event.input === "bootstrap-request");
    expect(request?.event).toMatchObject({ machine: "device", id: "dev-1", detail: { cause: "trigger" } });
    expect(of.measures.some(({ measure }) => measure === "trigger-to-bootstrap")).toBe(true);
  });

  const answers = [
    ["default", "2.04", "4.05", "2.04"],
    ["anjay-like", "2.04", "4.05", "2.04"],
    ["zephyr-like", "2.04", "4.05", "4.05"],
  ] as const;
  it.each(answers)("is answered by %s as its stack does: %s with a Bootstrap account, %s without one, %s during a bootstrap", async (personality, present, absent, during) => {
    const usual = await triggered({ personality });
    expect(await usual.execute()).toBe(present);
    await usual.of.clock.advance(100);
    expect(usual.device.state.at).toBe("bootstrapping");
    expect(await usual.execute()).toBe(during);
    await usual.of.clock.advance(100);
    expect(usual.bootstrap.story).toEqual(["POST /bs"]);
    const alone = await triggered({ personality }, false);
    expect(await alone.execute()).toBe(absent);
    await alone.of.clock.advance(1_000);
    expect(alone.bootstrap.story).toEqual([]);
  });

  it("makes leshan-like de-register everywhere first, and is 4.00 there without a Bootstrap account", async () => {
    const { of, a, bootstrap, execute, device } = await triggered({ personality: "leshan-like" });
    expect(await execute()).toBe("2.04");
    await of.clock.advance(100);
    expect(a.story).toEqual(["POST /rd", "DELETE /rd/1"]);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(bootstrap.heard[0]?.at).toBeGreaterThan(a.heard[1]?.at ?? 0);
    expect(device.state.at).toBe("bootstrapping");
    expect(await (await triggered({ personality: "leshan-like" }, false)).execute()).toBe("4.00");
  });

  it("is refused by wakaama-like in every situation", async () => {
    const { of, bootstrap, execute } = await triggered({ personality: "wakaama-like" });
    expect(await execute()).toBe("4.05");
    await of.clock.advance(1_000);
    expect(bootstrap.story).toEqual([]);
  });

  it("does not exist on a device without the resource, nor in LwM2M 1.0", async () => {
    expect(await (await triggered({ personality: "no-trigger-resource" })).execute()).toBe("4.04");
    expect(await (await triggered({ lwm2m: "1.0" })).execute()).toBe("4.04");
  });

  it("is answered and forgotten by silent-after-trigger", async () => {
    const { of, bootstrap, execute, device } = await triggered({ personality: "silent-after-trigger" });
    expect(await execute()).toBe("2.04");
    await of.clock.advance(10_000);
    expect(bootstrap.story).toEqual([]);
    expect(device.counters.executes).toBe(1);
  });

  const deviations = [
    ["4.00", "4.00"],
    ["4.04", "4.04"],
    ["reset", "reset"],
    ["silence", "timeout"],
  ] as const;
  it.each(deviations)("can be answered otherwise: %s", async (answer, seen) => {
    const trigger = { present: true, withBootstrapAccount: { answer, then: "nothing" }, withoutBootstrapAccount: { answer, then: "nothing" }, whileBootstrapping: { answer, then: "nothing" }, jitterMs: 0 } as const;
    const { execute, device } = await triggered({ deviations: { trigger } });
    expect(await execute()).toBe(seen);
    expect(device.counters.executes).toBe(0);
  });

  it("can be answered late, as a separate response", async () => {
    const late = { answer: "2.04", lateMs: 1_000, then: "bootstrap" } as const;
    const { of, bootstrap, execute, a } = await triggered({ deviations: { trigger: { present: true, withBootstrapAccount: late, withoutBootstrapAccount: late, whileBootstrapping: late, jitterMs: 0 } } });
    const before = of.clock.now();
    expect(await execute()).toBe("2.04");
    expect(of.clock.now() - before).toBeGreaterThan(900);
    await of.clock.advance(50);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(a.endpoint.counters.retransmissions).toBe(0);
  });
});

describe("a bootstrap of a device that is registered", () => {
  it("leaves its registration alone until the Finish, then registers at every account", async () => {
    const { of, a, b, device, execute, writeAccount, writeRight, finish } = await triggered();
    await execute();
    await of.clock.advance(50);
    expect((await a.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("2.05");
    expect((await a.ask(of, { code: Codes.PUT, path: ["1", "3", "1"], contentFormat: 0, payload: Buffer.from("50") })).code).toBe("5.03");
    await writeAccount(5, b.uri, 202, 200);
    await writeRight(0, 3, 0, 101, { 101: 15, 202: 1 });
    expect(b.story).toEqual([]);
    expect(await finish()).toBe("2.04");
    await of.clock.advance(100);
    expect(a.story.filter((what) => what.startsWith("POST /rd") || what.startsWith("DELETE"))).toEqual(["POST /rd", "POST /rd"]);
    expect(b.story).toEqual(["POST /rd"]);
    expect(device.accounts.map(({ shortServerId }) => shortServerId)).toEqual([101, 202]);
    expect(device.fleetState).toBe("registered");
  });

  it("tells anjay-like's kept Server by an Update only", async () => {
    const { of, a, b, execute, writeAccount, finish } = await triggered({ personality: "anjay-like" });
    await execute();
    await of.clock.advance(100);
    await writeAccount(5, b.uri, 202);
    await finish();
    await of.clock.advance(100);
    expect(a.story).toEqual(["POST /rd", "POST /rd/1"]);
    expect(Buffer.from(a.last("POST /rd/1").payload).toString()).toContain("</1/5>");
    expect(b.story).toEqual(["POST /rd"]);
  });

  it("leaves the old Server of a moved account with a De-register, and registers at the new one", async () => {
    const { of, a, b, device, execute, writeAccount, finish } = await triggered();
    await execute();
    await of.clock.advance(50);
    await writeAccount(3, b.uri, 101);
    await finish();
    await of.clock.advance(100);
    expect(a.story).toEqual(["POST /rd", "DELETE /rd/1"]);
    expect(b.story).toEqual(["POST /rd"]);
    expect(device.accounts).toHaveLength(1);
    await of.clock.advance(2_000);
    expect(of.host.openSockets).toBe(1);
  });

  it("says nothing to the Server of a removed account, unless its personality does", async () => {
    for (const [deregisterReplaced, expected] of [["moved", 0], ["always", 1], ["never", 0]] as const) {
      const { of, a, b, device, execute, writeAccount, remove, finish } = await triggered({ deviations: { deregisterReplaced } });
      await execute();
      await of.clock.advance(50);
      await writeAccount(5, b.uri, 202);
      await remove({ object: 0, instance: 3 });
      expect(await finish()).toBe("2.04");
      await of.clock.advance(100);
      expect(a.count("DELETE /rd/1")).toBe(expected);
      expect(takeSnapshot(device).objects["1"]).toEqual({ 5: { 0: 202, 1: 100, 6: true, 7: "U" } });
      expect(device.fleetState).toBe("registered");
    }
  });

  it("goes back to its accounts when the bootstrap comes to nothing", async () => {
    const { of, a, device, execute, remove } = await triggered();
    await execute();
    await of.clock.advance(50);
    await remove();
    await of.clock.advance(4_200);
    expect(device.fleetState).toBe("registered");
    expect(a.story).toEqual(["POST /rd"]);
    expect((await a.ask(of, { code: Codes.GET, path: ["1", "3", "1"] })).code).toBe("2.05");
  });

  it("does not finish without any Server account", async () => {
    const { of, execute, remove, finish } = await triggered();
    await execute();
    await of.clock.advance(50);
    await remove({ object: 0, instance: 3 });
    await remove({ object: 1, instance: 3 });
    expect(await finish()).toBe("4.06");
  });
});

describe("personalities in a bootstrap", () => {
  it("refuse writes of /1", async () => {
    const { a, start, writeAccount, finish } = await bootstrapping({ personality: "refuses-write" });
    await start();
    expect(await writeAccount(1, a.uri, 101)).toEqual(["2.04", "4.00"]);
    expect(await finish()).toBe("4.06");
  });

  it("refuse as many writes as a deviation says", async () => {
    const { a, start, writeAccount } = await bootstrapping({ deviations: { refuseWrites: [{ path: "/", code: "4.15", times: 1 }] } });
    await start();
    expect(await writeAccount(1, a.uri, 101)).toEqual(["4.15", "2.04"]);
  });

  it("do not answer the Finish, and roll back", async () => {
    const { of, a, device, start, writeAccount, finish } = await bootstrapping({ personality: "no-finish-answer" });
    await start();
    await writeAccount(1, a.uri, 101);
    expect(await finish()).toBe("timeout");
    await of.clock.advance(4_000);
    expect(device.counters).toMatchObject({ bootstrapsFinished: 0, registrations: 0 });
    expect(device.counters.bootstrapsFailed).toBeGreaterThan(0);
  });

  it("refuse the first Finish", async () => {
    const { a, start, writeAccount, finish } = await bootstrapping({ personality: "finish-refused-once" });
    await start();
    await writeAccount(1, a.uri, 101);
    expect(await finish()).toBe("4.06");
    expect(await finish()).toBe("2.04");
  });

  it("fall silent after the Finish", async () => {
    const { of, a, device, start, writeAccount, finish } = await bootstrapping({ personality: "silent-after-finish" });
    await start();
    await writeAccount(1, a.uri, 101);
    expect(await finish()).toBe("2.04");
    await of.clock.advance(10_000);
    expect(a.story).toEqual([]);
    expect(takeSnapshot(device)).toMatchObject({ silent: true, counters: { bootstrapsFinished: 1 } });
  });

  it("fall silent after the Finish, and yet give an answer to it that was lost once more", async () => {
    const { of, a, bootstrap, start, writeAccount, finish } = await bootstrapping({ personality: "silent-after-finish" });
    await start();
    await writeAccount(1, a.uri, 101);
    let answers = 0;
    of.network.intercept(({ from, bytes }, forward) => {
      const isAnswer = from.port === bootstrap.device.address.port && bytes[1] === Codes.Changed;
      if (!isAnswer || answers++ > 0) forward();
    });
    expect(await finish()).toBe("2.04");
    expect(answers).toBe(2);
    await of.clock.advance(10_000);
    expect(a.story).toEqual([]);
  });

  it("know no Bootstrap-Discover", async () => {
    const { start, discover } = await bootstrapping({ deviations: { discover: "4.04" } });
    await start();
    expect((await discover()).code).toBe("4.04");
  });

  it("keep what was written through a power cut, or do not", async () => {
    for (const [personality, kept] of [["default", false], ["no-rollback", true]] as const) {
      const { of, a, device, start, writeAccount } = await bootstrapping({ personality });
      await start();
      await writeAccount(1, a.uri, 101);
      device.powerCycle();
      await of.clock.advance(100);
      expect(a.story).toEqual(kept ? ["POST /rd"] : []);
    }
  });
});
