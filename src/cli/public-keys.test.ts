import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CertificateAuthority, newKeyPair, type KeyPair } from "../certificates/index.js";
import { Codes, labTransmission } from "../coap/index.js";
import { isPsk, readCredentials, testKeyNotice } from "../config/index.js";
import { Alerts, verifyChain, type PeerClaim } from "../dtls/index.js";
import { realPorts } from "../ports/real/index.js";
import { serverEndpoint, type ServerEndpoint } from "../transport/index.js";
import { muster } from "./testing/muster.js";

// Processes start slowly on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 100_000 });

const ports = realPorts("public keys test");
let folder = "";
let server: ServerEndpoint<string>;
let keys: KeyPair;
/** Raw public keys, hex, and authorities that the server takes. */
const known = new Set<string>();
const anchors: Uint8Array[] = [];
const met = new Set<string>();

const file = (name: string): string => join(folder, name);
const uri = (): string => `coaps://127.0.0.1:${server.local.port}`;
const pem = (label: string, der: Uint8Array): string => `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;

/** Somebody's server with a certificate of an authority of its own. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-public-keys-"));
  keys = newKeyPair(ports.secrets);
  const authority = await CertificateAuthority.create(ports, "of the server");
  const certificate = await authority.issue(keys.publicKey, { commonName: "server", hosts: ["127.0.0.1"] });
  await writeFile(file("authority.pem"), pem("CERTIFICATE", authority.certificate));
  await writeFile(file("server.der"), certificate);
  await writeFile(file("server.pem"), pem("PUBLIC KEY", keys.publicKey));
  const findPeer = (claim: PeerClaim) => {
    if (claim.mode === "rpk") return known.has(claim.publicKey.toString("hex")) ? { context: "known" } : { refuse: Alerts.access_denied };
    const objection = verifyChain(claim.chain, { anchors, now: Date.now(), purpose: "client" });
    return objection === undefined ? { context: "certified" } : { refuse: objection.alert };
  };
  server = await serverEndpoint<string>(ports, { coaps: { host: "127.0.0.1", port: 0, directory: { findKey: () => ({ refuse: 115 }), findPeer, mayResume: () => true }, settings: { connectionIdLength: 8, keys: { privateKey: keys.privateKey, chain: [certificate] } } }, transmission: labTransmission }, {
    onRequest: (request) => {
      met.add(request.peer.identity?.name ?? "nobody");
      request.respond(request.path.length === 1 ? { code: Codes.Created, locationPath: ["rd", String(met.size)] } : { code: request.code === Codes.DELETE ? Codes.Deleted : Codes.Changed });
    },
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const fleet = (...flags: string[]) => muster(["fleet", "--server", uri(), "--shards", "1", "--timing", "lab", "--expect", "registered=100%", "--json", ...flags]);

describe("a fleet with certificates", () => {
  it("has those that were exported, and shows no private key", async () => {
    const exported = await muster(["credentials", "export", "--security", "x509", "--devices", "3", "--seed", "7", "--format", "json", "--endpoint-pattern", "cert-{index}"]);
    expect([exported.code, exported.err]).toEqual([0, `muster: ${testKeyNotice}\n`]);
    const authority = await muster(["credentials", "authority", "--seed", "7"]);
    anchors.push(new X509Certificate(authority.out).raw);
    expect((JSON.parse(exported.out) as { authority: string }).authority).toBe(Buffer.from(anchors[0] ?? []).toString("base64"));
    await writeFile(file("devices.json"), exported.out);
    const trust = ["--trust", file("authority.pem"), "--certificate-usage", "2"];
    for (const flags of [["--credentials", file("devices.json")], ["--security", "x509", "--devices", "3", "--seed", "7", "--endpoint-pattern", "cert-{index}"]]) {
      met.clear();
      const { code, out, err } = await fleet(...flags, ...trust);
      expect([code, err.includes("undefined")]).toEqual([0, false]);
      expect(JSON.parse(out)).toMatchObject({ devices: 3, states: { registered: 3 }, counters: { handshakes: 3, deregistrations: 3 } });
      expect([...met].sort()).toEqual(["cert-1", "cert-2", "cert-3"]);
      for (const { server: credential } of readCredentials(exported.out, "exported")) if (credential !== undefined && !isPsk(credential)) expect(out + err).not.toContain(Buffer.from(credential.privateKey).subarray(36, 68).toString("hex"));
    }
  });

  it("may have an authority of its own, and know the very certificate of its server", async () => {
    const pair = newKeyPair(ports.secrets);
    const authority = await CertificateAuthority.create(ports, "of the devices", pair);
    anchors.push(authority.certificate);
    await writeFile(file("devices.pem"), pem("CERTIFICATE", authority.certificate) + pem("PRIVATE KEY", pair.privateKey));
    const { code, out } = await fleet("--security", "x509", "--devices", "2", "--authority", file("devices.pem"), "--trust", file("server.der"), "--trust-store", file("authority.pem"), "--certificate-usage", "1");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ counters: { handshakes: 2 } });
  });

  it("that finds another server says which alert it sent, and why", async () => {
    const { code, out } = await fleet("--security", "x509", "--devices", "1", "--trust", file("devices.pem"), "--duration", "1s");
    expect(code).toBe(1);
    expect(out).toContain('"handshakesRefused":1');
  });
});

describe("a fleet with raw public keys", () => {
  it("changes its addresses, and counts what follows", async () => {
    const exported = await muster(["credentials", "export", "--security", "rpk", "--devices", "4", "--seed", "9", "--endpoint-pattern", "raw-{index}"]);
    for (const { server: credential } of readCredentials(exported.out, "exported")) if (credential?.mode === "rpk") known.add(Buffer.from(credential.publicKey).toString("hex"));
    await writeFile(file("raw.csv"), exported.out);
    const moving = ["fleet", "--credentials", file("raw.csv"), "--trust", file("server.pem"), "--server", uri(), "--shards", "1", "--timing", "lab", "--duration", "4s", "--rebind-every", "1s", "--lifetime", "2"];
    const without = await muster([...moving, "--rebind-share", "50%"]);
    expect(without.out).toMatch(/rebinds {5}\d+ changes of address, \d+ updates lost, \d+ handshakes after one/);
    const withIds = await muster([...moving, "--cid", "--expect", "updatesLost=0", "handshakesAfterRebind=0", "updated>=100%"]);
    expect([without.code, withIds.code]).toEqual([0, 0]);
    expect(withIds.out).toMatch(/rebinds {5}\d+ changes of address, 0 updates lost, 0 handshakes after one/);
    expect(withIds.out).toContain("recovery");
  });
});

describe("muster device with public keys", () => {
  it("takes them from a file, with what its server is known by", async () => {
    const trust = createPublicKey({ key: Buffer.from(keys.publicKey), format: "der", type: "spki" }).export({ format: "der", type: "spki" }).toString("base64");
    const pair = newKeyPair(ports.secrets);
    known.add(pair.publicKey.toString("hex"));
    await writeFile(file("one.json"), JSON.stringify({ devices: [{ endpoint: "dev-1", mode: "rpk", key: pem("PRIVATE KEY", pair.privateKey), trust }] }));
    const { code, out, err } = await muster(["device", "--endpoint", "dev-1", "--server", uri(), "--credentials", file("one.json"), "--timing", "lab", "--duration", "1s", "--cid", "--json"]);
    expect(code).toBe(0);
    expect(out).toContain('"handshakes":1');
    for (const form of ["hex", "base64"] as const) expect(out + err).not.toContain(pair.privateKey.subarray(36, 66).toString(form));
  });
});

describe("wrong usage of public keys", () => {
  it.each<[string, string[], RegExp]>([
    ["no word about the server", ["--security", "x509", "--devices", "1"], /--trust: is missing; give a file of the server's certificate/],
    ["a file of something else", ["--security", "rpk", "--devices", "1", "--trust", "package.json"], /--trust: package.json holds no public key/],
    ["an authority without --security x509", ["--devices", "1", "--authority", "package.json"], /--authority: is for certificates only/],
    ["a file with no authority", ["--security", "x509", "--devices", "1", "--trust", "server.der", "--authority", "server.der"], /--authority: server.der holds no private key/],
    ["a certificate usage that is none", ["--security", "x509", "--devices", "1", "--trust", "server.der", "--certificate-usage", "4"], /--certificate-usage: is too big; use 3 or less/],
    ["a connection id that is too long", ["--devices", "1", "--cid", "17"], /--cid/],
    ["a share without a period", ["--devices", "1", "--rebind-share", "10"], /--rebind-share: goes with --rebind-every/],
    ["changes of address without an end", ["--devices", "1", "--rebind-every", "30s"], /--rebind-every: needs to know how long/],
  ])("%s is said with the flag, and ends with 2", async (_what, flags, words) => {
    const { code, err } = await muster(["fleet", "--server", uri(), ...flags.map((flag) => (flag.endsWith(".der") ? file(flag) : flag))]);
    expect(err.replaceAll(`${folder}/`, "")).toMatch(words);
    expect(code).toBe(2);
  });

  it("at a NoSec server is refused", async () => {
    const { code, err } = await muster(["fleet", "--server", "coap://127.0.0.1:5683", "--devices", "1", "--rebind-every", "1s", "--duration", "1s"]);
    expect([code, err.includes("--rebind-every: is for DTLS only")]).toEqual([2, true]);
  });
});
