import { hasAddress } from "../ports/real/index.js";
import { parseCoapUri } from "../transport/index.js";
import { UsageError } from "./exit.js";

/** Errors of binding an address that the user chose; anything else is thrown on as it is. */
export function asUsage(error: unknown, addresses: Readonly<Record<string, { readonly host: string; readonly port: number }>>): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const port: unknown = "port" in error ? error.port : undefined;
  const host: unknown = "address" in error ? error.address : undefined;
  const name: unknown = "hostname" in error ? error.hostname : undefined;
  const given = Object.entries(addresses);
  const [flag, address] = given.find(([, candidate]) => candidate.port === port && (host === undefined || candidate.host === host)) ?? given.find(([, candidate]) => candidate.host === name) ?? given.find(([, candidate]) => candidate.port === port) ?? given[0] ?? ["--coap", { host: "", port: 0 }];
  const place = `${address.host}:${address.port}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new UsageError(`${flag} ${place} is in use by another process`, `stop it, or choose another port with ${flag} HOST:PORT (port 0 takes any free one)`);
    case "EADDRNOTAVAIL":
      return new UsageError(`${flag} ${place} is not an address of this machine`, `use one of its own, such as ${flag} 127.0.0.1:${address.port}`);
    case "EACCES":
      return new UsageError(`${flag} ${place} may not be used without privileges`, `choose a port above 1023 with ${flag} HOST:PORT`);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new UsageError(`${flag} ${place} names a host that has no address`, `use an address of this machine, such as ${flag} 127.0.0.1:${address.port}`);
    default:
      return error;
  }
}

/** Throws UsageError for a URI whose host has no address; `uris` by the flag they were given with. */
export async function checkHosts(uris: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [flag, uri] of Object.entries(uris)) {
    if (uri !== undefined && !(await hasAddress(parseCoapUri(uri).host))) throw new UsageError(`${flag} ${uri} names a host that has no address`, "give its address, or a name that this machine can resolve");
  }
}
