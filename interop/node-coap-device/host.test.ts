import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DeviceSpec } from "../../simulators/device/index.js";
import type { StateChanged } from "../../src/ports/index.js";
import { timing } from "../../src/config/index.js";
import { serve } from "./service.js";
import { HostClient } from "./testing/host-client.js";
import { discover, eventually, finish, ScriptedBootstrapServer, ScriptedLwM2mServer, type Asked } from "./testing/scripted-servers.js";
import { accessWrite, accountWrites, tlv } from "./testing/tlv-payloads.js";
import { writeTlv } from "./tlv.js";

const lab = timing("lab");
const spec = (more: Partial<DeviceSpec> = {}): DeviceSpec => ({ endpoint: "dev-1", lwm2m: "1.1", personality: "default", seed: 1, timing: { coap: lab.coap, device: lab.device }, ...more });

let input: PassThrough;
let host: HostClient;
let served: Promise<void>;
let bootstrapServer: ScriptedBootstrapServer;
let serverA: ScriptedLwM2mServer;
let serverB: ScriptedLwM2mServer;

beforeEach(async () => {
  [bootstrapServer, serverA, serverB] = await Promise.all([ScriptedBootstrapServer.start(), ScriptedLwM2mServer.start(), ScriptedLwM2mServer.start()]);
  input = new PassThrough();
  const output = new PassThrough();
  host = new HostClient(input, output);
  served = serve(input, output);
  await host.ready;
});

afterEach(async () => {
  input.end();
  await served;
  await Promise.all([bootstrapServer.close(), serverA.close(), serverB.close()]);
});

const accountA = (more: object = {}): Asked[] => accountWrites({ uri: serverA.uri, shortServerId: 101, lifetime: 300, security: 1, server: 0, ...more });
const registered = (endpoint = "dev-1") => eventually(() => host.inspect(endpoint), ({ fleetState }) => fleetState === "registered");
const factory = (lifetime = 300): Partial<DeviceSpec> => ({ servers: [{ uri: serverA.uri, shortServerId: 101, lifetime }] });

