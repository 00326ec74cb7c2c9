import { describe, expect, it } from "vitest";
import { Codes, formatCode } from "../../src/coap/index.js";
import { queuedUdpBinding } from "../../src/lwm2m/index.js";
import { serverBench } from "./testing/bench.js";

describe("the registration interface", () => {
  it("registers, updates and de-registers by the table of codes", async () => {
    const { device, server, settle } = await serverBench();
    const one = await device({ endpoint: "a-1" });
    expect(await settle(one.register())).toBe("2.01");
    expect(one.location?.[0]).toBe("rd");
    expect(server.operations.registration("a-1")).toMatchObject({ endpoint: "a-1", lifetime: 60, lwm2m: "1.1", objects: ["</1/0>", "</3/0>"], awake: true });
    expect(await settle(one.update(120))).toBe("2.04");
    expect(server.registry.byEndpoint("a-1")?.lifetime).toBe(120);
    expect(await settle(one.deregister())).toBe("2.02");
    expect(server.registry.size).toBe(0);
    expect(await settle(one.update())).toBe("4.04");
    expect(await settle(one.deregister())).toBe("4.04");
  });

  it("answers 4.04 to what is not its own and 4.05 to other methods", async () => {
    const { device, settle } = await serverBench();
    const one = await device({ endpoint: "a-1" });
    expect(formatCode((await settle(one.raw([], ["elsewhere"]))).code)).toBe("4.04");
    const put = one.coap.request(one.coap.peer(one.options.server), { code: Codes.PUT, path: ["rd"] });
    expect(formatCode((await settle(put)).code)).toBe("4.05");
  });

  it("answers 4.00 to an Update with a wrong parameter and keeps the registration", async () => {
    const { device, server, settle } = await serverBench();
    const one = await device({ endpoint: "a-1" });
    await settle(one.register());
    expect(formatCode((await settle(one.raw(["lt=never"], one.location))).code)).toBe("4.00");
    expect(server.registry.byEndpoint("a-1")?.lifetime).toBe(60);
  });

  it("lets a registration go when its lifetime is over, with an event", async () => {
    const { device, server, settle, ports } = await serverBench();
    const one = await device({ endpoint: "a-1", lifetime: 2 });
    await settle(one.register());
    await ports.clock.advance(1990);
    expect(server.registry.size).toBe(1);
    await ports.clock.advance(510);
    expect(server.registry.size).toBe(0);
    expect(server.events.after(0, 10).events.map(({ type }) => type)).toEqual(["registered", "expired"]);
    expect(await settle(one.update())).toBe("4.04");
  });

  it("replaces the registration of a device that registers again, also from another address", async () => {
    const { device, server, settle } = await serverBench();
    const one = await device({ endpoint: "a-1" });
    const again = await device({ endpoint: "a-1" });
    await settle(one.register());
    await settle(again.register());
    expect(server.registry.size).toBe(1);
    expect(await settle(one.update())).toBe("4.04");
    expect(await settle(again.update())).toBe("2.04");
  });

  it("gives two devices with one name one registration, and each name its own", async () => {
    const { device, server, settle } = await serverBench();
    for (const endpoint of ["a-1", "a-2", "urn:imei:1/2?3"]) await settle((await device({ endpoint })).register());
    expect(server.operations.registrations({ limit: 2 })).toMatchObject({ total: 3, registrations: [{ endpoint: "a-1" }, { endpoint: "a-2" }], next: "a-2" });
    expect(server.operations.registrations({ limit: 2, after: "a-2" }).registrations.map(({ endpoint }) => endpoint)).toEqual(["urn:imei:1/2?3"]);
    expect(server.operations.registrations({ limit: 9, endpoint: "a-*" }).registrations).toHaveLength(2);
  });

  it("refuses a device without an active credential with 4.03, and takes the identical Register after activation", async () => {
    const { device, server, settle } = await serverBench({ admission: "credential" });
    const one = await device({ endpoint: "a-1" });
    expect(await settle(one.register())).toBe("4.03");
    expect(server.registry.size).toBe(0);
    server.credentials.stage("a", "bs-a", "a-1", "c1", { body: { version: 1, ssid: 101, mode: "nosec", sessionPolicy: "close-on-revoke" } });
    expect(await settle(one.register())).toBe("4.03");
    server.credentials.activate("a", "a-1", "c1", { version: 1, sessionId: 1 });
    expect(await settle(one.register())).toBe("2.01");
  });

  it("survives loss and duplicates with one registration", async () => {
    const { device, server, settle, ports } = await serverBench({}, 7);
    ports.network.impairment = { loss: 0.05, duplicate: 0.3, delayMs: [1, 30], reorder: 0.1 };
    const all = await Promise.all(Array.from({ length: 50 }, (_, index) => device({ endpoint: `a-${index}` })));
    expect(await settle(Promise.all(all.map((one) => one.register())))).toEqual(Array.from({ length: 50 }, () => "2.01"));
    expect(server.registry.size).toBe(50);
    expect(server.events.after(0, 1000).events.filter(({ type }) => type === "registered")).toHaveLength(50);
  });
});

