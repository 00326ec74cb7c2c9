import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CertificateAuthority, newKeyPair, publicKeyOf, readCertificate, thumbprint } from "../../src/certificates/index.js";
import { Codes } from "../../src/coap/index.js";
import { valueOf } from "../../src/lwm2m/index.js";
import type { Item, NewAccount, NewOrder } from "../../src/smp/index.js";
import { awaitedOrder, confirmation, itemIn, ManagementRig, order, ports, problem, until } from "./testing/management-rig.js";
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

const uri = "coaps://127.0.0.2:5684";
const b64u = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const authority = await CertificateAuthority.create(ports, "Authority of operator A");
const serverKeys = newKeyPair(ports.secrets);
const rpkA: NewAccount = { uri, securityMode: "rpk", ssid: 101, serverPublicKey: b64u(serverKeys.publicKey) };
const x509A: NewAccount = { uri, securityMode: "x509", ssid: 101, serverCertificate: b64u(authority.certificate), certificateUsage: 2, sni: "a.example" };
const accounts = { psk: pskA, rpk: rpkA, x509: x509A };
const modes = { psk: 0, rpk: 1, x509: 2 };
type Mode = keyof typeof accounts;

const waiting = { trigger: "wait-for-client" } as const;
const rotate: Partial<NewOrder> = { type: "rotate", policy: waiting };
const held = (ssid = 101): ReturnType<typeof heldBy> => heldBy(one, ssid);
const resource = (id: number): unknown => {
  const value = valueOf(one.security(101)!, id);
  return value instanceof Uint8Array ? Buffer.from(value) : value;
};
const staged = () => rig.serverA.bodies.at(-1);

/** Changes the mode of an account, and rotates the device to it, up to the confirmation. */
async function rotatedTo(mode: Mode, accountId: string, over: Partial<NewOrder> = {}): Promise<Item> {
  const { etag } = await rig.a.getAccount(accountId);
  await rig.a.replaceAccount(accountId, accounts[mode], etag!);
  return rig.carriedOut(one, rig.a, accountId, { ...rotate, ...over });
}

describe("an account of mode rpk", () => {
  it("gives the device a key pair of its own and the Server's public key, and tells the Server the public one", async () => {
    await rig.provisioned(one, rig.a, rpkA);
    const { mode, identity, key } = held();
    expect(mode).toBe(1);
    expect(publicKeyOf(key)).toEqual(identity);
    expect(resource(4)).toEqual(serverKeys.publicKey);
    expect([14, 15].map(resource)).toEqual([undefined, undefined]);
    expect(staged()).toEqual({ version: 1, ssid: 101, mode: "rpk", publicKey: b64u(identity), thumbprint: thumbprint(identity), sessionPolicy: "close-on-revoke", orderItem: expect.any(String) as string });
    expect(rig.serverA.log).toEqual(["stage ab-1 v1", "activate ab-1 v1"]);
  });

  it("has another key pair on each device, and in each version", async () => {
    const accountId = await rig.provisioned(one, rig.a, rpkA);
    const first = held();
    await rig.carriedOut(one, rig.a, accountId, rotate);
    const second = held();
    one = await rig.device("ab-2");
    await rig.carriedOut(one, rig.a, accountId);
    expect(new Set([first, second, held()].map(({ key }) => b64u(key))).size).toBe(3);
    expect(rig.serverA.versions("ab-1")).toBe("1 retiring, 2 active");
  });
});

describe("an account of mode x509", () => {
  it("gives the device a certificate made out to its name, its key, and what it takes for the Server's certificate", async () => {
    await rig.provisioned(one, rig.a, x509A);
    const { mode, identity, key } = held();
    expect(mode).toBe(2);
    expect(readCertificate(identity)).toMatchObject({ commonName: "ab-1", publicKey: publicKeyOf(key) });
    expect([4, 14, 15].map(resource)).toEqual([authority.certificate, "a.example", 2]);
    const { certificate, issuerChain = [], subject } = staged()!;
    expect([certificate, subject]).toEqual([b64u(identity), undefined]);
    const issuer = new X509Certificate(Buffer.from(issuerChain[0]!, "base64url"));
    expect(new X509Certificate(identity).verify(issuer.publicKey)).toBe(true);
  });

  it("tells the Server the issuer, the subject and the end instead, where the order says so", async () => {
    const policy = { ...waiting, credential: { certificateForm: "subject" as const, validitySeconds: 3600 } };
    const accountId = await rig.provisioned(one, rig.a, x509A, { policy });
    const { certificate, issuerChain, subject, notAfter } = staged()!;
    const facts = readCertificate(held().identity);
    expect([certificate, issuerChain?.length]).toEqual([undefined, 1]);
    expect(subject).toEqual({ commonName: "ab-1", serialNumber: `${accountId}.1` });
    expect(facts).toMatchObject(subject!);
    expect(Date.parse(notAfter!)).toBe(facts.notAfter);
    expect(facts.notAfter - ports.clock.epoch()).toBeLessThanOrEqual(3_600_000);
    await rig.carriedOut(one, rig.a, accountId, { ...rotate, policy });
    expect(staged()?.subject).toEqual({ commonName: "ab-1", serialNumber: `${accountId}.2` });
  });

  it("is staged in batches too, each device with its own certificate", async () => {
    const { accountId } = (await rig.a.createAccount(x509A)).value;
    const placed = await order(rig.a, accountId, ["ab-2", "ab-3", "ab-4"], { policy: waiting });
    for (const ep of ["ab-2", "ab-3", "ab-4"]) await itemIn(rig.a, placed, ep, "awaiting-client");
    expect(rig.serverA.batches).toBe(1);
    expect(rig.serverA.bodies.map(({ certificate }) => readCertificate(Buffer.from(certificate!, "base64url")).commonName).sort()).toEqual(["ab-2", "ab-3", "ab-4"]);
  });
});