describe("a device on node-coap", () => {
  it("bootstraps, registers, is read, and bootstraps again when /1/0/9 is executed", async () => {
    bootstrapServer.script = [discover, ...accountA(), finish];
    await host.create(spec({ bootstrap: { uri: bootstrapServer.uri } }));
    await registered();

    expect(bootstrapServer.requests).toEqual(["POST /bs?ep=dev-1&pct=11542"]);
    expect(await bootstrapServer.codes(4)).toEqual(["2.05", "2.04", "2.04", "2.04"]);
    expect(bootstrapServer.sessions[0]?.[0]?.payload.toString()).toBe("</>;lwm2m=1.1,</0/0>,</1>,</2>,</3/0>,</3303/0>");
    expect(serverA.requests).toEqual(["POST /rd?ep=dev-1&lt=300&lwm2m=1.1&b=U"]);
    expect(serverA.registers[0]?.payload).toBe("</1/0>,</3/0>,</3303/0>");
    // One port for both roles, and for both servers.
    expect(serverA.device).toBe(bootstrapServer.heard[0]?.from);

    const { device } = serverA;
    expect(await serverA.ask(device, { path: "/3/0/2" })).toMatchObject({ code: "2.05", payload: Buffer.from("dev-1") });
    expect(await serverA.ask(device, { path: "/1/0/1", accept: tlv })).toMatchObject({ code: "2.05", payload: Buffer.from("c201012c", "hex") });
    expect((await serverA.ask(device, { path: "/0/1" })).code).toBe("4.01");
    expect((await serverA.ask(device, { path: "/1/0/9" })).code).toBe("4.05");
    expect((await serverA.ask(device, { path: "/77/0" })).code).toBe("4.04");
    expect((await serverA.ask(device, { path: "/3/0", accept: 110 })).code).toBe("4.06");

    expect((await serverA.ask(device, { method: "POST", path: "/1/0/9" })).code).toBe("2.04");
    await eventually(() => serverA.registers.length, (count) => count === 2);
    const snapshot = await registered();
    expect(bootstrapServer.sessions[1]?.[0]?.payload.toString()).toBe(`</>;lwm2m=1.1,</0/0>,</0/1>;ssid=101;uri="${serverA.uri}",</1/0>;ssid=101,</2>,</3/0>,</3303/0>`);
    expect(snapshot).toMatchObject({
      state: "serving",
      lastBootstrapCause: "trigger",
      accounts: [{ shortServerId: 101, uri: serverA.uri, securityInstance: 1, serverInstance: 0, lifetime: 300, state: "registered", location: "/rd/r2" }],
      counters: { bootstrapRequests: 2, bootstrapsFinished: 2, bootstrapTriggers: 1, registrations: 2 },
      executed: { "/1/0/9": 1 },
    });
  });

  it("says in its trace what caused each Bootstrap-Request, with every datagram stamped and decoded", async () => {
    bootstrapServer.script = [...accountA(), finish];
    await host.create(spec({ bootstrap: { uri: bootstrapServer.uri } }));
    await registered();
    await serverA.ask(serverA.device, { method: "POST", path: "/1/0/9" });
    await eventually(() => serverA.registers.length, (count) => count === 2);

    const events = await host.trace("dev-1");
    const causes = events.map(({ event }) => event).filter((event): event is StateChanged => event.kind === "state" && event.input === "bootstrap-request");
    expect(causes.map(({ machine, id, detail }) => [machine, id, detail?.["cause"]])).toEqual([
      ["device", "dev-1", "factory"],
      ["device", "dev-1", "trigger"],
    ]);
    expect(causes[1]?.detail?.["trigger"]).toMatch(/^server 101, message id \d+$/);
    const datagrams = events.filter(({ event }) => event.kind === "datagram");
    expect(datagrams[0]).toMatchObject({ role: "device", endpoint: "dev-1", event: { direction: "out", coap: { type: "CON", code: "0.02", path: "/bs", query: ["ep=dev-1", "pct=11542"] } } });
    expect(datagrams.some(({ event }) => event.kind === "datagram" && event.direction === "in" && event.coap?.path === "/1/0/9")).toBe(true);
    const stamps = events.map(({ at }) => BigInt(at));
    expect(stamps).toEqual([...stamps].sort((a, b) => (a < b ? -1 : 1)));
  });

  it("refuses to finish an inconsistent configuration, and finishes the corrected one", async () => {
    const [security, server] = accountA();
    bootstrapServer.script = [security!, finish, server!, finish];
    await host.create(spec({ bootstrap: { uri: bootstrapServer.uri } }));
    expect(await bootstrapServer.codes(4)).toEqual(["2.04", "4.06", "2.04", "2.04"]);
    await registered();
  });

  it("keeps its account as it was when the Finish never comes", async () => {
    bootstrapServer.script = accountA({ uri: "coap://127.0.0.1:9", lifetime: 60 });
    const impatient = { coap: lab.coap, device: { ...lab.device, bootstrapTimeoutMs: 150 } };
    await host.create(spec({ ...factory(), bootstrap: { uri: bootstrapServer.uri, securityInstance: 7 }, timing: impatient }));
    await registered();
    expect(await host.act("dev-1", { do: "bootstrap" })).toEqual({ ok: true, code: "2.04" });
    const { accounts, counters } = await eventually(() => host.inspect("dev-1"), ({ state, counters: { bootstrapsFailed } }) => state === "serving" && bootstrapsFailed === 1);
    expect(accounts).toMatchObject([{ uri: serverA.uri, lifetime: 300, state: "registered" }]);
    expect(counters.registrations).toBe(1);
  });

  it("leaves the Bootstrap-Server account and /3/0 alone when everything is deleted", async () => {
    bootstrapServer.script = [{ method: "DELETE", path: "/" }, discover];
    await host.create(spec({ ...factory(), bootstrap: { uri: bootstrapServer.uri, securityInstance: 7 } }));
    await registered();
    await host.act("dev-1", { do: "bootstrap" });
    await bootstrapServer.codes(2);
    expect(bootstrapServer.sessions[0]?.[1]?.payload.toString()).toBe("</>;lwm2m=1.1,</0/7>,</1>,</2>,</3/0>");
  });

  it("de-registers where an account was and registers where it is now", async () => {
    bootstrapServer.script = [...accountWrites({ uri: serverB.uri, shortServerId: 101, lifetime: 120, security: 0, server: 0 }), finish];
    await host.create(spec({ ...factory(), bootstrap: { uri: bootstrapServer.uri, securityInstance: 7 } }));
    await registered();
    await host.act("dev-1", { do: "bootstrap" });
    await eventually(() => serverB.registers.length);
    await eventually(() => serverA.requests.at(-1) === "DELETE /rd/r1");
    expect(serverB.requests).toEqual(["POST /rd?ep=dev-1&lt=120&lwm2m=1.1&b=U"]);
  });

  it("asks again, later each time, while its Bootstrap-Request is refused", async () => {
    bootstrapServer.answer = () => "4.00";
    const quick = { coap: lab.coap, device: { ...lab.device, bootstrapRetryMs: 20, bootstrapRetryMaxMs: 40 } };
    await host.create(spec({ bootstrap: { uri: bootstrapServer.uri }, timing: quick }));
    await eventually(() => bootstrapServer.requests.length, (count) => count >= 3);
    expect(await host.act("dev-1", { do: "bootstrap" })).toEqual({ ok: false, code: "4.00" });
  });

  it("goes back to its Bootstrap Server when its registration is refused", async () => {
    serverA.answer = () => "4.03";
    bootstrapServer.script = [...accountWrites({ uri: serverB.uri, shortServerId: 101, lifetime: 120, security: 0, server: 0 }), finish];
    await host.create(spec({ ...factory(), bootstrap: { uri: bootstrapServer.uri, securityInstance: 7 } }));
    expect(await registered()).toMatchObject({ lastBootstrapCause: "fallback", accounts: [{ uri: serverB.uri }] });
  });
});

