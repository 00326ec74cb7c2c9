import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import { valueOf } from "../../src/lwm2m/index.js";
import { ProblemError, SecretKeys } from "../../src/smp/index.js";
import type { NewAccount, NewOrder } from "../../src/smp/index.js";
import { awaitedOrder, confirmation, itemIn, ManagementRig, order, problem, until } from "./testing/management-rig.js";
import { heldBy, pskA } from "./testing/psk-accounts.js";
import { answer } from "./testing/scripted-device.js";
import type { ScriptedDevice } from "./testing/scripted-device.js";

let rig: ManagementRig;
let one: ScriptedDevice;
beforeEach(async () => {
  rig = await ManagementRig.start();
  one = await rig.device("ab-1");
});
afterEach(() => rig.stop());

async function restart(over: Parameters<typeof ManagementRig.start>[0]): Promise<void> {
  await rig.stop();
  rig = await ManagementRig.start(over);
  one = await rig.device("ab-1");
}

const pskB: NewAccount = { uri: "coaps://127.0.0.3:5684", securityMode: "psk", ssid: 201 };
const waiting = { trigger: "wait-for-client" } as const;
const rotate: Partial<NewOrder> = { type: "rotate", policy: waiting };

const held = (ssid: number): ReturnType<typeof heldBy> => heldBy(one, ssid);

describe("an account of mode psk", () => {
  it("puts mode, identity, key and retry resources on the device, and the same key at its Server, encrypted", async () => {
    await rig.provisioned(one, rig.a, pskA);
    const { mode, identity, key } = held(101);
    expect(mode).toBe(0);
    expect(identity.length).toBeGreaterThan(0);
    expect(key).toHaveLength(16);
    expect([17, 18, 19, 20].map((id) => valueOf(one.server(101)!, id))).toEqual([3, 2, 10, 2]);
    expect(rig.serverA.key("ab-1", 1)).toEqual(key);
    expect(rig.serverA.bodies).toMatchObject([{ version: 1, ssid: 101, mode: "psk", bits: 128, identity: { b64u: identity.toString("base64url"), utf8: identity.toString() } }]);
    expect(rig.serverA.log).toEqual(["stage ab-1 v1", "activate ab-1 v1"]);
  });

  it("has another identity and key at each Server, and on each device", async () => {
    await rig.provisioned(one, rig.a, pskA);
    await rig.provisioned(one, rig.b, pskB);
    const [a, b] = [held(101), held(201)];
    one = await rig.device("ab-2");
    await rig.provisioned(one, rig.a, { ...pskA, ssid: 102 });
    const other = held(102);
    expect(new Set([a, b, other].map(({ key }) => key.toString("hex"))).size).toBe(3);
    expect(new Set([a, b, other].map(({ identity }) => identity.toString())).size).toBe(3);
  });

  it("has keys as long as the order says", async () => {
    await rig.provisioned(one, rig.a, pskA, { policy: { ...waiting, credential: { bits: 512 } } });
    expect(held(101).key).toHaveLength(64);
    expect(rig.serverA.bodies[0]).toMatchObject({ bits: 512 });
  });

  it("is written again with the key it has, as long as nothing new was ordered", async () => {
    await rig.provisioned(one, rig.a, pskA);
    const before = held(101);
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 2);
    expect(held(101)).toEqual(before);
    expect(rig.serverA.log).toEqual(["stage ab-1 v1", "activate ab-1 v1", "activate ab-1 v1"]);
  });

  it("gets a new identity and key after a session that failed, and the one of before is taken back", async () => {
    one.script = (operation, path) => (operation === "write" && path.startsWith("/1/") ? answer(Codes.BadRequest) : undefined);
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const placed = await awaitedOrder(rig.a, accountId, "ab-1");
    await one.bootstrap();
    await itemIn(rig.a, placed, "ab-1", "partially-applied");
    await until(() => rig.serverA.state("ab-1"), (state) => state === "rolled-back");
    const spent = held(101);
    one.script = () => undefined;
    await rig.carriedOut(one, rig.a, accountId);
    expect(held(101).identity).not.toEqual(spent.identity);
    expect(rig.serverA.key("ab-1", 2)).toEqual(held(101).key);
  });

  it("is staged once, whatever happens to the answer", async () => {
    rig.serverA.faults.set("lost", { operation: "smp.credential.put", action: { kind: "lose-answer" }, times: 1 });
    await rig.provisioned(one, rig.a, pskA);
    expect(rig.serverA.bodies).toHaveLength(1);
    expect(rig.serverA.key("ab-1", 1)).toEqual(held(101).key);
  });

  it("needs coaps, and keeps its mode", async () => {
    expect(await problem(rig.a.createAccount({ ...pskA, uri: "coap://127.0.0.2:5684" }))).toEqual({ type: "uri-not-allowed", status: 422, field: "/uri" });
    const { value, etag } = await rig.a.createAccount(pskA);
    expect(await problem(rig.a.replaceAccount(value.accountId, { ...pskA, uri: "coap://127.0.0.2:5683", securityMode: "nosec" }, etag!))).toEqual({ type: "unsupported-mode", status: 422, field: "/securityMode" });
  });

  it("is confirmed by a Register under its credential and version, and by no other", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const placed = await awaitedOrder(rig.a, accountId, "ab-1");
    await one.bootstrap();
    const applied = await itemIn(rig.a, placed, "ab-1", "applied");
    const good = confirmation("ab-1", 101, applied);
    for (const other of [confirmation("ab-1", 101, {}), { ...good, version: 2 }, { ...good, credentialId: "another" }, { ...good, event: "authentication-failed" as const }]) await rig.a.createConfirmation(other);
    expect((await rig.a.getItem(placed.orderId, "ab-1")).value.state).toBe("applied");
    await rig.a.createConfirmation(good);
    expect((await rig.a.getItem(placed.orderId, "ab-1")).value.state).toBe("confirmed");
  });
});