describe("a private key", () => {
  it.each(["rpk", "x509"] as const)("of mode %s goes to its device and is nowhere else to be read", async (mode) => {
    const accountId = await rig.provisioned(one, rig.a, accounts[mode]);
    const { key } = held();
    const read = [
      await rig.traceText(), rig.serverA.bodies, rig.serverA.log, (await rig.a.getAccount(accountId)).value, (await rig.a.getClient("ab-1")).value, (await rig.a.listEvents({ limit: 1000 })).value, (await rig.a.listOrders()).value,
    ].map((part) => (typeof part === "string" ? part : JSON.stringify(part)));
    // The scalar stands in PKCS #8 behind its head.
    const scalar = key.subarray(36, 68);
    for (const encoding of ["base64url", "base64", "hex"] as const) for (const text of read) expect(text.includes(scalar.toString(encoding)) || text.includes(key.toString(encoding))).toBe(false);
  });
});

describe("a rotation to another mode", () => {
  const ways = (["psk", "rpk", "x509"] as const).flatMap((from) => (["psk", "rpk", "x509"] as const).filter((to) => to !== from).map((to) => [from, to] as const));

  it.each(ways)("from %s to %s brings a version of the new mode, and the account's present values with it", async (from, to) => {
    const accountId = await rig.provisioned(one, rig.a, accounts[from]);
    const before = held();
    const item = await rotatedTo(to, accountId);
    expect(item).toMatchObject({ state: "confirmed", credential: { version: 2 } });
    expect(held().mode).toBe(modes[to]);
    expect(held().key).not.toEqual(before.key);
    expect(staged()).toMatchObject({ version: 2, supersedes: 1, mode: to });
    expect(b64u(resource(4) as Buffer)).toBe(accounts[to].serverPublicKey ?? accounts[to].serverCertificate ?? "");
    expect(rig.serverA.versions("ab-1")).toBe("1 retiring, 2 active");
  });

  it("and back again is a third version", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    await rotatedTo("x509", accountId);
    rig.serverA.seen("ab-1", 2);
    await rotatedTo("psk", accountId);
    expect(held().mode).toBe(0);
    expect(rig.serverA.key("ab-1", 3)).toEqual(held().key);
  });

  it.each(["update", "provision"] as const)("comes with an order of type %s too: values of a mode without its key would be of no use", async (type) => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    await rotatedTo("rpk", accountId, { type });
    expect([held().mode, rig.serverA.versions("ab-1")]).toEqual([1, "1 retiring, 2 active"]);
  });

  it("leaves a device that comes before its order with what it has", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const before = held();
    const { etag } = await rig.a.getAccount(accountId);
    await rig.a.replaceAccount(accountId, x509A, etag!);
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 2);
    expect(held()).toEqual(before);
    expect(rig.serverA.log.at(-1)).toBe("activate ab-1 v1");
  });

  it("is taken back when the session fails, and the device is then written in the mode it had", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const before = held();
    const { etag } = await rig.a.getAccount(accountId);
    await rig.a.replaceAccount(accountId, x509A, etag!);
    one.script = (operation, path) => (operation === "write" && path.startsWith("/1/") ? answer(Codes.BadRequest) : undefined);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    await one.bootstrap();
    await itemIn(rig.a, placed, "ab-1", "rolled-back");
    one.script = () => undefined;
    await one.bootstrap();
    await until(() => one.finished, (count) => count === 2);
    expect(held()).toEqual(before);
  });

  it("writes the mode of the version that is active, when nobody knows which one the device holds", async () => {
    const accountId = await rig.provisioned(one, rig.a, pskA);
    const { etag } = await rig.a.getAccount(accountId);
    await rig.a.replaceAccount(accountId, rpkA, etag!);
    one.script = (operation) => (operation === "finish" ? "silence" : undefined);
    const placed = await awaitedOrder(rig.a, accountId, "ab-1", rotate);
    await one.bootstrap();
    await itemIn(rig.a, placed, "ab-1", "partially-applied");
    one.script = () => undefined;
    await one.bootstrap();
    await until(() => one.finished, (count) => count >= 2);
    expect(held().mode).toBe(1);
    expect(rig.serverA.log.at(-1)).toBe("activate ab-1 v2");
  });

  it("has to wait for the orders that bring the mode of before", async () => {
    const { value, etag } = await rig.a.createAccount(pskA);
    const placed = await awaitedOrder(rig.a, value.accountId, "ab-1");
    expect(await problem(rig.a.replaceAccount(value.accountId, rpkA, etag!))).toEqual({ type: "order-overlap", status: 409, field: "/securityMode" });
    const { etag: tag } = await rig.a.getOrder(placed.orderId);
    await rig.a.cancelOrder(placed.orderId, tag!);
    expect((await rig.a.replaceAccount(value.accountId, rpkA, etag!)).value.securityMode).toBe("rpk");
  });
});

