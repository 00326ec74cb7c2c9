import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resultSchema, type RunResult } from "../src/harness/index.js";

const main = join(import.meta.dirname, "..", "dist", "src", "cli", "main.js");

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built command line as a process of its own, ended after `withinMs`. */
export function muster(args: readonly string[], withinMs = 300_000, env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { timeout: withinMs, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** A folder that is gone when `use` is over. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "muster-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A run with `target` as its target file; its result, read from what it printed. */
export function runWith(target: object, args: readonly string[]): Promise<{ readonly code: number; readonly result: RunResult }> {
  return inFolder(async (folder) => {
    const file = join(folder, "target.yaml");
    writeFileSync(file, JSON.stringify(target));
    const { code, stdout, stderr } = await muster(["run", "--target", file, "--out", join(folder, "reports"), "--json", ...args]);
    if (stdout.trim() === "") throw new Error(`no result; exit ${code}:\n${stderr}`);
    return { code, result: resultSchema.parse(JSON.parse(stdout)) };
  });
}

export const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
