import { Worker } from "node:worker_threads";
import type { ErrorOf } from "../verdict.js";
import { after, type Address, type Clock } from "../../ports/index.js";

/** A role could not be started, or ended by itself. */
export class RoleError extends Error {
  override readonly name = "RoleError";

  constructor(
    message: string,
    readonly of: ErrorOf = "muster",
  ) {
    super(message);
  }
}

/** A role in a thread of its own; nothing but messages passes, and those only to start and to stop it. */
export interface RoleThread {
  readonly coap: Address;
  readonly coaps?: Address;
  readonly http: Address;
  stop(): Promise<void>;
}

/** A role that does not leave by itself within this is ended. */
const stopGraceMs = 5_000;

type FromRole = { readonly type: "ready"; readonly coap: Address; readonly coaps?: Address; readonly http: Address } | { readonly type: "failed"; readonly reason: string };

const isFromRole = (message: unknown): message is FromRole => typeof message === "object" && message !== null && "type" in message && (message.type === "ready" || message.type === "failed");

/**
 * Starts `script` with `config` as its workerData; it posts `ready` with its addresses, or `failed`, and ends on `{type: "stop"}`. `onLost` hears of a
 * thread that ends without having been told to. Rejects with `RoleError`.
 */
export function startRoleThread(name: string, script: URL, config: object, clock: Clock, onLost: (reason: string) => void): Promise<RoleThread> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData: config, name });
    let stopping = false;
    let ready = false;
    const lost = (reason: string): void => {
      if (stopping) return;
      stopping = true;
      if (ready) onLost(`${name} ${reason}`);
      else reject(new RoleError(`${name} ${reason}`));
    };
    const ended = new Promise<void>((done) => worker.once("exit", () => done()));
    worker.on("error", (error) => lost(`broke: ${error instanceof Error ? error.message : String(error)}`));
    worker.on("exit", (code) => lost(`ended unexpectedly with ${code}`));
    worker.on("message", (message: unknown) => {
      if (!isFromRole(message)) return;
      if (message.type === "failed") {
        lost(`did not start: ${message.reason}`);
        void worker.terminate();
        return;
      }
      ready = true;
      resolve({
        coap: message.coap,
        ...(message.coaps === undefined ? {} : { coaps: message.coaps }),
        http: message.http,
        async stop() {
          if (stopping) return;
          stopping = true;
          worker.postMessage({ type: "stop" });
          const grace = after(clock, stopGraceMs, `${name} leaves`, () => void worker.terminate());
          await ended;
          clock.stop(grace);
        },
      });
    });
  });
}
