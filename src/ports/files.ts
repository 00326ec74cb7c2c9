/** The file system as configuration, evidence and reports need it. Paths are absolute or relative to the working directory; text is UTF-8. */
export interface Files {
  read(path: string): Promise<string>;
  readBytes(path: string): Promise<Buffer>;
  /** Writes beside the file and renames, so that a reader sees the old or the new content, never a part. Makes missing folders. */
  writeAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void>;
  /** Makes missing folders. */
  append(path: string, data: string | Uint8Array): Promise<void>;
  /** With its missing parents; no error when it exists. */
  mkdir(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Names in a folder, sorted; folders end in `/`. */
  list(path: string): Promise<string[]>;
  /** Makes `path` a symbolic link to `target`, in place of an older link; where links are not allowed it writes a file that holds the target's path. */
  link(target: string, path: string): Promise<void>;
  remove(path: string): Promise<void>;
}