describe("what an account may not say", () => {
  const otherCurve = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).publicKey.export({ format: "der", type: "spki" });
  const pem = Buffer.from(new X509Certificate(authority.certificate).toString());
  const now = ports.clock.epoch();
  const dated = async (notBefore: number, notAfter: number): Promise<Partial<NewAccount>> => ({ serverCertificate: b64u(await authority.issue(serverKeys.publicKey, { commonName: "a.example", notBefore, notAfter })) });

  it.each<[string, NewAccount, Promise<Partial<NewAccount>> | Partial<NewAccount>, string, string]>([
    ["a key that does not parse", rpkA, { serverPublicKey: b64u(Buffer.from("no key")) }, "400 schema", "/serverPublicKey"],
    ["text that is no base64url", rpkA, { serverPublicKey: "MFkwEwYHKoZIzj0=" }, "400 schema", "/serverPublicKey"],
    ["a private key in the place of the public one", rpkA, { serverPublicKey: b64u(serverKeys.privateKey) }, "400 schema", "/serverPublicKey"],
    ["a key on another curve", rpkA, { serverPublicKey: b64u(otherCurve) }, "422 unsupported-mode", "/serverPublicKey"],
    ["a certificate in PEM", x509A, { serverCertificate: b64u(pem) }, "400 schema", "/serverCertificate"],
    ["a key where a certificate is due", x509A, { serverCertificate: b64u(serverKeys.publicKey) }, "400 schema", "/serverCertificate"],
    ["two certificates", x509A, { serverCertificate: b64u(Buffer.concat([authority.certificate, authority.certificate])) }, "400 schema", "/serverCertificate"],
    ["a certificate that is over", x509A, dated(now - 7200_000, now - 3600_000), "422 bad-certificate", "/serverCertificate"],
    ["a certificate that is not valid yet", x509A, dated(now + 3600_000, now + 7200_000), "422 bad-certificate", "/serverCertificate"],
    ["coap", rpkA, { uri: "coap://127.0.0.2:5683" }, "422 uri-not-allowed", "/uri"],
  ])("%s is refused, and the field named", async (_what, account, over, expected, field) => {
    const found = await problem(rig.a.createAccount({ ...account, ...(await over) }));
    expect([`${found.status} ${found.type ?? ""}`, found.field]).toEqual([expected, field]);
  });

  it("keys of these modes are this server's to make", async () => {
    const { accountId } = (await rig.a.createAccount(rpkA)).value;
    const credentials = [{ ep: "ab-1", credentialId: "c", version: 1, identity: { b64u: "aWQ" }, bits: 128, kcv: "6f1c0a9be2d40c11", secret: "AAAA" }];
    expect(await problem(order(rig.a, accountId, ["ab-1"], { policy: { credential: { origin: "server" } }, credentials }))).toMatchObject({ type: "unsupported-mode", field: "/credentials" });
  });
});

it("an order of a mode without secrets is confirmed by a Register under its credential and version", async () => {
  const { accountId } = (await rig.a.createAccount(rpkA)).value;
  const placed = await awaitedOrder(rig.a, accountId, "ab-1");
  await one.bootstrap();
  const applied = await itemIn(rig.a, placed, "ab-1", "applied");
  await rig.a.createConfirmation(confirmation("ab-1", 101, {}));
  expect((await rig.a.getItem(placed.orderId, "ab-1")).value.state).toBe("applied");
  await rig.a.createConfirmation(confirmation("ab-1", 101, applied));
  expect((await rig.a.getItem(placed.orderId, "ab-1")).value.state).toBe("confirmed");
});