describe("its registration", () => {
  it("is updated before the lifetime is over, and by /1/0/8", async () => {
    await host.create(spec(factory(1)));
    await registered();
    await eventually(() => serverA.requests.filter((what) => what === "POST /rd/r1").length, (count) => count >= 1);
    expect((await serverA.ask(serverA.device, { method: "POST", path: "/1/0/8" })).code).toBe("2.04");
    await eventually(() => serverA.requests.filter((what) => what === "POST /rd/r1").length, (count) => count >= 2);
  });

  it("says its new lifetime when a Server has written it", async () => {
    await host.create(spec(factory()));
    await registered();
    expect((await serverA.ask(serverA.device, { method: "PUT", path: "/1/0/1", format: 0, payload: Buffer.from("90") })).code).toBe("2.04");
    await eventually(() => serverA.requests.includes("POST /rd/r1?lt=90"));
    expect((await serverA.ask(serverA.device, { method: "PUT", path: "/1/0/1", format: 0, payload: Buffer.from("long") })).code).toBe("4.00");
    expect((await serverA.ask(serverA.device, { method: "PUT", path: "/1/0/1", format: 60, payload: Buffer.of(1) })).code).toBe("4.15");
    expect((await serverA.ask(serverA.device, { method: "PUT", path: "/1/0/0", format: 0, payload: Buffer.from("9") })).code).toBe("4.05");
  });

  it("is made anew when the Server does not know it any more", async () => {
    await host.create(spec(factory()));
    await registered();
    serverA.answer = (what) => (what === "POST /rd/r1" ? "4.04" : undefined);
    expect(await host.act("dev-1", { do: "update" })).toEqual({ ok: false, code: "4.04" });
    await eventually(() => host.inspect("dev-1"), ({ accounts }) => accounts[0]?.location === "/rd/r2");
  });

  it("ends with De-register, or without a word", async () => {
    await host.create(spec(factory()));
    await host.create(spec({ ...factory(), endpoint: "dev-2" }));
    await Promise.all([registered(), registered("dev-2")]);
    expect(await host.remove("dev-1", true)).toBe(true);
    expect(await host.remove("dev-2", false)).toBe(true);
    expect(await host.remove("dev-2", false)).toBe(false);
    expect(serverA.requests.filter((what) => what.startsWith("DELETE"))).toHaveLength(1);
  });

  it("is there again after a power cycle", async () => {
    await host.create(spec(factory()));
    await registered();
    expect(await host.act("dev-1", { do: "power-cycle" })).toEqual({ ok: true });
    await registered();
    expect(await host.act("dev-1", { do: "stop" })).toEqual({ ok: true });
    expect(serverA.requests.at(-1)).toBe("DELETE /rd/r2");
    expect(await host.inspect("dev-1")).toMatchObject({ state: "off", fleetState: "off" });
    expect(await host.act("dev-1", { do: "register" })).toEqual({ ok: false, failure: "off" });
  });
});

