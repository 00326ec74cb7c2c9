import { parentPort, workerData } from "node:worker_threads";
import type { IncomingRequest, RequestHandler } from "../coap/index.js";
import type { Address } from "../ports/index.js";

/** A role that serves until it is stopped. */
export interface RunningRole {
  readonly coap: Address;
  readonly http: Address;
  stop(): Promise<void>;
}

/** What a role's thread says: it serves, or it could not be started. */
export type FromServerThread = { readonly type: "ready"; readonly coap: Address; readonly http: Address } | { readonly type: "failed"; readonly reason: string };
/** What it is told; it then leaves by itself. */
export interface ToServerThread {
  readonly type: "stop";
}

const isStop = (message: unknown): message is ToServerThread => typeof message === "object" && message !== null && "type" in message && message.type === "stop";

/** Serves a role in this worker thread, whose data is the role's resolved configuration. Rejects where it is no such thread. */
export async function serveInThread<Config>(isConfig: (data: unknown) => data is Config, start: (config: Config) => Promise<RunningRole>): Promise<void> {
  const port = parentPort;
  const config: unknown = workerData;
  if (port === null || !isConfig(config)) throw new TypeError("this module runs as a worker thread, with the server's resolved configuration as its data");
  try {
    const role = await start(config);
    port.on("message", (message: unknown) => {
      if (isStop(message)) void role.stop().finally(() => port.close());
    });
    port.postMessage({ type: "ready", coap: role.coap, http: role.http } satisfies FromServerThread);
  } catch (error) {
    port.postMessage({ type: "failed", reason: error instanceof Error ? error.message : String(error) } satisfies FromServerThread);
  }
}

/** What a CoAP endpoint hands its requests to: it exists before the role does. */
export class LateHandler implements RequestHandler {
  handler: RequestHandler | undefined = undefined;

  onRequest(request: IncomingRequest): void {
    if (this.handler === undefined) request.ignore();
    else this.handler.onRequest(request);
  }
}
