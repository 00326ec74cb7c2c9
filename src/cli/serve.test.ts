import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { CertificateAuthority, newKeyPair } from "../certificates/index.js";
import { Codes, labTransmission } from "../coap/index.js";
import { registerRequest } from "../lwm2m/index.js";
import { OperatorClient } from "../operator/index.js";
import { osSecrets, realPorts } from "../ports/real/index.js";
import { secureEndpoint } from "../transport/index.js";
import { muster, start } from "./testing/muster.js";
import type { Options, Started } from "./testing/muster.js";

// Processes start slowly on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 100_000 });

let folder = "";
const running = new Set<Started>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-serve-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const process of running) process.signal("SIGTERM");
  await Promise.all([...running].map(({ ended }) => ended));
  running.clear();
});

const started = (args: readonly string[], options?: Options): Started => {
  const process = start(args, options);
  running.add(process);
  return process;
};
const anyPort = ["--coap", "127.0.0.1:0", "--http", "127.0.0.1:0"];
const server = async (...args: string[]): Promise<{ process: Started; coap: string; http: string }> => {
  const process = started(["serve", "lwm2m-server", ...anyPort, "--timing", "lab", ...args]);
  const [, coap = "", http = ""] = await process.until(/ready: (coap:\S+) (http:\S+)/);
  return { process, coap, http };
};

describe.each(["bootstrap-server", "lwm2m-server"])("muster serve %s", (role) => {
  it.each(["SIGINT", "SIGTERM"] as const)("says when it is ready, and stops cleanly on %s", async (signal) => {
    const process = started(["serve", role, ...anyPort], { env: { XDG_RUNTIME_DIR: folder } });
    const [line, coap, http, tokenFile = ""] = await process.until(new RegExp(`^${role} ready: (coap://127\\.0\\.0\\.1:\\d+) (http://127\\.0\\.0\\.1:\\d+) timing rfc, token in (\\S+)\n`));
    expect(process.out()).toBe(line);
    expect(coap).not.toContain(":0");
    expect(tokenFile.startsWith(join(folder, "muster"))).toBe(true);
    expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
    const authorization = `Bearer ${(await readFile(tokenFile, "utf8")).trim()}`;
    const health = await request(`${http ?? ""}/operator/v1/health`, { headers: { authorization } });
    expect(await health.body.json()).toMatchObject({ role, timing: "rfc", lab: true });
    const metrics = await request(`${http ?? ""}/metrics`);
    expect(await metrics.body.text()).toContain("muster_operations_total");
    process.signal(signal);
    expect(await process.ended).toMatchObject({ code: 0, out: line });
    await expect(stat(tokenFile)).rejects.toThrow();
  });

  it("takes its configuration from a file, with flags before keys", async () => {
    const file = join(folder, `${role}.yaml`);
    await writeFile(file, "name: mine\ncoap: 127.0.0.1:1\nhttp: 127.0.0.1:0\ntiming: lab\noperatorTokenEnv: OPERATOR\npeers:\n  - id: peer\n    tenant: a\n    tokenEnv: PEER\n");
    const process = started(["serve", role, "--config", file, "--coap", "127.0.0.1:0", "--json"], { env: { OPERATOR: "operator-token-of-the-test", PEER: "peer-token-of-the-test" } });
    const [line] = await process.until(/^\{.*\}\n/);
    const ready = JSON.parse(line) as { http: string };
    expect(ready).toMatchObject({ msg: "ready", name: "mine", timing: "lab" });
    expect(ready).not.toHaveProperty("tokenFile");
    const health = await request(`${ready.http}/operator/v1/health`, { headers: { authorization: "Bearer operator-token-of-the-test" } });
    expect(await health.body.json()).toMatchObject({ name: "mine", lab: false });
    process.signal("SIGTERM");
    const { out, err } = await process.ended;
    expect(out + err).not.toContain("token-of-the-test");
  });

  it("says which address is taken, exit 2", async () => {
    const first = started(["serve", role, ...anyPort]);
    const [, port = ""] = await first.until(/http:\/\/127\.0\.0\.1:(\d+)/);
    const { code, err } = await muster(["serve", role, "--coap", "127.0.0.1:0", "--http", `127.0.0.1:${port}`]);
    expect(err).toContain(`--http 127.0.0.1:${port} is in use by another process; stop it, or choose another port`);
    expect(code).toBe(2);
  });

  it("says which planted fault it does not know, exit 2", async () => {
    const file = join(folder, `${role}-plants.yaml`);
    await writeFile(file, "plants: [no-such-plant]\n");
    const { code, err } = await muster(["serve", role, ...anyPort, "--config", file]);
    expect(err).toContain(`${file}:1:10: plants.0: "no-such-plant" is no planted fault of this role; use one of `);
    expect(code).toBe(2);
  });
});

