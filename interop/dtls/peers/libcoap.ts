import { freeUdpPortPair, start, type RunningProcess } from "../../process.js";
import { bound } from "../rig/bound.js";
import { IDENTITY, KEY_TEXT } from "../rig/keys.js";

export type Build = "openssl" | "gnutls";

/** Runs coap-client to its end; gives what it printed. */
export async function libcoapClient(build: Build, port: number, path: string, ...args: string[]): Promise<RunningProcess> {
  const client = await start(`coap-client-${build}`, ["-v", "4", "-B", "8", "-u", IDENTITY, "-k", KEY_TEXT, ...args, `coaps://127.0.0.1:${port}${path}`]);
  await client.exited;
  return client;
}

/** CoAP is at the port before the one given, CoAP over DTLS at that one, both for UDP and TCP. */
export async function libcoapServer(build: Build): Promise<{ readonly port: number; readonly process: RunningProcess }> {
  const port = await freeUdpPortPair();
  const process = await start(`coap-server-${build}`, ["-A", "127.0.0.1", "-p", `${port}`, "-k", KEY_TEXT, "-h", "", "-d", "10", "-v", "4"], { ready: () => bound(port + 1) });
  return { port: port + 1, process };
}
