import { access, appendFile, mkdir, readFile, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Files } from "../files.js";

/** A name of its own in the same folder, so that the rename stays on one file system. */
const besides = (path: string): string => join(dirname(path), `.${randomBytes(6).toString("hex")}.pending`);

async function inPlaceOf(path: string, write: (pending: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const pending = besides(path);
  try {
    await write(pending);
    await rename(pending, path);
  } catch (error) {
    await rm(pending, { force: true });
    throw error;
  }
}

export const realFiles: Files = {
  read: (path) => readFile(path, "utf8"),
  readBytes: (path) => readFile(path),
  writeAtomic: (path, data, mode) => inPlaceOf(path, (pending) => writeFile(pending, data, mode === undefined ? {} : { mode })),
  async append(path, data) {
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, data);
  },
  async mkdir(path) {
    await mkdir(path, { recursive: true });
  },
  async exists(path) {
    try {
      await access(path);
      return true;
    } catch {
      return false;
    }
  },
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  },
  async link(target, path) {
    try {
      await inPlaceOf(path, (pending) => symlink(target, pending));
    } catch {
      await inPlaceOf(path, (pending) => writeFile(pending, `${target}\n`));
    }
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
};

function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && readFileSync(manifest, "utf8").includes('"name": "muster"')) return folder;
    const parent = dirname(folder);
    if (parent === folder) throw new Error("package.json of muster is not above its own modules");
    folder = parent;
  }
}

/** The folder of package.json, from the sources and from dist alike: openapi.yaml and the features lie below it. */
export const packageRoot: string = findPackageRoot();
