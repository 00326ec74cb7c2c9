import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { resultSchema, type RunResult } from "../src/harness/index.js";
import { matrixSchema } from "../src/report/index.js";
import { PEERS } from "./peers.js";
import { start } from "./process.js";

const root = join(import.meta.dirname, "..");
const cache = join(import.meta.dirname, ".cache");
const muster = join(root, "dist/src/cli/main.js");
/** The reports stay: `muster matrix reports/interop` shows them in one table. */
const out = join(root, "reports", "interop");
const folders: string[] = [];

/** A run without load in a process of its own, as a user has it. */
const run = (name: string, ...args: readonly string[]) => wholeRun(name, "--functional", ...args);

async function wholeRun(name: string, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly result: RunResult; readonly output: string }> {
  const folder = join(out, name);
  rmSync(folder, { recursive: true, force: true });
  const process_ = await start(process.execPath, [muster, "run", "--out", folder, "--seed", "7", ...args], { cwd: root });
  const code = await process_.exited;
  const [newest = ""] = readdirSync(folder).filter((entry) => entry !== "latest");
  const written = join(folder, newest, "result.json");
  if (!existsSync(written)) throw new Error(`the run wrote no result:\n${process_.output()}`);
  folders.push(folder);
  return { code, result: resultSchema.parse(JSON.parse(readFileSync(written, "utf8"))), output: process_.output() };
}

