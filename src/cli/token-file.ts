import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TokenFile {
  readonly path: string;
  /** Removes the file, and the folder when it was made for it. */
  remove(): Promise<void>;
}

/**
 * Writes a token that was made for one process where only its user can read it: `$XDG_RUNTIME_DIR/muster/NAME`, else a new folder under the
 * temporary directory. The file has mode 0600 from its first byte on, and never follows a link that somebody left there.
 */
export async function writeTokenFile(name: string, token: string, env: Readonly<Record<string, string | undefined>>): Promise<TokenFile> {
  const runtime = env["XDG_RUNTIME_DIR"];
  const folder = runtime !== undefined && runtime.startsWith("/") ? await ownFolder(join(runtime, "muster")) : undefined;
  const path = join(folder ?? (await mkdtemp(join(tmpdir(), "muster-"))), name);
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${token}\n`);
  } finally {
    await file.close();
  }
  return { path, remove: () => rm(folder === undefined ? dirname(path) : path, { recursive: true, force: true }) };
}

async function ownFolder(path: string): Promise<string | undefined> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  } catch {
    return undefined;
  }
}
