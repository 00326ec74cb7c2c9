import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { resultSchema } from "../src/harness/index.js";
import { start } from "./process.js";

const root = join(import.meta.dirname, "..");
const out = mkdtempSync(join(tmpdir(), "muster-node-dtls-client-"));
const declined = ["not-applicable", "unsupported"];

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isSymbolicLink() ? [] : entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)]));
}

describe("devices on node-coap and node-dtls-client", () => {
  afterAll(() => rmSync(out, { recursive: true, force: true }));

  it("bootstrap, register, are triggered and get new keys over DTLS-PSK as ours do, and nothing of theirs tells a key", async (test) => {
    if (!existsSync(join(import.meta.dirname, ".cache/node-dtls-client/node_modules/node-dtls-client"))) {
      if (process.env["CI"] !== undefined) throw new Error("node-dtls-client is not there: run interop/setup");
      return test.skip("node-dtls-client is not installed: run interop/setup");
    }
    const args = ["run", "--functional", "--seed", "1", "--security", "psk", "--devices-on", "node-dtls-client", "--out", out];
    const run = await start(process.execPath, [join(root, "dist/src/cli/main.js"), ...args, "bootstrap/client-initiated", "registration/device", "server-management/sm2-trigger", "security/sm3-psk", "security/rotation", "security/handshake-refused"], { cwd: root });
    const code = await run.exited;
    const [name = ""] = readdirSync(out).filter((entry) => entry !== "latest");
    const result = resultSchema.parse(JSON.parse(readFileSync(join(out, name, "result.json"), "utf8")));
    expect(result.scenarios.filter(({ verdict }) => verdict !== "pass" && !declined.includes(verdict)).map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`), run.output()).toEqual([]);
    expect(result.verdicts.pass).toBeGreaterThanOrEqual(35);
    for (const feature of ["bootstrap/client-initiated", "registration/device", "server-management/sm2-trigger", "security/sm3-psk", "security/rotation", "security/handshake-refused"])
      expect(result.scenarios.filter(({ id, verdict }) => id.startsWith(`${feature}/`) && verdict === "pass").length, feature).toBeGreaterThan(0);
    expect(code, run.output()).toBe(0);
    // A Write of /0 with a key in it: its bytes are zeros in what is kept.
    const written = filesIn(join(out, name)).filter((file) => file.endsWith("trace.ndjson")).flatMap((file) => readFileSync(file, "utf8").split("\n").filter((line) => line.includes('"role":"device"') && /"path":"\/0\/\d+"/.test(line) && line.includes('"in"')));
    expect(written.length).toBeGreaterThan(0);
    for (const line of written) expect(line).toMatch(/(00){16}/);
  }, 180_000);
});