describe("a secret on its way to a Server", () => {
  const awaited = async (): Promise<{ accountId: string; orderId: string }> => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    return { accountId, orderId: (await order(rig.a, accountId, ["ab-1"], { policy: waiting })).orderId };
  };

  it("is encrypted anew when the Server has another key than it had", async () => {
    await rig.provisioned(one, rig.a, pskA);
    rig.serverA.keys = await SecretKeys.create("second");
    one = await rig.device("ab-2");
    await rig.provisioned(one, rig.a, { ...pskA, ssid: 102 });
    expect(rig.serverA.key("ab-2", 1)).toEqual(held(102).key);
  });

  it("is encrypted anew in a batch too", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    rig.serverA.keys = await SecretKeys.create("second");
    const placed = await order(rig.a, accountId, ["ab-2", "ab-3"], { policy: waiting });
    for (const ep of ["ab-2", "ab-3"]) await itemIn(rig.a, placed, ep, "awaiting-client");
    expect(rig.serverA.batches).toBe(2);
    expect(rig.serverA.key("ab-2", 1)).not.toEqual(rig.serverA.key("ab-3", 1));
  });

  it("shares a batch with as many others as fit into one, whatever the length of their names", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const names = Array.from({ length: 300 }, (_, index) => `ab-${index}-${"x".repeat(1000)}`);
    const placed = await order(rig.a, accountId, names, { policy: waiting });
    await until(async () => (await rig.a.getOrder(placed.orderId)).value.counts["awaiting-client"], (count) => count === names.length);
    expect(rig.serverA.batches).toBeGreaterThan(1);
  });

  it("is not sent to a Server that takes no JWE, and the item says so", async () => {
    rig.serverA.secretTransport = ["cleartext"];
    const placed = await awaited();
    expect(await itemIn(rig.a, placed, "ab-1", "failed")).toMatchObject({ reason: { cause: "sm3-refused" } });
    expect(rig.serverA.bodies).toEqual([]);
  });

  it("waits for a Server that publishes its keys later", async () => {
    rig.serverA.faults.set("away", { operation: "smp.jwks.get", action: { kind: "reset-connection" } });
    const placed = await awaited();
    await until(() => rig.serverA.faults.get("away")?.fired ?? 0, (fired) => fired > 0);
    expect((await rig.a.getItem(placed.orderId, "ab-1")).value.state).toBe("accepted");
    rig.serverA.faults.clearAll();
    await itemIn(rig.a, placed, "ab-1", "awaiting-client");
  });

  it("goes in the clear where a laboratory's configuration says so, and capabilities tell", async () => {
    await restart({ secretTransport: "cleartext" });
    rig.serverA.secretTransport = ["cleartext"];
    await rig.provisioned(one, rig.a, pskA);
    expect(rig.serverA.key("ab-1", 1)).toEqual(held(101).key);
    expect((await rig.a.capabilities()).value.secretTransport).toEqual(["jwe", "cleartext"]);
  });

  it("is in no answer, event or trace, encrypted or not", async () => {
    await rig.provisioned(one, rig.a, pskA);
    const { key } = held(101);
    const seen = [
      await rig.traceText(), ...(await Promise.all([rig.a.listAccounts(), rig.a.listOrders(), rig.a.listEvents({ wait: 0, limit: 1000 }), rig.a.getClient("ab-1")])).map((answered) => JSON.stringify(answered)),
    ].join("\n");
    expect(seen).toContain('"secret":"(jwe)"');
    for (const form of [key.toString("hex"), key.toString("base64url"), key.toString("base64").replace(/=+$/, "")]) expect(seen).not.toContain(form);
    expect(seen).not.toMatch(/eyJ[\w-]+\.[\w-]*\.[\w-]*\./);
  });
});

