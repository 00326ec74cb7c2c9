import { afterEach, describe, expect, it } from "vitest";
import type { LwM2mServerInput } from "../../src/config/index.js";
import { OperatorClient } from "../../src/operator/index.js";
import { formatAddress } from "../../src/ports/index.js";
import { realPorts } from "../../src/ports/real/index.js";
import { identityOf, keyCheckValue, recipientOf, SmpCallError, SmpClient, type BatchStage, type NewCredential, type OrderCredential, type SecretContext } from "../../src/smp/index.js";
import { startLwM2mServer } from "./index.js";
import { labConfig, tokens } from "./testing/bench.js";
import { bootstrapServerDouble } from "./testing/bootstrap-server-double.js";
import { ScriptedDevice } from "./testing/scripted-device.js";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Found nowhere but where it belongs. */
const canary = (endpoint: string, version: number): Buffer => Buffer.from(`canary ${version} of ${endpoint}`.padEnd(32, "~"));
const identity = (endpoint: string, version: number): Buffer => Buffer.from(`${endpoint}/v${version}`);

async function served(input: Partial<LwM2mServerInput> = {}) {
  const ports = realPorts(1);
  const bootstrapServer = await bootstrapServerDouble();
  stops.push(() => bootstrapServer.stop());
  const config = labConfig({ admission: "credential", coaps: "127.0.0.1:0", peers: [{ id: "bs-a", tenant: "a", token: tokens.a, smp: bootstrapServer.url }], ...input });
  const role = await startLwM2mServer(config, ports);
  stops.push(() => role.stop());
  const base = `http://${formatAddress(role.http)}`;
  const a = new SmpClient({ base, token: tokens.a, peer: "server-a", clock: ports.clock, newKey: () => ports.secrets.token() });
  stops.push(() => a.close());
  const operator = new OperatorClient({ baseUrl: base, token: tokens.operator });
  stops.push(() => operator.close());
  const recipient = (await recipientOf((await a.jwks()).value)) ?? expect.fail("no key to encrypt to");
  const tenant = (await a.capabilities()).value.tenant ?? expect.fail("no tenant");
  const psk = async (ep: string, version: number, extra: Partial<NewCredential> = {}, wrapped: Partial<SecretContext> = {}): Promise<NewCredential> => {
    const key = canary(ep, version);
    const secret = await recipient.wrap(key, { tenant, ep, ssid: 101, credentialId: "c1", version, purpose: "sm3-psk", ...wrapped });
    return { version, ssid: 101, mode: "psk", identity: identityOf(identity(ep, version)), bits: 256, kcv: keyCheckValue(key, "c1"), secret, ...extra };
  };
  const device = async (endpoint: string, version = 1) => {
    const one = await ScriptedDevice.start(ports, { endpoint, host: "127.0.0.1", server: role.coaps ?? expect.fail("no DTLS port"), credential: { identity: identity(endpoint, version), key: canary(endpoint, version) } });
    stops.push(() => one.stop());
    return one;
  };
  return { bootstrapServer, role, base, a, operator, psk, device };
}

const problemOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "none",
    (error: unknown) => (error instanceof SmpCallError ? `${error.status} ${error.type ?? "blank"}` : Promise.reject(error instanceof Error ? error : new Error(String(error)))),
  );

const until = (holds: () => boolean | Promise<boolean>): Promise<void> => expect.poll(holds, { interval: 10, timeout: 5000 }).toBe(true);

