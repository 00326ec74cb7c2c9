import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Codes } from "../../src/coap/index.js";
import type { BootstrapServerInput } from "../../src/config/index.js";
import { single, valueOf } from "../../src/lwm2m/index.js";
import type { RunningRole } from "../../src/operator/index.js";
import { ProblemError } from "../../src/smp/index.js";
import type { SmpClient } from "../../src/smp/index.js";
import type { FakeServer } from "./testing/fake-server.js";
import { accountA, accountB, itemIn, ManagementRig, order, ports, problem, until } from "./testing/management-rig.js";
import { answer } from "./testing/scripted-device.js";
import type { ScriptedDevice } from "./testing/scripted-device.js";

let rig: ManagementRig;
let serverA: FakeServer;
let serverB: FakeServer;
let role: RunningRole;
let a: SmpClient;
let b: SmpClient;

async function start(over: Partial<BootstrapServerInput> = {}): Promise<void> {
  rig = await ManagementRig.start(over);
  ({ serverA, serverB, role, a, b } = rig);
}

beforeEach(() => start());
afterEach(() => rig.stop());

const device = (endpoint: string): Promise<ScriptedDevice> => rig.device(endpoint);
const provisioned = (one: ScriptedDevice, client: SmpClient, account: typeof accountA | typeof accountB): Promise<string> => rig.provisioned(one, client, account);
const confirm = (client: SmpClient, ep: string, ssid: number): Promise<unknown> =>
  client.createConfirmation({ ep, ssid, event: "registered", at: new Date(ports.clock.epoch()).toISOString() });

