import { describe, expect, it } from "vitest";
import { deleteRequest, createRequest, executeRequest, parsePath, readRequest, single, writeRequest } from "../../src/lwm2m/index.js";
import { rightsOn, withoutServer } from "./access-control.js";
import { Factory } from "./factory.js";
import { findInstance, instancesOf } from "./objects.js";
import { takeSnapshot } from "./take-snapshot.js";
import { deviceIn, ScriptedPeer, world } from "./testing/scripted-peer.js";

const account = (shortServerId: number) => ({ uri: `coap://10.0.0.${shortServerId - 100}`, shortServerId, lifetime: 100 });
const rights = (object: number, instance: number, owner: number, granted: Record<number, number> = {}) => ({ object, instance, owner, rights: granted });

describe("rights on an object instance", () => {
  it("are all with one Server, whatever /2 says", () => {
    const objects = new Factory().objectsOf({ servers: [account(101)], accessControl: [rights(3, 0, 102)] });
    expect(rightsOn(objects, 101, 3, 0)).toBe(31);
    expect(rightsOn(objects, 101, 0, 0)).toBe(0);
  });

  it("with several are the Server's own, or all as owner, or the default's, or none", () => {
    const objects = new Factory().objectsOf({
      servers: [account(101), account(102)],
      accessControl: [rights(3, 0, 101), rights(4, 0, 65535, { 101: 1, 0: 5 }), rights(5, 0, 101, { 101: 1 })],
    });
    expect(rightsOn(objects, 101, 3, 0)).toBe(15);
    expect(rightsOn(objects, 102, 3, 0)).toBe(0);
    expect(rightsOn(objects, 101, 4, 0)).toBe(1);
    expect(rightsOn(objects, 102, 4, 0)).toBe(5);
    expect(rightsOn(objects, 101, 5, 0)).toBe(1);
    expect(rightsOn(objects, 101, 3303, 0)).toBe(0);
  });
});

describe("a device with two Servers", () => {
  async function shared() {
    const of = await world();
    const a = await ScriptedPeer.at(of, "10.0.0.1");
    const b = await ScriptedPeer.at(of, "10.0.0.2");
    const device = deviceIn(of, {
      servers: [account(101), account(102)],
      accessControl: [rights(1, 0, 101), rights(1, 1, 102), rights(3, 0, 101, { 101: 15, 102: 1 }), rights(3303, 0, 101), rights(3303, 65535, 101, { 102: 16 })],
    });
    device.start();
    await of.clock.advance(100);
    return { of, a, b, device };
  }

  it("lets each do what its rights say, and answers 4.01 for the rest", async () => {
    const { of, a, b } = await shared();
    expect((await a.ask(of, readRequest(parsePath("/1/0")))).code).toBe("2.05");
    expect((await b.ask(of, readRequest(parsePath("/1/0")))).code).toBe("4.01");
    expect((await b.ask(of, readRequest(parsePath("/1/1")))).code).toBe("2.05");
    expect((await b.ask(of, readRequest(parsePath("/3/0/0")))).code).toBe("2.05");
    expect((await b.ask(of, executeRequest(parsePath("/3/0/12")))).code).toBe("4.01");
    expect((await b.ask(of, executeRequest(parsePath("/1/0/9")))).code).toBe("4.01");
    expect((await a.ask(of, executeRequest(parsePath("/3/0/12")))).code).toBe("2.04");
    expect((await b.ask(of, readRequest(parsePath("/3303")))).code).toBe("4.01");
    expect((await b.ask(of, readRequest(parsePath("/4/0")))).code).toBe("4.01");
  });

  it("lets an object be read as far as its instances may be", async () => {
    const { of, b } = await shared();
    const { response } = await b.ask(of, readRequest(parsePath("/1")));
    expect(Buffer.from(response?.payload ?? []).toString("hex")).not.toContain("0065");
  });

  it("lets /2 be read by all and managed by its owner", async () => {
    const { of, a, b } = await shared();
    const grant = writeRequest(parsePath("/2/3/2"), { kind: "multiple-resource", id: 2, instances: [{ kind: "resource-instance", id: 102, value: 1 }] }, "1.1", { replace: false });
    expect((await b.ask(of, readRequest(parsePath("/2/3")))).code).toBe("2.05");
    expect((await b.ask(of, grant)).code).toBe("4.01");
    expect((await a.ask(of, grant)).code).toBe("2.04");
    expect((await b.ask(of, readRequest(parsePath("/3303/0")))).code).toBe("2.05");
  });

  it("makes who creates an instance its owner", async () => {
    const { of, a, b } = await shared();
    const create = createRequest(3303, { instance: 7, resources: [single(5700, 1)] }, "1.1");
    expect((await a.ask(of, create)).code).toBe("2.01");
    const again = createRequest(3303, { instance: 8, resources: [single(5700, 1)] }, "1.1");
    expect((await b.ask(of, again)).code).toBe("2.01");
    expect((await a.ask(of, deleteRequest(parsePath("/3303/8")))).code).toBe("4.01");
    expect((await b.ask(of, deleteRequest(parsePath("/3303/8")))).code).toBe("2.02");
  });
});

describe("the loss of a Server account", () => {
  it("takes its /1 instance, its rights, and hands on what it owned", () => {
    const objects = new Factory().objectsOf({
      servers: [account(101), account(102), account(103)],
      accessControl: [rights(3, 0, 102, { 101: 1, 103: 10, 102: 15 }), rights(4, 0, 101, { 102: 1 }), rights(3303, 0, 102, { 102: 15 })],
    });
    const left = withoutServer(objects, 102);
    expect(instancesOf(left, 1).map(({ id }) => id)).toEqual([0, 2]);
    expect(rightsOn(left, 103, 3, 0)).toBe(10);
    expect(findInstance(left, 2, 0)?.resources.find(({ id }) => id === 3)).toMatchObject({ value: 103 });
    expect(findInstance(left, 2, 1)?.resources.find(({ id }) => id === 2)).toMatchObject({ instances: [] });
    expect(instancesOf(left, 3303)).toEqual([]);
    expect(findInstance(left, 2, 2)).toBeUndefined();
  });
});

describe("a snapshot", () => {
  it("shows the objects without secrets", async () => {
    const of = await world();
    const device = deviceIn(of, { servers: [account(101)] });
    const key = device.objects.map((stored) =>
      stored.object === 0 ? { object: 0, node: { ...stored.node, resources: stored.node.resources.map((resource) => (resource.id === 5 ? single(5, Buffer.from("canary")) : resource)) } } : stored,
    );
    device.objects = key;
    const text = JSON.stringify(takeSnapshot(device));
    expect(text).toContain("(secret)");
    expect(text).not.toContain(Buffer.from("canary").toString("hex"));
  });
});