describe("a rotate order", () => {
  it("stages a new identity and key, lets both admit, writes them, and is confirmed by the new version only", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const before = held(101);
    const placed = await order(rig.a, accountId, ["ab-1"], { type: "rotate", policy: { ...waiting, overlapSeconds: 60, sessionPolicy: "keep-until-rehandshake" } });
    const staged = await itemIn(rig.a, placed, "ab-1", "awaiting-client");
    expect(staged.credential?.version).toBe(2);
    expect(rig.serverA.versions("ab-1")).toBe("1 active, 2 staged");
    expect(rig.serverA.bodies[1]).toMatchObject({ version: 2, supersedes: 1, overlapSeconds: 60, sessionPolicy: "keep-until-rehandshake", orderItem: `${placed.orderId}/ab-1` });
    let atFirstWrite = "";
    one.script = (operation) => {
      if (operation === "write" && atFirstWrite === "") atFirstWrite = rig.serverA.versions("ab-1");
      return undefined;
    };
    await one.bootstrap();
    const applied = await itemIn(rig.a, placed, "ab-1", "applied");
    expect(atFirstWrite).toBe("1 retiring, 2 active");
    expect(held(101).key).toEqual(rig.serverA.key("ab-1", 2));
    expect(held(101).key).not.toEqual(before.key);
    expect(held(101).identity).not.toEqual(before.identity);
    await rig.a.createConfirmation(confirmation("ab-1", 101, { credential: { server: "operator-a", credentialId: accountId, version: 1 } }));
    expect((await rig.a.getItem(placed.orderId, "ab-1")).value.state).toBe("applied");
    await rig.a.createConfirmation(confirmation("ab-1", 101, applied));
    await itemIn(rig.a, placed, "ab-1", "confirmed");
  });

  it("triggers the device because of its credential, and leaves the account's values and the other account as they are", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    await rig.provisioned(one, rig.b, pskB);
    const other = [one.security(201), one.server(201)];
    const { etag } = await rig.a.getAccount(accountId);
    await rig.a.replaceAccount(accountId, { ...pskA, lifetime: 77 }, etag!);
    rig.serverA.onTrigger = () => {
      void one.bootstrap();
      return { state: "acknowledged", code: "2.04" };
    };
    const placed = await order(rig.a, accountId, ["ab-1"], { type: "rotate", policy: { triggerServers: ["operator-a"] } });
    await itemIn(rig.a, placed, "ab-1", "applied");
    expect(rig.serverA.triggers[0]).toMatchObject({ reason: "credential-change", ssid: 101 });
    expect(valueOf(one.server(101)!, 1)).toBe(86_400);
    expect([one.security(201), one.server(201)]).toEqual(other);
    expect(one.log.filter((line) => line.startsWith("write") && !line.includes("/2 "))).toEqual(["write /0/1 2.04", "write /1/0 2.04"]);
  });

  it("swaps after the writes and before Finish where the Server has one slot", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    rig.serverA.slots = 1;
    await restartTerms();
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    const seen: string[] = [];
    one.script = (operation) => {
      if (operation === "write" || operation === "finish") seen.push(`${operation}: ${rig.serverA.versions("ab-1")}`);
      return undefined;
    };
    await one.bootstrap();
    await itemIn(rig.a, placed, "ab-1", "applied");
    expect(seen).toEqual(["write: 1 active, 2 staged", "write: 1 active, 2 staged", "finish: 1 revoked, 2 active"]);
  });

  it("does not finish what it wrote when the only slot refuses the swap", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    rig.serverA.slots = 1;
    await restartTerms();
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    rig.serverA.refuseActivation = new ProblemError("scope", "no");
    await one.bootstrap();
    expect(await itemIn(rig.a, placed, "ab-1", "failed")).toMatchObject({ reason: { cause: "sm3-refused" } });
    await until(async () => (await rig.a.getClient("ab-1")).value.lastBootstrap?.outcome, (outcome) => outcome === "failed");
    expect(one.finished).toBe(1);
    expect(rig.serverA.versions("ab-1")).toBe("1 active, 2 staged");
  });

  it("is rolled back, at its Server too, when the session fails after the activation", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const before = held(101);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    one.script = (operation, path) => (operation === "write" && path.startsWith("/0/") ? answer(Codes.BadRequest) : undefined);
    await one.bootstrap();
    expect(await itemIn(rig.a, placed, "ab-1", "rolled-back")).toMatchObject({ reason: { cause: "request-failed", path: "/0/1", code: "4.00" } });
    expect(rig.serverA.versions("ab-1")).toBe("1 active, 2 rolled-back");
    one.script = () => undefined;
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 2);
    expect(held(101)).toEqual(before);
    await rig.carriedOut(one, rig.a, accountId, rotate);
    expect(rig.serverA.versions("ab-1")).toBe("1 retiring, 3 active");
  });

  it("counts as partly applied where the Server does not take the activation back: the device came with it", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    one.script = (operation, path) => {
      if (operation !== "write" || !path.startsWith("/1/")) return undefined;
      rig.serverA.seen("ab-1", 2);
      return answer(Codes.BadRequest);
    };
    await one.bootstrap();
    expect(await itemIn(rig.a, placed, "ab-1", "partially-applied")).toMatchObject({ reason: { cause: "request-failed", path: "/1/0" } });
  });

  it("goes back and tries again with a higher version when the device fell silent", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    one.script = (operation) => (operation === "write" ? "silence" : undefined);
    await one.bootstrap();
    await until(() => rig.serverA.versions("ab-1"), (versions) => versions === "1 active, 2 rolled-back");
    await itemIn(rig.a, placed, "ab-1", "awaiting-client");
    one.script = () => undefined;
    await one.bootstrap();
    expect((await itemIn(rig.a, placed, "ab-1", "applied")).credential?.version).toBe(3);
    expect(held(101).key).toEqual(rig.serverA.key("ab-1", 3));
  });

  it("takes nothing back when Finish was not answered: the device may hold either", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    one.script = (operation) => (operation === "finish" ? "silence" : undefined);
    await one.bootstrap();
    expect(await itemIn(rig.a, placed, "ab-1", "partially-applied")).toMatchObject({ reason: { cause: "timeout" } });
    expect(rig.serverA.versions("ab-1")).toBe("1 retiring, 2 active");
  });

  it("writes nothing of the account when the activation is refused, and the old version goes on", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const before = held(101);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    rig.serverA.refuseActivation = new ProblemError("scope", "no");
    await one.bootstrap();
    expect(await itemIn(rig.a, placed, "ab-1", "failed")).toMatchObject({ reason: { cause: "sm3-refused" } });
    await until(() => one.log.at(-1), (last) => last === "finish /bs 2.04");
    expect(held(101)).toEqual(before);
    expect(one.log.some((line) => line.startsWith("write"))).toBe(false);
    expect(rig.serverA.versions("ab-1")).toBe("1 active, 2 staged");
  });

  it("that was cancelled leaves the device and later sessions with the old version", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const before = held(101);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    await rig.a.cancelOrder(placed.orderId, "*");
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 2);
    expect(held(101)).toEqual(before);
    expect(rig.serverA.log.at(-1)).toBe("activate ab-1 v1");
  });

  it("stages inline when the device comes first", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    rig.serverA.faults.set("slow", { operation: "smp.credential.put", action: { kind: "delay", ms: 250 }, times: 1 });
    const placed = await order(rig.a, accountId, ["ab-1"], rotate);
    await one.bootstrap();
    expect((await itemIn(rig.a, placed, "ab-1", "applied")).credential?.version).toBe(2);
    expect(held(101).key).toEqual(rig.serverA.key("ab-1", 2));
  });

  it("is taken for a device that has registered under the account while its answer to Finish is still on its way", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const placed = await awaitedOrder(rig.a, accountId, "ab-1");
    one.script = (operation) => (operation === "finish" ? "hold" : undefined);
    const session = one.bootstrap();
    const delivered = await itemIn(rig.a, placed, "ab-1", "delivered");
    await rig.a.createConfirmation(confirmation("ab-1", 101, delivered));
    await itemIn(rig.a, placed, "ab-1", "confirmed");
    const next = await order(rig.a, accountId, ["ab-1"], rotate);
    expect((await rig.a.getItem(next.orderId, "ab-1")).value.state).not.toBe("rejected");
    await session;
  });

  it.each(["displaced", "failed"])("is taken for a device whose answer to Finish was lost, and whose session is over (%s), once it has registered under the account", async (outcome) => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const placed = await awaitedOrder(rig.a, accountId, "ab-1");
    one.script = (operation) => (operation === "finish" ? "hold" : undefined);
    await one.bootstrap();
    await rig.a.createConfirmation(confirmation("ab-1", 101, await itemIn(rig.a, placed, "ab-1", "delivered")));
    if (outcome === "displaced") await one.bootstrap();
    else await until(async () => (await rig.a.getClient("ab-1")).value.lastBootstrap?.outcome, (seen) => seen === outcome);
    const next = await order(rig.a, accountId, ["ab-1"], rotate);
    expect((await rig.a.getItem(next.orderId, "ab-1")).value.state).not.toBe("rejected");
  });

  it("is for devices that have the account, and for keys", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const placed = await order(rig.a, accountId, ["ab-1"], rotate);
    expect((await rig.a.getItem(placed.orderId, "ab-1")).value).toMatchObject({ state: "rejected", reason: { cause: "account-gone" } });
    const nosec = (await rig.a.createAccount({ uri: "coap://127.0.0.2:5683", securityMode: "nosec", ssid: 102 })).value.accountId;
    expect(await problem(order(rig.a, nosec, ["ab-1"], rotate))).toEqual({ type: "unsupported-mode", status: 422, field: "/type" });
    expect((await rig.a.capabilities()).value).toMatchObject({ securityModes: ["psk", "rpk", "x509", "nosec"], secretTransport: ["jwe"], tenant: "a", bootstrapServer: { orderTypes: ["provision", "update", "rotate", "remove"], keyOrigins: ["bs", "server"] } });
  });

  it("is revoked with its account", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    await rig.provisioned(one, rig.b, pskB);
    await rig.carriedOut(one, rig.a, accountId, rotate);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", { type: "remove", policy: waiting });
    await one.bootstrap();
    await itemIn(rig.a, placed, "ab-1", "confirmed");
    expect(rig.serverA.log.at(-1)).toBe("revoke ab-1 v2");
  });

  /** The Bootstrap Server reads again what the Server says of itself. */
  async function restartTerms(): Promise<void> {
    rig.serverA.keys = await SecretKeys.create(`after ${rig.serverA.slots}`.replace(" ", "-"));
  }
});

describe("activation before Finish", () => {
  it("may be asked for, and then comes after the writes", async () => {
    const { accountId } = (await rig.a.createAccount(pskA)).value;
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", { policy: { ...waiting, activation: "before-finish" } });
    const seen: string[] = [];
    one.script = (operation) => {
      if (operation === "write" || operation === "finish") seen.push(`${operation}: ${rig.serverA.versions("ab-1")}`);
      return undefined;
    };
    await one.bootstrap();
    await itemIn(rig.a, placed, "ab-1", "applied");
    expect(seen).toEqual(["write: 1 staged", "write: 1 staged", "finish: 1 active"]);
  });
});
