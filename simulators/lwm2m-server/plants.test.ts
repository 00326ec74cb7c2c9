import { describe, expect, it } from "vitest";
import { UnknownPlantError } from "../../src/config/index.js";
import { plantedFaults, plants } from "./plants.js";

describe("planted faults", () => {
  it("have names of their own, each with the rule it breaks", () => {
    expect(new Set(plants.map(({ name }) => name)).size).toBe(plants.length);
    for (const { rule, breaks } of plants) expect([rule, breaks]).not.toContain("");
  });

  it("are chosen by name, and an unknown name is an error that lists the known ones", () => {
    expect([...plantedFaults(["execute-twice"])]).toEqual(["execute-twice"]);
    expect(() => plantedFaults(["no-such-fault"])).toThrow(UnknownPlantError);
    expect(() => plantedFaults(["no-such-fault"])).toThrow(/execute-twice/);
  });
});