describe("the LwM2M Server with its DTLS port", () => {
  it("takes keys, lets a device in, has them rotated and confirmed", async () => {
    const { a, psk, device, bootstrapServer, operator } = await served();
    await a.stageCredential("ab-1", "c1", await psk("ab-1", 1));
    await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    const old = await device("ab-1", 1);
    expect(await old.register()).toBe("2.01");
    await a.stageCredential("ab-1", "c1", await psk("ab-1", 2, { supersedes: 1 }));
    await a.activateCredential("ab-1", "c1", { version: 2, sessionId: 2 });
    expect(await old.register()).toBe("2.01");
    expect(await (await device("ab-1", 2)).register()).toBe("2.01");
    await until(() => bootstrapServer.confirmations.some(({ version }) => version === 2));
    expect(bootstrapServer.confirmations.at(0)).toMatchObject({ ep: "ab-1", ssid: 101, event: "registered", credentialId: "c1", version: 1, lwm2m: "1.1" });
    await until(() => old.heard.includes("session peer-closed"));
    expect(await operator.registration("ab-1")).toMatchObject({ security: { mode: "psk", credentialId: "c1", version: 2, sessionOpen: true } });
    expect(await operator.secureSessions()).toMatchObject({ total: 1, sessions: [{ endpoint: "ab-1", version: 2 }] });
    expect(await operator.handshakes({ endpoint: "ab-1" })).toMatchObject({ devices: [{ endpoint: "ab-1", attempts: 2, finished: 2, storms: 0 }] });
    expect(await operator.health()).toMatchObject({ coaps: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string, dtlsCounters: { handshakesFinished: 2 } });
  });

  it("answers with the problem types of the profile", async () => {
    const { a, psk } = await served();
    expect(await problemOf(a.stageCredential("ab-1", "c1", await psk("ab-1", 1, {}, { ep: "ab-2" })))).toBe("422 context-mismatch");
    expect(await problemOf(a.stageCredential("ab-1", "c1", await psk("ab-1", 1, { kcv: "0011223344556677" })))).toBe("422 key-unwrap");
    await a.stageCredential("ab-1", "c1", await psk("ab-1", 1));
    // The same key, encrypted anew.
    expect(await problemOf(a.stageCredential("ab-1", "c1", await psk("ab-1", 1)))).toBe("none");
    expect(await problemOf(a.stageCredential("ab-2", "c1", await psk("ab-2", 1, { identity: identityOf(identity("ab-1", 1)) })))).toBe("409 identity-conflict");
    expect(await problemOf(a.stageCredential("ab-1", "c1", await psk("ab-1", 1, { overlapSeconds: 5 })))).toBe("409 version-regression");
  });

  it.each([
    ["one byte", Buffer.from("x"), 16],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00]), 32],
    ["128 bytes", Buffer.alloc(128, "i"), 64],
  ])("lets a device in whose identity is %s", async (_what, name, length) => {
    const { a, psk, role } = await served();
    const key = Buffer.alloc(length, "k");
    const recipient = (await recipientOf((await a.jwks()).value)) ?? expect.fail("no key");
    const secret = await recipient.wrap(key, { tenant: "a", ep: "ab-1", ssid: 101, credentialId: "c1", version: 1, purpose: "sm3-psk" });
    await a.stageCredential("ab-1", "c1", await psk("ab-1", 1, { identity: identityOf(name), bits: 8 * length, kcv: keyCheckValue(key, "c1"), secret }));
    await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    const one = await ScriptedDevice.start(realPorts(2), { endpoint: "ab-1", host: "127.0.0.1", server: role.coaps ?? expect.fail("no DTLS port"), credential: { identity: name, key } });
    stops.push(() => one.stop());
    expect(await one.register()).toBe("2.01");
  });

  it.each([
    ["an empty identity", { identity: { b64u: "" } }, "400 schema"],
    ["an identity of 129 bytes", { identity: { b64u: Buffer.alloc(129).toString("base64url") } }, "400 schema"],
    ["an identity with two spellings", { identity: { b64u: "aWR" } }, "400 schema"],
    ["a text that is not its identity", { identity: { b64u: "aWQ", utf8: "other" } }, "400 schema"],
    ["a key of 8 bytes", { bits: 64 }, "400 schema"],
    ["a key of 65 bytes", { bits: 520 }, "400 schema"],
    ["a key shorter than it says", { bits: 512 }, "422 key-unwrap"],
    ["no secret", { secret: undefined }, "400 schema"],
    ["a secret that is no JWE", { secret: "a.b.c.d.e" }, "422 key-unwrap"],
    ["a secret in the clear", { secret: "AAECAwQFBgcICQoLDA0ODw" }, "422 unsupported-mode"],
    ["a key that this server never made", { keyOrigin: "server", secret: undefined }, "422 key-unwrap"],
  ] as const)("has an answer to %s", async (_what, extra, expected) => {
    const { a, psk } = await served();
    const given = Object.fromEntries(Object.entries({ ...(await psk("ab-1", 1)), ...extra }).filter(([, value]) => value !== undefined)) as unknown as NewCredential;
    expect(await problemOf(a.stageCredential("ab-1", "c1", given))).toBe(expected);
  });

  it("takes batches that stage, activate, roll back and revoke", async () => {
    const { a, psk, device } = await served();
    const stage = async (ep: string): Promise<BatchStage> => ({ operation: "stage", ep, credentialId: "c1", credential: await psk(ep, 1) });
    const activate = (ep: string) => ({ operation: "activate" as const, ep, credentialId: "c1", activation: { version: 1, sessionId: 1 } });
    const moved: BatchStage = { ...(await stage("ab-4")), credential: await psk("ab-3", 1) };
    const { results } = (await a.batchCredentials({ items: [await stage("ab-1"), activate("ab-1"), await stage("ab-2"), moved, { operation: "revoke", ep: "ab-2", credentialId: "c1", version: 1 }] })).value;
    expect(results.map(({ status }) => status)).toEqual([201, 204, 201, 422, 204]);
    expect(results[3]?.problem).toMatchObject({ type: "urn:smp:problem:context-mismatch", field: "/items/3/credential/secret" });
    expect(await (await device("ab-1")).register()).toBe("2.01");
  });

  it("closes sessions and takes the registration when the credential is revoked, and tells no secret to anybody", async () => {
    const { a, psk, device, operator, base } = await served();
    await a.stageCredential("ab-1", "c1", await psk("ab-1", 1));
    await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    const one = await device("ab-1");
    await one.register();
    const metrics = async () => (await fetch(`${base}/metrics`)).text();
    const look = async () => [await a.getCredential("ab-1", "c1"), await a.listCredentials(), await a.listEvents({ after: "0" }), await operator.trace({ limit: 10_000 }), await operator.registrations(), await operator.handshakes(), await operator.secureSessions(), await operator.health(), await metrics()];
    const before = await look();
    await a.revokeCredential("ab-1", "c1", 1);
    await until(() => one.heard.includes("session peer-closed"));
    expect((await operator.registrations()).total).toBe(0);
    const seen = JSON.stringify([before, await look()]);
    const key = canary("ab-1", 1);
    for (const encoding of ["utf8", "hex", "base64", "base64url"] as const) expect(seen).not.toContain(key.toString(encoding));
  });

  it("loses its sessions when its operator says so, and takes the devices back", async () => {
    const { a, psk, device, operator } = await served();
    await a.stageCredential("ab-1", "c1", await psk("ab-1", 1));
    await a.activateCredential("ab-1", "c1", { version: 1, sessionId: 1 });
    const one = await device("ab-1");
    await one.register();
    expect(await operator.forgetSessions({ registrations: true })).toEqual({ sessions: 1, registrations: 1 });
    one.secure?.reconnect();
    expect(await one.register()).toBe("2.01");
    expect(one.heard).toEqual(["session", "session"]);
  });
});

