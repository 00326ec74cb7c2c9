import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { realFiles } from "../ports/real/index.js";
import { UsageError } from "./exit.js";

const reasons: Readonly<Record<string, string>> = { ENOENT: "does not exist", EACCES: "may not be read", EISDIR: "is a folder" };
const folderReasons: Readonly<Record<string, string>> = { EEXIST: "is a file", EACCES: "may not be written to", EROFS: "is on a file system that is read-only" };

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

/** A file that a flag names; one that cannot be read is the user's to put right. */
export const readGiven = (path: string, flag: string): Promise<string> => given(path, flag, realFiles.read(path));

export const readBytesGiven = (path: string, flag: string): Promise<Uint8Array> => given(path, flag, realFiles.readBytes(path));

async function given<Content>(path: string, flag: string, content: Promise<Content>): Promise<Content> {
  try {
    return await content;
  } catch (error) {
    throw new UsageError(`${flag} ${path} ${reasons[codeOf(error)] ?? "cannot be read"}`, "check the path");
  }
}

/** A folder that a flag names, made where it is not there; one that cannot be written to is the user's to put right. */
export async function folderGiven(path: string, flag: string): Promise<void> {
  try {
    await makeFolder(resolve(path));
    await access(path, constants.W_OK);
  } catch (error) {
    throw new UsageError(`${flag} ${path} ${folderReasons[codeOf(error)] ?? "cannot be made"}`, `give a folder that you may write to, such as ${flag} reports`);
  }
}

/** One folder after the other: Node's own recursion never ends below a folder that takes none, such as /proc. */
async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch(async (error: unknown) => {
    // Another run may have made it meanwhile.
    if (!(await stat(path).catch(() => undefined))?.isDirectory()) throw error;
  });
}
