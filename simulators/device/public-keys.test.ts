import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CertificateAuthority, newKeyPair } from "../../src/certificates/index.js";
import { testAuthorityOf, testCredential, testKeyPair, type Certificate, type RawPublicKey, type ServerTrust } from "../../src/config/index.js";
import { Alerts, cipherSuites, verifyChain, type PeerClaim } from "../../src/dtls/index.js";
import { bootstrapFinish, bootstrapWrite, instance, multiple, single, type InstanceNode, type ResourceNode } from "../../src/lwm2m/index.js";
import { simulatedPorts } from "../../src/ports/simulated/index.js";
import type { Device } from "./device.js";
import { bytesOf } from "./objects.js";
import { perform } from "./perform.js";
import { sameCredential } from "./security.js";
import type { DeviceSpec, ServerAccountSpec } from "./spec.js";
import { takeSnapshot } from "./take-snapshot.js";
import { bootstrapping, server as serverObject } from "./testing/bootstrapping.js";
import { deviceIn, psk, ScriptedPeer, world, type World } from "./testing/scripted-peer.js";

const day = 86_400_000;
/** When a simulated clock begins. */
const { clock, secrets } = simulatedPorts(3);
const now = clock.epoch();
const host = "10.0.0.9";
/** 17 to 20: two attempts a second apart, two sequences ten seconds apart. */
const patience = { 17: 2, 18: 1, 19: 10, 20: 2 };

const authority = await CertificateAuthority.create({ clock, secrets }, "servers");
const stranger = await CertificateAuthority.create({ clock, secrets }, "nobody's");
const serverKeys = newKeyPair(secrets);
const certified = (more: Partial<Parameters<CertificateAuthority["issue"]>[1]> = {}, by = authority): Promise<Buffer> => by.issue(serverKeys.publicKey, { commonName: "server", hosts: [host], ...more });
const serverCertificate = await certified();
const expired = await certified({ notAfter: now - day, notBefore: now - 2 * day });
const early = await certified({ notBefore: now + day });
const foreign = await certified({}, stranger);
const elsewhere = await certified({ hosts: ["10.9.9.9"] });

const devices = testAuthorityOf(7);
const rpk = testCredential({ mode: "rpk" }, 7, 1, "server", "dev-1") as RawPublicKey;
const x509 = testCredential({ mode: "x509" }, 7, 1, "server", "dev-1") as Certificate;

const byKey: ServerTrust = { publicKey: serverKeys.publicKey };
/** By usage: 0 and 2 name the authority, 1 and 3 the certificate of the server. */
const byUsage = (usage: number, given = serverCertificate): ServerTrust => ({ publicKey: usage === 0 || usage === 2 ? authority.certificate : given, usage });

interface Setting {
  readonly of: World;
  readonly server: ScriptedPeer;
  readonly bootstrap: ScriptedPeer;
  readonly device: Device;
}

/** What the server takes: devices that the test authority has certified, and the raw public key of dev-1. */
function met(claim: PeerClaim): { readonly context: string } | { readonly refuse: number } {
  if (claim.mode === "rpk") return claim.publicKey.equals(rpk.publicKey) ? { context: "known" } : { refuse: Alerts.access_denied };
  const objection = verifyChain(claim.chain, { anchors: [devices.certificate], now, purpose: "client" });
  return objection === undefined ? { context: "certified" } : { refuse: objection.alert };
}

async function setting(account: Partial<ServerAccountSpec>, more: Partial<DeviceSpec> = {}, chain: readonly Uint8Array[] = [serverCertificate]): Promise<Setting> {
  const of = await world();
  const server = await ScriptedPeer.at(of, host, 5683, { keys: { privateKey: serverKeys.privateKey, chain } });
  const bootstrap = await ScriptedPeer.at(of, "10.0.0.8");
  server.meets = met;
  const device = deviceIn(of, { servers: [{ uri: server.secureUri, shortServerId: 101, lifetime: 100, resources: patience, ...account }], ...more });
  return { of, server, bootstrap, device };
}