describe("SM-1 calls as the operator of the LwM2M Server has them sent", () => {
  it("carry keys that the server makes, and knows again when they are staged", async () => {
    const { operator, bootstrapServer, a } = await served();
    const order = { type: "provision", accountId: "acc-1", targets: { endpoints: ["ab-1", "ab-2"] }, policy: { credential: { origin: "server" } } };
    const answer = await operator.relay({ method: "POST", path: "/smp/v1/orders", headers: { "idempotency-key": "k-1" }, body: order, ownKeys: { ssid: 101, credentialId: "c1", version: 1, bits: 256 } });
    expect(answer).toMatchObject({ status: 202, body: { orderId: "o-1" } });
    const { credentials, ...rest } = bootstrapServer.requests[0]?.body as { credentials: OrderCredential[] };
    expect(rest).toEqual(order);
    expect(credentials.map(({ ep, bits }) => [ep, bits])).toEqual([["ab-1", 256], ["ab-2", 256]]);
    const [first] = credentials;
    if (first === undefined) expect.fail("no credential");
    const key = await bootstrapServer.keys.unwrap(first.secret, { tenant: "theirs", ep: "ab-1", ssid: 101, credentialId: "c1", version: 1, purpose: "sm1-psk" });
    expect(keyCheckValue(key, "c1")).toBe(first.kcv);
    const { identity: named, bits, kcv } = first;
    expect((await a.stageCredential("ab-1", "c1", { version: 1, ssid: 101, mode: "psk", keyOrigin: "server", identity: named, bits, kcv })).status).toBe(201);
    expect(JSON.stringify(await operator.trace({ limit: 10_000 }))).not.toContain(key.toString("base64url"));
  });

  it("say what is wrong with the keys that are asked for", async () => {
    const { operator } = await served();
    const call = operator.relay({ method: "POST", path: "/smp/v1/orders", body: {}, ownKeys: { ssid: 101, credentialId: "c1", version: 1, bits: 100 } });
    await expect(call).rejects.toMatchObject({ status: 400, field: "ownKeys.bits" });
  });

  it("are an account of mode psk and a rotate order as well as any other", async () => {
    const { operator, bootstrapServer } = await served();
    await operator.relay({ method: "POST", path: "/smp/v1/accounts", headers: { "idempotency-key": "k-1" }, body: { uri: "coaps://127.0.0.1:5684", securityMode: "psk", ssid: 101 } });
    await operator.relay({ method: "POST", path: "/smp/v1/orders", headers: { "idempotency-key": "k-2" }, body: { type: "rotate", accountId: "acc-1", targets: { endpoints: ["ab-1"] } } });
    expect(bootstrapServer.requests.map(({ body }) => body)).toMatchObject([{ securityMode: "psk" }, { type: "rotate" }]);
  });
});
