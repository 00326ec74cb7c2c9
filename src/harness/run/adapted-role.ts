import type { PeerConfig } from "../../config/index.js";
import { silentLog, type Ports, type Programs } from "../../ports/index.js";
import { parseCoapUri } from "../../transport/index.js";
import { adapterFor, bootstrapFront, knock, serverFront, type AdapterFront, type Ask, type DeviceKey } from "../adapters/index.js";
import { portsOf, resolvedEntry, type AdaptedTarget } from "../targets/index.js";
import type { ErrorOf } from "../verdict.js";
import { RoleError } from "./role-thread.js";

export interface AdaptedRoleOptions {
  /** `server-a`. */
  readonly name: string;
  readonly httpPort: number;
  readonly peers: readonly PeerConfig[];
  readonly timing: string;
  /** Of the devices of the run, for a Bootstrap Server. */
  readonly deviceKey?: DeviceKey;
}

export type AdaptedRoleEnvironment = Pick<Ports, "clock" | "secrets" | "network"> & {
  readonly freePorts: (host: string, count: number) => Promise<number[]>;
  readonly programs: Programs;
  /** Asks whoever sits at the terminal; absent where nobody does. */
  readonly ask?: Ask | undefined;
  readonly onLost: (reason: string, of?: ErrorOf) => void;
};

const loopback = "127.0.0.1";

/** What a program writes before it ends may hold what it was given in its environment. */
const withoutSecrets = (text: string, secrets: Readonly<Record<string, string>>): string => Object.entries(secrets).reduce((left, [name, value]) => (value === "" ? left : left.replaceAll(value, `<${name}>`)), text);

/** Starts a system that the target file tells how to start, and what stands in front of it. `undo` gets what ends them, in order. Rejects with `RoleError`. */
export async function adaptedRole(role: AdaptedTarget, options: AdaptedRoleOptions, environment: AdaptedRoleEnvironment, undo: (end: () => Promise<void>) => void): Promise<AdapterFront> {
  const { name } = options;
  const names = portsOf(role.entry);
  const free = names.length === 0 ? [] : await environment.freePorts(loopback, names.length);
  const entry = resolvedEntry(role.entry, { ...Object.fromEntries(names.map((port, index) => [port, free[index] ?? 0])), here: process.cwd() });
  const failed = (what: string, error: unknown): RoleError => new RoleError(`${name}: ${what}: ${withoutSecrets(error instanceof Error ? error.message : String(error), role.secrets)}`, "target");
  if (entry.start !== undefined) {
    const { command, environment: variables, folder, ready, within } = entry.start;
    try {
      const program = await environment.programs.start({ command, environment: variables, ...(folder === undefined ? {} : { folder }), ready, withinMs: within }, (reason) => environment.onLost(`${name}: ${withoutSecrets(reason, role.secrets)}`, "target"));
      undo(() => program.stop());
    } catch (error) {
      throw failed("could not be started", error);
    }
  }
  const coap = parseCoapUri(entry.coap);
  // Where nobody is, every rule would be broken. One of the two ports may be closed.
  const addresses = [entry.coap, ...(entry.coaps === undefined ? [] : [entry.coaps])];
  const outcomes = await Promise.all(addresses.map((uri) => knock(parseCoapUri(uri), environment)));
  if (outcomes.every((outcome) => outcome === "refuses")) throw failed("nobody listens", `${addresses.join(" nor at ")}; start it, or correct ${addresses.length === 1 ? "coap" : "coap and coaps"} in the target file`);
  const ports = { ...environment, log: silentLog };
  const secured = entry.coaps !== undefined && (entry.capabilities?.security.includes("psk") ?? false);
  const front = { name, coap, ...(secured && entry.coaps !== undefined ? { coaps: parseCoapUri(entry.coaps) } : {}), httpPort: options.httpPort, peers: options.peers, timing: options.timing };
  const means = { clock: environment.clock, secrets: role.secrets, ask: environment.ask };
  const [adapter, start] =
    name === "bootstrap-server"
      ? ((made) => [made, () => bootstrapFront(made, front, ports, options.deviceKey)] as const)(adapterFor.bootstrapServer(entry, means))
      : ((made) => [made, () => serverFront(made, front, ports)] as const)(adapterFor.server(entry, means));
  const wrong = (await adapter.check()).find(({ ok }) => !ok);
  if (wrong !== undefined) throw failed(wrong.what, `${wrong.detail}; ${wrong.repair ?? "see muster doctor --target"}`);
  try {
    const running = await start();
    undo(() => running.stop());
    return running;
  } catch (error) {
    throw failed("could not be put behind its adapter", error);
  }
}
