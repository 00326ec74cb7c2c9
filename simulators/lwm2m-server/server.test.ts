import { afterEach, describe, expect, it } from "vitest";
import type { LwM2mServerInput } from "../../src/config/index.js";
import { OperatorClient } from "../../src/operator/index.js";
import { formatAddress } from "../../src/ports/index.js";
import { realPorts } from "../../src/ports/real/index.js";
import { cleartextSecret, keyCheckValue, SmpCallError, SmpClient, type NewCredential } from "../../src/smp/index.js";
import { startLwM2mServer } from "./index.js";
import { bootstrapServerDouble } from "./testing/bootstrap-server-double.js";
import { labConfig, tokens } from "./testing/bench.js";
import { ScriptedDevice } from "./testing/scripted-device.js";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function served(input: Partial<LwM2mServerInput> = {}) {
  const ports = realPorts(1);
  const bootstrapServer = await bootstrapServerDouble();
  stops.push(() => bootstrapServer.stop());
  const peer = { endpoints: ["ab-*"], smp: bootstrapServer.url };
  const config = labConfig({ admission: "credential", peers: [{ id: "bs-a", tenant: "a", token: tokens.a, ...peer }, { id: "bs-b", tenant: "b", token: tokens.b, endpoints: ["b-*"] }], ...input });
  const role = await startLwM2mServer(config, ports);
  stops.push(() => role.stop());
  const base = `http://${formatAddress(role.http)}`;
  const smp = (token: string) => {
    const client = new SmpClient({ base, token, peer: "server-a", clock: ports.clock, newKey: () => ports.secrets.token() });
    stops.push(() => client.close());
    return client;
  };
  const operator = new OperatorClient({ baseUrl: base, token: tokens.operator });
  stops.push(() => operator.close());
  const device = async (endpoint: string) => {
    const one = await ScriptedDevice.start(ports, { endpoint, host: "127.0.0.1", server: role.coap });
    stops.push(() => one.stop());
    return one;
  };
  return { ports, bootstrapServer, role, base, a: smp(tokens.a), b: smp(tokens.b), operator, device };
}

const nosec = (version: number, extra: Partial<NewCredential> = {}): NewCredential => ({ version, ssid: 101, mode: "nosec", ...extra });

/** A credential whose key travels in the clear. */
async function cleartextCanary(): Promise<{ credential: NewCredential; canary: string }> {
  const key = Buffer.from("canary-canary-canary");
  const canary = cleartextSecret(key);
  return { canary, credential: { version: 1, ssid: 101, mode: "psk", identity: { b64u: "aWQ" }, bits: 160, kcv: keyCheckValue(key, "c1"), secret: canary } };
}

const problemOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return "none";
  } catch (error) {
    if (error instanceof SmpCallError) return `${error.status} ${error.type ?? "blank"}`;
    throw error;
  }
};

const until = async (holds: () => boolean): Promise<void> => {
  await expect.poll(holds, { interval: 10, timeout: 5000 }).toBe(true);
};

