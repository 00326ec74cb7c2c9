import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { resultSchema } from "../harness/index.js";
import { muster, start } from "./testing/muster.js";

// Processes start slowly on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 100_000 });

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-run-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("muster run", () => {
  it("lists scenarios by file and sends nothing", async () => {
    const { code, out, err } = await muster(["run", "--list", "registration"], { cwd: folder });
    expect(code, err).toBe(0);
    expect(out).toMatch(/^features\/registration\/\S+\.feature {2}/);
    expect(out).not.toContain("server-management");
    expect(out).toMatch(/\d+ scenarios\n$/);
    expect(await readdir(folder)).toEqual([]);
  });

  it("lists by tag, machine-readable", async () => {
    const { code, out } = await muster(["run", "--list", "--json", "@SM-3"], { cwd: folder });
    expect(code).toBe(0);
    const scenarios = JSON.parse(out) as { tags: string[] }[];
    expect(scenarios.length).toBeGreaterThan(0);
    for (const { tags } of scenarios) expect(tags).toContain("@SM-3");
  });

  it("prints result.json alone on standard output, and one line per scenario on standard error", async () => {
    const { code, out, err } = await muster(["run", "--functional", "--json", "--seed", "7", "--out", join(folder, "json"), "features/registration"], { cwd: folder });
    const result = resultSchema.parse(JSON.parse(out));
    expect(code, err).toBe(result.exitCode);
    expect(result).toMatchObject({ seed: "7", devices: 20, target: "reference", timing: "lab", interrupted: false });
    for (const { name, verdict } of result.scenarios) expect(err).toMatch(new RegExp(`^${verdict} +\\d+/\\d+ {2}.*${name.replaceAll(/[()]/g, "\\$&")}`, "m"));
    expect(err).not.toContain("\u001b");
    const [run = ""] = (await readdir(join(folder, "json"))).filter((name) => name !== "latest");
    expect(JSON.parse(await readFile(join(folder, "json", run, "result.json"), "utf8"))).toEqual(result);
    expect(await readdir(join(folder, "json", run))).toEqual(expect.arrayContaining(["index.html", "junit.xml", "matrix.html", "matrix.json", "result.json"]));
  });

  it.each(["SIGINT", "SIGTERM"] as const)("writes what there is when it is ended by %s, exit 3", async (signal) => {
    const out = join(folder, signal);
    const run = start(["run", "--functional", "--out", out, "--metrics", "127.0.0.1:0"], { cwd: folder });
    const [, metrics = ""] = await run.until(/metrics on (http:\S+)/);
    expect(await (await request(metrics)).body.text()).toContain("muster_scenarios_total");
    await run.until(/server-b/);
    run.signal(signal);
    const { code, out: printed, err } = await run.ended;
    expect(code, printed + err).toBe(3);
    expect(printed).toContain("interrupted: the result is incomplete");
    const [name = ""] = (await readdir(out)).filter((entry) => entry !== "latest");
    const result = resultSchema.parse(JSON.parse(await readFile(join(out, name, "result.json"), "utf8")));
    expect(result.interrupted).toBe(true);
    expect(result.verdicts.incomplete).toBeGreaterThan(0);
  });
});

describe("muster doctor", () => {
  it("finds out what this machine can do, and lets a device register and leave", async () => {
    const { code, out, err } = await muster(["doctor", "--devices", "20", "--json"], { cwd: folder });
    const report = JSON.parse(out) as { findings: { id: string; grade: string; repair?: string }[]; plan: { scenarios: number } };
    expect(report.findings.map(({ id }) => id)).toEqual(expect.arrayContaining(["node", "descriptors", "ports", "receive-buffer", "device", "scenarios"]));
    expect(report.findings.find(({ id }) => id === "device"), err).toMatchObject({ grade: "ok" });
    for (const { grade, repair } of report.findings) if (grade !== "ok") expect(repair).toBeTruthy();
    expect(report.plan.scenarios).toBeGreaterThan(0);
    expect(code).toBe(report.findings.some(({ grade }) => grade === "problem") ? 1 : 0);
  });

  it("says which address of a target does not answer and what to do, exit 1", async () => {
    const file = join(folder, "target.yaml");
    await writeFile(file, "serverA:\n  coap: coap://127.0.0.1:9\n  smp: http://127.0.0.1:9\n");
    const { code, out } = await muster(["doctor", "--target", file], { cwd: folder });
    expect(out).toMatch(/problem +target\.serverA\.coap +coap:\/\/127\.0\.0\.1:9 .*\n +repair: start it, or correct the address/);
    expect(out).toMatch(/problem +target\.serverA\.smp +http:\/\/127\.0\.0\.1:9 cannot be reached: .*ECONNREFUSED.*\n +repair: /);
    expect(out).toMatch(/warning +target\.serverA\.operator/);
    expect(code).toBe(1);
  });

  it("says so of a server that is steered by an adapter as well", async () => {
    const file = join(folder, "steered.yaml");
    await writeFile(file, "serverA: { adapter: manual, coap: coap://127.0.0.1:9 }\nknownDeviations: deviations.yaml\n");
    const entry = { scenario: "registration/update/nowhere", verdict: "fail", reason: ["expected"], clause: "RFC 7252 §4.2", reproducedOn: "node-coap" };
    await writeFile(join(folder, "deviations.yaml"), JSON.stringify({ deviations: [entry] }));
    const { code, out } = await muster(["doctor", "--target", file], { cwd: folder });
    expect(out).toMatch(/problem +knownDeviations +there is no scenario "registration\/update\/nowhere"\n +repair: correct the entry in deviations\.yaml/);
    expect(out).toMatch(/problem +target\.serverA\.coap +nobody listens at coap:\/\/127\.0\.0\.1:9\n +repair: start it, or correct the address/);
    expect(code).toBe(1);
  });
});
