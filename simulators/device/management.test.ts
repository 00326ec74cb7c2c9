import { describe, expect, it } from "vitest";
import { Codes, ContentFormat, type Request } from "../../src/coap/index.js";
import { createRequest, deleteRequest, discoverRequest, executeRequest, instance, parsePath, readRequest, single, writeAttributesRequest, writeRequest, type Node } from "../../src/lwm2m/index.js";
import { deviceIn, ScriptedPeer, world, type World } from "./testing/scripted-peer.js";

async function managed(more: Parameters<typeof deviceIn>[1] = {}) {
  const of: World = await world();
  const a = await ScriptedPeer.at(of, "10.0.0.1");
  const device = deviceIn(of, { servers: [{ uri: a.uri, shortServerId: 101, lifetime: 100, serverInstance: 3 }], ...more });
  device.start();
  await of.clock.advance(100);
  const ask = async (request: Request) => {
    const { code, response } = await a.ask(of, request);
    return { code, format: response?.contentFormat, text: Buffer.from(response?.payload ?? []).toString(), response };
  };
  const code = async (request: Request): Promise<string> => (await ask(request)).code;
  const write = (path: string, node: Node, replace = true) => code(writeRequest(parsePath(path), node, device.version, { replace }));
  const text = (path: string, value: string): Request => ({ code: Codes.PUT, path: path.slice(1).split("/"), contentFormat: ContentFormat.Text, payload: Buffer.from(value) });
  return { of, a, device, ask, code, write, text };
}

describe("Read", () => {
  it("answers a resource as text, an instance and an object as TLV", async () => {
    const { ask } = await managed();
    expect(await ask(readRequest(parsePath("/3/0/0")))).toMatchObject({ code: "2.05", format: ContentFormat.Text, text: "Muster" });
    expect(await ask(readRequest(parsePath("/3/0")))).toMatchObject({ code: "2.05", format: ContentFormat.Tlv });
    expect(await ask(readRequest(parsePath("/3303")))).toMatchObject({ code: "2.05", format: ContentFormat.Tlv });
  });

  it("computes the serial number and the time", async () => {
    const { ask, of } = await managed();
    expect((await ask(readRequest(parsePath("/3/0/2")))).text).toBe("dev-1");
    expect(Number((await ask(readRequest(parsePath("/3/0/13")))).text)).toBe(Math.floor(of.clock.epoch() / 1000));
  });

  it("answers 4.04 for what is absent, 4.05 for what cannot be read, 4.06 for a format it has not, 4.01 for /0", async () => {
    const { code } = await managed();
    expect(await code(readRequest(parsePath("/99")))).toBe("4.04");
    expect(await code(readRequest(parsePath("/3/1")))).toBe("4.04");
    expect(await code(readRequest(parsePath("/3/0/99")))).toBe("4.04");
    expect(await code(readRequest(parsePath("/3/0/4")))).toBe("4.05");
    expect(await code(readRequest(parsePath("/3/0/0"), 60))).toBe("4.06");
    expect(await code(readRequest(parsePath("/0/0")))).toBe("4.01");
    expect(await code({ code: Codes.GET, path: ["3", "x"] })).toBe("4.05");
  });

  it("reads resource instances from 1.1 on", async () => {
    const { ask } = await managed();
    expect(await ask(readRequest(parsePath("/3/0/7/0")))).toMatchObject({ code: "2.05", text: "3800" });
    const older = await managed({ lwm2m: "1.0" });
    expect((await older.ask(readRequest(parsePath("/3/0/7/0")))).code).toBe("4.05");
  });
});

describe("Discover", () => {
  it("lists resources with executable ones and the dimension of multiple ones", async () => {
    const { ask } = await managed();
    expect((await ask(discoverRequest(parsePath("/1/3")))).text).toBe("</1/3>,</1/3/0>,</1/3/1>,</1/3/4>,</1/3/6>,</1/3/7>,</1/3/8>,</1/3/9>");
    expect((await ask(discoverRequest(parsePath("/3/0/7")))).text).toBe("</3/0/7>;dim=1");
    expect((await ask(discoverRequest(parsePath("/77")))).code).toBe("4.04");
  });

  it("shows no bootstrap trigger on a device without one, nor in LwM2M 1.0", async () => {
    const without = await managed({ personality: "no-trigger-resource" });
    expect((await without.ask(discoverRequest(parsePath("/1/3")))).text).not.toContain("/1/3/9");
    const older = await managed({ lwm2m: "1.0" });
    expect((await older.ask(discoverRequest(parsePath("/1/3")))).text).not.toContain("/1/3/9");
  });
});

