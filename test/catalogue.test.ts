import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { plants as bootstrapServerPlants } from "../simulators/bootstrap-server/index.js";
import { plants as lwm2mServerPlants } from "../simulators/lwm2m-server/index.js";
import { isRuleName, rules } from "../src/harness/index.js";

const features = join(import.meta.dirname, "..", "features");
const texts = readdirSync(features, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".feature"))
  .map((path) => readFileSync(join(features, path), "utf8"));
const named = new Set(texts.flatMap((text) => [...text.matchAll(/@rule:([\w-]+)/g)].map(([, rule = ""]) => rule)));

describe("the catalogue of rules", () => {
  it("has every rule that a scenario names", () => {
    expect([...named].filter((rule) => !isRuleName(rule))).toEqual([]);
  });

  it("has no rule that no scenario judges", () => {
    expect(Object.keys(rules).filter((rule) => !named.has(rule))).toEqual([]);
  });

  it.each([...bootstrapServerPlants, ...lwm2mServerPlants])("has the rule that the planted fault $name breaks, and scenarios that judge it", ({ rule }) => {
    expect(isRuleName(rule), rule).toBe(true);
    expect(named).toContain(rule);
  });
});
