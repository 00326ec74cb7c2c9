import { describe, expect, it } from "vitest";
import { Codes, ContentFormat } from "../../src/coap/index.js";
import { bootstrapRead, bootstrapWrite, instance, object, resourceInstance, single } from "../../src/lwm2m/index.js";
import { bootstrapping, security, server } from "./testing/bootstrapping.js";
import { takeSnapshot } from "./take-snapshot.js";

describe("a bootstrap from the factory", () => {
  it("begins with a request that names the endpoint and a format, after the hold-off", async () => {
    const { of, bootstrap, device } = await bootstrapping();
    device.start();
    await of.clock.advance(50);
    expect(bootstrap.story).toEqual(["POST /bs"]);
    expect(bootstrap.last("POST /bs").query).toEqual(["ep=dev-1", "pct=11542"]);
    expect(device.lastBootstrapCause).toBe("factory");
    const held = await bootstrapping({});
    const late = new (device.constructor as typeof import("./device.js").Device)(held.of.host, { ...device.spec, bootstrap: { uri: held.bootstrap.uri, holdOff: 10 } });
    late.start();
    await held.of.clock.advance(9_900);
    expect(held.bootstrap.story).toEqual([]);
    await held.of.clock.advance(200);
    expect(held.bootstrap.story).toEqual(["POST /bs"]);
  });

  it("ends with the Finish, and the device registers with what was written", async () => {
    const { of, a, device, start, writeAccount, finish } = await bootstrapping();
    await start();
    expect(await writeAccount(1, a.uri, 101, 300)).toEqual(["2.04", "2.04"]);
    expect(a.story).toEqual([]);
    expect(await finish()).toBe("2.04");
    await of.clock.advance(100);
    expect(a.story).toEqual(["POST /rd"]);
    expect(a.last("POST /rd").query).toContain("lt=300");
    expect(device.fleetState).toBe("registered");
    expect(of.measures.map(({ measure }) => measure)).toEqual(["bootstrap", "register", "start-to-registered"]);
    expect(device.counters).toMatchObject({ bootstrapRequests: 1, bootstrapsFinished: 1, registrations: 1 });
  });

  it("closes the bootstrap socket some time after the Finish", async () => {
    const { of, a, start, writeAccount, finish } = await bootstrapping();
    await start();
    await writeAccount(1, a.uri, 101);
    await finish();
    await of.clock.advance(100);
    expect(of.host.openSockets).toBe(2);
    await of.clock.advance(2_000);
    expect(of.host.openSockets).toBe(1);
  });

  it("keeps one copy of what many devices are written", async () => {
    const { of, a, bootstrap, device, start, writeAccount, finish } = await bootstrapping();
    await start();
    await writeAccount(1, a.uri, 101);
    await finish();
    const twin = new (device.constructor as typeof import("./device.js").Device)(of.host, { ...device.spec, endpoint: "dev-2" });
    twin.start();
    await of.clock.advance(50);
    await bootstrap.ask(of, bootstrapWrite({ object: 1, instance: 1 }, server(1, 101), "1.1"));
    const own = device.objects.find((stored) => stored.object === 1);
    expect(twin.session?.draft.find((stored) => stored.object === 1)?.node).toBe(own?.node);
  });
});

