import { parentPort, workerData } from "node:worker_threads";
import type { BootstrapServerConfig } from "../../src/config/index.js";
import type { Address } from "../../src/ports/index.js";
import { realPorts } from "../../src/ports/real/index.js";
import { startBootstrapServer } from "./server.js";

/** What this thread says: it serves, or it could not be started. */
export type FromServerThread = { readonly type: "ready"; readonly coap: Address; readonly http: Address } | { readonly type: "failed"; readonly reason: string };
/** What it is told; it then leaves by itself. */
export interface ToServerThread {
  readonly type: "stop";
}

const isConfig = (data: unknown): data is BootstrapServerConfig =>
  typeof data === "object" && data !== null && ["name", "coap", "http", "peers", "operatorToken", "timing", "plants", "clients", "bootstrap"].every((name) => name in data);
const isStop = (message: unknown): message is ToServerThread => typeof message === "object" && message !== null && "type" in message && message.type === "stop";

const port = parentPort;
const config: unknown = workerData;
if (port === null || !isConfig(config)) throw new TypeError("this module runs as a worker thread, with the server's resolved configuration as its data");
try {
  const role = await startBootstrapServer(config, realPorts(config.name));
  port.on("message", (message: unknown) => {
    if (isStop(message)) void role.stop().finally(() => port.close());
  });
  port.postMessage({ type: "ready", coap: role.coap, http: role.http } satisfies FromServerThread);
} catch (error) {
  port.postMessage({ type: "failed", reason: error instanceof Error ? error.message : String(error) } satisfies FromServerThread);
}
