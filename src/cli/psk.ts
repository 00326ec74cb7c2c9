import { appendFileSync, writeFileSync } from "node:fs";
import { ConfigError, isPsk, readCredentials, readKey, type DeviceCredential, type DeviceCredentials, type DeviceOptions, type Psk } from "../config/index.js";
import { UsageError } from "./exit.js";
import { readGiven } from "./files.js";
import type { Terminal } from "./terminal.js";

const keyVariable = "MUSTER_PSK_KEY";

/** The devices of a credentials file, in its order. */
export const credentialsIn = async (path: string): Promise<readonly DeviceCredentials[]> => readCredentials(await readGiven(path, "--credentials"), path);

/** The credential of one device for where it is started: from a credentials file, a key file, or the environment. Never from the command line, which others can read. */
export async function credentialFor({ endpoint, bootstrap, credentials, pskIdentity, pskKeyFile }: DeviceOptions, { env }: Pick<Terminal, "env">): Promise<DeviceCredential> {
  const use = bootstrap === undefined ? "server" : "bootstrap";
  if (credentials !== undefined) {
    const found = (await credentialsIn(credentials)).find((device) => device.endpoint === endpoint);
    if (found === undefined) throw new UsageError(`${credentials} has no device "${endpoint}"`, "add it, or use another --endpoint");
    return credentialIn(found, use, credentials);
  }
  const source = pskKeyFile ?? keyVariable;
  const text = pskKeyFile === undefined ? env[keyVariable] : await readGiven(pskKeyFile, "--psk-key-file");
  if (text === undefined || text === "") throw new UsageError("coaps:// needs a key", `give --credentials FILE, --psk-key-file FILE, or the environment variable ${keyVariable} with the key in hex`);
  return { identity: Buffer.from(pskIdentity ?? endpoint), key: readKey(text.trim(), source) };
}

/** What a device of a credentials file has for a use. */
export function credentialIn(device: DeviceCredentials, use: "bootstrap" | "server", file: string): DeviceCredential {
  const found = device[use];
  if (found === undefined) throw new ConfigError([{ source: file, key: `${use}Key`, message: `"${device.endpoint}" has none`, fix: `give ${use}Key (and ${use}Identity), or key` }]);
  return found;
}

/** The same where only a pre-shared key will do. */
export function keyOf(device: DeviceCredentials, use: "bootstrap" | "server", file: string): Psk {
  const found = credentialIn(device, use, file);
  if (isPsk(found)) return found;
  throw new ConfigError([{ source: file, key: "mode", message: `"${device.endpoint}" has a credential of mode ${found.mode}`, fix: "give pre-shared keys" }]);
}

/** Writes an NSS key log that only its user can read, and says so. Undefined where none was asked for. */
export function keyLogTo(path: string | undefined, say: (text: string) => void): ((line: string) => void) | undefined {
  if (path === undefined) return undefined;
  try {
    writeFileSync(path, "", { mode: 0o600, flag: "a" });
  } catch {
    throw new UsageError(`--key-log ${path} cannot be written`, "check the path");
  }
  say(`the secrets of all DTLS sessions are written to ${path}: whoever has them can read what was captured`);
  return (line) => appendFileSync(path, `${line}\n`);
}
