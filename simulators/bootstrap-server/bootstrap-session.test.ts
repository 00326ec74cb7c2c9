import { afterEach, describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { bootstrapServerConfig } from "../../src/config/index.js";
import type { BootstrapServerInput } from "../../src/config/index.js";
import { single, valueOf } from "../../src/lwm2m/index.js";
import { simulatedPorts } from "../../src/ports/simulated/index.js";
import type { SimulatedPorts } from "../../src/ports/simulated/index.js";
import { udpEndpoint } from "../../src/transport/index.js";
import { LateHandler } from "../../src/operator/index.js";
import { BootstrapServer } from "./role.js";
import { ScriptedDevice, answer } from "./testing/scripted-device.js";

const serverAddress = { host: "10.0.0.1", port: 5683 };
const operatorToken = "operator-token-of-a-test";
const accountA = { uri: "coap://10.0.0.2:5683", shortServerId: 101, lifetime: 300 };
const accountB = { uri: "coap://10.0.0.3:5683", shortServerId: 201, acl: [{ object: 3, instance: 0, rights: 1 }] };

interface Rig {
  readonly ports: SimulatedPorts;
  readonly role: BootstrapServer;
  readonly device: ScriptedDevice;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function rig(input: BootstrapServerInput, endpoint = "ab-1"): Promise<Rig> {
  const ports = simulatedPorts("bootstrap");
  const config = bootstrapServerConfig({ operatorToken, timing: "lab", lab: true, clients: ["ab-*"], ...input });
  const late = new LateHandler();
  const coap = await udpEndpoint(ports, { ...serverAddress, transmission: config.timing.coap }, late);
  const role = new BootstrapServer(config, ports, coap);
  late.handler = role.bootstraps;
  coap.tap = role.trace.tapFor(coap.local);
  const device = await ScriptedDevice.start(ports, { endpoint, host: "10.1.0.1", server: serverAddress, coap: config.timing.coap });
  closing.push(() => device.close(), () => role.stop(), () => coap.close());
  return { ports, role, device };
}

async function bootstrap({ device, ports }: Rig, ms = 4000): Promise<string> {
  const answered = device.bootstrap();
  await ports.clock.advance(ms);
  return answered;
}

const sessionStates = ({ role }: Rig): string[] => role.bootstraps.views({ limit: 10 }).map(({ state }) => state);

describe("a bootstrap from a plain configuration", () => {
  it("discovers first, writes the account beside the Bootstrap-Server account and finishes last", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    expect(await bootstrap(one)).toBe("2.04");
    expect(one.device.log).toEqual(["discover / 2.05", "write /0/1 2.04", "write /1/0 2.04", "finish /bs 2.04"]);
    expect(one.device.accounts).toEqual([101]);
    expect(valueOf(one.device.server(101)!, 1)).toBe(300);
    expect(sessionStates(one)).toEqual(["finished"]);
  });

  it("does what the configuration adds before everything else, and asks what it adds after the writes, whatever the answers", async () => {
    const added = { before: [{ operation: "discover", path: "/" }, { operation: "delete", path: "/0" }, { operation: "read", path: "/1" }], after: [{ operation: "read", path: "/1" }] } as const;
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA], before: [...added.before], after: [...added.after] }] });
    one.device.script = (operation, path) => (operation === "delete" && path === "/0" ? answer(Codes.Unauthorized) : undefined);
    await bootstrap(one);
    expect(one.device.log.map((line) => line.replace(/ [\d.]+$/, ""))).toEqual(["discover /", "delete /0", "read /1", "discover /", "write /0/1", "write /1/0", "read /1", "finish /bs"]);
    expect(sessionStates(one)).toEqual(["finished"]);
  });

  it("writes a whole instance, and no account where the configuration has none", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [], writes: [{ path: "/2/0", resources: { 0: 3, 1: 0, 2: { 0: 31 }, 3: 65535 } }] }] });
    await bootstrap(one);
    expect(one.device.log.slice(0, 2)).toEqual(["discover / 2.05", "write /2/0 2.04"]);
    expect(one.device.records().map((node) => [0, 1, 3].map((id) => valueOf(node, id)))).toEqual([[3, 0, 65535]]);
  });

  it("takes instance ids that are free on the device", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    one.device.instances.clear();
    one.device.put(0, 5, []);
    one.device.put(0, 0, [single(0, "coap://10.0.0.9"), single(10, 7)]);
    one.device.put(1, 0, [single(0, 7)]);
    await bootstrap(one);
    expect(one.device.log.filter((line) => line.startsWith("write"))).toEqual(["write /0/1 2.04", "write /1/1 2.04", "write /2 2.04"]);
    expect(one.device.accounts.sort()).toEqual([101, 7]);
  });

  it("writes access control when there are two accounts", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA, accountB] }] });
    await bootstrap(one);
    const records = one.device.records().map((node) => [0, 1, 3].map((id) => valueOf(node, id)));
    expect(records).toEqual([
      [1, 0, 101],
      [1, 1, 201],
      [3, 0, 101],
    ]);
  });

  it("removes accounts of others only where the configuration says it is complete", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA], keepOthers: false }] });
    one.device.put(0, 1, [single(0, "coap://10.0.0.9"), single(10, 7)]);
    one.device.put(1, 0, [single(0, 7)]);
    await bootstrap(one);
    expect(one.device.log.slice(1, 3)).toEqual(["delete /1/0 2.02", "delete /0/1 2.02"]);
    expect(one.device.accounts).toEqual([101]);
  });

  it("reads object 1 where Discover does not tell whose an instance is", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    one.device.put(0, 4, [single(0, accountA.uri), single(10, 101)]);
    one.device.put(1, 2, [single(0, 101)]);
    one.device.script = (operation) => (operation === "discover" ? { code: Codes.Content, contentFormat: 40, payload: Buffer.from("</>;lwm2m=1.1,</0/0>,</0/4>;ssid=101,</1/2>,</3/0>") } : undefined);
    await bootstrap(one);
    expect(one.device.log).toEqual(["discover / 2.05", "read /1 2.05", "write /0/4 2.04", "write /1/2 2.04", "finish /bs 2.04"]);
  });

  it("reads nothing on a client of LwM2M 1.0 and replaces its access control as a whole", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA, accountB] }] });
    one.device.version = "1.0";
    await bootstrap(one);
    one.device.log.length = 0;
    await bootstrap(one);
    expect(one.device.log.filter((line) => line.startsWith("read"))).toEqual([]);
    expect(one.device.log).toContain("delete /2 2.02");
    expect(one.device.records().length).toBeGreaterThan(0);
    expect(sessionStates(one)).toEqual(["finished", "finished"]);
  });

  it("finishes at once for a known endpoint without accounts", async () => {
    const one = await rig({});
    expect(await bootstrap(one)).toBe("2.04");
    expect(one.device.log).toEqual(["finish /bs 2.04"]);
  });

  it("corrects and finishes again when Finish is answered 4.06", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    let refused = 0;
    one.device.script = (operation) => (operation === "finish" && refused++ === 0 ? answer(Codes.NotAcceptable) : undefined);
    await bootstrap(one);
    expect(one.device.log).toEqual([
      "discover / 2.05", "write /0/1 2.04", "write /1/0 2.04", "finish /bs 4.06",
      "discover / 2.05", "write /0/1 2.04", "write /1/0 2.04", "finish /bs 2.04",
    ]);
    expect(sessionStates(one)).toEqual(["finished"]);
  });

  it("gives up after a bounded number of corrections", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    one.device.script = (operation) => (operation === "finish" ? answer(Codes.NotAcceptable) : undefined);
    await bootstrap(one);
    expect(one.device.log.filter((line) => line.startsWith("finish"))).toHaveLength(3);
    expect(one.role.bootstraps.views({ limit: 1 })[0]).toMatchObject({ state: "failed", reason: "Finish answered 4.06" });
  });

  it("stops without Finish when a write is refused", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    one.device.script = (operation, path) => (operation === "write" && path === "/1/0" ? answer(Codes.BadRequest) : undefined);
    await bootstrap(one);
    expect(one.device.log.at(-1)).toBe("write /1/0 4.00");
    expect(one.role.bootstraps.views({ limit: 1 })[0]).toMatchObject({ state: "failed", reason: "write of /1/0 answered 4.00" });
  });

  it("ends the session when the device falls silent", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    one.device.script = (operation) => (operation === "write" ? "silence" : undefined);
    await bootstrap(one, 6000);
    expect(["failed", "timed-out"]).toContain(sessionStates(one)[0]);
    expect(one.role.bootstraps.openSessions).toBe(0);
  });

  it("writes nothing to a device that answers a late 2.04 with a reset, because it has given up", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    one.role.faults.set("late", { operation: "bootstrap-request", action: { kind: "delay", ms: 15_000 } });
    expect(await bootstrap(one, 16_000)).toBe("timeout");
    expect(sessionStates(one)).toEqual(["timed-out"]);
    // It left before the reset came.
    expect(one.device.log).toEqual(["discover / 2.05"]);
  });

  it("repeats a Finish without a correction where that is planted", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }], plants: ["finish-repeated-uncorrected"] });
    let refused = 0;
    one.device.script = (operation) => (operation === "finish" && refused++ === 0 ? answer(Codes.NotAcceptable) : undefined);
    await bootstrap(one);
    expect(one.device.log.slice(-2)).toEqual(["finish /bs 4.06", "finish /bs 2.04"]);
  });

  it("finishes in spite of a refused write where that is planted", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }], plants: ["write-refusal-ignored"] });
    one.device.script = (operation, path) => (operation === "write" && path === "/1/0" ? answer(Codes.BadRequest) : undefined);
    await bootstrap(one);
    expect(one.device.log.slice(-2)).toEqual(["write /1/0 4.00", "finish /bs 2.04"]);
  });

  it("takes an unanswered Finish for an answered one where that is planted", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }], plants: ["unanswered-finish-applied"] });
    one.device.script = (operation) => (operation === "finish" ? "silence" : undefined);
    await bootstrap(one, 6000);
    expect(sessionStates(one)).toEqual(["finished"]);
  });

  it("lets a second request displace the session of the first", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    one.device.script = (operation) => (operation === "discover" && one.device.log.length === 0 ? "silence" : undefined);
    await bootstrap(one, 150);
    await bootstrap(one);
    const views = one.role.bootstraps.views({ limit: 10 });
    expect(views.map(({ state }) => state)).toEqual(["displaced", "finished"]);
    expect(views[1]!.id).toBeGreaterThan(views[0]!.id);
  });

  it("writes single resources beside the accounts", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA], writes: [{ path: "/3/0/14", value: "+01:00" }] }] });
    await bootstrap(one);
    expect(one.device.log).toContain("write /3/0/14 2.04");
  });

  it("takes a configuration for one endpoint from its operator", async () => {
    const one = await rig({ bootstrap: [{ endpoint: "ab-*", accounts: [accountA] }] });
    await one.role.operations.setBootstrap("ab-1", { ...one.role.operations.bootstrap("ab-1")!, accounts: [{ ...one.role.operations.bootstrap("ab-1")!.accounts[0]!, shortServerId: 150 }] });
    await bootstrap(one);
    expect(one.device.accounts).toEqual([150]);
    expect(one.role.operations.removeBootstrap("ab-1")).toBe(true);
    expect(one.role.operations.bootstrap("ab-1")?.accounts[0]?.shortServerId).toBe(101);
  });
});

