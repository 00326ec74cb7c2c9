import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { freeUdpPort, start, type RunningProcess } from "../../process.js";
import { IDENTITY, KEY_HEX, OPENSSL_NAMES, type SuiteCode } from "../rig/keys.js";
import { bound } from "../rig/bound.js";
import type { Parties, Party } from "../rig/certificates.js";

const names = (suites: readonly SuiteCode[]): string => suites.map((suite) => OPENSSL_NAMES[suite]).join(":");

/** The command lines have no switch for the extended master secret; a section of a configuration file has. */
export function withoutExtendedMasterSecret(folder: string): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const file = join(folder, "openssl-without-ems.cnf");
  writeFileSync(file, ["openssl_conf = init", "[init]", "ssl_conf = ssl", "[ssl]", "without_ems = without_ems", "[without_ems]", "Options = -ExtendedMasterSecret", ""].join("\n"));
  return { args: ["-ssl_config", "without_ems"], env: { OPENSSL_CONF: file } };
}

export interface OpensslOptions {
  readonly identity?: string;
  /** What it shows and whom it trusts, in place of the pre-shared key. */
  readonly certificates?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Shows this party's chain, and goes no further with a peer whom the authority has not certified. */
export const asParty = ({ chain, certificateFile, issuersFile, privateKeyFile }: Party, { authorityFile }: Parties): readonly string[] => [
  ...["-cert", certificateFile, "-key", privateKeyFile],
  ...(chain.length > 1 ? ["-cert_chain", issuersFile] : []),
  ...["-CAfile", authorityFile, "-verify_return_error"],
];

const preShared = (options: OpensslOptions): readonly string[] => ["-psk", KEY_HEX, "-psk_identity", options.identity ?? IDENTITY];

/** Prints what it hears; a line written to it is sent. The end of its input makes it say close_notify. */
export const opensslClient = (port: number, suites: readonly SuiteCode[], options: OpensslOptions = {}): Promise<RunningProcess> =>
  start(
    "openssl",
    ["s_client", "-dtls1_2", "-connect", `127.0.0.1:${port}`, ...(options.certificates ?? preShared(options)), "-cipher", names(suites), "-nocommands", ...(options.args ?? [])],
    { input: true, env: options.env ?? {} },
  );

/** Serves one client after the other; a line written to it goes to the present one. */
export async function opensslServer(suites: readonly SuiteCode[], options: OpensslOptions = {}): Promise<{ readonly port: number; readonly process: RunningProcess }> {
  const port = await freeUdpPort();
  const process = await start(
    "openssl",
    ["s_server", "-dtls1_2", "-listen", "-accept", `127.0.0.1:${port}`, ...(options.certificates ?? ["-nocert", ...preShared(options)]), "-cipher", names(suites), ...(options.args ?? [])],
    { input: true, env: options.env ?? {}, ready: () => bound(port) },
  );
  return { port, process };
}