describe("a provision order", () => {
  it("stages, waits for the client, activates before the first write and is confirmed by the Server", async () => {
    const one = await device("ab-1");
    const { accountId } = (await a.createAccount(accountA)).value;
    const placed = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(a, placed, "ab-1", "awaiting-client");
    expect(serverA.log).toEqual(["stage ab-1 v1"]);
    let activatedAtFirstWrite = "";
    one.script = (operation) => {
      if (operation === "write" && activatedAtFirstWrite === "") activatedAtFirstWrite = serverA.state("ab-1") ?? "none";
      return undefined;
    };
    expect(await one.bootstrap()).toBe("2.04");
    const applied = await itemIn(a, placed, "ab-1", "applied");
    expect(activatedAtFirstWrite).toBe("active");
    expect(applied.credential).toEqual({ server: "operator-a", credentialId: accountId, version: 1 });
    expect(one.accounts).toEqual([101]);
    await confirm(a, "ab-1", 101);
    const item = await itemIn(a, placed, "ab-1", "confirmed");
    expect(Object.keys(item.evidence)).toEqual(["accepted", "staged", "awaiting-client", "bootstrapping", "delivered", "applied", "confirmed"]);
    expect((await a.getOrder(placed.orderId)).value).toMatchObject({ status: "completed", counts: { confirmed: 1 } });
    expect((await a.getClient("ab-1")).value).toMatchObject({ accounts: [{ accountId, ssid: 101, version: 1 }], lastBootstrap: { outcome: "finished" } });
  });

  it("adds a second operator's account through a trigger at the first operator's Server", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    serverA.onTrigger = () => {
      void one.bootstrap();
      return { state: "acknowledged", code: "2.04" };
    };
    const { accountId } = (await b.createAccount(accountB)).value;
    const placed = await order(b, accountId, ["ab-1"]);
    const item = await itemIn(b, placed, "ab-1", "applied");
    expect(serverA.log.at(-1)).toBe("trigger ab-1 101");
    expect((await until(async () => (await b.getItem(placed.orderId, "ab-1")).value, ({ trigger }) => trigger?.state === "confirmed")).trigger).toMatchObject({ server: "operator-a", code: "2.04" });
    expect(item.attempts).toBe(1);
    expect(one.accounts).toEqual([101, 201]);
    expect(one.log.filter((line) => line.startsWith("write"))).toEqual(["write /0/2 2.04", "write /1/1 2.04", "write /2 2.04"]);
    expect(one.records().map((node) => [0, 1, 3].map((id) => valueOf(node, id)))).toEqual([[1, 0, 101], [1, 1, 201], [3, 0, 101]]);
    expect((await b.getClient("ab-1")).value.accounts.map(({ ssid }) => ssid)).toEqual([201]);
  });

  it("asks the next Server when the first cannot reach the client, and waits when none can", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    const accountOfB = await provisioned(one, b, accountB);
    serverA.onTrigger = () => new ProblemError("not-registered", "gone");
    serverB.onTrigger = () => ({ state: "unsupported" });
    const placed = await order(b, accountOfB, ["ab-1"], { type: "update", policy: { triggerServers: ["operator-a", "operator-b"] } });
    const item = await until(async () => (await b.getItem(placed.orderId, "ab-1")).value, ({ state, trigger }) => state === "awaiting-client" && trigger?.state === "unsupported");
    expect(item.earlierTriggers).toMatchObject([{ server: "operator-a", state: "not-registered" }]);
    expect(item.trigger).toMatchObject({ server: "operator-b" });
    await one.bootstrap();
    await itemIn(b, placed, "ab-1", "applied");
  });

  it("tries again while 2.04 is followed by nothing, and fails after the last attempt", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    const { accountId } = (await b.createAccount(accountB)).value;
    const placed = await order(b, accountId, ["ab-1"], { policy: { maxAttempts: 2 } });
    const item = await itemIn(b, placed, "ab-1", "failed");
    expect(item).toMatchObject({ attempts: 2, reason: { cause: "timeout" }, trigger: { state: "unconfirmed" }, earlierTriggers: [{ state: "unconfirmed" }] });
  });

  it("triggers again, by the only Server there is, when the session of a trigger came to nothing", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    let triggers = 0;
    serverA.onTrigger = () => {
      triggers += 1;
      one.script = (operation) => (triggers === 1 && operation === "discover" ? "silence" : undefined);
      void one.bootstrap();
      return { state: "acknowledged", code: "2.04" };
    };
    const { accountId } = (await b.createAccount(accountB)).value;
    const placed = await order(b, accountId, ["ab-1"]);
    expect(await itemIn(b, placed, "ab-1", "applied")).toMatchObject({ attempts: 2 });
  });

  it("fails when the device refuses the Execute", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    serverA.onTrigger = () => ({ state: "refused", code: "4.00" });
    const { accountId } = (await b.createAccount(accountB)).value;
    const placed = await order(b, accountId, ["ab-1"]);
    expect(await itemIn(b, placed, "ab-1", "failed")).toMatchObject({ reason: { cause: "trigger-refused", code: "4.00" }, trigger: { state: "refused", code: "4.00" } });
  });

  it("writes nothing and finishes when the activation is refused", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    serverB.refuseActivation = new ProblemError("scope", "no");
    const { accountId } = (await b.createAccount(accountB)).value;
    const placed = await order(b, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(b, placed, "ab-1", "awaiting-client");
    await one.bootstrap();
    expect(await itemIn(b, placed, "ab-1", "failed")).toMatchObject({ reason: { cause: "sm3-refused" } });
    await until(() => one.log, (log) => log.at(-1) === "finish /bs 2.04");
    expect(one.log.some((line) => line.startsWith("write"))).toBe(false);
    expect(one.accounts).toEqual([101]);
  });

  it("does not delete what may not be written, where the plain configuration clears away what it does not name", async () => {
    const one = await device("ab-1");
    const accountId = await provisioned(one, a, accountA);
    const plain = { accounts: [{ shortServerId: 150, uri: "coap://127.0.0.2:5999" }], keepOthers: false };
    const put = await fetch(`http://127.0.0.1:${role.http.port}/operator/v1/bootstrap/ab-1`, { method: "PUT", headers: { authorization: "Bearer operator-token-of-a-test", "content-type": "application/json" }, body: JSON.stringify(plain) });
    expect(put.status).toBe(204);
    serverA.refuseActivation = new ProblemError("scope", "no");
    const placed = await order(a, accountId, ["ab-1"], { type: "update", policy: { trigger: "wait-for-client" } });
    await itemIn(a, placed, "ab-1", "awaiting-client");
    await one.bootstrap();
    expect(await itemIn(a, placed, "ab-1", "failed")).toMatchObject({ reason: { cause: "sm3-refused" } });
    await until(() => one.log, (log) => log.at(-1) === "finish /bs 2.04");
    expect(one.accounts).toContain(101);
  });

  it("waits for an activation that is held within the budget, and gives up beyond it", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    const { accountId } = (await b.createAccount(accountB)).value;
    serverB.faults.set("hold", { operation: "smp.activation.put", action: { kind: "hold" } });
    const first = await order(b, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(b, first, "ab-1", "awaiting-client");
    await one.bootstrap();
    await pause(300);
    expect(one.log).toEqual(["discover / 2.05"]);
    expect(await itemIn(b, first, "ab-1", "failed")).toMatchObject({ reason: { cause: "sm3-refused" } });
    await until(() => one.log, (log) => log.at(-1) === "finish /bs 2.04");
    serverB.faults.clearAll();
    serverB.faults.set("late", { operation: "smp.activation.put", action: { kind: "delay", ms: 300 } });
    const second = await order(b, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(b, second, "ab-1", "awaiting-client");
    await one.bootstrap();
    await itemIn(b, second, "ab-1", "applied");
    expect(one.accounts).toEqual([101, 201]);
  });

  it("repeats an activation whose answer was lost", async () => {
    const one = await device("ab-1");
    const { accountId } = (await a.createAccount(accountA)).value;
    serverA.faults.set("lost", { operation: "smp.activation.put", action: { kind: "lose-answer" }, times: 1 });
    const placed = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(a, placed, "ab-1", "awaiting-client");
    await one.bootstrap();
    expect((await itemIn(a, placed, "ab-1", "applied")).credential?.version).toBe(1);
    expect(serverA.log.filter((line) => line.startsWith("activate"))).toEqual(["activate ab-1 v1", "activate ab-1 v1"]);
  });

  it("stages inline when the device comes before the credential is staged", async () => {
    const one = await device("ab-1");
    const { accountId } = (await a.createAccount(accountA)).value;
    serverA.faults.set("slow", { operation: "smp.credential.put", action: { kind: "delay", ms: 250 }, times: 1 });
    const placed = await order(a, accountId, ["ab-1"]);
    await one.bootstrap();
    await itemIn(a, placed, "ab-1", "applied");
    expect(one.accounts).toEqual([101]);
    expect(serverA.log).toEqual(["stage ab-1 v1", "activate ab-1 v1"]);
  });

  it("leaves the account for later when it cannot be staged in the session", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    const { accountId } = (await b.createAccount(accountB)).value;
    serverB.faults.set("away", { operation: "smp.credential.put", action: { kind: "reset-connection" } });
    const placed = await order(b, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await one.bootstrap();
    await until(() => one.log, (log) => log.at(-1) === "finish /bs 2.04");
    expect(one.accounts).toEqual([101]);
    expect((await b.getItem(placed.orderId, "ab-1")).value.state).toBe("accepted");
    serverB.faults.clearAll();
    await itemIn(b, placed, "ab-1", "awaiting-client");
    await one.bootstrap();
    await itemIn(b, placed, "ab-1", "applied");
  });

  it("is partially applied when a later write is refused, and rolls its credential back", async () => {
    const one = await device("ab-1");
    one.script = (operation, path) => (operation === "write" && path.startsWith("/1/") ? answer(Codes.BadRequest) : undefined);
    const { accountId } = (await a.createAccount(accountA)).value;
    const placed = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(a, placed, "ab-1", "awaiting-client");
    await one.bootstrap();
    expect(await itemIn(a, placed, "ab-1", "partially-applied")).toMatchObject({ reason: { cause: "request-failed", path: "/1/0", code: "4.00" } });
    await until(() => serverA.state("ab-1"), (state) => state === "rolled-back");
    expect(one.finished).toBe(0);
    one.script = () => undefined;
    const again = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(a, again, "ab-1", "awaiting-client");
    await one.bootstrap();
    expect((await itemIn(a, again, "ab-1", "applied")).credential?.version).toBe(2);
  });

  it("lets the newer session activate when the device starts over meanwhile", async () => {
    const one = await device("ab-1");
    const { accountId } = (await a.createAccount(accountA)).value;
    const placed = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(a, placed, "ab-1", "awaiting-client");
    serverA.faults.set("hold", { operation: "smp.activation.put", action: { kind: "hold" }, times: 1 });
    await one.bootstrap();
    await until(() => serverA.faults.get("hold")?.waiting, (waiting) => waiting === 1);
    await one.bootstrap();
    const item = await itemIn(a, placed, "ab-1", "applied");
    serverA.faults.release("hold");
    await pause(50);
    expect(one.finished).toBe(1);
    expect(serverA.log.filter((line) => line.startsWith("activate"))).toHaveLength(1);
    expect((await a.getClient("ab-1")).value.lastBootstrap?.sessionId).toBe(item.sessionId);
  });

  it("stages a large order in batches and completes each device as it comes", async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `ab-${index}`);
    const { accountId } = (await a.createAccount(accountA)).value;
    serverA.refuseStaging = (ep) => (ep === "ab-7" ? new ProblemError("identity-conflict", "taken") : undefined);
    const placed = await order(a, accountId, [...names, "x-1", "b-1"], { policy: { trigger: "wait-for-client" } });
    const counted = await until(async () => (await a.getOrder(placed.orderId)).value, ({ counts }) => counts["awaiting-client"] === 1199);
    expect(counted.counts).toMatchObject({ rejected: 2, failed: 1 });
    expect(serverA.batches).toBe(3);
    expect((await a.getItem(placed.orderId, "ab-7")).value.reason).toEqual({ cause: "sm3-refused" });
    expect((await a.getItem(placed.orderId, "b-1")).value.reason).toEqual({ cause: "unknown-endpoint" });
    const page = (await a.listItems(placed.orderId, { state: "awaiting-client", limit: 1000 })).value;
    expect(page.items).toHaveLength(1000);
    expect((await a.listItems(placed.orderId, { state: "awaiting-client", limit: 1000, cursor: page.next! })).value.items).toHaveLength(199);
    const one = await device("ab-1100");
    await one.bootstrap();
    await itemIn(a, placed, "ab-1100", "applied");
  });

  it("spreads its triggers over time", async () => {
    await rig.stop();
    await start({ bootstrap: [{ endpoint: "ab-*", accounts: [{ uri: "coap://127.0.0.2:5683", shortServerId: 101 }] }] });
    const { accountId } = (await b.createAccount(accountB)).value;
    const began = ports.clock.now();
    const placed = await order(b, accountId, ["ab-1", "ab-2", "ab-3", "ab-4"], { policy: { spread: { perMinute: 600 } } });
    await until(() => serverA.triggers.length, (count) => count === 4);
    expect(ports.clock.now() - began).toBeGreaterThanOrEqual(290);
    expect(serverA.triggers[0]).toMatchObject({ ssid: 101, orderItem: `${placed.orderId}/ab-1` });
  });

  it("expires at its deadline and withdraws its trigger", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    serverA.onTrigger = () => ({ state: "queued" });
    const { accountId } = (await b.createAccount(accountB)).value;
    const placed = await order(b, accountId, ["ab-1"], { deadline: new Date(ports.clock.epoch() + 300).toISOString() });
    expect(await itemIn(b, placed, "ab-1", "expired")).toMatchObject({ reason: { cause: "deadline" } });
    await until(() => serverA.log, (log) => log.includes("withdraw ab-1"));
  });

  it("can be cancelled under its tag and withdraws its triggers", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    serverA.onTrigger = () => ({ state: "queued" });
    const { accountId } = (await b.createAccount(accountB)).value;
    const placed = await order(b, accountId, ["ab-1"]);
    await until(async () => (await b.getItem(placed.orderId, "ab-1")).value.trigger?.state, (state) => state === "queued");
    const { etag } = await b.getOrder(placed.orderId);
    expect((await b.cancelOrder(placed.orderId, etag!)).value).toMatchObject({ status: "cancelled", counts: { cancelled: 1 } });
    await until(async () => (await b.getItem(placed.orderId, "ab-1")).value.trigger?.state, (state) => state === "withdrawn");
  });

  it("gives way to a newer order for the same account and device", async () => {
    const { accountId } = (await a.createAccount(accountA)).value;
    const older = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    await itemIn(a, older, "ab-1", "awaiting-client");
    const newer = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    expect(await itemIn(a, older, "ab-1", "superseded")).toMatchObject({ supersededBy: newer.orderId });
  });

  it("does not begin before its time", async () => {
    const { accountId } = (await a.createAccount(accountA)).value;
    const placed = await order(a, accountId, ["ab-1"], { notBefore: new Date(ports.clock.epoch() + 300).toISOString(), policy: { trigger: "wait-for-client" } });
    expect(placed.status).toBe("scheduled");
    expect(serverA.log).toEqual([]);
    await itemIn(a, placed, "ab-1", "awaiting-client");
  });
});

