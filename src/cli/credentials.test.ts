import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Codes, labTransmission } from "../coap/index.js";
import { isPsk, readCredentials, testKeyNotice } from "../config/index.js";
import { realPorts } from "../ports/real/index.js";
import { serverEndpoint, type ServerEndpoint } from "../transport/index.js";
import { muster } from "./testing/muster.js";

// Processes start slowly on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 100_000 });

let folder = "";
let server: ServerEndpoint<string>;
const identities = new Set<string>();
const keys = new Map<string, Uint8Array>();

/** Somebody's server, which takes whoever has a key. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-credentials-"));
  const directory = {
    findKey: (identity: Buffer) => {
      const key = keys.get(identity.toString());
      return key === undefined ? ({ refuse: 115 } as const) : { key, context: "known" };
    },
    mayResume: () => true,
  };
  server = await serverEndpoint<string>(realPorts("credentials test"), { coaps: { host: "127.0.0.1", port: 0, directory }, transmission: labTransmission }, {
    onRequest: (request) => {
      identities.add(request.peer.identity?.name ?? "nobody");
      request.respond(request.path.length === 1 ? { code: Codes.Created, locationPath: ["rd", String(identities.size)] } : { code: request.code === Codes.DELETE ? Codes.Deleted : Codes.Changed });
    },
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const uri = (): string => `coaps://127.0.0.1:${server.local.port}`;

describe("muster credentials export", () => {
  it.each(["csv", "json"])("as %s gives a server the keys of a fleet, which takes them back", async (format) => {
    const { code, out, err } = await muster(["credentials", "export", "--devices", "5", "--seed", "7", "--format", format, "--endpoint-pattern", `${format}-{index}`]);
    expect([code, err]).toEqual([0, `muster: ${testKeyNotice}\n`]);
    const devices = readCredentials(out, "exported");
    expect(devices.map(({ endpoint }) => endpoint)).toEqual([1, 2, 3, 4, 5].map((index) => `${format}-${index}`));
    for (const { endpoint, server: psk } of devices) if (psk !== undefined && isPsk(psk)) keys.set(endpoint, psk.key);
    const file = join(folder, `keys.${format}`);
    await writeFile(file, out);
    const fleet = await muster(["fleet", "--credentials", file, "--server", uri(), "--shards", "1", "--timing", "lab", "--expect", "registered=100%", "--json"]);
    expect(fleet).toMatchObject({ code: 0 });
    expect(JSON.parse(fleet.out)).toMatchObject({ devices: 5, states: { registered: 5 }, counters: { handshakes: 5, deregistrations: 5 } });
    for (const { endpoint } of devices) expect(identities).toContain(endpoint);
    for (const key of keys.values()) expect(fleet.out + fleet.err).not.toContain(Buffer.from(key).toString("hex"));
  });

  it("is what a fleet of the same seed and names has by itself", async () => {
    const { out } = await muster(["credentials", "export", "--devices", "3", "--seed", "eight", "--endpoint-pattern", "own-{index}"]);
    for (const { endpoint, server: psk } of readCredentials(out, "exported")) if (psk !== undefined && isPsk(psk)) keys.set(endpoint, psk.key);
    const log = join(folder, "keys.log");
    const { code, out: summary } = await muster(["fleet", "--devices", "3", "--seed", "eight", "--endpoint-pattern", "own-{index}", "--server", uri(), "--security", "psk", "--timing", "lab", "--shards", "1", "--expect", "registered=100%", "--key-log", log]);
    expect(code).toBe(0);
    expect(summary).toContain("handshakes  3 full, 0 resumed");
    expect(summary).toContain(`the secrets of all DTLS sessions are written to ${log}`);
    expect((await readFile(log, "utf8")).trim().split("\n")).toHaveLength(3);
    expect((await stat(log)).mode & 0o777).toBe(0o600);
  });
});

describe("muster device at a DTLS server", () => {
  it("takes its key from a file or the environment, and never shows it", async () => {
    const key = "00112233445566778899aabbccddeeff";
    keys.set("alone", Buffer.from(key, "hex"));
    const file = join(folder, "key");
    await writeFile(file, `${key}\n`);
    const args = ["device", "--endpoint", "dev-1", "--server", uri(), "--psk-identity", "alone", "--timing", "lab", "--duration", "1s", "--json"];
    for (const { code, out, err } of [await muster([...args, "--psk-key-file", file]), await muster(args, { env: { MUSTER_PSK_KEY: key } })]) {
      expect(code).toBe(0);
      expect(out + err).not.toContain(key);
      expect(out).toContain('"handshakes":1');
    }
    expect(identities).toContain("alone");
  });

  it("says what is wrong with a key without showing it", async () => {
    const { code, err } = await muster(["device", "--endpoint", "dev-1", "--server", uri()], { env: { MUSTER_PSK_KEY: "canary" } });
    expect(code).toBe(2);
    expect(err).toContain("MUSTER_PSK_KEY: is not a key in hex; use 1 to 64 bytes in hex");
    expect(err).not.toContain("canary");
  });
});