describe("a Bootstrap-Request", () => {
  it.each([
    ["of an unknown endpoint", ["ep=x-1"], "4.00"],
    ["without endpoint name", [], "4.00"],
    ["that prefers TLV", ["ep=ab-1", "pct=11542"], "2.04"],
    ["that prefers a format this server does not write", ["ep=ab-1", "pct=112"], "4.15"],
    ["with a preference that is no number", ["ep=ab-1", "pct=tlv"], "4.00"],
    ["with a parameter nobody knows", ["ep=ab-1", "colour=blue"], "2.04"],
  ])("%s is answered as the table says: %j %s", async (_, query, code) => {
    const one = await rig({});
    const answered = one.device.bootstrap(query);
    await one.ports.clock.advance(1000);
    expect(await answered).toBe(code);
  });

  it("is told apart from Bootstrap-Pack and from what is no bootstrap at all", async () => {
    const one = await rig({});
    const ask = async (code: number, path: string[]): Promise<string> => {
      const answered = one.device.request({ code, path, query: ["ep=ab-1"] });
      await one.ports.clock.advance(500);
      return answered;
    };
    expect(await ask(Codes.GET, ["bspack"])).toBe("5.01");
    expect(await ask(Codes.GET, ["bs"])).toBe("4.05");
    expect(await ask(Codes.POST, ["rd"])).toBe("4.04");
  });

  it("obeys faults", async () => {
    const one = await rig({});
    one.role.faults.set("f", { operation: "bootstrap-request", endpoint: "ab-1", action: { kind: "refuse", code: "5.03" }, times: 1 });
    expect(await bootstrap(one)).toBe("5.03");
    one.role.faults.set("f", { operation: "bootstrap-finish", action: { kind: "silence" }, times: 1 });
    expect(await bootstrap(one)).toBe("2.04");
    expect(one.device.finished).toBe(0);
    expect(one.role.faults.get("f")?.fired).toBe(1);
  });
});

