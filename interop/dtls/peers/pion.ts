import { events, start, type RunningProcess } from "../../process.js";
import { cached } from "../rig/installed.js";
import type { SuiteCode } from "../rig/keys.js";

export const PION = cached("pion", "muster-pion");

type Event = Readonly<Record<string, unknown>>;

/** What it printed of this kind. */
export const eventsOf = (process: RunningProcess, kind: string): Event[] => events(process).filter(({ event }) => event === kind);

/** Runs a client (`echo-client`, `coap-client`) to its end; gives what it printed. */
export async function pionClient(command: "echo-client" | "coap-client", port: number, suites: readonly SuiteCode[], ...args: string[]): Promise<RunningProcess> {
  const client = await start(PION, [command, "-address", `127.0.0.1:${port}`, "-suites", suites.join(","), ...args]);
  await client.exited;
  return client;
}

export async function pionServer(command: "echo-server" | "coap-server", suites: readonly SuiteCode[], ...args: string[]): Promise<{ readonly port: number; readonly process: RunningProcess }> {
  const process = await start(PION, [command, "-suites", suites.join(","), ...args], { ready: (output) => output.includes('"ready"') });
  const [ready] = eventsOf(process, "ready");
  return { port: Number(ready?.["port"]), process };
}