describe("Write", () => {
  it("of the lifetime leads to an Update with lt, after its answer", async () => {
    const { of, a, code, text, device } = await managed();
    expect(await code(text("/1/3/1", "40"))).toBe("2.04");
    await of.clock.advance(100);
    expect(a.last("POST /rd/1").query).toEqual(["lt=40"]);
    expect(device.accounts[0]?.details.shortServerId).toBe(101);
    await of.clock.advance(30_000);
    expect(a.story).toEqual(["POST /rd", "POST /rd/1", "POST /rd/1"]);
    expect(a.last("POST /rd/1").query).toEqual([]);
  });

  it("of the binding leads to an Update with b", async () => {
    const { of, a, write } = await managed();
    expect(await write("/1/3/7", single(7, "UT"))).toBe("2.04");
    await of.clock.advance(100);
    expect(a.last("POST /rd/1").query).toEqual(["b=UT"]);
  });

  it("answers 4.05 for what cannot be written, 4.00 for a wrong value, 4.04 for what is absent, 4.15 for a format it has not", async () => {
    const { code, write, text } = await managed();
    expect(await code(text("/3/0/0", "x"))).toBe("4.05");
    expect(await code(text("/1/3/0", "7"))).toBe("4.05");
    expect(await code(text("/1/3/17", "7"))).toBe("4.05");
    expect(await code(text("/1/3/1", "soon"))).toBe("4.00");
    expect(await code(text("/1/9/1", "40"))).toBe("4.04");
    expect(await code(text("/1/3/99", "40"))).toBe("4.04");
    expect(await code({ ...text("/1/3/1", "40"), contentFormat: 60 })).toBe("4.15");
    expect(await code(text("/3/0/4", "x"))).toBe("4.05");
    expect(await write("/3/0", instance(0, [single(14, "+01"), single(0, "x")]), false)).toBe("4.05");
  });

  it("replaces an instance, or lays a part over it", async () => {
    const { ask, write } = await managed();
    expect(await write("/1/3", instance(3, [single(1, 100), single(2, 5), single(3, 60), single(6, true), single(7, "U")]))).toBe("2.04");
    expect((await ask(readRequest(parsePath("/1/3/2")))).text).toBe("5");
    expect(await write("/1/3", instance(3, [single(3, 30)]), false)).toBe("2.04");
    expect((await ask(readRequest(parsePath("/1/3/2")))).text).toBe("5");
    expect(await write("/1/3", instance(3, [single(1, 100), single(6, true), single(7, "U")]))).toBe("2.04");
    expect((await ask(readRequest(parsePath("/1/3/2")))).code).toBe("4.04");
  });

  it("of a firmware package and of its URI moves the states of an update", async () => {
    const { ask, code, text } = await managed();
    expect(await code(executeRequest(parsePath("/5/0/2")))).toBe("4.05");
    expect(await code(text("/5/0/1", "coap://10.0.0.9/image"))).toBe("2.04");
    expect((await ask(readRequest(parsePath("/5/0/3")))).text).toBe("2");
    expect(await code(executeRequest(parsePath("/5/0/2")))).toBe("2.04");
    expect((await ask(readRequest(parsePath("/5/0/5")))).text).toBe("1");
    expect(await code({ code: Codes.PUT, path: ["5", "0", "0"], contentFormat: ContentFormat.Opaque, payload: Buffer.alloc(3000, 7) })).toBe("2.04");
    expect((await ask(readRequest(parsePath("/5/0/3")))).text).toBe("2");
    expect(await code(readRequest(parsePath("/5/0/0")))).toBe("4.04");
  });
});