describe.each(["bootstrap-server", "lwm2m-server"])("muster serve %s with keys of its own", (role) => {
  it("shows them to its operator, and the private one to nobody", async () => {
    const authority = await CertificateAuthority.create(realPorts("vendor"), "Authority of a vendor");
    const { publicKey, privateKey } = newKeyPair(osSecrets);
    const certificate = await authority.issue(publicKey, { commonName: "server.example" });
    const [key, pem] = [join(folder, `${role}.key`), join(folder, `${role}.pem`)];
    await writeFile(key, privateKey);
    await writeFile(pem, new X509Certificate(certificate).toString());
    const process = started(["serve", role, ...anyPort, "--coaps", "127.0.0.1:0", "--server-key", key, "--server-certificate", pem, "--json"], { env: { XDG_RUNTIME_DIR: folder } });
    const [line] = await process.until(/^\{.*\}\n/);
    const ready = JSON.parse(line) as { http: string; tokenFile: string };
    const operator = new OperatorClient({ baseUrl: ready.http, token: (await readFile(ready.tokenFile, "utf8")).trim() });
    expect(await operator.serverKeys()).toEqual({ publicKey: publicKey.toString("base64url"), certificate: certificate.toString("base64url") });
    await operator.close();
    process.signal("SIGTERM");
    const { out, err } = await process.ended;
    for (const encoding of ["hex", "base64", "base64url"] as const) expect(out + err).not.toContain(privateKey.subarray(36, 68).toString(encoding));
  });

  it("says which file is not what it should be, exit 2", async () => {
    const file = join(folder, `${role}-no.key`);
    await writeFile(file, "no key");
    const { code, err } = await muster(["serve", role, ...anyPort, "--coaps", "127.0.0.1:0", "--server-key", file]);
    expect(err).toContain(`serverKey: ${file} holds no private key without a passphrase`);
    expect(code).toBe(2);
    expect((await muster(["serve", role, ...anyPort, "--server-key", join(folder, "nowhere")])).err).toContain("--server-key");
  });
});

describe("muster serve lwm2m-server with a DTLS port", () => {
  it("knows the devices of a file of keys, and shows none of them", async () => {
    const key = "00112233445566778899aabbccddeeff";
    const file = join(folder, "keys.csv");
    await writeFile(file, `endpoint,serverIdentity,serverKey\ndev-1,dev-1/a,${key}\n`);
    const process = started(["serve", "lwm2m-server", ...anyPort, "--coaps", "127.0.0.1:0", "--timing", "lab", "--admission", "credential", "--credentials", file]);
    const [, host = "", port = ""] = await process.until(/coaps:\/\/([\d.]+):(\d+) /);
    const ports = realPorts("serve test");
    const device = await secureEndpoint(
      ports,
      { host: "127.0.0.1", connect: { host, port: Number(port) }, transmission: labTransmission, credential: { identity: Buffer.from("dev-1/a"), key: Buffer.from(key, "hex") } },
      { onRequest: (request) => request.ignore() },
      { onSession: () => {}, onSessionEnd: () => {} },
    );
    const { code } = await device.request(device.peer(device.local), registerRequest({ version: "1.1", lifetime: 60 }, "</1/0>,</3/0>"));
    expect(code).toBe(Codes.Created);
    await device.close();
    process.signal("SIGTERM");
    const { out, err } = await process.ended;
    expect(out + err).not.toContain(key);
  });
});

