import { describe, expect, it } from "vitest";
import { ruleNamed, rules } from "../rules.js";
import { readTags, TagError } from "./tags.js";

const tags = ["@SM-3", "@judges:bootstrap-server", "@profile", "@rule:ORD-1"];

describe("a scenario's tags", () => {
  it("say requirement, judged role, level, rules and needs", () => {
    expect(readTags([...tags, "@needs:faults", "@slow", "@bootstrap"])).toEqual({
      requirements: ["SM-3", "bootstrap"],
      judges: "bootstrap-server",
      level: "profile",
      rules: ["ORD-1"],
      needs: ["faults"],
      alone: false,
      load: false,
      sanity: false,
    });
  });

  it("let the scenario sharpen what its feature said: the last level wins", () => {
    expect(readTags([...tags, "@must"]).level).toBe("must");
  });

  it("keep the ETS case as a requirement", () => {
    expect(readTags([...tags, "@ETS:LightweightM2M-1.1-int-5", "@needs:psk"]).requirements).toContain("ETS:LightweightM2M-1.1-int-5");
  });

  it("name an ETS case only where its own configuration is: a run without security covers none", () => {
    expect(() => readTags([...tags, "@ETS:LightweightM2M-1.1-int-5"])).toThrow(TagError);
  });

  it.each([
    ["no role", tags.filter((tag) => !tag.startsWith("@judges"))],
    ["two roles", [...tags, "@judges:device"]],
    ["no level", tags.filter((tag) => tag !== "@profile")],
    ["no rule", tags.filter((tag) => !tag.startsWith("@rule"))],
    ["no requirement", tags.slice(1)],
    ["an unknown rule", [...tags, "@rule:ORD-77"]],
    ["an unknown need", [...tags, "@needs:luck"]],
    ["no rule about the judged role", ["@SM-3", "@judges:device", "@must", "@rule:ORD-1"]],
  ])("are refused with %s", (_what, wrong) => expect(() => readTags(wrong)).toThrow(TagError));
});

describe("the rule catalogue", () => {
  it("gives each rule a role, a requirement in a sentence and a clause", () => {
    for (const [name, rule] of Object.entries(rules)) {
      expect(rule.about.length, name).toBeGreaterThan(0);
      expect(rule.requirement, name).toMatch(/^[A-Z].{20,}[^.]$/);
      expect(rule.clause, name).not.toBe("");
    }
  });

  it("knows no other names, not even those of objects in general", () => {
    expect(ruleNamed("nothing")).toBeUndefined();
  });
});