describe("the LwM2M Server over HTTP", () => {
  it("tells a URL that cannot be read as a problem, as any other", async () => {
    const { base } = await served();
    const answer = await fetch(`${base}/smp/v1/clients/%ff`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([400, "application/problem+json; charset=utf-8"]);
    expect(await answer.json()).toMatchObject({ type: "about:blank", status: 400, detail: expect.stringContaining("percent-encode") as string });
  });

  it("stages, activates, admits, confirms and revokes", async () => {
    const { a, device, bootstrapServer, operator } = await served();
    const one = await device("ab-1");
    expect(await one.register()).toBe("4.03");
    expect((await a.stageCredential("ab-1", "c1", nosec(1, { orderItem: "o-1/ab-1" }))).status).toBe(201);
    expect((await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 4 })).status).toBe(204);
    expect(await one.register()).toBe("2.01");
    await until(() => bootstrapServer.confirmations.length === 1);
    expect(bootstrapServer.confirmations[0]).toMatchObject({ ep: "ab-1", ssid: 101, event: "registered", credentialId: "c1", version: 1, lwm2m: "1.1" });
    expect((await a.getCredential("ab-1", "c1")).value).toMatchObject({ state: "active", activeVersion: 1, confirmed: true, sessionId: 4 });
    expect((await operator.registrations()).registrations.map(({ endpoint }) => endpoint)).toEqual(["ab-1"]);
    await a.revokeCredential("ab-1", "c1", 1);
    expect((await operator.registrations()).total).toBe(0);
    expect(await one.register()).toBe("4.03");
    expect((await a.getCredential("ab-1", "c1")).value.state).toBe("revoked");
  });

  it("triggers a registered device and reports how it ended", async () => {
    const { a, device } = await served({ admission: "open" });
    const one = await device("ab-1");
    await one.register();
    const { value, status, location } = await a.createTrigger({ ep: "ab-1", reason: "account-change", validity: "PT5S", ssid: 101 });
    expect(status).toBe(202);
    expect(location).toBe(`/smp/v1/triggers/${value.triggerId}`);
    let last = value.state;
    for (let waited = 0; waited < 50 && last !== "acknowledged"; waited += 1) last = (await a.getTrigger(value.triggerId)).value.state;
    expect(last).toBe("acknowledged");
    expect(one.seen).toContain("POST /1/0/9");
    expect((await a.getReachability("ab-1")).value).toMatchObject({ registered: true, triggerable: "yes" });
  });

  it("takes the queued trigger and the registration with the credential", async () => {
    const { a, device, operator } = await served();
    await a.stageCredential("ab-1", "c1", nosec(1));
    await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    const one = await device("ab-1");
    await one.register();
    await operator.setFault("f", { operation: "read", action: { kind: "hold" } });
    const { value } = await a.createTrigger({ ep: "ab-1", reason: "account-removal", validity: "PT5S" });
    await a.revokeCredential("ab-1", "c1", 1);
    expect((await a.getTrigger(value.triggerId)).value.state).toBe("withdrawn");
    await operator.clearFaults();
    expect(one.seen).toEqual([]);
    expect(await one.update()).toBe("4.04");
  });

  it("answers with the problem types of the profile", async () => {
    const { a, b } = await served();
    await a.stageCredential("ab-1", "c1", nosec(2));
    expect(await problemOf(a.stageCredential("ab-1", "c1", nosec(1)))).toBe("409 version-regression");
    expect(await problemOf(a.stageCredential("ab-1", "c1", nosec(2, { ssid: 102 })))).toBe("409 version-regression");
    expect(await problemOf(a.stageCredential("ab-1", "c1", nosec(2)))).toBe("none");
    await a.activateCredential("ab-1", "c1", { version: 2, sessionId: 9 });
    expect(await problemOf(a.activateCredential("ab-1", "c1", { version: 2, sessionId: 8 }))).toBe("409 session-displaced");
    expect(await problemOf(b.getCredential("ab-1", "c1"))).toBe("404 not-found");
    expect(await problemOf(b.getReachability("ab-1"))).toBe("404 not-found");
    expect(await problemOf(b.createTrigger({ ep: "ab-1", reason: "operator" }))).toBe("404 not-found");
    expect(await problemOf(a.getTrigger("t-none"))).toBe("404 not-found");
    expect(await problemOf(a.stageCredential("ab-1", "c2", { version: 1, ssid: 101, mode: "est" }))).toBe("422 unsupported-mode");
  });

  it("gives each item of a batch its own result, and pages through the inventory", async () => {
    const { a } = await served();
    const items = Array.from({ length: 5 }, (_, index) => ({ operation: "stage" as const, ep: `ab-${index}`, credentialId: "c1", credential: nosec(1) }));
    const bad = { ...items[2], credential: { ...nosec(1), version: 0 } };
    const foreign = { ...items[3], ep: "b-3" };
    const { results } = (await a.batchCredentials({ items: [items[0]!, items[1]!, bad as (typeof items)[0], foreign as (typeof items)[0], items[4]!] })).value;
    expect(results.map(({ status }) => status)).toEqual([201, 201, 400, 404, 201]);
    expect(results[2]?.problem?.field).toBe("/items/2/credential/version");
    const older = { operation: "activate" as const, ep: "ab-0", credentialId: "c1", activation: { version: 9, sessionId: 1 } };
    const refused = (await a.batchCredentials({ items: [older, { operation: "roll-back", ep: "ab-0", credentialId: "c1", version: 9 }] })).value.results;
    expect(refused.map(({ problem }) => problem?.field)).toEqual(["/items/0/activation/version", "/items/1/version"]);
    const first = (await a.listCredentials({ limit: 2, state: "staged" })).value;
    expect(first.credentials.map(({ ep }) => ep)).toEqual(["ab-0", "ab-1"]);
    const second = (await a.listCredentials({ limit: 2, state: "staged", cursor: first.next ?? "" })).value;
    expect(second.credentials.map(({ ep }) => ep)).toEqual(["ab-4"]);
    expect(second.next).toBeUndefined();
    expect((await a.listCredentials({ state: "active" })).value.credentials).toEqual([]);
  });

  it("tells its peers what happened, each its own", async () => {
    const { a, b } = await served();
    const waiting = a.listEvents({ after: "0", wait: 5 });
    await a.stageCredential("ab-1", "c1", nosec(1));
    expect((await waiting).value.events.map(({ type, subject }) => [type, subject])).toEqual([["smp.credential.staged", "ab-1"]]);
    expect((await b.listEvents({ after: "0" })).value.events).toEqual([]);
  });

  it("never shows a secret, whatever is asked", async () => {
    const { a, operator } = await served({ secretTransport: "cleartext" });
    const { credential, canary } = await cleartextCanary();
    await a.stageCredential("ab-1", "c1", credential);
    const seen = [await a.getCredential("ab-1", "c1"), await a.listCredentials(), await a.listEvents({ after: "0" }), await operator.trace()];
    expect(JSON.stringify(seen)).not.toContain(canary);
  });

  it("shows it where that fault is planted", async () => {
    const { a } = await served({ plants: ["credential-secret-readable-by-get"], secretTransport: "cleartext" });
    const { credential, canary } = await cleartextCanary();
    await a.stageCredential("ab-1", "c1", credential);
    expect(JSON.stringify(await a.getCredential("ab-1", "c1"))).toContain(canary);
  });

  it("keeps the registration after a revocation where that fault is planted", async () => {
    const { a, device, operator } = await served({ plants: ["registration-kept-after-revoke"] });
    await a.stageCredential("ab-1", "c1", nosec(1));
    await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    await (await device("ab-1")).register();
    await a.revokeCredential("ab-1", "c1", 1);
    expect((await operator.registrations()).total).toBe(1);
  });

  it("leaves a registration alone when a credential is revoked that never let anybody in", async () => {
    const { a, device, operator } = await served({ admission: "open" });
    await (await device("ab-1")).register();
    await a.stageCredential("ab-1", "c1", nosec(1));
    await a.revokeCredential("ab-1", "c1", 1);
    expect((await operator.registrations()).total).toBe(1);
  });

  it("sends a confirmation again until the Bootstrap Server takes it", async () => {
    const { a, device, bootstrapServer } = await served();
    bootstrapServer.statuses.push(503, 500);
    await a.stageCredential("ab-1", "c1", nosec(1));
    await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    await (await device("ab-1")).register();
    await until(() => bootstrapServer.confirmations.length === 1);
    expect(bootstrapServer.statuses).toEqual([]);
  });

  it("sends the SM-1 calls of its operator with its own token, and traces them without it", async () => {
    const { operator, bootstrapServer } = await served();
    const answer = await operator.relay({ method: "POST", path: "/smp/v1/accounts", headers: { "idempotency-key": "k-1" }, body: { uri: "coap://127.0.0.1:5683", securityMode: "nosec" } });
    expect(answer).toMatchObject({ status: 201, headers: { etag: '"1"' }, body: { accountId: "acc-1" } });
    expect(bootstrapServer.requests[0]).toMatchObject({ authorization: `Bearer ${tokens.a}`, body: { securityMode: "nosec" } });
    const { events } = await operator.trace();
    expect(events.filter(({ event }) => event.kind === "http" && event.url === "/smp/v1/accounts").map(({ event }) => (event.kind === "http" ? event.direction : ""))).toEqual(["out", "in"]);
    expect(JSON.stringify(events)).not.toContain(tokens.a);
  });

  it("commits the faults it was told to, and counts them", async () => {
    const { a, operator } = await served();
    await operator.setFault("late", { operation: "smp.activation.put", endpoint: "ab-1", action: { kind: "hold" } });
    await operator.setFault("no", { operation: "smp.credential.put", endpoint: "ab-2", action: { kind: "refuse", status: 503 } });
    await a.stageCredential("ab-1", "c1", nosec(1));
    expect(await problemOf(a.stageCredential("ab-2", "c1", nosec(1)))).toMatch(/^503/);
    const held = a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    await expect.poll(async () => (await operator.faults()).find(({ id }) => id === "late")?.waiting).toBe(1);
    expect((await a.getCredential("ab-1", "c1")).value.state).toBe("staged");
    await operator.releaseFault("late");
    expect((await held).status).toBe(204);
    expect((await operator.faults()).map(({ id, fired }) => [id, fired])).toEqual([["late", 1], ["no", 1]]);
  });

  it("says how it is, and serves its metrics", async () => {
    const { operator, base, device } = await served({ admission: "open", plants: ["execute-twice"] });
    await (await device("ab-1")).register();
    expect(await operator.health()).toMatchObject({ role: "lwm2m-server", name: "server-a", lab: true, timing: "lab", plants: ["execute-twice"], admission: "open" });
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toContain('muster_operations_total{operation="register",code="2.01",outcome="ok"');
    expect(metrics).toContain('muster_operations_total{operation="http GET /operator/v1/health",code="200",outcome="ok"');
    expect(metrics).toMatch(/muster_registrations\{[^}]*\} 1/);
  });
});

describe("starting the LwM2M Server", () => {
  it("fails with an error, and leaves nothing open, when its HTTP address is taken", async () => {
    const { role } = await served();
    await expect(startLwM2mServer(labConfig({ http: formatAddress(role.http) }), realPorts(2))).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("fails for a planted fault that it does not have", async () => {
    await expect(startLwM2mServer(labConfig({ plants: ["no-such-fault"] }), realPorts(2))).rejects.toThrow(/no-such-fault/);
  });
});
