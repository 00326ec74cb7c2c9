import { start, type RunningProcess } from "../../process.js";
import { IDENTITY, KEY_HEX, type SuiteCode } from "../rig/keys.js";

const CIPHERS = { C0A8: "+AES-128-CCM-8:+AEAD", "00AE": "+AES-128-CBC:+SHA256" } as const;

export interface GnutlsOptions {
  readonly identity?: string;
  /** Words of the priority string: %NO_ETM, %NO_SESSION_HASH. */
  readonly priority?: readonly string[];
  readonly args?: readonly string[];
}

/** Prints what it hears; a line written to it is sent. The end of its input makes it say close_notify. */
export function gnutlsClient(port: number, suite: SuiteCode, options: GnutlsOptions = {}): Promise<RunningProcess> {
  const priority = ["NONE", "+VERS-DTLS1.2", "+PSK", CIPHERS[suite], "+CTYPE-ALL", "+GROUP-ALL", "+SIGN-ALL", "+COMP-NULL", ...(options.priority ?? [])].join(":");
  return start(
    "gnutls-cli",
    ["-u", "-p", `${port}`, "--pskusername", options.identity ?? IDENTITY, "--pskkey", KEY_HEX, "--priority", priority, ...(options.args ?? []), "127.0.0.1"],
    { input: true },
  );
}