describe("the bootstrap interface of a device", () => {
  it("discovers version, instances, Short Server IDs and URIs, and tells nothing of the Bootstrap account", async () => {
    const { a, start, writeAccount, discover } = await bootstrapping();
    await start();
    await writeAccount(3, a.uri, 101);
    expect(await discover()).toEqual({ code: "2.05", text: `</>;lwm2m=1.1,</0/0>,</0/3>;ssid=101;uri="${a.uri}",</1/3>;ssid=101,</2>,</3/0>,</4/0>,</5/0>,</3303/0>` });
    expect((await discover(1)).text).toBe("</>;lwm2m=1.1,</1/3>;ssid=101");
    expect((await discover(77)).code).toBe("4.04");
  });

  it("answers later what its personality is late with, having carried it out", async () => {
    const { of, a, bootstrap, device, start, writeAccount } = await bootstrapping({ deviations: { lateAnswers: [{ to: "write", path: "/1", ms: 600 }] } });
    await start();
    const began = of.clock.now();
    expect(await writeAccount(1, a.uri, 101)).toEqual(["2.04", "2.04"]);
    expect(of.clock.now() - began).toBeGreaterThanOrEqual(600);
    const before = of.clock.now();
    expect((await bootstrap.ask(of, bootstrapRead({ object: 1 }))).code).toBe("2.05");
    expect(of.clock.now() - before).toBeLessThan(100);
    expect(device.session?.draft.some((stored) => stored.object === 1)).toBe(true);
  });

  it("reads /1 and /2 only", async () => {
    const { a, ask, start, writeAccount } = await bootstrapping();
    await start();
    expect(await ask(bootstrapRead({ object: 1 }))).toBe("4.04");
    await writeAccount(1, a.uri, 101);
    expect(await ask(bootstrapRead({ object: 1 }))).toBe("2.05");
    expect(await ask(bootstrapRead({ object: 1, instance: 1 }))).toBe("2.05");
    expect(await ask(bootstrapRead({ object: 1, instance: 2 }))).toBe("4.04");
    expect(await ask(bootstrapRead({ object: 0 }))).toBe("4.05");
    expect(await ask(bootstrapRead({ object: 3 }))).toBe("4.05");
    expect(await ask({ ...bootstrapRead({ object: 1 }), accept: 60 })).toBe("4.06");
  });

  it("writes objects, instances and resources, and passes over what it does not know", async () => {
    const { a, ask, device, start, finish } = await bootstrapping();
    await start();
    expect(await ask(bootstrapWrite({ object: 0 }, object(0, [security(1, a.uri, 101)]), "1.1"))).toBe("2.04");
    expect(await ask(bootstrapWrite({ object: 1, instance: 1 }, instance(1, [...server(1, 101).resources, single(999, "x")]), "1.1"))).toBe("2.04");
    expect(await ask(bootstrapWrite({ object: 1, instance: 1, resource: 5 }, single(5, 86_400), "1.1"))).toBe("2.04");
    expect(await finish()).toBe("2.04");
    expect(takeSnapshot(device).objects["1"]?.["1"]).toMatchObject({ 0: 101, 5: 86_400 });
  });

  it("refuses what is malformed, of a wrong type, or in a format it does not know", async () => {
    const { ask, start } = await bootstrapping();
    await start();
    expect(await ask({ code: Codes.PUT, path: ["1", "1"], contentFormat: ContentFormat.Tlv, payload: Buffer.from("c8", "hex") })).toBe("4.00");
    expect(await ask({ code: Codes.PUT, path: ["1", "1"], contentFormat: 9_999, payload: Buffer.from("x") })).toBe("4.15");
    expect(await ask({ code: Codes.PUT, path: ["1", "1"], payload: Buffer.from("x") })).toBe("4.00");
    expect(await ask({ code: Codes.PUT, path: ["1", "1", "0", "0"], contentFormat: 0, payload: Buffer.from("1") })).toBe("4.00");
    expect(await ask({ code: Codes.POST, path: ["1", "1"], contentFormat: 0, payload: Buffer.from("1") })).toBe("4.05");
    expect(await ask(bootstrapWrite({ object: 1, instance: 1, resource: 0 }, { kind: "resource", id: 0, value: 0 }, "1.1"))).toBe("4.00");
    expect(resourceInstance(0, 1).kind).toBe("resource-instance");
  });

  it("deletes all but the Bootstrap account and /3/0", async () => {
    const { a, device, start, writeAccount, remove } = await bootstrapping();
    await start();
    await writeAccount(1, a.uri, 101);
    expect(await remove()).toBe("2.02");
    expect(device.session?.draft.map(({ object: of, node }) => `/${of}/${node.id}`)).toEqual(["/0/0", "/3/0"]);
    expect(await remove({ object: 0, instance: 0 })).toBe("2.02");
    expect(device.session?.draft).toHaveLength(2);
    expect(await remove({ object: 3, instance: 0 })).toBe("2.02");
    expect(device.session?.draft).toHaveLength(2);
    expect(await remove({ object: 1, instance: 1, resource: 1 })).toBe("4.00");
  });

  it("answers the Finish 4.06 while the configuration is inconsistent, and lets it be corrected", async () => {
    const { of, a, ask, device, start, writeAccount, finish } = await bootstrapping();
    await start();
    expect(await finish()).toBe("4.06");
    await ask(bootstrapWrite({ object: 1, instance: 1, resource: 5 }, single(5, 86_400), "1.1"));
    expect(await finish()).toBe("4.06");
    await writeAccount(1, a.uri, 101);
    expect(await finish()).toBe("2.04");
    await of.clock.advance(100);
    expect(device.fleetState).toBe("registered");
  });

  it("refuses a Short Server ID used twice, and accounts of which half is missing", async () => {
    const { a, b, ask, start, writeAccount, finish, remove } = await bootstrapping();
    await start();
    await writeAccount(1, a.uri, 101);
    await ask(bootstrapWrite({ object: 0, instance: 2 }, security(2, b.uri, 101), "1.1"));
    expect(await finish()).toBe("4.06");
    await remove({ object: 0, instance: 2 });
    await ask(bootstrapWrite({ object: 1, instance: 2 }, server(2, 102), "1.1"));
    expect(await finish()).toBe("4.06");
    await remove({ object: 1, instance: 2 });
    expect(await finish()).toBe("2.04");
  });
});

