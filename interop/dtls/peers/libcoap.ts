import { freeUdpPortPair, start, type RunningProcess } from "../../process.js";
import { bound } from "../rig/bound.js";
import type { Parties, Party } from "../rig/certificates.js";
import { IDENTITY, KEY_TEXT } from "../rig/keys.js";

export type Build = "openssl" | "gnutls";

/** With the pre-shared key, runs coap-client to its end; gives what it printed. */
export const libcoapClient = (build: Build, port: number, path: string, ...args: string[]): Promise<RunningProcess> => coapClient(build, ["-u", IDENTITY, "-k", KEY_TEXT], port, path, args);

/** With the pre-shared key: CoAP is at the port before the one given, CoAP over DTLS at that one, both for UDP and TCP. */
export const libcoapServer = (build: Build): ReturnType<typeof coapServer> => coapServer(build, ["-k", KEY_TEXT, "-h", ""]);

/** The same with whatever `keys` says. */
export async function coapClient(build: Build, keys: readonly string[], port: number, path: string, args: readonly string[] = []): Promise<RunningProcess> {
  const client = await start(`coap-client-${build}`, ["-v", "4", "-B", "8", ...keys, ...args, `coaps://127.0.0.1:${port}${path}`]);
  await client.exited;
  return client;
}

export async function coapServer(build: Build, keys: readonly string[]): Promise<{ readonly port: number; readonly process: RunningProcess }> {
  const port = await freeUdpPortPair();
  const process = await start(`coap-server-${build}`, ["-A", "127.0.0.1", "-p", `${port}`, ...keys, "-d", "10", "-v", "4"], { ready: () => bound(port + 1) });
  return { port: port + 1, process };
}

/** Shows this party's chain, and takes whom the authority has certified. */
export const certifiedAs = ({ chainFile, privateKeyFile }: Party, { authorityFile }: Parties): readonly string[] => ["-c", chainFile, "-j", privateKeyFile, "-C", authorityFile];

/** Shows this party's public key, and takes anybody's. */
export const keyedAs = ({ keysFile }: Party): readonly string[] => ["-M", keysFile];
