import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeCapture } from "../src/harness/index.js";

const run = promisify(execFile);
const muster = join(import.meta.dirname, "..", "dist", "src", "cli", "main.js");
const scenario = "features/bootstrap/client-initiated.feature";

const tshark = (...args: readonly string[]): Promise<string> => run("tshark", [...args], { timeout: 30_000, maxBuffer: 16 * 1024 * 1024 }).then(({ stdout }) => stdout);

const installed = await tshark("--version").then(
  () => true,
  () => false,
);

describe("tshark on the capture of a scenario", () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-tshark-"));
  let file = "";
  let asCoap: string[] = [];

  beforeAll(async () => {
    if (!installed) {
      if (process.env["CI"] !== undefined) throw new Error("tshark is not installed: run interop/setup");
      return;
    }
    const { stdout } = await run(process.execPath, [muster, "run", scenario, "--security", "nosec", "--json", "--out", folder, "--devices", "1"], { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 });
    const result = JSON.parse(stdout) as { readonly scenarios: readonly { readonly name: string; readonly evidence?: string }[] };
    const evidence = result.scenarios.find(({ name }) => name === "A known device gets its configured account")?.evidence;
    file = join(folder, "latest", evidence ?? "", "capture.pcapng");
    const ports = new Set(decodeCapture(await readFile(file)).flatMap(({ from, to }) => [from.port, to.port]));
    asCoap = [...ports].flatMap((port) => ["-d", `udp.port==${port},coap`]);
  }, 90_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("reads every packet as CoAP, whatever the port, and finds nothing malformed", async (test) => {
    if (!installed) return test.skip("tshark is not installed: run interop/setup");
    const protocols = (await tshark("-r", file, ...asCoap, "-T", "fields", "-e", "frame.protocols")).trim().split("\n");
    expect(protocols.length).toBeGreaterThan(8);
    for (const stack of protocols) expect(stack).toContain("raw:ip:udp:coap");
    expect(await tshark("-r", file, ...asCoap, "-Y", '_ws.malformed || udp.checksum.status == "Bad" || ip.checksum.status == "Bad"', "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE")).toBe("");
  });

  it("shows the Bootstrap-Request, the Writes with their LwM2M TLV, and the Register", async (test) => {
    if (!installed) return test.skip("tshark is not installed: run interop/setup");
    const text = await tshark("-r", file, ...asCoap);
    expect(text).toMatch(/POST, .*\/bs\?ep=ab-/);
    expect(text).toMatch(/POST, .*\/rd\?ep=ab-.*lwm2m=1\.1/);
    const writes = await tshark("-r", file, ...asCoap, "-Y", "coap.code == 3 && lwm2mtlv", "-T", "fields", "-e", "coap.opt.uri_path_recon");
    expect(writes).toMatch(/^\/0\/\d+$/m);
    expect(writes).toMatch(/^\/1\/\d+$/m);
  });

  it("names role and device of each packet in its comment", async (test) => {
    if (!installed) return test.skip("tshark is not installed: run interop/setup");
    const comments = await tshark("-r", file, "-T", "fields", "-e", "frame.comment");
    expect(comments).toMatch(/^device, ab-[a-z0-9]+-c1: CON POST \/bs/m);
    expect(comments).toMatch(/^bootstrap-server, ab-[a-z0-9]+-c1: /m);
  });
});

describe("tshark on the capture of a scenario over DTLS whose keys were kept", () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-tshark-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("decrypts it by the secrets inside, Bootstrap-Request, Writes and Register, and finds nothing malformed", async (test) => {
    if (!installed && process.env["CI"] === undefined) return test.skip("tshark is not installed: run interop/setup");
    const { stdout } = await run(process.execPath, [muster, "run", scenario, "--key-log", "--json", "--out", folder, "--devices", "1"], { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 });
    const result = JSON.parse(stdout) as { readonly keyLog?: boolean; readonly scenarios: readonly { readonly name: string; readonly evidence?: string }[] };
    expect(result.keyLog).toBe(true);
    const evidence = result.scenarios.find(({ name }) => name === "A known device gets its configured account")?.evidence;
    const file = join(folder, "latest", evidence ?? "", "capture.pcapng");
    const ports = new Set(decodeCapture(await readFile(file)).flatMap(({ from, to }) => [from.port, to.port]));
    const asDtls = [...ports].flatMap((port) => ["-d", `udp.port==${port},dtls`, "-d", `dtls.port==${port},coap`]);
    const text = await tshark("-r", file, ...asDtls);
    expect(text).toMatch(/POST, .*\/bs\?ep=ab-/);
    expect(text).toMatch(/POST, .*\/rd\?ep=ab-.*lwm2m=1\.1/);
    expect(await tshark("-r", file, ...asDtls, "-Y", "coap.code == 3 && lwm2mtlv", "-T", "fields", "-e", "coap.opt.uri_path_recon")).toMatch(/^\/0\/\d+$/m);
    expect(await tshark("-r", file, ...asDtls, "-Y", "_ws.malformed")).toBe("");
  }, 120_000);
});
