import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/ports/simulated/index.js";
import type { Peer } from "../../src/coap/index.js";
import { parseObjectList, udpBinding } from "../../src/lwm2m/index.js";
import { Registry, RegistryFullError, type RegistrationFacts, type RegistryOptions } from "./registry.js";

const peer = (port: number): Peer => ({ address: { host: "127.0.0.1", port } });
const links = parseObjectList("</1/0>,</3/0>");
const facts = (endpoint: string, lifetime: number): RegistrationFacts => ({ endpoint, lifetime, version: "1.1", binding: udpBinding, objects: links });

function registry(options: Partial<RegistryOptions> = {}) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const it = new Registry(
    clock,
    { sweepMs: 100, maxRegistrations: 1000, locationPrefix: "t", ...options },
    {
      onRegistered: (registration, replaced) => events.push(`registered ${registration.endpoint}${replaced === undefined ? "" : " again"}`),
      onUpdated: (registration) => events.push(`updated ${registration.endpoint}`),
      onRemoved: (registration, reason) => events.push(`${reason} ${registration.endpoint}`),
    },
  );
  return { clock, events, it };
}

describe("registration lifetime", () => {
  it("is never over before lt, and over by lt plus a few sweeps", async () => {
    const { clock, it: devices } = registry();
    await clock.advance(37);
    devices.register(facts("a", 2), peer(1));
    await clock.advance(1999);
    expect(devices.byEndpoint("a")).toBeDefined();
    await clock.advance(301);
    expect(devices.byEndpoint("a")).toBeUndefined();
  });

  it("starts again with every Update", async () => {
    const { clock, it: devices, events } = registry();
    const registration = devices.register(facts("a", 2), peer(1));
    for (let update = 0; update < 5; update += 1) {
      await clock.advance(1900);
      devices.update(registration, {}, peer(1));
    }
    await clock.advance(1999);
    expect(devices.byEndpoint("a")).toBe(registration);
    await clock.advance(301);
    expect(events.at(-1)).toBe("expired a");
  });

  it("is shortened by an Update at once, and made longer by the next", async () => {
    const { clock, it: devices } = registry();
    const registration = devices.register(facts("a", 3600), peer(1));
    devices.update(registration, { lifetime: 1 }, peer(1));
    devices.update(registration, { lifetime: 5 }, peer(1));
    await clock.advance(4900);
    expect(devices.byEndpoint("a")).toBeDefined();
    devices.update(registration, { lifetime: 1 }, peer(1));
    await clock.advance(1300);
    expect(devices.byEndpoint("a")).toBeUndefined();
  });

  it("has no end when lt is 0", async () => {
    const { clock, it: devices } = registry();
    devices.register(facts("a", 0), peer(1));
    await clock.advance(100_000);
    expect(devices.byEndpoint("a")).toBeDefined();
  });

  it("ends for exactly the devices that stay silent among thousands", async () => {
    const { clock, it: devices, events } = registry({ maxRegistrations: 10_000 });
    const all = Array.from({ length: 5000 }, (_, index) => devices.register(facts(`d${index}`, 1 + (index % 7)), peer(index)));
    await clock.advance(900);
    for (const registration of all) if (registration.endpoint.endsWith("3")) devices.update(registration, { lifetime: 60 }, peer(1));
    await clock.advance(7500);
    expect(devices.size).toBe(500);
    expect(events.filter((event) => event.startsWith("expired")).length).toBe(4500);
  });
});

describe("the registry", () => {
  it("replaces the registration of an endpoint that registers again", () => {
    const { it: devices, events } = registry();
    const first = devices.register(facts("a", 60), peer(1));
    const second = devices.register(facts("a", 60), peer(2));
    expect(devices.size).toBe(1);
    expect(devices.byLocation(first.id)).toBeUndefined();
    expect(devices.byLocation(second.id)).toBe(second);
    expect(devices.holds(first)).toBe(false);
    expect(events).toEqual(["registered a", "registered a again"]);
  });

  it("does not let the lifetime of a replaced registration remove the new one", async () => {
    const { clock, it: devices } = registry();
    devices.register(facts("a", 1), peer(1));
    devices.register(facts("a", 60), peer(1));
    await clock.advance(5000);
    expect(devices.byEndpoint("a")).toBeDefined();
  });

  it("is bounded, but an endpoint it holds may always register again", () => {
    const { it: devices } = registry({ maxRegistrations: 2 });
    devices.register(facts("a", 60), peer(1));
    devices.register(facts("b", 60), peer(2));
    expect(() => devices.register(facts("c", 60), peer(3))).toThrow(RegistryFullError);
    devices.register(facts("b", 60), peer(2));
    expect(devices.size).toBe(2);
  });

  it("remembers when a departed device was last heard of", async () => {
    const { clock, it: devices } = registry();
    const registration = devices.register(facts("a", 60), peer(1));
    await clock.advance(1234);
    devices.update(registration, {}, peer(1));
    const heard = clock.now();
    await clock.advance(1000);
    devices.remove(registration, "deregistered");
    expect(devices.departedAt("a")).toBe(heard);
    expect(devices.departedAt("b")).toBeUndefined();
  });

  it("starts one timer, however many devices there are", () => {
    const { clock, it: devices } = registry();
    for (let index = 0; index < 100; index += 1) devices.register(facts(`d${index}`, 60), peer(index));
    expect(clock.pending()).toEqual(["registration sweep"]);
  });
});