describe("Create and Delete", () => {
  it("make and remove instances, and tell the Server of it", async () => {
    const { of, a, code, ask } = await managed();
    const created = await ask(createRequest(3303, { resources: [single(5700, 1.5)] }, "1.1"));
    expect([created.code, created.response?.locationPath]).toEqual(["2.01", ["3303", "1"]]);
    await of.clock.advance(100);
    expect(Buffer.from(a.last("POST /rd/1").payload).toString()).toContain("</3303/1>");
    expect(await code(createRequest(3303, { instance: 1, resources: [single(5700, 1.5)] }, "1.1"))).toBe("4.00");
    expect(await code(createRequest(3303, { instance: 2, resources: [single(5701, "Cel")] }, "1.1"))).toBe("4.00");
    expect(await code(createRequest(3, { resources: [] }, "1.1"))).toBe("4.05");
    expect(await code(createRequest(1, { resources: [] }, "1.1"))).toBe("4.05");
    expect(await code(createRequest(4711, { resources: [] }, "1.1"))).toBe("4.04");
    expect(await code(deleteRequest(parsePath("/3303/1")))).toBe("2.02");
    expect(await code(deleteRequest(parsePath("/3303/1")))).toBe("4.04");
    expect(await code(deleteRequest(parsePath("/3/0")))).toBe("4.05");
    expect(await code(deleteRequest(parsePath("/3303")))).toBe("4.05");
  });
});

describe("Execute", () => {
  it("answers 4.05 for what is no executable resource and 4.04 for what is absent", async () => {
    const { code, device } = await managed();
    expect(await code(executeRequest(parsePath("/3/0/0")))).toBe("4.05");
    expect(await code(executeRequest(parsePath("/3/0/5")))).toBe("4.04");
    expect(await code(executeRequest(parsePath("/3/7/4")))).toBe("4.04");
    expect(await code({ code: Codes.POST, path: ["3", "0", "12"], contentFormat: 0, payload: Buffer.from("x") })).toBe("4.00");
    expect(device.counters.executes).toBe(0);
  });

  it("of the update trigger makes an Update", async () => {
    const { of, a, code, device } = await managed();
    expect(await code(executeRequest(parsePath("/1/3/8")))).toBe("2.04");
    await of.clock.advance(100);
    expect(a.story).toEqual(["POST /rd", "POST /rd/1"]);
    expect(Object.fromEntries(device.executed ?? [])).toEqual({ "/1/3/8": 1 });
  });

  it("of Disable makes it leave for the disable timeout", async () => {
    const { of, a, code, text, device } = await managed();
    await code(text("/1/3/5", "20"));
    expect(await code(executeRequest(parsePath("/1/3/4")))).toBe("2.04");
    await of.clock.advance(1_000);
    expect(a.story.slice(-1)).toEqual(["DELETE /rd/1"]);
    expect(device.fleetState).toBe("deregistered");
    await of.clock.advance(20_000);
    expect(a.story.slice(-1)).toEqual(["POST /rd"]);
  });

  it("of Disable is answered once more to a Server that missed the answer, though the device has left", async () => {
    const { of, a, code, device } = await managed();
    let lost = 0;
    of.network.intercept(({ from, bytes }, forward) => {
      const isAnswer = from.port === a.device.address.port && bytes[1] === Codes.Changed;
      if (isAnswer && lost++ === 0) return;
      forward();
    });
    expect(await code(executeRequest(parsePath("/1/3/4")))).toBe("2.04");
    expect(lost).toBe(2);
    expect(a.story.slice(-1)).toEqual(["DELETE /rd/1"]);
    expect(device.accounts[0]?.state.at).toBe("disabled");
  });

  it("of Reboot turns it off and on", async () => {
    const { of, a, code } = await managed();
    expect(await code(executeRequest(parsePath("/3/0/4")))).toBe("2.04");
    await of.clock.advance(100);
    expect(a.story).toEqual(["POST /rd", "POST /rd"]);
  });

  it("is carried out once when its datagram comes twice", async () => {
    const { of, a, device } = await managed();
    of.network.impairment = { duplicate: 1 };
    await a.ask(of, executeRequest(parsePath("/1/3/8")));
    await of.clock.advance(100);
    expect(device.executed?.get("/1/3/8")).toBe(1);
  });
});

