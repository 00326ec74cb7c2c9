import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resultSchema } from "../src/harness/index.js";
import { muster } from "./muster.js";
import { serveAll, type Served } from "./served.js";

interface Findings {
  readonly findings: readonly { readonly id: string; readonly grade: string; readonly detail: string; readonly repair?: string }[];
  readonly plan: { readonly scenarios: number };
}

describe("three roles as processes of their own, through a target file", () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-served-"));
  let served: Served;
  beforeAll(async () => {
    served = await serveAll(folder);
  }, 200_000);
  afterAll(async () => {
    await served.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const doctor = async () => {
    const { code, stdout, stderr } = await muster(["doctor", "--target", served.target, "--devices", "20", "--json"], 120_000, served.env);
    expect(stdout, stderr).not.toBe("");
    return { code, ...(JSON.parse(stdout) as Findings) };
  };

  it("are found well by muster doctor, address by address", async () => {
    const { code, findings, plan } = await doctor();
    expect(findings.filter(({ grade }) => grade === "problem")).toEqual([]);
    expect(code).toBe(0);
    const reached = findings.filter(({ id }) => id.startsWith("target."));
    expect(reached.map(({ id }) => id)).toEqual(["bootstrapServer", "serverA", "serverB"].flatMap((role) => ["coap", "coaps", "smp", "operator"].map((part) => `target.${role}.${part}`)));
    for (const { id, grade } of reached) expect(grade, id).toBe("ok");
    expect(findings.find(({ id }) => id === "device")).toMatchObject({ grade: "ok" });
    expect(plan.scenarios).toBeGreaterThan(0);
  }, 200_000);

  it("pass the whole functional suite", async () => {
    const { code, stdout, stderr } = await muster(["run", "--functional", "--seed", "1", "--target", served.target, "--out", join(folder, "reports"), "--json"], 240_000, served.env);
    expect(stdout, stderr).not.toBe("");
    const result = resultSchema.parse(JSON.parse(stdout));
    expect(result.scenarios.filter(({ verdict }) => verdict !== "pass").map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`)).toEqual([]);
    expect(result.scenarios.flatMap(({ leftovers }) => leftovers)).toEqual([]);
    // A rule that a scenario names and does not check is one that it could not fail for.
    expect(result.scenarios.flatMap(({ id, rules, allChecks }) => rules.filter((rule) => !allChecks.some((check) => check.rule === rule)).map((rule) => `${id} does not check ${rule}`))).toEqual([]);
    expect(result.target).toBe("served");
    expect(result.security).toBe("psk");
    expect(Object.values(result.roles).every((role) => /coaps:\/\//.test(role))).toBe(true);
    expect(code).toBe(0);
  }, 300_000);

  it("are judged by the profile and the wire alone where one of them has no operator API; what would need it is unsupported before anything is sent", async () => {
    const bare = join(folder, "bare.yaml");
    const [before = "", serverA = "", after = ""] = readFileSync(served.target, "utf8").split(/^(?=server[AB]:)/m);
    writeFileSync(bare, [before, serverA.replace(/^ {2}operator.*\n/gm, ""), after].join(""));
    const { code, stdout, stderr } = await muster(["run", "registration", "server-management/sm3-activation.feature", "server-management/sm2-trigger.feature", "--functional", "--seed", "2", "--target", bare, "--out", join(folder, "bare"), "--json"], 240_000, served.env);
    expect(stdout, stderr).not.toBe("");
    const { scenarios } = resultSchema.parse(JSON.parse(stdout));
    expect(scenarios.filter(({ verdict }) => !["pass", "unsupported", "not-applicable"].includes(verdict)).map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`)).toEqual([]);
    expect(scenarios.filter(({ verdict }) => verdict === "pass").length).toBeGreaterThan(5);
    expect(scenarios.find(({ verdict, reason }) => verdict === "unsupported" && reason.includes("cannot be expressed"))?.reason).toContain("server A (without operator API)");
    // Of registration nothing could be judged.
    expect(code).toBe(3);
  }, 300_000);

  it("count what they did at /metrics, and name no device there", async () => {
    for (const [name, operation] of [
      ["bootstrap-server", "bootstrap-request"],
      ["server-a", "register"],
      ["server-b", "http PUT /smp/v1/clients/:ep/credentials/:credentialId/activation"],
    ] as const) {
      const answer = await fetch(`${served.http[name]}/metrics`);
      const text = await answer.text();
      expect(answer.headers.get("content-type"), name).toContain("text/plain");
      const counted = text.split("\n").filter((line) => line.startsWith("muster_operations_total{"));
      expect(counted, name).toContainEqual(expect.stringMatching(new RegExp(`\\{operation="${operation.replaceAll(".", "\\.")}",code="2[^"]*",outcome="ok",[^}]*\\} [1-9]`)));
      expect(text, name).toMatch(/^muster_operation_duration_seconds_bucket\{/m);
      expect(text, name).not.toMatch(/"(ab|a|b|x)-[a-z0-9]+/);
    }
  });

  it("end cleanly when they are told to, and doctor names the one that is gone with what to do", async () => {
    const gone = served.roles["server-b"];
    gone.signal("SIGTERM");
    expect(await gone.exited, gone.output()).toBe(0);
    const { code, findings } = await doctor();
    expect(code).toBe(1);
    const problems = findings.filter(({ grade }) => grade === "problem");
    expect(problems.map(({ id }) => id)).toEqual(["target.serverB.coap", "target.serverB.coaps", "target.serverB.smp", "target.serverB.operator", "scenarios"]);
    expect(problems.at(-1)?.detail).toContain("serverB");
    for (const { detail, repair } of problems.slice(0, -1)) {
      expect(detail).toMatch(/does not answer|cannot be reached|ECONNREFUSED/);
      expect(repair).toMatch(/^start it, or correct /);
    }
  }, 200_000);

  it("leave a run against the two that are left without any verdict that needed the third, and with its address", async () => {
    const { code, stdout, stderr } = await muster(["run", "--functional", "--target", served.target, "--out", join(folder, "reports"), "--json", "server-management/sm3-activation"], 200_000, served.env);
    const { scenarios } = resultSchema.parse(JSON.parse(stdout));
    expect(scenarios.length).toBeGreaterThan(0);
    for (const { id, verdict, reason } of scenarios) {
      expect(verdict, id).toBe("inconclusive");
      expect(reason, id).toContain(served.http["server-b"]);
    }
    expect(code).toBe(3);
    expect(stderr).not.toMatch(/^ +at /m);
  }, 300_000);
});
