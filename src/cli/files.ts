import { realFiles } from "../ports/real/index.js";
import { UsageError } from "./exit.js";

const reasons: Readonly<Record<string, string>> = { ENOENT: "does not exist", EACCES: "may not be read", EISDIR: "is a folder" };

/** A file that a flag names; one that cannot be read is the user's to put right. */
export async function readGiven(path: string, flag: string): Promise<string> {
  try {
    return await realFiles.read(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new UsageError(`${flag} ${path} ${reasons[code] ?? "cannot be read"}`, "check the path");
  }
}
