import { start, type RunningProcess } from "../../process.js";
import { IDENTITY, KEY_HEX, type SuiteCode } from "../rig/keys.js";

const CIPHERS = {
  C0A8: "+PSK:+AES-128-CCM-8:+AEAD",
  "00AE": "+PSK:+AES-128-CBC:+SHA256",
  C037: "+ECDHE-PSK:+AES-128-CBC:+SHA256",
  C0AE: "+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD",
  C0AC: "+ECDHE-ECDSA:+AES-128-CCM:+AEAD",
  C02B: "+ECDHE-ECDSA:+AES-128-GCM:+AEAD",
  C023: "+ECDHE-ECDSA:+AES-128-CBC:+SHA256",
} as const satisfies Record<SuiteCode, string>;

export interface GnutlsOptions {
  readonly identity?: string;
  /** What it shows and whom it trusts, in place of the identity with its key. */
  readonly keys?: readonly string[];
  /** `CTYPE-ALL` stands for X.509 alone. */
  readonly certificateTypes?: string;
  readonly groups?: string;
  /** Words of the priority string: %NO_ETM, %NO_SESSION_HASH. */
  readonly priority?: readonly string[];
  readonly args?: readonly string[];
}

/** Prints what it hears; a line written to it is sent. The end of its input makes it say close_notify. */
export function gnutlsClient(port: number, suite: SuiteCode, options: GnutlsOptions = {}): Promise<RunningProcess> {
  const { identity = IDENTITY, keys = ["--pskusername", identity, "--pskkey", KEY_HEX], certificateTypes = "+CTYPE-ALL", groups = "+GROUP-ALL" } = options;
  const priority = ["NONE", "+VERS-DTLS1.2", CIPHERS[suite], certificateTypes, groups, "+SIGN-ALL", "+COMP-NULL", ...(options.priority ?? [])].join(":");
  return start("gnutls-cli", ["-u", "-p", `${port}`, ...keys, "--priority", priority, ...(options.args ?? []), "127.0.0.1"], { input: true });
}