const unexpected = ({ scenarios }: RunResult): string[] =>
  scenarios.filter(({ verdict, deviation }) => deviation?.as === "surprise" || (!["pass", "unsupported", "not-applicable"].includes(verdict) && deviation === undefined)).map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`);

const passed = ({ scenarios }: RunResult, judges: string): number => scenarios.filter((scenario) => scenario.verdict === "pass" && scenario.judges === judges).length;

/** Deviations that an entry says another client stack reproduces, and that this run's second opinion does not bear out. */
const unreproduced = ({ scenarios }: RunResult): string[] =>
  scenarios.flatMap(({ id, deviation, secondOpinion }) =>
    deviation?.reproduced?.startsWith("reproduced") !== true || secondOpinion?.as === "agrees" ? [] : [`${id}: ${secondOpinion?.reason ?? "nobody was asked"}`],
  );

/** Left out of the run unless it is installed; in CI it must be. */
function installed(file: string): boolean {
  if (existsSync(join(cache, file))) return true;
  if (process.env["CI"] !== undefined) throw new Error(`${file} is not there: run interop/setup`);
  return false;
}

// What other files of tests keep of their peers stays.
beforeAll(() => {
  for (const entry of existsSync(out) ? readdirSync(out) : []) if (join(out, entry) !== PEERS) rmSync(join(out, entry), { recursive: true, force: true });
});

describe("Leshan in each role", () => {
  it("as LwM2M Server 2.0.0-M18 passes what it is known to pass, and departs from the text where it is known to", async (test) => {
    if (!installed("leshan/server/classes/Main.class")) return test.skip("Leshan's server is not installed: run interop/setup");
    const { code, result, output } = await run("m18", "--security", "psk", "--second-opinion", "--target", "targets/leshan-m18.yaml", "registration", "management", "security/identity.feature", "server-management/sm2-at-the-server.feature");
    expect(unexpected(result), output).toEqual([]);
    expect(result.scenarios.filter(({ deviation }) => deviation?.as === "known")).toHaveLength(6);
    expect(unreproduced(result), output).toEqual([]);
    expect(passed(result, "lwm2m-server")).toBeGreaterThanOrEqual(25);
    expect(result.verifiedAgainst).toEqual({ "server-a": "our facade" });
    expect(code, output).toBe(0);
  }, 180_000);

  it("as LwM2M Server 2.0.0-M18 triggers a fleet, its sleeping devices included, and the report says which side was the limit", async (test) => {
    if (!installed("leshan/server/classes/Main.class")) return test.skip("Leshan's server is not installed: run interop/setup");
    const { result, output } = await wholeRun("m18-load", "--target", "targets/leshan-m18.yaml", "--devices", "100", "features/load/trigger-storm.feature");
    // What came too late on a busy machine is nobody's; whether it is so is the report's affair.
    expect(result.scenarios.map(({ verdict, reason }) => (reason.includes("processors were") || reason.startsWith("generator saturated") ? "pass" : `${verdict}: ${reason}`)), output).toEqual([expect.stringMatching(/^pass/)]);
    expect(result.fleet?.limit?.reason).toContain("ACK_TIMEOUT");
  }, 180_000);

  it("as LwM2M Server behind calls that a target file maps is judged as behind the adapter made for it", async (test) => {
    if (!installed("leshan/server/classes/Main.class")) return test.skip("Leshan's server is not installed: run interop/setup");
    const { result, output } = await run("template", "--target", "targets/leshan-template.yaml", "management/operations.feature", "server-management/sm2-at-the-server.feature");
    expect(unexpected(result), output).toEqual([]);
    expect(passed(result, "lwm2m-server")).toBeGreaterThanOrEqual(9);
    expect(passed(result, "device")).toBeGreaterThanOrEqual(25);
  }, 180_000);

  it("as LwM2M Server 2.0.0-M4, its demo as it was published, triggers bootstraps and is told apart from the newer one", async (test) => {
    if (!installed("leshan-server-demo-2.0.0-M4-jar-with-dependencies.jar")) return test.skip("Leshan's demo is not installed: run interop/setup");
    const { result, output } = await run("m4", "--second-opinion", "--target", "targets/leshan-m4.yaml", "registration/register-parameters.feature", "server-management/sm2-trigger.feature");
    expect(unexpected(result), output).toEqual([]);
    expect(unreproduced(result), output).toEqual([]);
    expect(result.scenarios.find(({ id }) => id.endsWith("does-not-speak-is-refused"))).toMatchObject({ verdict: "fail", deviation: { as: "known" } });
  }, 180_000);

  it("as Bootstrap Server 2.0.0-M15 gives devices their accounts", async (test) => {
    if (!installed("leshan/bootstrap/classes/Main.class")) return test.skip("Leshan's bootstrap server is not installed: run interop/setup");
    const { result, output } = await run("bootstrap", "--target", "targets/leshan-bootstrap.yaml", "bootstrap/request.feature", "bootstrap/finish.feature");
    expect(unexpected(result), output).toEqual([]);
    expect(passed(result, "bootstrap-server")).toBeGreaterThanOrEqual(5);
  }, 180_000);

  it("as Bootstrap Server 2.0.0-M15 gives devices their keys over DTLS", async (test) => {
    if (!installed("leshan/bootstrap/classes/Main.class")) return test.skip("Leshan's bootstrap server is not installed: run interop/setup");
    const { result, output } = await run("bootstrap-psk", "--security", "psk", "--target", "targets/leshan-bootstrap.yaml", "bootstrap/request.feature", "security/ets-bootstrap.feature");
    expect(unexpected(result), output).toEqual([]);
    expect(passed(result, "bootstrap-server")).toBeGreaterThanOrEqual(2);
  }, 180_000);

  it("as device bootstraps from ours, registers, is managed and triggered", async (test) => {
    if (!installed("leshan/client/classes/Main.class")) return test.skip("Leshan's client is not installed: run interop/setup");
    const { result, output } = await run("device", "--target", "targets/leshan-device.yaml", "--devices-on", "leshan", "registration/device.feature", "management/bootstrap-trigger.feature", "reporting", "server-management/sm2-at-the-server.feature");
    expect(unexpected(result), output).toEqual([]);
    expect(passed(result, "device")).toBeGreaterThanOrEqual(14);
    expect(result.scenarios.find(({ id }) => id.endsWith("a-device-that-accepts-the-trigger-asks-for-its-bootstrap"))).toMatchObject({ verdict: "pass" });
  }, 180_000);
});

describe("Leshan's client library among a fleet", () => {
  it("as device over PSK is triggered and takes a new key, while the keys of a fleet of ours are rotated", async (test) => {
    if (!installed("leshan/client/classes/Main.class")) return test.skip("Leshan's client is not installed: run interop/setup");
    const { code, result, output } = await wholeRun("device-among-fleet", "--security", "psk", "--target", "targets/leshan-device.yaml", "--devices-on", "leshan", "--devices", "200", "features/load/among.feature");
    expect(result.scenarios.map(({ verdict, reason }) => `${verdict} ${reason}`), output).toEqual(["pass 1 check"]);
    expect(result.fleet?.latency["order-to-confirmed"]?.count, output).toBe(50);
    expect(code, output).toBe(0);
  }, 180_000);
});

describe("Wakaama's npm client", () => {
  it("as device of LwM2M 1.0 registers and is managed, over NoSec and over PSK", async (test) => {
    if (!installed("wakaama/node_modules/node-red-contrib-lwm2m/package.json")) return test.skip("Wakaama's npm client is not installed: run interop/setup");
    const wakaama = ["--target", "targets/wakaama-device.yaml", "--devices-on", "wakaama", "registration/device.feature"];
    // At once: most of the time they wait for Updates that do not come.
    const [nosec, psk] = await Promise.all([
      run("wakaama-nosec", "--security", "nosec", ...wakaama, "management"),
      run("wakaama-psk", "--security", "psk", ...wakaama, "management/access-control.feature", "management/bootstrap-trigger.feature"),
    ]);
    for (const { code, result, output } of [nosec, psk]) {
      expect(unexpected(result), output).toEqual([]);
      expect(result.scenarios.find(({ id }) => id.endsWith("a-device-that-accepts-the-trigger-asks-for-its-bootstrap"))).toMatchObject({ verdict: "unsupported" });
      expect(code, output).toBe(0);
    }
    expect(passed(nosec.result, "device")).toBeGreaterThanOrEqual(28);
    expect(passed(psk.result, "device")).toBeGreaterThanOrEqual(9);
  }, 180_000);
});

describe("all of them", () => {
  it("are shown in one matrix, role by role and version by version", async (test) => {
    if (folders.length === 0) return test.skip("no run was made");
    const joined = await start(process.execPath, [muster, "matrix", ...folders, "--out", out], { cwd: root });
    expect(await joined.exited, joined.output()).toBe(0);
    const { rows } = matrixSchema.parse(JSON.parse(readFileSync(join(out, "matrix.json"), "utf8")));
    const others = rows.filter(({ implementation }) => /^(?:Leshan|Wakaama)/.test(implementation)).map(({ role, implementation }) => `${role}: ${implementation}`);
    if (folders.length === 10)
      expect([...new Set(others)]).toEqual([
        "lwm2m-server: Leshan 2.0.0-M18",
        "lwm2m-server: Leshan 2.0.0-M18 (http-template)",
        "lwm2m-server: Leshan demo 2.0.0-M4",
        "bootstrap-server: Leshan 2.0.0-M15",
        "device: Leshan client 2.0.0-M18",
        "device: Wakaama npm client 2.12.3",
      ]);
    for (const { run, cells } of rows)
      for (const { evidence } of Object.values(cells).flatMap(({ scenarios }) => scenarios)) if (evidence !== undefined) expect(existsSync(join(out, run.folder, evidence, "trace.ndjson"))).toBe(true);
  }, 60_000);
});
