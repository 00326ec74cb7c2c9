import { describe, expect, it } from "vitest";
import { Codes, ContentFormat } from "../../src/coap/index.js";
import { encodeContent, queuedUdpBinding } from "../../src/lwm2m/index.js";
import type { DeviceOperation } from "../../src/operator/index.js";
import { OperationError } from "./operations.js";
import { serverBench } from "./testing/bench.js";
import type { ScriptedDeviceOptions } from "./testing/scripted-device.js";

async function registered(options: Partial<ScriptedDeviceOptions> = {}) {
  const bench = await serverBench();
  const one = await bench.device({ endpoint: "a-1", ...options });
  await bench.settle(one.register());
  const operate = (operation: DeviceOperation) => bench.settle(bench.server.operations.operate("a-1", operation));
  return { ...bench, one, operate };
}

/** The requests as the device got them: code, path, query, format, payload. */
async function wireOf(operation: DeviceOperation, options: Partial<ScriptedDeviceOptions> = {}) {
  const { one, operate } = await registered(options);
  let wire = "";
  one.script = (line, request) => {
    wire = [line, ...request.query, request.contentFormat ?? "-", Buffer.from(request.payload).toString("hex")].join(" ");
    return undefined;
  };
  const result = await operate(operation);
  return { wire: wire.trimEnd(), result };
}

describe("operations on a device", () => {
  it("read, and decode the answer", async () => {
    const { operate } = await registered();
    expect(await operate({ operation: "read", path: "/3/0/0" })).toMatchObject({ code: "2.05", format: 11542, resources: { "/3/0/0": "Muster" } });
    expect(await operate({ operation: "read", path: "/1" })).toMatchObject({ code: "2.05", resources: { "/1/0/0": 101 } });
    expect(await operate({ operation: "read", path: "/9/9" })).toEqual({ code: "4.04" });
  });

  it("show the bytes of an answer that cannot be decoded", async () => {
    const { one, operate } = await registered();
    one.script = () => ({ code: Codes.Content, contentFormat: 110, payload: Buffer.from("[]") });
    expect(await operate({ operation: "read", path: "/3/0" })).toEqual({ code: "2.05", format: 110, payloadHex: "5b5d", failure: "undecodable" });
  });

  it("discover", async () => {
    const { operate } = await registered();
    expect(await operate({ operation: "discover", path: "/3/0" })).toMatchObject({ code: "2.05", links: ["</3/0>", "</3/0/0>", "</3/0/8>", "</3/0/9>"] });
  });

  it("write one resource with PUT, several with POST, or as asked", async () => {
    expect((await wireOf({ operation: "write", path: "/1/0/1", value: 300 })).wire).toBe("PUT /1/0/1 11542 c201012c");
    expect((await wireOf({ operation: "write", path: "/3/0/14", value: "+01:00", format: ContentFormat.Text })).wire).toBe(`PUT /3/0/14 0 ${Buffer.from("+01:00").toString("hex")}`);
    expect((await wireOf({ operation: "write", path: "/1/0", resources: { "/1/0/1": 5, "/1/0/6": true } })).wire).toBe("POST /1/0 11542 c10105c10601");
    expect((await wireOf({ operation: "write", path: "/1/0", resources: { "/1/0/1": 5 }, replace: true })).wire).toBe("PUT /1/0 11542 c10105");
  });

  it("execute with and without arguments", async () => {
    expect(await wireOf({ operation: "execute", path: "/1/0/8" })).toEqual({ wire: "POST /1/0/8 -", result: { code: "2.04" } });
    expect((await wireOf({ operation: "execute", path: "/1/0/8", argument: "0='U'" })).wire).toBe(`POST /1/0/8 0 ${Buffer.from("0='U'").toString("hex")}`);
  });

  it("create with the id of the path, or leave it to the client", async () => {
    expect((await wireOf({ operation: "create", path: "/3303/7", resources: { "/3303/7/5701": "C" } })).wire).toMatch(/^POST \/3303 11542 .*/);
    const { one, operate } = await registered();
    one.script = () => ({ code: Codes.Created, locationPath: ["3303", "1"] });
    expect(await operate({ operation: "create", path: "/3303", resources: { "/3303/0/5701": "C" } })).toEqual({ code: "2.01", location: "/3303/1" });
  });

  it("delete and set attributes", async () => {
    expect(await wireOf({ operation: "delete", path: "/3303/0" })).toEqual({ wire: "DELETE /3303/0 -", result: { code: "2.02" } });
    expect((await wireOf({ operation: "write-attributes", path: "/3303/0", attributes: { pmin: 1, pmax: 60, gt: 21.5 } })).wire).toBe("PUT /3303/0 pmin=1 pmax=60 gt=21.5 -");
  });

  it("go below the device's root path", async () => {
    const { one, operate } = await registered({ objects: '</lwm2m>;rt="oma.lwm2m",</lwm2m/1/0>,</lwm2m/3/0>' });
    await operate({ operation: "read", path: "/3/0/0" });
    expect(one.seen).toEqual(["GET /lwm2m/3/0/0"]);
  });

  it.each<[string, DeviceOperation]>([
    ["a value of another type", { operation: "write", path: "/1/0/1", value: "soon" }],
    ["neither value nor resources", { operation: "write", path: "/1/0/1" }],
    ["resources of another instance", { operation: "write", path: "/1/0", resources: { "/1/1/1": 5 } }],
    ["the root", { operation: "read", path: "/" }],
    ["broken arguments", { operation: "execute", path: "/1/0/8", argument: "what?" }],
  ])("are refused as the operator's mistake with %s", async (_name, operation) => {
    const { server } = await registered();
    await expect(async () => server.operations.operate("a-1", operation)).rejects.toThrow(OperationError);
  });

  it("are undefined for a device that is not registered, and say why no response came", async () => {
    const { one, operate, settle, server } = await registered();
    expect(await server.operations.operate("a-2", { operation: "read", path: "/3" })).toBeUndefined();
    one.script = () => "silence";
    expect(await operate({ operation: "read", path: "/3/0" })).toEqual({ failure: "timeout" });
    await settle(one.deregister());
    expect(server.operations.registration("a-1")).toBeUndefined();
  });
});

