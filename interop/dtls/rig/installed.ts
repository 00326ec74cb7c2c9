import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach } from "vitest";

const CACHE = join(import.meta.dirname, "..", "..", ".cache");

/** Below interop/.cache, where `interop/setup` puts what is not a Debian package. */
export const cached = (...path: readonly string[]): string => join(CACHE, ...path);

/** For programs that bind all addresses and cannot be told otherwise. */
export const boundToLoopback = { LD_PRELOAD: cached("bind-loopback.so") };

/** What a program prints about itself; undefined when there is no such program. */
export function askVersion(program: string, args: readonly string[], pattern: RegExp): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, [...args], { encoding: "utf8" });
  return error === undefined ? (pattern.exec(stdout + stderr)?.[1] ?? "of unknown version") : undefined;
}

export const cachedVersion = (version: string, ...path: readonly string[]): string | undefined => (existsSync(cached(...path)) ? version : undefined);

/** Without the peer the tests of this file say so by name; under CI they fail. Gives the version for the table. */
export function needs(peer: string, version: string | undefined): string {
  const what = `${peer} is not installed: run interop/setup`;
  beforeAll(() => {
    if (version === undefined && process.env["CI"] !== undefined) throw new Error(what);
  });
  beforeEach((test) => {
    if (version === undefined) test.skip(what);
  });
  return version ?? "";
}