describe("Observe", () => {
  async function observing(attributes: Parameters<typeof writeAttributesRequest>[1], path = "/3303/0/5700") {
    const { of, a, device, code } = await managed();
    expect(await code(writeAttributesRequest(parsePath(path), attributes))).toBe("2.04");
    const heard: { at: number; text: string }[] = [];
    const ended: string[] = [];
    const began = of.clock.now();
    const observation = a.endpoint.observe(a.device, { ...readRequest(parsePath(path)), observe: 0 }, {
      onNotification: (response) => heard.push({ at: Math.round((of.clock.now() - began) / 1000), text: Buffer.from(response.payload ?? []).toString() }),
      onEnd: (reason) => ended.push(reason),
    });
    await of.clock.advance(20);
    const set = async (value: number, afterSeconds = 0) => {
      await of.clock.advance(afterSeconds * 1000);
      const node = device.objects.find((stored) => stored.object === 3303)?.node;
      if (node === undefined) throw new Error("no temperature");
      const resources = node.resources.map((resource) => (resource.id === 5700 ? single(5700, value) : resource));
      device.change(device.objects.map((stored) => (stored.node === node ? { object: 3303, node: { ...node, resources } } : stored)), { object: 3303, instance: 0, resource: 5700 });
      await of.clock.advance(20);
    };
    return { of, a, device, code, heard, ended, observation, set };
  }

  it("answers at once, then on a change once pmin is over, and at pmax in any case", async () => {
    const { of, heard, set } = await observing({ pmin: 5, pmax: 20 });
    expect(heard).toEqual([{ at: 0, text: "20.5" }]);
    await set(21, 1);
    await set(22, 1);
    expect(heard).toHaveLength(1);
    await of.clock.advance(4_000);
    expect(heard.slice(1)).toEqual([{ at: 5, text: "22" }]);
    await of.clock.advance(25_000);
    expect(heard.slice(2)).toEqual([{ at: 25, text: "22" }]);
  });

  it("speaks on crossing gt and lt and on steps of st, and not otherwise", async () => {
    const { heard, set } = await observing({ gt: 45, st: 10 });
    await set(38, 1);
    await set(42, 1);
    await set(45, 1);
    await set(50, 1);
    expect(heard.map(({ text }) => text)).toEqual(["20.5", "38", "50"]);
  });

  it("ends when it is cancelled, by a GET as by an RST", async () => {
    const polite = await observing({ pmin: 0 });
    void polite.observation.cancel("deregister");
    await polite.of.clock.advance(100);
    expect(polite.device.observations).toBeUndefined();
    const rude = await observing({ pmin: 0 });
    void rude.observation.cancel("reset");
    await rude.set(30, 1);
    await rude.of.clock.advance(100);
    expect(rude.device.observations).toBeUndefined();
  });

  it("ends with a new registration", async () => {
    const { of, device, heard, set } = await observing({ pmin: 0 });
    device.accounts[0]?.step({ in: "register" });
    await of.clock.advance(100);
    await set(30, 1);
    expect(heard).toHaveLength(1);
    expect(device.observations).toBeUndefined();
  });

  it("ends with an error that arrives although its first datagram is lost, when what is observed is gone", async () => {
    const { of, device, ended } = await observing({ pmin: 0 });
    const heal = of.network.partition(() => true);
    device.change(
      device.objects.filter(({ object }) => object !== 3303),
      { object: 3303, instance: 0 },
    );
    await of.clock.advance(50);
    heal();
    await of.clock.advance(2_000);
    expect(ended).toEqual(["ended"]);
    expect(device.observations).toBeUndefined();
  });

  it("is answered as a Read by a device that is observed sixty-four times already", async () => {
    const { of, a, device } = await managed();
    const ended: string[] = [];
    for (let i = 0; i < 65; i++) a.endpoint.observe(a.device, readRequest(parsePath("/3/0/9")), { onNotification: () => {}, onEnd: (reason, response) => ended.push(`${reason} ${response?.code === Codes.Content}`) });
    await of.clock.advance(5_000);
    expect(device.observations).toHaveLength(64);
    expect(ended).toEqual(["refused true"]);
  });

  it("refuses inconsistent attributes and thresholds on what is no number", async () => {
    const { code } = await managed();
    expect(await code(writeAttributesRequest(parsePath("/3303/0/5700"), { gt: 5, lt: 7 }))).toBe("4.00");
    expect(await code(writeAttributesRequest(parsePath("/3/0/0"), { gt: 5 }))).toBe("4.00");
    expect(await code(writeAttributesRequest(parsePath("/3/0/99"), { pmin: 5 }))).toBe("4.04");
    expect(await code(writeAttributesRequest(parsePath("/3/0"), { pmin: 5 }))).toBe("2.04");
  });
});

describe("a device before its registration is complete", () => {
  it("answers no management request", async () => {
    const of = await world();
    const a = await ScriptedPeer.at(of, "10.0.0.1");
    a.answer = () => ({ code: Codes.Forbidden });
    const device = deviceIn(of, { servers: [{ uri: a.uri, shortServerId: 101, lifetime: 100 }] });
    device.start();
    await of.clock.advance(10);
    expect((await a.ask(of, readRequest(parsePath("/3/0/0")))).code).not.toBe("2.05");
  });
});
