import { describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import type { ActionResult, DeviceAction } from "./actions.js";
import { perform } from "./perform.js";
import { takeSnapshot } from "./take-snapshot.js";
import { deviceIn, ScriptedPeer, world } from "./testing/scripted-peer.js";

async function acting(more: Parameters<typeof deviceIn>[1] = {}) {
  const of = await world();
  const a = await ScriptedPeer.at(of, "10.0.0.1");
  const bootstrap = await ScriptedPeer.at(of, "10.0.0.8");
  const device = deviceIn(of, { bootstrap: { uri: bootstrap.uri }, servers: [{ uri: a.uri, shortServerId: 101, lifetime: 100 }], ...more });
  const act = async (action: DeviceAction): Promise<ActionResult> => {
    let result: ActionResult | undefined;
    void perform(device, action).then((done) => (result = done));
    await of.clock.advanceUntil(() => result !== undefined, 60_000);
    return result ?? { ok: false };
  };
  return { of, a, bootstrap, device, act };
}

describe("an action", () => {
  it("starts, registers, updates, de-registers and stops a device, with the codes of the answers", async () => {
    const { of, a, act, device } = await acting();
    expect(await act({ do: "start" })).toEqual({ ok: true });
    expect(await act({ do: "start" })).toEqual({ ok: false, failure: "busy" });
    await of.clock.advance(100);
    expect(await act({ do: "update" })).toEqual({ ok: true, code: "2.04" });
    expect(await act({ do: "register", shortServerId: 101 })).toEqual({ ok: true, code: "2.01", location: ["rd", "2"] });
    expect(await act({ do: "update", shortServerId: 999 })).toEqual({ ok: false, failure: "no-account" });
    expect(await act({ do: "deregister" })).toEqual({ ok: true, code: "2.02" });
    expect(device.fleetState).toBe("deregistered");
    expect(await act({ do: "update" })).toEqual({ ok: false, failure: "not-registered" });
    await of.clock.advance(10_000);
    expect(a.story.at(-1)).toBe("DELETE /rd/2");
    expect(await act({ do: "stop" })).toEqual({ ok: true });
    expect(await act({ do: "update" })).toEqual({ ok: false, failure: "off" });
  });

  it("tells the keys of its Security object instances to whoever asks for them, and its snapshot does not", async () => {
    const psk = { identity: Buffer.from("d1"), key: Buffer.from("00112233445566778899aabbccddeeff", "hex") };
    const { act, device } = await acting({ bootstrap: { uri: "coaps://10.0.0.8:5684", psk }, servers: [{ uri: "coap://10.0.0.1", shortServerId: 101, lifetime: 100 }] });
    expect(await act({ do: "tell-keys" })).toEqual({ ok: true, keys: [{ securityInstance: 0, of: "bootstrap", identityHex: "6431", keyHex: "00112233445566778899aabbccddeeff" }] });
    expect(JSON.stringify(takeSnapshot(device))).not.toContain("00112233");
  });

  it("asks for a bootstrap, with the code of the answer", async () => {
    const { bootstrap, act, device } = await acting();
    expect(await act({ do: "bootstrap" })).toEqual({ ok: false, failure: "off" });
    await act({ do: "start" });
    expect(await act({ do: "bootstrap" })).toEqual({ ok: true, code: "2.04" });
    expect(device.lastBootstrapCause).toBe("manual");
    bootstrap.answer = () => ({ code: Codes.BadRequest });
    expect(await act({ do: "bootstrap" })).toEqual({ ok: false, code: "4.00" });
    expect(bootstrap.count("POST /bs")).toBe(2);
  });

  it("sends any request from the device's socket, also when it has none", async () => {
    const { of, a, act } = await acting();
    a.answer = ({ query }) => (query.some((parameter) => parameter.startsWith("lt=")) ? undefined : { code: Codes.BadRequest });
    const odd = { do: "request", to: 101, method: "POST", path: ["rd"], contentFormat: 40, payload: "</3/0>" } as const;
    expect(await act({ ...odd, query: ["ep=dev-1", "lwm2m=1.1"] })).toEqual({ ok: false, code: "4.00" });
    expect(await act({ ...odd, query: ["ep=dev-1", "lwm2m=1.1", "lt=60"] })).toMatchObject({ ok: true, code: "2.01" });
    expect(of.host.openSockets).toBe(0);
    await act({ do: "start" });
    await of.clock.advance(100);
    const from = a.device.address.port;
    expect(await act({ do: "request", to: 101, method: "0.02", path: ["rd", "nobody"] })).toMatchObject({ code: "4.00" });
    expect(a.device.address.port).toBe(from);
    expect(await act({ do: "request", to: 7, method: "GET", path: [] })).toEqual({ ok: false, failure: "no-account" });
  });

  it("mutates the next datagrams to a destination, and no more", async () => {
    const { of, a, act, device } = await acting();
    await act({ do: "mutate", mutation: { kind: "drop" }, count: 1, to: 101 });
    await act({ do: "start" });
    await of.clock.advance(100);
    expect(a.story).toEqual([]);
    await of.clock.advance(1_000);
    expect(a.story).toEqual(["POST /rd"]);
    await act({ do: "mutate", mutation: { kind: "truncate", bytes: 100 }, count: 1 });
    expect(await act({ do: "update" })).toEqual({ ok: true, code: "2.04" });
    expect(a.endpoint.counters.malformed).toBe(1);
    expect(device.accounts[0]?.endpoint?.counters.retransmissions).toBe(2);
  });

  it("refuses a mutation or a personality that could not be carried out", async () => {
    const { device } = await acting();
    expect(() => perform(device, { do: "mutate", mutation: { kind: "code", code: "9.99" }, count: 1 })).toThrow(RangeError);
    expect(() => perform(device, { do: "behave", deviations: { refuseWrites: [{ path: "/0", code: "no" }] } })).toThrow(RangeError);
  });

  it("sends raw bytes", async () => {
    const { of, a, act } = await acting();
    await act({ do: "send-raw", to: 101, hex: "ffffffff" });
    await of.clock.advance(100);
    expect(a.endpoint.counters.malformed).toBe(1);
  });

  it("changes a value inside the device", async () => {
    const { of, a, act, device } = await acting();
    await act({ do: "start" });
    await of.clock.advance(100);
    expect(await act({ do: "set-resource", path: "/3303/0/5700", value: 42.5 })).toEqual({ ok: true });
    expect(takeSnapshot(device).objects["3303"]?.["0"]?.["5700"]).toBe(42.5);
    expect(await act({ do: "set-resource", path: "/3303/9/5700", value: 1 })).toEqual({ ok: false, failure: "unknown-path" });
    expect((await a.ask(of, { code: Codes.GET, path: ["3303", "0", "5700"] })).response?.payload?.toString()).toBe("42.5");
  });

  it("changes the personality", async () => {
    const { of, a, act } = await acting();
    await act({ do: "start" });
    await act({ do: "behave", personality: "wakaama-like" });
    await of.clock.advance(100);
    expect((await a.ask(of, { code: Codes.POST, path: ["1", "0", "9"] })).code).toBe("4.05");
    await act({ do: "behave", personality: "sleepy" });
    await of.clock.advance(1_000);
    expect((await a.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("timeout");
    await act({ do: "wake" });
    await of.clock.advance(50);
    expect(a.story.at(-1)).toBe("POST /rd/1");
  });

  it("puts a device to sleep until it is woken", async () => {
    const { of, a, act, device } = await acting();
    await act({ do: "start" });
    await of.clock.advance(100);
    await act({ do: "sleep" });
    expect((await a.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("timeout");
    expect(takeSnapshot(device)).toMatchObject({ asleep: true, fleetState: "registered" });
    await act({ do: "wake" });
    await of.clock.advance(50);
    expect((await a.ask(of, { code: Codes.GET, path: ["3", "0", "0"] })).code).toBe("2.05");
  });
});

describe("a device's trace", () => {
  it("holds its datagrams with both addresses, and its states", async () => {
    const { of, act } = await acting();
    await act({ do: "start" });
    await of.clock.advance(100);
    const { events } = of.trace.read({ after: 0, limit: 100, endpoints: ["dev-1"] });
    const datagrams = events.flatMap(({ event }) => (event.kind === "datagram" ? [`${event.direction} ${event.coap?.code ?? ""} ${event.peer}`] : []));
    expect(datagrams).toEqual(["out 0.02 10.0.0.1:5683", "in 2.01 10.0.0.1:5683"]);
    const states = events.flatMap(({ event }) => (event.kind === "state" ? [`${event.machine} ${event.from} ${event.to}`] : []));
    expect(states).toEqual(["device off serving", "registration idle registering", "registration registering registered"]);
  });

  it("is empty for a device that is not traced", async () => {
    const { of, act } = await acting({ traced: false });
    await act({ do: "start" });
    await of.clock.advance(100);
    expect(of.trace.count).toBe(0);
  });
});
