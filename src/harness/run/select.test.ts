import { describe, expect, it } from "vitest";
import { MemoryFiles } from "../testing/memory-files.js";
import { FeatureError } from "./cucumber.js";
import { readSelection } from "./select.js";

const files = new MemoryFiles();
for (const path of ["/pkg/features/registration/register.feature", "/pkg/features/../features/registration/register.feature", "/home/own.feature"]) files.content.set(path, "");
const where = { files, cwd: "/home", features: "/pkg/features" };
const all = { functional: false, withoutPsk: false };
const functional = { ...all, functional: true };

describe("a selection", () => {
  it("of nothing is everything, or everything but the load scenarios and those that need pre-shared keys", async () => {
    expect(await readSelection([], where, all)).toEqual({ paths: ["/pkg/features"], tagExpression: "" });
    expect(await readSelection([], where, functional)).toEqual({ paths: ["/pkg/features"], tagExpression: "(not @load)" });
    expect((await readSelection([], where, { functional: true, withoutPsk: true })).tagExpression).toBe("(not @load) and (not @needs:psk)");
  });

  it("takes tag expressions, any of them", async () => {
    expect((await readSelection(["@SM-1", "not @load and @SM-2"], where, functional)).tagExpression).toBe("((@SM-1) or (not @load and @SM-2)) and (not @load)");
  });

  it("takes paths, folders below features and single lines", async () => {
    expect((await readSelection(["own.feature", "registration", "registration/register:7"], where, all)).paths).toEqual(["/home/own.feature", "/pkg/features/registration", "/pkg/features/registration/register.feature:7"]);
  });

  it("says what is neither", async () => {
    await expect(readSelection(["nowhere"], where, all)).rejects.toThrow(FeatureError);
  });
});