describe("muster device", () => {
  it("registers, tells what happens, and leaves", async () => {
    const { process, coap } = await server();
    const { code, out, err } = await muster(["device", "--endpoint", "dev-1", "--server", coap, "--timing", "lab", "--duration", "1s", "--seed", "7"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^dev-1 started: registers with coap:\S+, personality default, seed 7\ndev-1 left; it was registered\n$/);
    expect(err).toMatch(/-> CON POST \/rd\?ep=dev-1/);
    expect(err).toMatch(/-> CON DELETE \/rd\//);
    expect(process.err()).toMatch(/registered endpoint=dev-1/);
  });

  it("leaves on SIGINT", async () => {
    const { coap } = await server();
    const device = started(["device", "--endpoint", "dev-2", "--server", coap, "--timing", "lab"]);
    await device.until(/started/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    device.signal("SIGINT");
    expect(await device.ended).toMatchObject({ code: 0, out: expect.stringContaining("dev-2 left") as string });
  });

  it("ends with 1 when nobody answered in its time", async () => {
    const { code, out } = await muster(["device", "--endpoint", "dev-3", "--server", "coap://127.0.0.1:9", "--timing", "lab", "--duration", "500ms"]);
    expect(out).toContain("dev-3 left; it was ");
    expect(code).toBe(1);
  });
});

describe("muster fleet", () => {
  it("registers its devices, counts them and meets an expectation", async () => {
    const { coap, http } = await server();
    const { code, out, err } = await muster(["fleet", "--devices", "50", "--rate", "100", "--server", coap, "--timing", "lab", "--seed", "7", "--expect", "registered=100%", "failed=0", "--json"]);
    expect(code, err).toBe(0);
    const result = JSON.parse(out) as { latency: { register: { count: number } } };
    expect(result).toMatchObject({ schema: "muster.fleet.v1", seed: "7", devices: 50, states: { registered: 50 }, expectations: [{ met: true }, { met: true }] });
    expect(result.latency.register.count).toBe(50);
    const metrics = await (await request(`${http}/metrics`)).body.text();
    expect(metrics).toMatch(/muster_operations_total\{operation="register",code="2\.01",outcome="ok",[^}]*\} 50/);
    expect(metrics).toMatch(/muster_operations_total\{operation="deregister",code="2\.02",outcome="ok",[^}]*\} 50/);
  });

  it("ends with 1 when an expectation is not met, and shows which", async () => {
    const { code, out } = await muster(["fleet", "--devices", "3", "--server", "coap://127.0.0.1:9", "--timing", "lab", "--duration", "1s", "--expect", "registered=100%"]);
    expect(out).toMatch(/expected {4}registered=100%: not met/);
    expect(code).toBe(1);
  });

  it("lets its devices leave on SIGTERM and ends with 3", async () => {
    const { coap, http } = await server();
    const fleet = started(["fleet", "--devices", "20", "--server", coap, "--timing", "lab", "--duration", "60s"]);
    await fleet.until(/20 devices, seed/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    fleet.signal("SIGTERM");
    const { code, out } = await fleet.ended;
    expect(out).toContain("interrupted by SIGTERM");
    expect(code).toBe(3);
    expect(await (await request(`${http}/metrics`)).body.text()).toMatch(/operation="deregister",code="2\.02",outcome="ok",[^}]*\} 20/);
  });

  it("serves metrics while it runs", async () => {
    const { coap } = await server();
    const fleet = started(["fleet", "--devices", "5", "--server", coap, "--timing", "lab", "--duration", "60s", "--metrics", "127.0.0.1:0"]);
    const [, url = ""] = await fleet.until(/metrics on (http:\S+)/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await (await request(url)).body.text()).toMatch(/muster_fleet_devices\{state="registered",role="fleet"\} 5/);
  });
});