describe("update and remove orders", () => {
  it("writes the account's present values into the instances it has", async () => {
    const one = await device("ab-1");
    const accountId = await provisioned(one, a, accountA);
    const { etag } = await a.getAccount(accountId);
    await a.replaceAccount(accountId, { ...accountA, lifetime: 900, uri: "coap://127.0.0.2:6683" }, etag!);
    serverA.onTrigger = () => {
      void one.bootstrap();
      return { state: "acknowledged", code: "2.04" };
    };
    const placed = await order(a, accountId, ["ab-1"], { type: "update" });
    await itemIn(a, placed, "ab-1", "applied");
    expect(one.log.filter((line) => line.startsWith("write"))).toEqual(["write /0/1 2.04", "write /1/0 2.04"]);
    expect(valueOf(one.server(101)!, 1)).toBe(900);
    expect(valueOf(one.security(101)!, 0)).toBe("coap://127.0.0.2:6683");
    await confirm(a, "ab-1", 101);
    await itemIn(a, placed, "ab-1", "confirmed");
  });

  it("removes an account, restores the other's rights and revokes the credential", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    const accountId = await provisioned(one, b, accountB);
    const before = [one.server(101), one.security(101)];
    expect(one.records()).not.toHaveLength(0);
    const placed = await order(b, accountId, ["ab-1"], { type: "remove", policy: { trigger: "wait-for-client" } });
    await itemIn(b, placed, "ab-1", "awaiting-client");
    await one.bootstrap();
    await itemIn(b, placed, "ab-1", "confirmed");
    expect(one.accounts).toEqual([101]);
    expect(one.records()).toHaveLength(0);
    expect([one.server(101), one.security(101)]).toEqual(before);
    expect(one.log.some((line) => line.startsWith("write"))).toBe(false);
    expect(serverB.log.at(-1)).toBe("revoke ab-1 v1");
    expect((await b.getClient("ab-1")).value.accounts).toEqual([]);
  });

  it("refuses to remove the only account, or one that is not there", async () => {
    const one = await device("ab-1");
    const accountId = await provisioned(one, a, accountA);
    const last = await order(a, accountId, ["ab-1", "ab-2"], { type: "remove" });
    expect((await a.getItem(last.orderId, "ab-1")).value).toMatchObject({ state: "rejected", reason: { cause: "last-account" } });
    expect((await a.getItem(last.orderId, "ab-2")).value).toMatchObject({ state: "rejected", reason: { cause: "account-gone" } });
    expect((await a.getOrder(last.orderId)).value.status).toBe("completed");
  });

  it("lets an account go that is not the only one, though the other is nobody's here", async () => {
    const one = await device("ab-1");
    one.put(0, 1, [single(0, "coap://127.0.0.9"), single(10, 9)]);
    one.put(1, 0, [single(0, 9)]);
    const accountId = await provisioned(one, b, accountB);
    expect(one.accounts).toEqual([9, 201]);
    const placed = await order(b, accountId, ["ab-1"], { type: "remove", policy: { trigger: "wait-for-client" } });
    await itemIn(b, placed, "ab-1", "awaiting-client");
    await one.bootstrap();
    await itemIn(b, placed, "ab-1", "confirmed");
    expect(one.accounts).toEqual([9]);
  });

  it("writes what a device lost, and rewrites everything when nothing was ordered", async () => {
    const one = await device("ab-1");
    await provisioned(one, a, accountA);
    one.instances.delete("/1/0");
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 2);
    expect(one.accounts).toEqual([101]);
    expect(one.log).toEqual(["discover / 2.05", "write /0/1 2.04", "write /1/0 2.04", "finish /bs 2.04"]);
  });
});