describe("a bootstrap that fails", () => {
  it("is tried again, later each time, when the request is refused and there is no account", async () => {
    const { of, bootstrap, device } = await bootstrapping();
    bootstrap.answer = () => ({ code: Codes.BadRequest });
    device.start();
    await of.clock.advance(10_000);
    const times = bootstrap.heard.map(({ at }) => Math.round(at / 100) * 100);
    expect(times.slice(0, 4)).toEqual([0, 500, 1_500, 3_500]);
    expect(of.failures[0]).toBe("Bootstrap-Request answered 4.00");
  });

  it("restores /0, /1 and /2 when no Finish comes in time", async () => {
    const { of, a, b, device, start, writeAccount, remove } = await bootstrapping({});
    await start();
    await writeAccount(1, a.uri, 101);
    const { objects } = device;
    await writeAccount(2, b.uri, 102);
    await remove({ object: 0, instance: 1 });
    await of.clock.advance(4_100);
    expect(device.objects).toBe(objects);
    expect(device.counters.bootstrapsFailed).toBe(1);
    expect(device.state.at).toBe("hold-off");
  });

  it("leaves what was written when the personality does not roll back, but the Bootstrap account as it was", async () => {
    const { of, a, b, device, ask, start, writeAccount } = await bootstrapping({ personality: "no-rollback" });
    await start();
    await writeAccount(1, a.uri, 101);
    await ask(bootstrapWrite({ object: 0, instance: 0, resource: 0 }, single(0, b.uri), "1.1"));
    await of.clock.advance(4_100);
    expect(takeSnapshot(device).bootstrap?.uri).toBe("coap://10.0.0.8:5683");
    expect(device.fleetState).toBe("registered");
    expect(a.story).toEqual(["POST /rd"]);
  });

  it("takes an operation that overtakes the answer to its request", async () => {
    const { of, bootstrap, a, device, writeAccount, finish } = await bootstrapping();
    const held: (() => void)[] = [];
    bootstrap.answer = (request) => {
      held.push(() => request.respond({ code: Codes.Changed }));
      return undefined;
    };
    bootstrap.onRequest = (request) => {
      bootstrap.heard.push({ at: of.clock.now(), what: "POST /bs", request });
      held.push(() => request.respond({ code: Codes.Changed }));
    };
    device.start();
    await of.clock.advance(50);
    expect(device.state.at).toBe("requesting");
    await writeAccount(1, a.uri, 101);
    expect(device.state.at).toBe("bootstrapping");
    expect(await finish()).toBe("2.04");
    held[0]?.();
    await of.clock.advance(100);
    expect(device.fleetState).toBe("registered");
  });
});