describe("a session over a network that loses, repeats and reorders", () => {
  it("finishes all the same, with one session", async () => {
    const ports = simulatedPorts("lossy", { loss: 0.15, duplicate: 0.2, delayMs: [1, 40] });
    const config = bootstrapServerConfig({ operatorToken, lab: true, timing: { profile: "lab", bootstrapServer: { sessionTimeoutMs: 60_000, requestTimeoutMs: 30_000 } }, bootstrap: [{ endpoint: "*", accounts: [accountA] }] });
    const late = new LateHandler();
    const coap = await udpEndpoint(ports, { ...serverAddress, transmission: config.timing.coap }, late);
    const role = new BootstrapServer(config, ports, coap);
    late.handler = role.bootstraps;
    const devices = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ScriptedDevice.start(ports, { endpoint: `d-${index}`, host: `10.1.0.${index + 1}`, server: serverAddress, coap: config.timing.coap })),
    );
    closing.push(...devices.map((device) => () => device.close()), () => role.stop(), () => coap.close());
    const codes = devices.map((device) => device.bootstrap());
    await ports.clock.advance(60_000);
    expect(new Set(await Promise.all(codes))).toEqual(new Set(["2.04"]));
    for (const device of devices) {
      expect(device.accounts).toEqual([101]);
      expect(device.finished).toBe(1);
    }
    expect(role.bootstraps.views({ limit: 100 })).toHaveLength(20);
  });
});