describe("separate operators", () => {
  it("do not see each other's accounts, orders and items", async () => {
    const { accountId } = (await a.createAccount(accountA)).value;
    const placed = await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    for (const call of [
      b.getAccount(accountId),
      b.replaceAccount(accountId, accountB, "*"),
      b.deleteAccount(accountId, "*"),
      b.getOrder(placed.orderId),
      b.cancelOrder(placed.orderId, "*"),
      b.getItem(placed.orderId, "ab-1"),
      b.createOrder({ type: "provision", accountId, targets: { endpoints: ["ab-1"] } }),
      b.getClient("a-1"),
    ]) {
      expect((await problem(call)).type).toBe("not-found");
    }
    expect((await b.listAccounts()).value.accounts).toEqual([]);
    expect((await b.listOrders()).value.orders).toEqual([]);
  });

  it("page through their accounts and orders by cursors of their own lists only", async () => {
    const made: string[] = [];
    for (let lifetime = 60; lifetime < 63; lifetime++) made.push((await a.createAccount({ ...accountA, lifetime })).value.accountId);
    const first = (await a.listAccounts({ limit: 1 })).value;
    expect(first.accounts.map(({ accountId }) => accountId)).toEqual(made.slice(0, 1));
    await a.deleteAccount(made[0]!, "*");
    const second = (await a.listAccounts({ limit: 2, cursor: first.next! })).value;
    expect(second.accounts.map(({ accountId }) => accountId)).toEqual(made.slice(1));
    expect(second.next).toBeUndefined();
    expect(await problem(a.listAccounts({ cursor: "zzz" }))).toEqual({ type: "schema", status: 400, field: "cursor" });
    expect(await problem(a.listOrders({ cursor: "zzz" }))).toEqual({ type: "schema", status: 400, field: "cursor" });
  });

  it("confirm nothing about devices of others, or that nobody knows", async () => {
    for (const ep of ["b-1", "x-1"]) expect(await problem(confirm(a, ep, 101))).toEqual({ type: "not-found", status: 404, field: "/ep" });
    await confirm(a, "a-1", 101);
  });

  it("claim neither another's URI nor Short Server ID", async () => {
    await a.createAccount(accountA);
    expect(await problem(b.createAccount({ ...accountB, uri: accountA.uri }))).toEqual({ type: "uri-not-allowed", status: 422, field: "/uri" });
    expect(await problem(b.createAccount({ ...accountB, ssid: 101 }))).toEqual({ type: "ssid-conflict", status: 409, field: "/ssid" });
    expect(await problem(a.createAccount({ ...accountA, uri: "coaps://127.0.0.2:5684" }))).toMatchObject({ type: "uri-not-allowed" });
    expect(await problem(a.createAccount({ ...accountA, securityMode: "est" }))).toEqual({ type: "unsupported-mode", status: 422, field: "/securityMode" });
    expect((await b.createAccount({ uri: "coap://127.0.0.3:1", securityMode: "nosec" })).value.ssid).toBe(200);
  });

  it("change an account only under its tag", async () => {
    const { value, etag } = await a.createAccount(accountA);
    expect(await problem(a.replaceAccount(value.accountId, accountA, '"7"'))).toMatchObject({ type: "precondition-failed", status: 412 });
    const replaced = await a.replaceAccount(value.accountId, { ...accountA, lifetime: 60 }, etag!);
    expect(replaced.value.version).toBe(2);
    expect(await problem(a.deleteAccount(value.accountId, etag!))).toMatchObject({ status: 412 });
    await a.deleteAccount(value.accountId, replaced.etag!);
    expect((await problem(a.getAccount(value.accountId))).status).toBe(404);
  });

  it("hear of their own orders only", async () => {
    const { accountId } = (await a.createAccount(accountA)).value;
    await order(a, accountId, ["ab-1"], { policy: { trigger: "wait-for-client" } });
    const page = await until(async () => (await a.listEvents({ wait: 0 })).value, ({ events }) => events.some(({ data }) => data.state === "awaiting-client"));
    expect(page.events.map(({ type }) => type)).toContain("smp.item.changed");
    expect((await b.listEvents({ wait: 0 })).value.events).toEqual([]);
  });
});
