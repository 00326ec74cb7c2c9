import type { Files } from "../../ports/index.js";

/** Files in memory, for tests of what writes them. */
export class MemoryFiles implements Files {
  readonly content = new Map<string, string | Uint8Array>();
  /** Of the files that were written with one. */
  readonly modes = new Map<string, number>();
  readonly links = new Map<string, string>();
  /** In the order they were written. */
  readonly written: string[] = [];

  async read(path: string): Promise<string> {
    return Buffer.from(await this.readBytes(path)).toString("utf8");
  }
  async readBytes(path: string): Promise<Buffer> {
    const found = this.content.get(path);
    if (found === undefined) throw new Error(`no file ${path}`);
    return Buffer.from(found as string);
  }
  async writeAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void> {
    if (mode !== undefined) this.modes.set(path, mode);
    this.content.set(path, data);
    this.written.push(path);
  }
  async append(path: string, data: string | Uint8Array): Promise<void> {
    this.content.set(path, Buffer.concat([Buffer.from((this.content.get(path) ?? "") as string), Buffer.from(data as string)]));
  }
  async mkdir(): Promise<void> {}
  async exists(path: string): Promise<boolean> {
    return this.content.has(path) || [...this.content.keys()].some((known) => known.startsWith(`${path}/`));
  }
  async list(): Promise<string[]> {
    return [...this.content.keys()];
  }
  async link(target: string, path: string): Promise<void> {
    this.links.set(path, target);
  }
  async remove(path: string): Promise<void> {
    this.content.delete(path);
  }
}
