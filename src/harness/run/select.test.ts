import { describe, expect, it } from "vitest";
import { MemoryFiles } from "../testing/memory-files.js";
import { FeatureError } from "./cucumber.js";
import { readSelection } from "./select.js";

const files = new MemoryFiles();
for (const path of ["/pkg/features/registration/register.feature", "/pkg/features/../features/registration/register.feature", "/home/own.feature"]) files.content.set(path, "");
const where = { files, cwd: "/home", features: "/pkg/features" };

describe("a selection", () => {
  it("of nothing is everything, or everything but the load scenarios", async () => {
    expect(await readSelection([], where, false)).toEqual({ paths: ["/pkg/features"], tagExpression: "" });
    expect(await readSelection([], where, true)).toEqual({ paths: ["/pkg/features"], tagExpression: "(not @load)" });
  });

  it("takes tag expressions, any of them", async () => {
    expect((await readSelection(["@SM-1", "not @load and @SM-2"], where, true)).tagExpression).toBe("((@SM-1) or (not @load and @SM-2)) and (not @load)");
  });

  it("takes paths, folders below features and single lines", async () => {
    expect((await readSelection(["own.feature", "registration", "registration/register:7"], where, false)).paths).toEqual(["/home/own.feature", "/pkg/features/registration", "/pkg/features/registration/register.feature:7"]);
  });

  it("says what is neither", async () => {
    await expect(readSelection(["nowhere"], where, false)).rejects.toThrow(FeatureError);
  });
});