describe("operations on a sleeping device", () => {
  it("wait for its next message and are sent in order, one at a time", async () => {
    const { one, server, settle, ports } = await registered({ binding: queuedUdpBinding });
    await ports.clock.advance(1000);
    const results = [0, 1, 2].map((resource) => server.operations.operate("a-1", { operation: "read", path: `/3/0/${resource}` }));
    await ports.clock.advance(1000);
    expect(one.seen).toEqual([]);
    await settle(one.update());
    await settle(Promise.all(results));
    expect(one.seen).toEqual(["GET /3/0/0", "GET /3/0/1", "GET /3/0/2"]);
  });

  it("report that the device went", async () => {
    const { one, server, settle, ports } = await registered({ binding: queuedUdpBinding });
    await ports.clock.advance(1000);
    const result = server.operations.operate("a-1", { operation: "read", path: "/3" });
    await settle(one.deregister());
    expect(await settle(result)).toEqual({ failure: "not-registered" });
  });

  it("report that the device never came", async () => {
    const { server, settle, ports } = await registered({ binding: queuedUdpBinding });
    await ports.clock.advance(1000);
    expect(await settle(server.operations.operate("a-1", { operation: "read", path: "/3" }))).toEqual({ failure: "timeout" });
  });
});

describe("observations", () => {
  const temperature = (value: number) => ({ code: Codes.Content, contentFormat: ContentFormat.Tlv, payload: encodeContent(ContentFormat.Tlv, { object: 3303, instance: 0, resource: 5700 }, { kind: "resource", id: 5700, value }, "1.1") });

  it("tell every notification as an event, until they are cancelled", async () => {
    const { one, server, settle, ports } = await registered();
    expect(await settle(server.operations.observe("a-1", "/3/0/0", undefined))).toMatchObject({ code: "2.05", resources: { "/3/0/0": "Muster" } });
    one.observers[0]?.notify(temperature(21.5), { confirmable: true });
    await ports.clock.advance(100);
    const told = server.events.after(0, 100).events.filter(({ type }) => type === "notification");
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ endpoint: "a-1", data: { path: "/3/0/0", code: "2.05" } });
    expect(await settle(server.operations.cancelObservation("a-1", "/3/0/0", "deregister"))).toMatchObject({ code: "2.05" });
    expect(one.seen.at(-1)).toBe("GET /3/0/0 observe=1");
    expect(await server.operations.cancelObservation("a-1", "/3/0/0", "reset")).toBeUndefined();
  });

  it("set the attributes first, and observe nothing where they are refused", async () => {
    const { one, server, settle } = await registered();
    await settle(server.operations.observe("a-1", "/3/0/0", { pmin: 1 }));
    expect(one.seen).toEqual(["PUT /3/0/0", "GET /3/0/0 observe=0"]);
    one.script = (line) => (line.startsWith("PUT") ? { code: Codes.BadRequest } : undefined);
    expect(await settle(server.operations.observe("a-1", "/3/0/0", { pmin: 1 }))).toEqual({ code: "4.00" });
    expect(one.seen).toHaveLength(3);
  });

  it("are reset by a fault that refuses notifications", async () => {
    const { one, server, settle, ports } = await registered();
    await settle(server.operations.observe("a-1", "/3/0/0", undefined));
    server.faults.set("f", { operation: "notify", action: { kind: "refuse" } });
    one.observers[0]?.notify(temperature(1), { confirmable: true });
    await ports.clock.advance(100);
    one.observers[0]?.notify(temperature(2), { confirmable: true });
    await ports.clock.advance(100);
    expect(server.events.after(0, 100).events.filter(({ type }) => type === "notification")).toEqual([]);
    const resets = server.trace.read({ after: 0, limit: 1000 }).events.filter(({ event }) => event.kind === "datagram" && event.direction === "out" && event.coap?.type === "RST");
    expect(resets).toHaveLength(1);
  });

  it("are refused with the device's code", async () => {
    const { server, settle } = await registered();
    expect(await settle(server.operations.observe("a-1", "/9/0/0", undefined))).toMatchObject({ code: "4.04" });
  });

  it("end with a new registration: what still comes is reset", async () => {
    const { one, server, settle, ports } = await registered();
    await settle(server.operations.observe("a-1", "/3/0/0", undefined));
    await settle(one.register());
    one.observers[0]?.notify(temperature(1), { confirmable: true });
    await ports.clock.advance(500);
    expect(server.events.after(0, 100).events.filter(({ type }) => type === "notification")).toEqual([]);
    expect(server.trace.read({ after: 0, limit: 1000 }).events.some(({ event }) => event.kind === "datagram" && event.direction === "out" && event.coap?.type === "RST")).toBe(true);
  });
});
