import { parentPort, workerData } from "node:worker_threads";
import type { Address, Ports } from "../../ports/index.js";
import { realPorts } from "../../ports/real/index.js";

interface RunningRole {
  readonly coap: Address;
  readonly http: Address;
  stop(): Promise<void>;
}

/**
 * Runs a role in this worker thread: `workerData` is its configuration (plain data, resolved by the thread that started it). Posts `ready` with the addresses
 * or `failed` with the reason, and leaves on `{type: "stop"}`.
 */
export async function serveInThread<Config extends { readonly name: string }>(start: (config: Config, ports: Ports) => Promise<RunningRole>, isConfig: (data: unknown) => data is Config): Promise<void> {
  const port = parentPort;
  const config: unknown = workerData;
  if (port === null || !isConfig(config)) throw new TypeError("this module runs as a worker thread, with a role's configuration as its data");
  try {
    const role = await start(config, realPorts(config.name));
    port.on("message", (message: unknown) => {
      if (typeof message !== "object" || message === null || !("type" in message) || message.type !== "stop") return;
      void role.stop().finally(() => port.close());
    });
    port.postMessage({ type: "ready", coap: role.coap, http: role.http });
  } catch (error) {
    port.postMessage({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
}

export const hasMembers = (data: unknown, names: readonly string[]): boolean => typeof data === "object" && data !== null && names.every((name) => name in data);
