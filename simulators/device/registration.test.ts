import { describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { deviceIn, ScriptedPeer, world, type World } from "./testing/scripted-peer.js";

async function registeredDevice(more: Parameters<typeof deviceIn>[1] = {}, lifetime = 100) {
  const of: World = await world();
  const server = await ScriptedPeer.at(of, "10.0.0.9");
  const device = deviceIn(of, { servers: [{ uri: server.uri, shortServerId: 101, lifetime }], ...more });
  device.start();
  await of.clock.advanceUntil(() => device.fleetState === "registered", 5_000);
  return { of, server, device };
}

describe("a device registers", () => {
  it("with its endpoint name, lifetime, version, binding and object list", async () => {
    const { server, device } = await registeredDevice();
    const register = server.last("POST /rd");
    expect(register.query).toEqual(["ep=dev-1", "lt=100", "lwm2m=1.1", "b=U"]);
    expect(register.contentFormat).toBe(40);
    expect(Buffer.from(register.payload).toString()).toBe("</1/0>,</3/0>,</4/0>,</5/0>,</3303/0>");
    expect(device.accounts[0]?.location).toEqual(["rd", "1"]);
  });

  it("with message ids and tokens that follow from its seed and name, whoever else runs beside it", async () => {
    const idsOf = async (others: number, seed: number): Promise<string> => {
      const of = await world(others + 1);
      const server = await ScriptedPeer.at(of, "10.0.0.9");
      const servers = [{ uri: server.uri, shortServerId: 101, lifetime: 100 }];
      for (let i = 0; i < others; i++) deviceIn(of, { endpoint: `other-${i}`, servers }).start();
      deviceIn(of, { servers, seed }).start();
      await of.clock.advance(1_000);
      const register = server.heard.find(({ request }) => request.query.includes("ep=dev-1"))?.request;
      return `${register?.messageId ?? ""} ${Buffer.from(register?.token ?? []).toString("hex")}`;
    };
    const alone = await idsOf(0, 7);
    expect(await idsOf(3, 7)).toBe(alone);
    expect(await idsOf(3, 8)).not.toBe(alone);
  });

  it("updates before its lifetime is over, with nothing to say", async () => {
    const { of, server } = await registeredDevice();
    await of.clock.advance(80_000);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1"]);
    expect(server.last("POST /rd/1").query).toEqual([]);
    expect(server.heard[1]?.at).toBeGreaterThan(60_000);
  });

  it("never updates a registration without end", async () => {
    const { of, server } = await registeredDevice({}, 0);
    await of.clock.advance(1_000_000);
    expect(server.story).toEqual(["POST /rd"]);
  });

  it("registers again when the Server does not know its registration any more", async () => {
    const { of, server, device } = await registeredDevice();
    server.answer = ({ path }) => (path.length === 2 ? { code: Codes.NotFound } : undefined);
    await of.clock.advance(80_000);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1", "POST /rd"]);
    expect(device.accounts[0]?.location).toEqual(["rd", "2"]);
    expect(device.counters.updatesFailed).toBe(1);
  });

  it("de-registers when it is stopped, and closes its socket", async () => {
    const { of, server, device } = await registeredDevice();
    let off = false;
    device.stop(true, () => (off = true));
    await of.clock.advance(1_000);
    expect(server.story).toEqual(["POST /rd", "DELETE /rd/1"]);
    expect(off).toBe(true);
    expect(device.fleetState).toBe("off");
    expect(of.host.openSockets).toBe(0);
    expect(of.clock.pending()).not.toContain("registration");
  });

  it("goes without a word when it is switched off", async () => {
    const { of, server, device } = await registeredDevice();
    device.stop(false);
    await of.clock.advance(200_000);
    expect(server.story).toEqual(["POST /rd"]);
  });

  it("sends Q as a parameter of its own in 1.1 and inside the binding in 1.0", async () => {
    const newer = await registeredDevice({ personality: "sleepy" });
    expect(newer.server.last("POST /rd").query).toEqual(["ep=dev-1", "lt=100", "lwm2m=1.1", "b=U", "Q"]);
    const older = await registeredDevice({ personality: "sleepy", lwm2m: "1.0" });
    expect(older.server.last("POST /rd").query).toEqual(["ep=dev-1", "lt=100", "lwm2m=1.0", "b=UQ"]);
  });

  it("counts latency from the intended start", async () => {
    const of = await world();
    const server = await ScriptedPeer.at(of, "10.0.0.9");
    await of.clock.advance(1_000);
    const device = deviceIn(of, { servers: [{ uri: server.uri, shortServerId: 101, lifetime: 100 }] });
    device.start(400);
    await of.clock.advance(100);
    const register = of.measures.find(({ measure }) => measure === "register");
    expect(register?.milliseconds).toBeGreaterThanOrEqual(600);
    expect(of.measures.some(({ measure }) => measure === "start-to-registered")).toBe(true);
  });
});

describe("a device that is refused or unanswered", () => {
  async function refused(code: number | "ignore", more: Parameters<typeof deviceIn>[1] = {}) {
    const of = await world();
    const server = await ScriptedPeer.at(of, "10.0.0.9");
    const bootstrap = await ScriptedPeer.at(of, "10.0.0.8");
    server.answer = () => (code === "ignore" ? "ignore" : { code });
    const servers = [{ uri: server.uri, shortServerId: 101, lifetime: 100, resources: { 17: 3, 18: 1, 20: 2, 19: 100 } }];
    const device = deviceIn(of, { servers, ...more });
    device.start();
    return { of, server, bootstrap, device };
  }

  it("tries again, twice as late each time, then a sequence later, then gives up", async () => {
    const { of, server, device } = await refused(Codes.Forbidden);
    await of.clock.advance(300_000);
    const times = server.heard.map(({ at }) => Math.round(at / 1000));
    expect(times).toEqual([0, 1, 3, 103, 104, 106]);
    expect(device.fleetState).toBe("failed");
    expect(of.failures).toEqual(["Register at server 101: 4.03"]);
  });

  it("goes back to its Bootstrap Server at once when refused, unless /1/x/16 is false", async () => {
    const of = await world();
    const server = await ScriptedPeer.at(of, "10.0.0.9");
    const bootstrap = await ScriptedPeer.at(of, "10.0.0.8");
    server.answer = () => ({ code: Codes.Forbidden });
    const account = { uri: server.uri, shortServerId: 101, lifetime: 100 };
    const device = deviceIn(of, { bootstrap: { uri: bootstrap.uri }, servers: [account] });
    device.start();
    await of.clock.advance(100);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(device.lastBootstrapCause).toBe("fallback");
    device.stop(false);
    const stubborn = deviceIn(of, { endpoint: "dev-2", bootstrap: { uri: bootstrap.uri }, servers: [{ ...account, resources: { 16: false } }] });
    stubborn.start();
    await of.clock.advance(100);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(stubborn.accounts[0]?.state.at).toBe("waiting");
  });

  it("asks its Bootstrap Server later each time while nothing gets better", async () => {
    const of = await world();
    const server = await ScriptedPeer.at(of, "10.0.0.9");
    const bootstrap = await ScriptedPeer.at(of, "10.0.0.8");
    server.answer = () => ({ code: Codes.Forbidden });
    bootstrap.answer = () => ({ code: Codes.BadRequest });
    const device = deviceIn(of, { bootstrap: { uri: bootstrap.uri }, servers: [{ uri: server.uri, shortServerId: 101, lifetime: 100 }] });
    device.start();
    await of.clock.advance(8_000);
    const gaps = bootstrap.heard.map(({ at }, index) => at - (bootstrap.heard[index - 1]?.at ?? 0)).slice(1);
    expect(gaps.length).toBeGreaterThan(2);
    expect(gaps.length).toBeLessThan(8);
    expect(gaps[1]).toBeGreaterThan(gaps[0] ?? 0);
  });

  it("takes overload for no answer, not for a refusal", async () => {
    const { of, server, device } = await refused(Codes.ServiceUnavailable);
    await of.clock.advance(500);
    expect(device.accounts[0]?.state).toMatchObject({ at: "waiting", attempt: 2 });
    server.answer = () => undefined;
    await of.clock.advance(2_000);
    expect(device.fleetState).toBe("registered");
  });
});

describe("a device with several accounts", () => {
  it("registers in the order of their priorities, after their initial delays", async () => {
    const of = await world();
    const first = await ScriptedPeer.at(of, "10.0.0.1");
    const second = await ScriptedPeer.at(of, "10.0.0.2");
    const free = await ScriptedPeer.at(of, "10.0.0.3");
    const device = deviceIn(of, {
      servers: [
        { uri: second.uri, shortServerId: 102, lifetime: 100, resources: { 13: 2, 14: 5 } },
        { uri: first.uri, shortServerId: 101, lifetime: 100, resources: { 13: 1 } },
        { uri: free.uri, shortServerId: 103, lifetime: 100 },
      ],
    });
    device.start();
    await of.clock.advance(1_000);
    expect([first.story, second.story, free.story]).toEqual([["POST /rd"], [], ["POST /rd"]]);
    expect(device.fleetState).toBe("partly-registered");
    await of.clock.advance(5_000);
    expect(second.story).toEqual(["POST /rd"]);
    expect(device.fleetState).toBe("registered");
  });

  it("stops at a failure that blocks the ones behind it", async () => {
    const of = await world();
    const first = await ScriptedPeer.at(of, "10.0.0.1");
    const second = await ScriptedPeer.at(of, "10.0.0.2");
    first.answer = () => ({ code: Codes.Forbidden });
    const resources = { 13: 1, 15: true, 17: 1, 20: 1 };
    const device = deviceIn(of, {
      servers: [
        { uri: first.uri, shortServerId: 101, lifetime: 100, resources },
        { uri: second.uri, shortServerId: 102, lifetime: 100, resources: { 13: 2 } },
      ],
    });
    device.start();
    await of.clock.advance(5_000);
    expect(second.story).toEqual([]);
    expect(device.fleetState).toBe("registering");
  });
});

describe("queue mode", () => {
  it("sleeps after its awake window, hears nothing, and wakes with an Update", async () => {
    const { of, server, device } = await registeredDevice({ personality: "sleepy", deviations: { sleepMs: 20_000 } });
    await of.clock.advance(1_000);
    expect(device.asleep).toBe(true);
    const read = server.ask(of, { code: Codes.GET, path: ["3", "0", "0"] });
    expect((await read).code).toBe("timeout");
    await of.clock.advance(20_000);
    expect(server.story).toContain("POST /rd/1");
  });

  it("listens for the answer when it leaves in its sleep", async () => {
    const { of, server, device } = await registeredDevice({ personality: "sleepy" });
    await of.clock.advance(1_000);
    expect(device.asleep).toBe(true);
    let off = false;
    device.stop(true, () => (off = true));
    await of.clock.advance(100);
    expect(server.story).toEqual(["POST /rd", "DELETE /rd/1"]);
    expect(off).toBe(true);
  });

  it("stays awake while its Server talks", async () => {
    const { of, server, device } = await registeredDevice({ personality: "sleepy" });
    for (let i = 0; i < 5; i++) {
      await of.clock.advance(200);
      expect((await server.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("2.05");
      expect(device.asleep).toBe(false);
    }
    await of.clock.advance(1_000);
    expect(device.asleep).toBe(true);
  });

  it("wakes by itself when its Update is due", async () => {
    const { of, server, device } = await registeredDevice({ personality: "sleepy" });
    await of.clock.advance(70_200);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1"]);
    expect(device.asleep).toBe(false);
  });
});

describe("a sleeping device", () => {
  it("listens for the answers to what it says itself: a De-register, a Bootstrap-Request", async () => {
    const leaving = await registeredDevice({ personality: "sleepy" });
    await leaving.of.clock.advance(1_000);
    expect(leaving.device.asleep).toBe(true);
    let off = false;
    leaving.device.stop(true, () => (off = true));
    await leaving.of.clock.advance(50);
    expect([off, leaving.server.count("DELETE /rd/1"), leaving.device.counters.deregistrations]).toEqual([true, 1, 1]);
    const asking = await registeredDevice({ personality: "sleepy", bootstrap: { uri: "coap://10.0.0.8:5683" } });
    const bootstrap = await ScriptedPeer.at(asking.of, "10.0.0.8");
    await asking.of.clock.advance(1_000);
    asking.device.step({ in: "bootstrap-due", cause: "manual" });
    await asking.of.clock.advance(50);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(asking.device.state.at).toBe("bootstrapping");
  });
});

describe("a silent device", () => {
  it("neither hears nor speaks, and registers anew when it speaks again", async () => {
    const { of, server, device } = await registeredDevice();
    device.goSilent();
    expect((await server.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("timeout");
    await of.clock.advance(200_000);
    expect(server.story).toEqual(["POST /rd"]);
    device.speakAgain();
    await of.clock.advance(100);
    expect(server.story).toEqual(["POST /rd", "POST /rd"]);
  });
});
