import { describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { queuedUdpBinding } from "../../src/lwm2m/index.js";
import { ProblemError, type TriggerBody } from "../../src/smp/index.js";
import { callerA, callerB, serverBench } from "./testing/bench.js";
import type { Answer, ScriptedDeviceOptions } from "./testing/scripted-device.js";

const body = (ep: string, extra: Partial<TriggerBody> = {}): TriggerBody => ({ ep, reason: "account-change", validity: "PT5S", priority: "normal", ...extra });

const withExecute = (answer: Answer) => (operation: string) => (operation.endsWith("/9") ? answer : undefined);

async function registered(options: Partial<ScriptedDeviceOptions> = {}, config: Parameters<typeof serverBench>[0] = {}) {
  const bench = await serverBench(config);
  const one = await bench.device({ endpoint: "ab-1", ...options });
  await bench.settle(one.register());
  const post = (extra: Partial<TriggerBody> = {}, caller = callerA) => bench.server.handlers.createTrigger(caller, body("ab-1", extra));
  const state = (triggerId: string, caller = callerA) => bench.server.handlers.getTrigger(caller, { triggerId });
  const executes = () => one.seen.filter((operation) => operation.endsWith("/9"));
  return { ...bench, one, post, state, executes, advance: (ms: number) => bench.ports.clock.advance(ms) };
}

describe("a trigger", () => {
  it("becomes one Execute and ends acknowledged", async () => {
    const { post, state, executes, advance, server } = await registered();
    const { triggerId, state: first } = post({ orderItem: "o-1/ab-1" });
    expect(first).toBe("accepted");
    await advance(100);
    expect(state(triggerId)).toMatchObject({ state: "acknowledged", code: "2.04", attempts: 1, orderItem: "o-1/ab-1" });
    expect(executes()).toEqual(["POST /1/0/9"]);
    const told = server.smpEvents.page("a", 0, 100).events.map(({ data }) => data.state);
    expect(told).toEqual(["accepted", "sent", "acknowledged"]);
  });

  it("goes to the instance that holds the server's own Short Server ID", async () => {
    const { post, executes, one, advance } = await registered({ objects: "</1/0>,</1/3>,</3/0>", serverInstances: { 201: 0, 101: 3 } });
    post({ ssid: 101 });
    await advance(100);
    expect(one.seen).toEqual(["GET /1", "POST /1/3/9"]);
    expect(executes()).toEqual(["POST /1/3/9"]);
  });

  it("reads the instances one by one where the device does not show the object as a whole", async () => {
    const { post, one, executes, advance } = await registered({ objects: "</1/0>,</1/3>,</3/0>", serverInstances: { 201: 0, 101: 3 } });
    one.script = (operation) => (operation === "GET /1" || operation === "GET /1/0/0" ? { code: Codes.Unauthorized } : undefined);
    post();
    await advance(100);
    expect(executes()).toEqual(["POST /1/3/9"]);
  });

  it("asks for the instance once for each registration", async () => {
    const { post, one, settle, advance } = await registered();
    post();
    await advance(500);
    post();
    await advance(500);
    expect(one.seen).toEqual(["GET /1/0/0", "POST /1/0/9", "POST /1/0/9"]);
    await settle(one.register());
    post();
    await advance(500);
    expect(one.seen.slice(3)).toEqual(["GET /1/0/0", "POST /1/0/9"]);
  });

  it.each([
    ["4.00", Codes.BadRequest, "refused"],
    ["4.05", Codes.MethodNotAllowed, "refused"],
    ["4.04", Codes.NotFound, "unsupported"],
    ["5.00", Codes.InternalServerError, "refused"],
  ])("answered %s keeps the code", async (text, code, expected) => {
    const { post, state, one, advance } = await registered();
    one.script = withExecute({ code });
    const { triggerId } = post();
    await advance(100);
    expect(state(triggerId)).toMatchObject({ state: expected, code: text });
  });

  it("leaves it to the Execute whether the resource is there, whatever a Discover would list", async () => {
    const { post, state, one, executes, advance } = await registered();
    one.script = withExecute({ code: Codes.NotFound });
    const { triggerId } = post();
    await advance(100);
    expect(state(triggerId)).toMatchObject({ state: "unsupported", code: "4.04" });
    expect(executes()).toHaveLength(1);
  });

  it("is unsupported for a client of LwM2M 1.0, without asking it anything", async () => {
    const { post, state, one, advance } = await registered({ version: "1.0" });
    const { triggerId } = post();
    await advance(100);
    expect(state(triggerId).state).toBe("unsupported");
    expect(one.seen).toEqual([]);
  });

  it("is unsupported where no instance is the server's own", async () => {
    const { post, state, advance } = await registered({ serverInstances: { 201: 0 } });
    const { triggerId } = post();
    await advance(100);
    expect(state(triggerId).state).toBe("unsupported");
  });

  it("is refused with the code of the read where the device does not show its accounts", async () => {
    const { post, state, one, advance } = await registered();
    one.script = (operation) => (operation.startsWith("GET /1") ? { code: Codes.Unauthorized } : undefined);
    const { triggerId } = post();
    await advance(100);
    expect(state(triggerId)).toMatchObject({ state: "refused", code: "4.01", attempts: 0 });
  });

  it("stays sent without an answer, is not sent again, and expires", async () => {
    const { post, state, one, executes, advance } = await registered();
    one.script = withExecute("silence");
    const { triggerId } = post({ validity: "PT8S" });
    await advance(7000);
    expect(state(triggerId).state).toBe("sent");
    await advance(2000);
    expect(state(triggerId)).toMatchObject({ state: "expired", attempts: 1 });
    expect(new Set(executes()).size).toBe(1);
    expect(executes()).toHaveLength(1);
  });

  it("of a device that is not registered ends at once, known or unknown", async () => {
    const { settle, one, post, server } = await registered();
    await settle(one.deregister());
    expect(post().state).toBe("not-registered");
    expect(server.handlers.createTrigger(callerA, body("ab-never-seen")).state).toBe("unknown-client");
  });

  it("of another tenant's device, and another tenant's trigger, do not exist", async () => {
    const { post, state, server } = await registered();
    const { triggerId } = post();
    expect(() => state(triggerId, callerB)).toThrow(expect.objectContaining({ type: "not-found" }));
    expect(() => server.handlers.createTrigger(callerA, body("b-1"))).toThrow(expect.objectContaining({ type: "not-found" }));
    expect(() => server.handlers.getReachability(callerA, { ep: "b-1" })).toThrow(ProblemError);
  });
});

describe("triggers for one client", () => {
  it("that come while one is open are answered with it", async () => {
    const { post, executes, advance } = await registered();
    const ids = Array.from({ length: 10 }, () => post().triggerId);
    expect(new Set(ids).size).toBe(1);
    await advance(1000);
    expect(executes()).toHaveLength(1);
  });

  it("that come right after another wait a little and become one", async () => {
    const { post, state, executes, advance } = await registered();
    post();
    await advance(20);
    const later = Array.from({ length: 5 }, () => post().triggerId);
    expect(new Set(later).size).toBe(1);
    await advance(20);
    expect(executes()).toHaveLength(1);
    await advance(500);
    expect(executes()).toHaveLength(2);
    expect(state(later[0] ?? "").state).toBe("acknowledged");
  });

  it("do not wait once the client has registered again", async () => {
    const { post, one, executes, settle, advance } = await registered();
    post();
    await advance(20);
    post();
    await settle(one.register());
    await advance(20);
    expect(executes()).toHaveLength(2);
  });

  it("are refused with 429 when they come in floods", async () => {
    const { post, advance } = await registered({ lifetime: 600 });
    const outcomes: string[] = [];
    for (let index = 0; index < 60; index += 1) {
      try {
        outcomes.push(post().state);
      } catch (error) {
        outcomes.push(error instanceof ProblemError ? error.type : "other");
      }
      await advance(300);
    }
    expect(outcomes).toContain("rate");
    expect(outcomes.filter((outcome) => outcome !== "rate")).toHaveLength(30);
    expect(post({}, callerB).state).toBe("accepted");
    await advance(60_000);
    expect(post().state).toBe("accepted");
  });

  it("replace the one that is open where they name another Short Server ID", async () => {
    const { post, state, advance } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    const first = post({ ssid: 101 });
    post({ ssid: 102 });
    expect(state(first.triggerId).state).toBe("superseded");
  });

  it("replace the one they name", async () => {
    const { post, state, advance } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    const first = post();
    const second = post({ replaces: first.triggerId });
    expect(state(first.triggerId).state).toBe("superseded");
    expect(second.triggerId).not.toBe(first.triggerId);
  });
});

describe("a trigger for a sleeping device", () => {
  it("is queued with the time the device is expected, and sent after its next message", async () => {
    const { post, state, one, settle, advance, executes, ports } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    const { triggerId, state: now, expectedAt } = post();
    expect(now).toBe("queued");
    expect(Date.parse(expectedAt ?? "")).toBeGreaterThan(ports.clock.epoch());
    await advance(1000);
    expect(executes()).toEqual([]);
    await settle(one.update());
    await advance(100);
    expect(state(triggerId).state).toBe("acknowledged");
    expect(executes()).toHaveLength(1);
  });

  it("survives that the device registers anew", async () => {
    const { post, state, one, settle, advance } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    const { triggerId } = post();
    await settle(one.register());
    await advance(100);
    expect(state(triggerId).state).toBe("acknowledged");
  });

  it("expires when the device does not come, and is then never sent", async () => {
    const { post, state, one, settle, advance } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    const { triggerId } = post({ validity: "PT2S" });
    await advance(2100);
    expect(state(triggerId).state).toBe("expired");
    await settle(one.update());
    await advance(200);
    expect(one.seen).toEqual([]);
  });

  it("is withdrawn by DELETE, and is then never sent", async () => {
    const { post, one, server, settle, advance } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    const { triggerId } = post();
    expect(server.handlers.withdrawTrigger(callerA, { triggerId }).state).toBe("withdrawn");
    expect(server.handlers.withdrawTrigger(callerA, { triggerId }).state).toBe("withdrawn");
    await settle(one.update());
    await advance(200);
    expect(one.seen).toEqual([]);
  });

  it("ends not-registered when the registration does", async () => {
    const { post, state, advance } = await registered({ binding: queuedUdpBinding, lifetime: 3 });
    await advance(1000);
    const { triggerId } = post();
    await advance(3000);
    expect(state(triggerId).state).toBe("not-registered");
  });

  it("keeps its place among the operator's requests", async () => {
    const { post, one, server, settle, advance } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    const before = server.operations.operate("ab-1", { operation: "read", path: "/3/0/0" });
    post();
    const behind = server.operations.operate("ab-1", { operation: "read", path: "/3/0/1" });
    await settle(one.update());
    await settle(Promise.all([before, behind]));
    expect(one.seen).toEqual(["GET /3/0/0", "GET /1/0/0", "POST /1/0/9", "GET /3/0/1"]);
  });

  it("waits for the next message again when the device sleeps before it was executed", async () => {
    const { post, state, one, settle, advance } = await registered({ binding: queuedUdpBinding });
    await advance(1000);
    one.script = () => "silence";
    const { triggerId } = post({ validity: "PT60S" });
    await settle(one.update());
    await advance(10_000);
    expect(state(triggerId).state).toBe("queued");
    one.script = () => undefined;
    await settle(one.update());
    await advance(100);
    expect(state(triggerId)).toMatchObject({ state: "acknowledged", attempts: 1 });
  });
});

describe("faults of the Execute", () => {
  it("hold keeps it off the wire until it is released; withdrawn meanwhile, it never leaves", async () => {
    const { post, state, server, executes, advance } = await registered();
    server.faults.set("f", { operation: "execute", action: { kind: "hold" } });
    const { triggerId } = post();
    await advance(1000);
    expect(state(triggerId).state).toBe("accepted");
    server.handlers.withdrawTrigger(callerA, { triggerId });
    server.faults.release("f");
    await advance(500);
    expect(executes()).toEqual([]);
    expect(state(triggerId).state).toBe("withdrawn");
  });
});

describe("planted faults of triggers", () => {
  it("execute-twice sends a second message", async () => {
    const { post, executes, advance } = await registered({}, { plants: ["execute-twice"] });
    post();
    await advance(500);
    expect(executes()).toHaveLength(2);
  });

  it("trigger-acknowledged-without-execute asks nobody", async () => {
    const { post, state, one, advance } = await registered({}, { plants: ["trigger-acknowledged-without-execute"] });
    const { triggerId } = post();
    await advance(500);
    expect(state(triggerId).state).toBe("acknowledged");
    expect(one.seen).toEqual([]);
  });

  it("trigger-instance-zero assumes", async () => {
    const { post, executes, advance } = await registered({ objects: "</1/3>,</3/0>", serverInstances: { 101: 3 } }, { plants: ["trigger-instance-zero"] });
    post();
    await advance(500);
    expect(executes()).toEqual(["POST /1/0/9"]);
  });

  it("withdrawn-trigger-sent executes what was withdrawn while the device slept", async () => {
    for (const [plants, sent] of [[[], 0], [["withdrawn-trigger-sent"], 1]] as const) {
      const { post, executes, state, advance, server, settle, one } = await registered({ binding: queuedUdpBinding }, { plants: [...plants] });
      await advance(1000);
      const { triggerId } = post();
      server.handlers.withdrawTrigger(callerA, { triggerId });
      expect(state(triggerId).state).toBe("withdrawn");
      await settle(one.update());
      await advance(100);
      expect(executes()).toHaveLength(sent);
    }
  });

  it("triggers-not-coalesced makes a trigger of each", async () => {
    const { post, advance } = await registered({ binding: queuedUdpBinding }, { plants: ["triggers-not-coalesced"] });
    await advance(1000);
    expect(post().triggerId).not.toBe(post().triggerId);
  });

  it("other-tenant-visible lets a peer act on another's device", async () => {
    const { server } = await registered({}, { plants: ["other-tenant-visible"] });
    expect(server.handlers.createTrigger(callerA, body("b-1")).state).toBe("unknown-client");
  });

  it("reachability-lies", async () => {
    const { server } = await registered({}, { plants: ["reachability-lies"] });
    expect(server.handlers.getReachability(callerA, { ep: "ab-never-seen" })).toMatchObject({ registered: true });
  });
});

describe("a server that stops", () => {
  it("leaves no timer behind", async () => {
    const { post, server, advance, ports, one } = await registered({ binding: queuedUdpBinding });
    post();
    await advance(100);
    await advance(1000);
    post();
    const read = server.operations.operate("ab-1", { operation: "read", path: "/3" });
    await server.stop();
    await server.endpoint.close();
    await one.stop();
    expect(await read).toEqual({ failure: "cancelled" });
    expect(ports.clock.pending()).toEqual([]);
  });
});

describe("reachability", () => {
  it("is what the registry shows", async () => {
    const { server, one, settle, advance, post } = await registered({ binding: queuedUdpBinding });
    const view = () => server.handlers.getReachability(callerA, { ep: "ab-1" });
    expect(view()).toMatchObject({ registered: true, binding: "U", queueMode: true, awake: true, lifetime: 60, ssid: 101, triggerable: "unknown" });
    await advance(1000);
    expect(view()).toMatchObject({ registered: true, awake: false });
    post();
    await settle(one.update());
    await advance(100);
    expect(view()).toMatchObject({ awake: true, triggerable: "yes" });
    const { lastSeen } = view();
    await settle(one.deregister());
    expect(view()).toEqual({ ep: "ab-1", registered: false, lastSeen });
    expect(server.handlers.getReachability(callerA, { ep: "ab-never-seen" })).toEqual({ ep: "ab-never-seen", registered: false });
  });
});
