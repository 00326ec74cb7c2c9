import { readTarget, referenceTarget } from "../harness/index.js";
import type { Target } from "../harness/index.js";
import { readGiven } from "./files.js";

/** The target of a file that `--target` names; without one all roles are references. */
export async function targetFrom(path: string | undefined, env: Readonly<Record<string, string | undefined>>): Promise<Target> {
  return path === undefined ? referenceTarget : readTarget(await readGiven(path, "--target"), path, env);
}
