import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { resultSchema, type RunResult } from "../src/harness/index.js";
import { inFolder, muster, runWith } from "./muster.js";

const selected = ["bootstrap", "registration", "server-management/sm1-second-operator", "server-management/sm3-provisioning"];
const references = { name: "references", timing: "lab" };
const runOn = (...stack: readonly string[]): Promise<RunResult> =>
  runWith(references, ["--functional", "--devices", "20", "--seed", "1", ...stack, ...selected]).then(({ result }) => result);

const declined = ["not-applicable", "unsupported"];

describe("devices on node-coap in place of ours", () => {
  let ours: RunResult;
  let theirs: RunResult;
  beforeAll(async () => {
    theirs = await runOn("--devices-on", "node-coap");
    ours = await runOn();
  }, 300_000);

  const told = (scenarios: RunResult["scenarios"]): readonly string[] => scenarios.map(({ id, verdict, reason }) => `${verdict} ${id}: ${reason}`);

  it("pass every scenario that they can take part in, of bootstrap, registration and provisioning", () => {
    expect(theirs.devicesOn).toBe("node-coap");
    expect(told(theirs.scenarios.filter(({ verdict }) => verdict !== "pass" && !declined.includes(verdict)))).toEqual([]);
    for (const requirement of ["bootstrap", "registration", "SM-1", "SM-3"]) expect(theirs.requirements[requirement]?.pass ?? 0, requirement).toBeGreaterThan(2);
    const provisioned = theirs.scenarios.filter(({ id, verdict }) => verdict === "pass" && id.startsWith("server-management/"));
    expect(provisioned.length).toBeGreaterThan(0);
    expect(theirs.exitCode).toBe(0);
  });

  it("take no part where a device must misbehave, and say before anything is sent what they cannot do", () => {
    const misbehaving = theirs.scenarios.filter(({ tags }) => tags.includes("@needs:misbehaviour"));
    expect(misbehaving.length).toBeGreaterThan(0);
    for (const { id, verdict, reason } of misbehaving) expect(`${verdict}: ${reason}`, id).toBe("not-applicable: devices on node-coap cannot be made to misbehave");
    for (const { id, reason } of theirs.scenarios.filter(({ verdict }) => verdict === "unsupported")) expect(reason, id).toMatch(/^devices on node-coap: unsupported: (LwM2M version|personality|action )|^the step .* cannot be expressed: the device \(node-coap\) cannot /);
  });

  it("come to the verdicts that our devices come to", () => {
    expect(told(ours.scenarios.filter(({ verdict }) => verdict !== "pass"))).toEqual([]);
    expect(theirs.scenarios.map(({ id }) => id).sort()).toEqual(ours.scenarios.map(({ id }) => id).sort());
    const verdicts = new Map(ours.scenarios.map(({ id, verdict }) => [id, verdict]));
    for (const { id, verdict } of theirs.scenarios) if (!declined.includes(verdict)) expect(verdict, id).toBe(verdicts.get(id));
  });
});

describe("a second opinion", () => {
  it("of devices on node-coap agrees where it is the server that is wrong, and its report lies beside", async () => {
    await inFolder(async (folder) => {
      const target = join(folder, "target.yaml");
      writeFileSync(target, JSON.stringify({ ...references, plants: { bootstrapServer: ["wrong-ssid"] } }));
      const { code, stdout, stderr } = await muster(["run", "--functional", "--seed", "1", "--security", "nosec", "--second-opinion", "--json", "--target", target, "--out", join(folder, "reports"), "bootstrap/client-initiated"]);
      const result = resultSchema.parse(JSON.parse(stdout));
      const failed = result.scenarios.filter(({ verdict }) => verdict === "fail");
      expect(failed.length, stderr).toBeGreaterThan(0);
      for (const { reason, secondOpinion } of failed) {
        expect(reason).toMatch(/^account-fields: .* \(devices on node-coap agree\)$/);
        expect(secondOpinion).toMatchObject({ as: "agrees", devicesOn: "node-coap", verdict: "fail" });
        const beside = join(folder, "reports", "latest", secondOpinion?.folder ?? "");
        expect(existsSync(join(beside, "index.html"))).toBe(true);
        expect(existsSync(join(beside, secondOpinion?.evidence ?? "", "trace.ndjson"))).toBe(true);
      }
      expect(code).toBe(1);
    });
  }, 120_000);
});