describe("the order of its registrations", () => {
  /** Accounts with both servers, B's before A's. */
  const inOrder = (ofB: Record<number, number | boolean> = {}): DeviceSpec =>
    spec({
      servers: [
        { uri: serverA.uri, shortServerId: 101, lifetime: 300, resources: { 13: 2 } },
        { uri: serverB.uri, shortServerId: 201, lifetime: 300, resources: { 13: 1, 17: 1, 19: 0, 20: 1, ...ofB } },
      ],
    });

  it("has an account wait until the one before it is registered", async () => {
    await host.create(inOrder());
    await registered();
    const moves = (await host.trace("dev-1")).flatMap(({ event }) => (event.kind === "state" && event.machine === "registration" ? [`${event.id} ${event.to}`] : []));
    expect(moves).toEqual(["dev-1/201 registering", "dev-1/201 registered", "dev-1/101 registering", "dev-1/101 registered"]);
  });

  it("goes on after an account whose attempts are used up", async () => {
    serverB.answer = () => "5.00";
    await host.create(inOrder());
    await eventually(() => serverA.registers.length);
    expect((await host.inspect("dev-1")).accounts.map(({ state }) => state)).toContain("failed");
  });

  it("stops at such an account where it is to block those behind it", async () => {
    serverB.answer = () => "5.00";
    await host.create(inOrder({ 15: true }));
    await eventually(async () => (await host.inspect("dev-1")).accounts.some(({ state }) => state === "failed"));
    expect(serverA.registers).toEqual([]);
  });
});

describe("its management", () => {
  it("notifies observers of changes until they cancel", async () => {
    await host.create(spec(factory()));
    await registered();
    const change = (value: number) => host.act("dev-1", { do: "set-resource", path: "/3303/0/5700", value });
    const observations = async () => (await host.inspect("dev-1")).observations;
    const first = await serverA.observe(serverA.device, "/3303/0/5700");
    await change(25.5);
    await eventually(() => first.contents.length, (count) => count === 2);
    expect(first.contents).toEqual(["21.5", "25.5"]);
    expect(await observations()).toEqual([{ shortServerId: 101, path: "/3303/0/5700", notifications: 1 }]);
    first.cancel("deregister");
    await eventually(observations, (left) => left.length === 0);

    const second = await serverA.observe(serverA.device, "/3303/0/5700");
    second.cancel("reset");
    await change(26);
    await eventually(observations, (left) => left.length === 0);
    expect(await serverA.ask(serverA.device, { path: "/3303/9/5700", observe: true })).toMatchObject({ code: "4.04" });
    expect(await observations()).toEqual([]);
  });

  it("shows what there is, and tells its Servers of what comes and goes", async () => {
    await host.create(spec(factory()));
    await registered();
    const { device } = serverA;
    expect((await serverA.ask(device, { path: "/1/0", accept: 40 })).payload.toString()).toBe("</1/0>,</1/0/0>,</1/0/1>,</1/0/4>,</1/0/6>,</1/0/7>,</1/0/8>,</1/0/9>");
    expect((await serverA.ask(device, { path: "/3/0/6", accept: 40 })).payload.toString()).toBe("</3/0/6>;dim=1");
    const sensor = writeTlv([{ kind: "instance", id: 4, entries: [{ kind: "resource", id: 5700, value: Buffer.from("41200000", "hex") }] }]);
    expect((await serverA.ask(device, { method: "POST", path: "/3303", format: tlv, payload: sensor })).code).toBe("2.01");
    await eventually(() => serverA.heard.at(-1)?.payload === "</1/0>,</3/0>,</3303/0>,</3303/4>");
    expect((await serverA.ask(device, { path: "/3303/4/5700" })).payload.toString()).toBe("10");
    expect((await serverA.ask(device, { method: "DELETE", path: "/3303/4" })).code).toBe("2.02");
    await eventually(() => serverA.heard.at(-1)?.payload === "</1/0>,</3/0>,</3303/0>");
  });

  it("grants two Servers what the Access Control object says, and one Server everything", async () => {
    const accountB = accountWrites({ uri: serverB.uri, shortServerId: 201, lifetime: 300, security: 2, server: 1 });
    const access = accessWrite([
      { object: 1, instance: 0, owner: 101, rights: {} },
      { object: 1, instance: 1, owner: 201, rights: {} },
      { object: 3, instance: 0, owner: 101, rights: { 201: 1 } },
    ]);
    bootstrapServer.script = [...accountB, access, finish];
    await host.create(spec({ servers: [{ uri: serverA.uri, shortServerId: 101, lifetime: 300, securityInstance: 1 }], bootstrap: { uri: bootstrapServer.uri } }));
    await registered();
    await host.act("dev-1", { do: "bootstrap" });
    await eventually(() => serverB.registers.length);
    await registered();

    const { device } = serverB;
    const code = async (server: ScriptedLwM2mServer, asked: Asked): Promise<string> => (await server.ask(device, asked)).code;
    expect(await code(serverA, { path: "/1/0" })).toBe("2.05");
    expect(await code(serverB, { path: "/1/0" })).toBe("4.01");
    expect(await code(serverB, { path: "/1/1" })).toBe("2.05");
    expect(await code(serverB, { path: "/3/0" })).toBe("2.05");
    expect(await code(serverB, { method: "POST", path: "/3/0/4" })).toBe("4.01");
    expect(await code(serverB, { method: "POST", path: "/1/0/9" })).toBe("4.01");
    expect(await code(serverA, { method: "POST", path: "/1/0/8" })).toBe("2.04");
    expect(await code(serverB, { path: "/2/0" })).toBe("2.05");
    expect(await code(serverB, { path: "/3303/0" })).toBe("4.01");

    // B's account goes: A is alone again and may do everything, whatever entries are left.
    bootstrapServer.script = [{ method: "DELETE", path: "/0/2" }, finish];
    await host.act("dev-1", { do: "bootstrap" });
    const { accounts } = await eventually(() => host.inspect("dev-1"), ({ state, counters }) => state === "serving" && counters.bootstrapsFinished === 2);
    expect(accounts.map(({ shortServerId }) => shortServerId)).toEqual([101]);
    await registered();
    expect(await code(serverA, { path: "/3303/0" })).toBe("2.05");
    expect(serverB.requests.some((what) => what.startsWith("DELETE"))).toBe(false);
  });
});

