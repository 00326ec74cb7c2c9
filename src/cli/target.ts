import { dirname, join } from "node:path";
import { readDeviations, readTarget, referenceTarget } from "../harness/index.js";
import type { Target } from "../harness/index.js";
import { isInteractive } from "./ask.js";
import { readGiven } from "./files.js";

/** The target of a file that `--target` names; without one all roles are references. */
export async function targetFrom(path: string | undefined, env: Readonly<Record<string, string | undefined>>): Promise<Target> {
  if (path === undefined) return referenceTarget;
  const target = readTarget(await readGiven(path, "--target"), path, env, isInteractive(env));
  if (target.knownDeviationsFile === undefined) return target;
  const file = join(dirname(path), target.knownDeviationsFile);
  return { ...target, knownDeviations: readDeviations(await readGiven(file, "knownDeviations"), file) };
}