describe("faults of the registration interface", () => {
  it("refuse, delay, hold, silence and answer with a wrong code, for the endpoint they name", async () => {
    const { device, server, settle, ports } = await serverBench();
    const one = await device({ endpoint: "a-1" });
    const other = await device({ endpoint: "a-2" });
    server.faults.set("f", { operation: "register", endpoint: "a-1", action: { kind: "refuse", code: "5.03" }, times: 1 });
    expect(await settle(one.register())).toBe("5.03");
    expect(await settle(one.register())).toBe("2.01");
    server.faults.set("f", { operation: "register", endpoint: "a-1", action: { kind: "wrong-code", code: "2.04" } });
    expect(await settle(other.register())).toBe("2.01");
    expect(await settle(one.register())).toBe("2.04");
    server.faults.set("f", { operation: "update", action: { kind: "hold" } });
    const held = one.update(77);
    await ports.clock.advance(1000);
    server.faults.release("f");
    await settle(held);
    server.faults.set("f", { operation: "deregister", action: { kind: "silence" } });
    await expect(settle(other.deregister())).rejects.toMatchObject({ reason: "timeout" });
    expect(server.faults.get("f")?.fired).toBe(1);
    expect(server.registry.byEndpoint("a-2")).toBeDefined();
  });
});

describe("planted faults of the registration interface", () => {
  it("update-unknown-location-accepted", async () => {
    const { device, settle } = await serverBench({ plants: ["update-unknown-location-accepted"] });
    expect(await settle((await device({ endpoint: "a-1" })).update())).toBe("2.04");
  });

  it("deregister-unknown-location-accepted", async () => {
    const { device, settle } = await serverBench({ plants: ["deregister-unknown-location-accepted"] });
    expect(await settle((await device({ endpoint: "a-1" })).deregister())).toBe("2.02");
  });

  it("location-path-missing", async () => {
    const { device, settle } = await serverBench({ plants: ["location-path-missing"] });
    const one = await device({ endpoint: "a-1" });
    expect(await settle(one.register())).toBe("2.01");
    expect(one.location).toBeUndefined();
  });

  it("missing-endpoint-accepted", async () => {
    const { device, settle } = await serverBench({ admission: "credential", plants: ["missing-endpoint-accepted"] });
    const one = await device({ endpoint: "a-1" });
    expect(formatCode((await settle(one.raw(["lt=60", "lwm2m=1.1"]))).code)).toBe("2.01");
  });

  it("replaced-registration-kept", async () => {
    const { device, settle } = await serverBench({ plants: ["replaced-registration-kept"] });
    const one = await device({ endpoint: "a-1" });
    await settle(one.register());
    const before = one.location;
    await settle(one.register());
    expect(one.location).not.toEqual(before);
    expect(formatCode((await settle(one.raw([], before))).code)).toBe("2.04");
  });

  it("update-does-not-renew", async () => {
    const { device, server, settle, ports } = await serverBench({ plants: ["update-does-not-renew"] });
    const one = await device({ endpoint: "a-1", lifetime: 2 });
    await settle(one.register());
    await ports.clock.advance(1_500);
    expect(await settle(one.update())).toBe("2.04");
    await ports.clock.advance(1_000);
    expect(server.registry.size).toBe(0);
  });

  it("deregistered-kept", async () => {
    const { device, server, settle } = await serverBench({ plants: ["deregistered-kept"] });
    const one = await device({ endpoint: "a-1" });
    await settle(one.register());
    expect(await settle(one.deregister())).toBe("2.02");
    expect(server.registry.size).toBe(1);
  });

  it("expiry-ignored", async () => {
    const { device, server, settle, ports } = await serverBench({ plants: ["expiry-ignored"] });
    await settle((await device({ endpoint: "a-1", lifetime: 1 })).register());
    await ports.clock.advance(60_000);
    expect(server.registry.size).toBe(1);
  });
});

describe("queue mode", () => {
  it("shows a device asleep once its awake time is over, and awake after its next message", async () => {
    const { device, server, settle, ports } = await serverBench();
    const one = await device({ endpoint: "a-1", binding: queuedUdpBinding });
    await settle(one.register());
    expect(server.operations.registration("a-1")).toMatchObject({ queueMode: true, awake: true });
    await ports.clock.advance(400);
    expect(server.operations.registration("a-1")?.awake).toBe(false);
    await settle(one.update());
    expect(server.operations.registration("a-1")?.awake).toBe(true);
  });
});