async function started(...options: Parameters<typeof setting>): Promise<Setting> {
  const made = await setting(...options);
  made.device.start();
  await made.of.clock.advance(500);
  return made;
}

async function registered(...options: Parameters<typeof setting>): Promise<Setting> {
  const made = await started(...options);
  expect(made.of.failures).toEqual([]);
  expect(takeSnapshot(made.device).accounts[0]?.lastFailure).toBeUndefined();
  expect(made.device.fleetState).toBe("registered");
  return made;
}

const handshakesAt = ({ of }: Setting): number[] =>
  of.trace.read({ after: 0, limit: 10_000 }).events.flatMap(({ at, event }) => (event.kind === "state" && event.machine === "dtls" && event.input === "connect" ? [Math.round(Number(at) / 1e9)] : []));

describe("a device with an account of raw public keys", () => {
  it("knows its server by its key, and is known by its own", async () => {
    const { server, device } = await registered({ credential: rpk, trust: byKey });
    expect(server.story).toEqual(["POST /rd"]);
    expect(server.last("POST /rd").peer.identity).toMatchObject({ mode: "rpk", bytes: rpk.publicKey });
    expect(takeSnapshot(device).accounts[0]).toMatchObject({ security: "rpk", session: { mode: "rpk", suite: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", resumed: false } });
  });

  it("says which key of its server it missed, and shows no private key anywhere", async () => {
    const { of, device } = await started({ credential: rpk, trust: { publicKey: newKeyPair(secrets).publicKey } });
    expect(takeSnapshot(device).accounts[0]).toMatchObject({ lastFailure: expect.stringContaining("handshake: sent ") as string, alert: { direction: "sent", because: expect.any(String) as string } });
    const shown = JSON.stringify([takeSnapshot(device), of.trace.read({ after: 0, limit: 10_000 })], (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    for (const form of ["hex", "base64", "base64url"] as const) expect(shown).not.toContain(Buffer.from(rpk.privateKey).subarray(36, 68).toString(form));
  });

  it("keeps one session across Updates, resumes it, and makes a full one when told to", async () => {
    const { of, server, device } = await registered({ credential: rpk, trust: byKey });
    await of.clock.advance(160_000);
    expect(server.story).toEqual(["POST /rd", "POST /rd/1", "POST /rd/1"]);
    for (const full of [false, true]) {
      const done = perform(device, { do: "reconnect", full });
      await of.clock.advance(1_000);
      expect((await done).ok).toBe(true);
    }
    expect(server.sessions.filter((each) => !each.startsWith("end")).map((each) => each.split(" ")[0])).toEqual(["full", "resumed", "full"]);
    expect(device.counters).toMatchObject({ handshakes: 2, handshakesResumed: 1 });
  });
});

describe("a device with a certificate", () => {
  it.each([0, 1, 2, 3])("takes its server's certificate under usage %i", async (usage) => {
    const { server, device } = await registered({ credential: x509, trust: byUsage(usage) }, { trustStore: [authority.certificate] });
    expect(server.last("POST /rd").peer.identity).toMatchObject({ mode: "x509", name: "dev-1" });
    expect(takeSnapshot(device).accounts[0]).toMatchObject({ security: "x509", session: { mode: "x509", identity: "dev-1" } });
  });

  it("asks for the very certificate of the account where no usage is given", async () => {
    await registered({ credential: x509, trust: { publicKey: serverCertificate } });
    const { device } = await started({ credential: x509, trust: { publicKey: authority.certificate } });
    expect(takeSnapshot(device).accounts[0]?.alert).toMatchObject({ direction: "sent", name: "bad_certificate (42)" });
  });

  it("looks for the server name indicated, and for the host of the URI where there is none", async () => {
    const named = await certified({ hosts: ["server.example"] });
    const trust = { ...byUsage(2), serverName: "server.example" };
    const { server } = await registered({ credential: x509, trust }, {}, [named]);
    expect(server.endpoint.sessionOf(server.device)?.info.serverName).toBe("server.example");
    const { device } = await started({ credential: x509, trust: byUsage(2) }, {}, [named]);
    expect(takeSnapshot(device).accounts[0]?.alert).toMatchObject({ name: "bad_certificate (42)", because: `the server's certificate is not for ${host}` });
  });

  it("offers the suites of its account, in their order", async () => {
    const numberOf = (name: string): number => cipherSuites.find((suite) => suite.name === name)?.id ?? 0;
    const wanted = [0xc02f, numberOf("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"), numberOf("TLS_PSK_WITH_AES_128_CCM_8")];
    const { device } = await registered({ credential: x509, trust: byUsage(3), cipherSuites: wanted });
    expect(device.accounts[0]?.link.session?.suite).toBe("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256");
    const none = await started({ credential: x509, trust: byUsage(3), cipherSuites: [0xc02f, 0x00a8] });
    expect(takeSnapshot(none.device).accounts[0]?.lastFailure).toBe("/0/0/16 names no cipher suite that is known and goes with x509: 0xc02f, 0x00a8");
  });

  it("may have its own credential apart from the account, which a fleet shares", async () => {
    const { device, server } = await registered({ trust: byUsage(2) }, { credentials: { server: x509 } });
    expect(server.last("POST /rd").peer.identity?.name).toBe("dev-1");
    expect(takeSnapshot(device).objects["0"]?.["0"]).toMatchObject({ 2: 2, 5: "(secret)", 15: 2 });
    await registered({}, { credentials: { server: { ...x509, trust: byUsage(2) } } });
  });

  it("registers over a network that loses datagrams of the long flights", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const of = await world(seed, { loss: 0.2, delayMs: [1, 20] });
      const server = await ScriptedPeer.at(of, host, 5683, { keys: { privateKey: serverKeys.privateKey, chain: [serverCertificate, authority.certificate] }, maxDatagram: 300 });
      const device = deviceIn(of, { servers: [{ uri: server.secureUri, shortServerId: 101, lifetime: 100, credential: x509, trust: byUsage(2), resources: { 17: 5, 18: 1 } }] });
      device.start();
      expect(await of.clock.advanceUntil(() => device.fleetState === "registered", 120_000)).toBe(true);
    }
  });
});

describe("what a device finds wrong with its server", () => {
  it.each([
    ["an authority it does not know (usage 2)", foreign, byUsage(2), "unknown_ca (48)"],
    ["an authority it does not know (usage 0)", foreign, byUsage(0), "unknown_ca (48)"],
    ["a certificate of its account that no authority stands behind (usage 1)", foreign, byUsage(1, foreign), "unknown_ca (48)"],
    ["another name (usage 2)", elsewhere, byUsage(2), "bad_certificate (42)"],
    ["another name (usage 0)", elsewhere, byUsage(0), "bad_certificate (42)"],
    ["another certificate than the account's (usage 1)", elsewhere, byUsage(1), "bad_certificate (42)"],
    ["another certificate than the account's (usage 3)", elsewhere, byUsage(3), "bad_certificate (42)"],
    ["a certificate that is over", expired, byUsage(2), "certificate_expired (45)"],
    ["a certificate that is not valid yet", early, byUsage(2), "certificate_expired (45)"],
  ])("%s: makes it leave the sequence, as the same alert from the server would", async (_what, shown, trust, name) => {
    const made = await setting({ credential: x509, trust }, { trustStore: [authority.certificate] }, [shown]);
    made.device.start();
    await made.of.clock.advance(60_000);
    expect(handshakesAt(made)).toEqual([0, 10]);
    expect(made.of.failures).toEqual([expect.stringContaining(`Register at server 101: handshake: sent ${name}: `)]);
    expect(made.device.counters).toMatchObject({ handshakes: 0, handshakesRefused: 2, handshakesUnanswered: 0 });
    // /1/x/11 is for what a server sends.
    expect(takeSnapshot(made.device).objects["1"]?.["0"]?.["11"]).toBeUndefined();
    const { events } = made.of.trace.read({ after: 0, limit: 1_000 });
    expect(events.find(({ event }) => event.kind === "state" && event.input === "alert-sent")?.event).toMatchObject({ detail: { name, because: expect.any(String) as string, class: "fail" } });
  });

  it("makes it ask its Bootstrap Server, where it has one", async () => {
    const made = await setting({ credential: x509, trust: byUsage(2) }, { bootstrap: { uri: "coap://10.0.0.8:5683" } }, [foreign]);
    made.device.start();
    await made.of.clock.advance(500);
    expect(made.bootstrap.story).toEqual(["POST /bs"]);
    expect(made.device.lastBootstrapCause).toBe("fallback");
  });

  it("is over with the next handshake that it finds right", async () => {
    const made = await started({ credential: x509, trust: { publicKey: expired } }, {}, [serverCertificate]);
    expect(takeSnapshot(made.device).accounts[0]?.alert?.description).toBe(42);
    await made.server.endpoint.close();
    const again = await ScriptedPeer.at(made.of, host, 5683, { keys: { privateKey: serverKeys.privateKey, chain: [expired] } });
    await made.of.clock.advance(12_000);
    expect(made.device.fleetState).toBe("registered");
    expect(takeSnapshot(made.device).accounts[0]?.alert).toBeUndefined();
    expect(again.story).toEqual(["POST /rd"]);
  });
});

describe("what a server finds wrong with a device", () => {
  const failing = [42, 43, 44, 45, 46, 48, 49];

  it.each([...failing, 47])("alert %i: the device does what its class asks for, and shows it in /1/x/11", async (alert) => {
    const made = await setting({ credential: x509, trust: byUsage(2) });
    made.server.meets = () => ({ refuse: alert });
    made.device.start();
    await made.of.clock.advance(60_000);
    expect(handshakesAt(made)).toEqual(failing.includes(alert) ? [0, 10] : [0, 1, 11, 12]);
    expect(made.of.failures).toEqual([expect.stringContaining(`handshake: received `)]);
    expect(made.of.failures[0]).toContain(`(${alert})`);
    expect(takeSnapshot(made.device).objects["1"]?.["0"]?.["11"]).toBe(alert);
    expect(takeSnapshot(made.device).accounts[0]?.alert).toMatchObject({ direction: "received", description: alert });
  });

  it("access denied in a session: the next Update makes another, and registers in it", async () => {
    const { of, server, device } = await registered({ credential: rpk, trust: byKey });
    server.endpoint.revoke(() => true, Alerts.access_denied);
    await of.clock.advance(1_000);
    expect(device.fleetState).toBe("registered");
    expect(takeSnapshot(device).accounts[0]?.alert).toMatchObject({ direction: "received", description: 49 });
    await of.clock.advance(80_000);
    expect(server.story).toEqual(["POST /rd", "POST /rd"]);
  });

  it("a private key that is not the certificate's: a signature that does not verify", async () => {
    const { device } = await started({ credential: { ...x509, privateKey: testKeyPair(8, 1, "server").privateKey }, trust: byUsage(2) });
    expect(takeSnapshot(device).accounts[0]?.lastFailure).toBe("handshake: received decrypt_error (51)");
  });
});

describe("an account whose keys cannot be used", () => {
  const other = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
  const p384 = { publicKey: other.publicKey.export({ format: "der", type: "spki" }), privateKey: other.privateKey.export({ format: "der", type: "pkcs8" }) };
  const pem = (der: Uint8Array): Buffer => Buffer.from(new X509Certificate(der).toString());
  const pemKey = Buffer.from(createPrivateKey({ key: Buffer.from(rpk.privateKey), format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }));
  const nothing = new Uint8Array();

  it.each<[string, Partial<ServerAccountSpec>, Partial<DeviceSpec>, string]>([
    ["a certificate in PEM", { credential: { ...x509, certificate: pem(x509.certificate) }, trust: byUsage(2) }, {}, "/0/0/3 is a certificate in PEM, and DER is due"],
    ["the server's certificate in PEM", { credential: x509, trust: { publicKey: pem(serverCertificate) } }, {}, "/0/0/4 is a certificate in PEM, and DER is due"],
    ["a private key in PEM", { credential: { ...x509, privateKey: pemKey }, trust: byUsage(2) }, {}, "/0/0/5 is a key in PEM, and DER is due"],
    ["a raw public key in PEM", { credential: { ...rpk, publicKey: Buffer.from("-----BEGIN PUBLIC KEY-----\n") }, trust: byKey }, {}, "/0/0/3 is a key in PEM, and DER is due"],
    ["a raw public key on another curve", { credential: { ...rpk, publicKey: p384.publicKey }, trust: byKey }, {}, "/0/0/3 has a key of secp384r1"],
    ["a server's key on another curve", { credential: rpk, trust: { publicKey: p384.publicKey } }, {}, "/0/0/4 has a key of secp384r1"],
    ["a private key on another curve", { credential: { ...rpk, privateKey: p384.privateKey }, trust: byKey }, {}, "/0/0/5 has a key of secp384r1"],
    ["no certificate", { credential: { ...x509, certificate: nothing }, trust: byUsage(2) }, {}, "/0/0/3, the certificate, is missing"],
    ["no private key", { credential: { ...rpk, privateKey: nothing }, trust: byKey }, {}, "/0/0/5, the private key, is missing"],
    ["nothing about the server", { credential: x509 }, {}, "/0/0/4, the certificate of the server, is missing"],
    ["no key of the server", { credential: rpk }, {}, "/0/0/4, the public key of the server, is missing"],
    ["a certificate that is none", { credential: { ...x509, certificate: Buffer.from("no") }, trust: byUsage(2) }, {}, "/0/0/3 is no certificate"],
    ["a certificate usage that is none", { credential: x509, trust: byUsage(4) }, {}, "/0/0/15 is 4: certificate usages are 0 to 3"],
    ["a hash for the server's certificate", { credential: x509, trust: { ...byUsage(3), matchingType: 1 } }, {}, "/0/0/13 is 1: this device compares whole certificates (0), not their hashes"],
    ["a trust store with something else in it", { credential: x509, trust: byUsage(1) }, { trustStore: [Buffer.from("no")] }, "authority 1 of the trust store is no certificate"],
  ])("%s: says which resource it is, and sends nothing", async (_what, account, more, words) => {
    const made = await setting({ ...account, resources: { 17: 1, 20: 1 } }, more);
    made.device.start();
    await made.of.clock.advance(1_000);
    expect(made.of.failures).toEqual([`Register at server 101: ${words}`]);
    expect(made.server.endpoint.dtls?.recordsIn).toBe(0);
    expect(made.of.host.refusedSockets).toBe(0);
  });
});

describe("a device that gets its certificate in a bootstrap", () => {
  const security = (resources: readonly ReturnType<typeof single>[]) => instance(1, [single(0, `coaps://${host}:5684`), single(1, false), ...resources, single(10, 101)]);
  const keys = [single(2, 2), single(3, x509.certificate), single(4, authority.certificate), single(5, x509.privateKey)];

  async function provisioned(endpoint: string, resources: readonly ReturnType<typeof single>[] = keys) {
    const made = await bootstrapping({ endpoint });
    const peer = await ScriptedPeer.at(made.of, host, 5683, { keys: { privateKey: serverKeys.privateKey, chain: [serverCertificate] } });
    await made.start();
    expect(await made.ask(bootstrapWrite({ object: 0, instance: 1 }, security([...resources, single(15, 2)]), "1.1"))).toBe("2.04");
    expect(await made.ask(bootstrapWrite({ object: 1, instance: 1 }, serverObject(1, 101), "1.1"))).toBe("2.04");
    return { ...made, peer };
  }

  it("registers with it, and shares the certificate of its authority with the other devices of the thread", async () => {
    const { finish, of, device, peer } = await provisioned("dev-1");
    expect(await finish()).toBe("2.04");
    await of.clock.advance(500);
    expect(device.fleetState).toBe("registered");
    expect(peer.last("POST /rd").peer.identity?.name).toBe("dev-1");
    const written = bytesOf(device.accounts[0]?.details.security ?? instance(0, []), 4) ?? Buffer.alloc(0);
    expect(device.host.serverKeys.copyOf(Buffer.from(written))).toBe(written);
  });

  it("leaves its session by pre-shared key for one by certificate, and goes back, as its account says", async () => {
    const shared = psk("dev-1");
    const { device, of, peer, ask, finish } = await provisioned("dev-1", [single(2, 0), single(3, shared.identity), single(4, new Uint8Array()), single(5, shared.key)]);
    peer.knows(shared);
    const delivered = async (resources: readonly ReturnType<typeof single>[]) => {
      device.step({ in: "bootstrap-due", cause: "manual" });
      await of.clock.advance(50);
      await ask(bootstrapWrite({ object: 0, instance: 1 }, security(resources), "1.1"));
      expect(await finish()).toBe("2.04");
      await of.clock.advance(2_000);
      return peer.last("POST /rd").peer.identity?.mode;
    };
    expect(await finish()).toBe("2.04");
    await of.clock.advance(500);
    expect(peer.last("POST /rd").peer.identity?.mode).toBe("psk");
    expect(await delivered([...keys, single(15, 2)])).toBe("x509");
    expect(await delivered([...keys, single(15, 2)])).toBe("x509");
    expect(await delivered([single(2, 0), single(3, shared.identity), single(4, new Uint8Array()), single(5, shared.key)])).toBe("psk");
    expect(peer.sessions.filter((each) => !each.startsWith("end"))).toEqual(["full dev-1", "full dev-1", "full dev-1"]);
  });

  it("may come to its Bootstrap Server with one, and resumes that session for the next bootstrap", async () => {
    const of = await world();
    const bootstrap = await ScriptedPeer.at(of, host, 5683, { keys: { privateKey: serverKeys.privateKey, chain: [serverCertificate] } });
    const device = deviceIn(of, { bootstrap: { uri: bootstrap.secureUri, credential: x509, trust: byUsage(2) } });
    device.start();
    await of.clock.advance(1_000);
    expect(bootstrap.last("POST /bs").peer.identity).toMatchObject({ mode: "x509", name: "dev-1" });
    device.step({ in: "bootstrap-again", cause: "manual" });
    await of.clock.advance(1_000);
    expect(bootstrap.sessions.filter((each) => !each.startsWith("end"))).toEqual(["full dev-1", "resumed dev-1"]);
  });

  it.each([
    [3, "public key or certificate"],
    [4, "public key or certificate of the server"],
    [5, "private key"],
  ])("does not finish without /0/x/%i", async (resource, what) => {
    const { finish, bootstrap, of } = await provisioned(`dev-${resource}`, keys.map((each) => (each.id === resource ? single(resource, new Uint8Array()) : each)));
    const { code, response } = await bootstrap.ask(of, bootstrapFinish());
    expect([code, Buffer.from(response?.payload ?? []).toString()]).toEqual(["4.06", `/0/1 has security mode 2 and no ${what} (resource ${resource})`]);
    expect(await finish()).toBe("4.06");
  });
});

describe("what a session rests on", () => {
  it("is who the device is and whom it takes for its server, and not the suites", () => {
    const node = (more: readonly ResourceNode[] = []): InstanceNode => instance(0, [single(2, 2), single(3, x509.certificate), single(4, authority.certificate), single(5, x509.privateKey), ...more]);
    expect(sameCredential(node(), node())).toBe(true);
    expect(sameCredential(node(), node([multiple(16, [[0, 0xc0ae]])]))).toBe(true);
    for (const [id, value] of [[13, 1], [14, "server.example"], [15, 2]] as const) expect(sameCredential(node(), node([single(id, value)]))).toBe(false);
    const changed = (id: number): InstanceNode => ({ ...node(), resources: node().resources.map((each) => (each.id === id ? single(id, Buffer.from("other")) : each)) });
    for (const id of [3, 4, 5]) expect(sameCredential(node(), changed(id))).toBe(false);
  });
});