describe("a request that is somebody else's idea", () => {
  const register = { do: "request", to: 101, method: "POST", path: ["rd"], query: ["lt=soon", "ep=somebody"], contentFormat: 40, payload: "</9>" } as const;

  it("is sent as it is spelled out, from a device that is off as well, and its answer is told", async () => {
    await host.send({ type: "create", spec: spec(factory()), start: false });
    expect(await host.act("dev-1", register)).toMatchObject({ ok: true, code: "2.01" });
    expect(serverA.requests).toEqual(["POST /rd?lt=soon&ep=somebody"]);
    expect(serverA.registers[0]?.payload).toBe("</9>");
    expect((await host.inspect("dev-1")).state).toBe("off");
  });

  it("comes from the socket that a device has, and goes nowhere without an account", async () => {
    await host.create(spec(factory()));
    await registered();
    const { device } = serverA;
    await host.act("dev-1", register);
    expect(serverA.requests.at(-1)).toBe("POST /rd?lt=soon&ep=somebody");
    expect(serverA.device).toBe(device);
    expect(await host.act("dev-1", { ...register, to: "bootstrap" })).toEqual({ ok: false, failure: "no-account" });
  });
});

describe("the host", () => {
  it("refuses what this stack cannot do, before anything is sent", async () => {
    const bootstrap = { uri: bootstrapServer.uri };
    const refusals = [
      { type: "create", start: true, spec: spec({ bootstrap, personality: "sleepy" }) },
      { type: "create", start: true, spec: spec({ bootstrap, lwm2m: "1.0" }) },
      { type: "create", start: true, spec: spec({ bootstrap, queueMode: true }) },
      { type: "create", start: true, spec: spec({ bootstrap, deviations: { sleeper: true } }) },
      { type: "act", endpoint: "dev-1", action: { do: "send-raw", to: "bootstrap", hex: "40" } },
      { type: "act", endpoint: "dev-1", action: { do: "mutate", mutation: {}, count: 1 } },
      { type: "act", endpoint: "dev-1", action: { do: "sleep" } },
      { type: "launch", plan: {} },
    ];
    for (const request of refusals) expect((await host.send(request)).refused).toMatch(/^unsupported: /);
    expect((await host.send({ type: "create", spec: { ...spec(), endpoint: 7 } })).refused).toMatch(/^malformed: spec /);
    expect((await host.send({ type: "inspect" })).refused).toMatch(/^malformed: inspect /);
    expect(bootstrapServer.heard).toEqual([]);
    expect(await host.act("dev-1", { do: "start" })).toEqual({ ok: false, failure: "unknown-device" });
  });

  it("reads on after lines that are no requests, or too long ones", async () => {
    expect((await host.raw("{\n")).refused).toBe("malformed: not a JSON object");
    expect((await host.raw(`${"x".repeat(300 * 1024)}\n`)).refused).toMatch(/^malformed: a line of more than/);
    expect((await host.send({ type: "states" })).result).toEqual({});
  });

  it("has every device leave when it is told to stop", async () => {
    for (let index = 0; index < 20; index++) await host.create(spec({ ...factory(), endpoint: `dev-${index}` }));
    await eventually(() => host.send({ type: "states" }), ({ result }) => JSON.stringify(result) === '{"registered":20}');
    expect(await host.send({ type: "stop", deregister: true, withinMs: 5_000 })).toMatchObject({ result: null });
    expect(serverA.requests.filter((what) => what.startsWith("DELETE"))).toHaveLength(20);
    await served;
  });
});
