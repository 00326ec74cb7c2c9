import { describe, expect, it } from "vitest";
import { failing, result, scenario } from "../report/testing/results.js";
import { judgePlanted, plantedFaults } from "./planted-faults.js";
import { isRuleName, ruleNamed } from "./rules.js";

const fault = { rule: "ORD-1", judges: "bootstrap-server" } as const;

describe("a run with a planted fault", () => {
  it("is right when a scenario that names the rule fails for it, and what depends on it has no verdict", () => {
    expect(judgePlanted(result([failing, scenario({ id: "b", rules: ["ORD-2"], verdict: "inconclusive", reason: "precondition missing: ORD-1" })]), fault)).toEqual({ found: [failing.id], wrong: [] });
  });

  it("is wrong when a scenario fails that does not name the rule", () => {
    expect(judgePlanted(result([failing, { ...failing, id: "b", rules: ["ORD-2"], reason: "ORD-2: broken" }]), fault).wrong).toEqual(["should not fail: fail b: ORD-2: broken"]);
  });

  it("is wrong when a scenario that judges another role fails", () => {
    expect(judgePlanted(result([failing, { ...failing, id: "b", judges: "device" }]), fault).wrong).toHaveLength(1);
  });

  it("is wrong when a scenario that names the rule fails for another reason only", () => {
    expect(judgePlanted(result([{ ...failing, reason: "ORD-2: it is broken", rules: ["ORD-1", "ORD-2"] }]), fault)).toEqual({ found: [], wrong: [`does not find it: fail ${failing.id}: ORD-2: it is broken`] });
  });

  it("is wrong when nothing fails, or nothing could", () => {
    expect(judgePlanted(result([scenario()]), fault).wrong).toEqual(["does not find it: pass server-management/sm3/held: 2 checks"]);
    expect(judgePlanted(result([scenario({ rules: [] })]), fault).wrong).toEqual(["no scenario names ORD-1"]);
  });

  it("is wrong when the harness itself had an error", () => {
    expect(judgePlanted(result([failing, { ...failing, id: "b", verdict: "error", reason: "an exception" }]), fault).wrong).toEqual(["should not fail: error b: an exception"]);
  });
});

describe("the planted faults", () => {
  it("are many, and each breaks a rule of the catalogue that is about its role", () => {
    expect(plantedFaults.length).toBeGreaterThanOrEqual(50);
    for (const { name, rule, judges } of plantedFaults) {
      expect(isRuleName(rule), name).toBe(true);
      expect(ruleNamed(rule)?.about, name).toContain(judges);
    }
  });

  it("have faults of the field among them, each by the public report that tells of it", () => {
    expect(plantedFaults.flatMap(({ field = [] }) => field).sort()).toEqual(["Leshan#162", "Leshan#80", "Leshan#986", "OMA#145", "OMA#522", "ThingsBoard#10400", "ThingsBoard#11642", "Wakaama#282", "Wakaama#607", "Wakaama#724", "pion/dtls#758"]);
  });

  it("have names of their own", () => {
    expect(new Set(plantedFaults.map(({ name }) => name)).size).toBe(plantedFaults.length);
  });
});
