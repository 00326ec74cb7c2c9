import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type BootstrapServerInput, bootstrapServerConfig, type LwM2mServerInput, lwm2mServerConfig, maxTransmitWaitMs, timing } from "../src/config/index.js";
import { type Address, formatAddress } from "../src/ports/index.js";

export const lab = timing("lab");
/** For devices that come in a crowd: a handshake is waited for as long as a CoAP answer. */
export const patientLab = timing({ profile: "lab", dtls: { maximumMs: maxTransmitWaitMs(lab.coap) / 2, giveUpMs: maxTransmitWaitMs(lab.coap) } });
export const token = "benchmark-token-0123456789";

interface Ready {
  readonly coap: Address;
  readonly coaps?: Address | undefined;
  readonly http: Address;
}

export interface BenchRole {
  /** `coap://127.0.0.1:40000` */
  readonly uri: string;
  /** `coaps://127.0.0.1:40001`; empty where nothing is spoken over DTLS. */
  readonly secureUri: string;
  readonly http: string;
  stop(): Promise<void>;
}

async function inThread(script: string, config: object): Promise<BenchRole> {
  const worker = new Worker(new URL(script, import.meta.url), { workerData: config });
  const { coap, coaps, http } = await new Promise<Ready>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (message: Ready & { reason?: string }) => (message.reason === undefined ? resolve(message) : reject(new Error(message.reason))));
  });
  return {
    uri: `coap://${formatAddress(coap)}`,
    secureUri: coaps === undefined ? "" : `coaps://${formatAddress(coaps)}`,
    http: `http://${formatAddress(http)}`,
    stop: async () => {
      const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
      worker.postMessage({ type: "stop" });
      await Promise.race([gone, sleep(5_000)]);
      await worker.terminate();
    },
  };
}

const anywhere = { coap: "127.0.0.1:0", coaps: "127.0.0.1:0", http: "127.0.0.1:0", operatorToken: token, lab: true, timing: "lab" } as const;

export const serverConfig = (input: LwM2mServerInput = {}) => lwm2mServerConfig({ ...anywhere, admission: "open", ...input });
export const lwm2mServerThread = (input?: LwM2mServerInput): Promise<BenchRole> => inThread("../simulators/lwm2m-server/worker.js", serverConfig(input));
export const bootstrapServerThread = (input: BootstrapServerInput): Promise<BenchRole> =>
  inThread("../simulators/bootstrap-server/worker.js", bootstrapServerConfig({ ...anywhere, ...input }));

export interface ServerProcess {
  readonly uri: string;
  readonly secureUri: string;
  /** Resident bytes after a full collection. */
  resident(): Promise<number>;
  stop(): void;
}

/** The LwM2M Server stub in a process of its own, so that its memory is its own too. */
export async function lwm2mServerProcess(clients: LwM2mServerInput["clients"] = []): Promise<ServerProcess> {
  const child: ChildProcess = fork(fileURLToPath(new URL("server-process.js", import.meta.url)), [JSON.stringify(clients)], { execArgv: ["--expose-gc"] });
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      child.once("message", (message) => resolve(message as T));
      child.once("exit", (code) => reject(new Error(`the server process ended with ${code ?? "a signal"}`)));
    });
  const { uri, secureUri } = await next<{ uri: string; secureUri: string }>();
  return {
    uri,
    secureUri,
    resident: () => {
      child.send("resident");
      return next<number>();
    },
    stop: () => void child.kill(),
  };
}

/** A server with a certificate, for the test devices of a seed, in a process of its own. */
export async function certificateServerProcess(seed: number): Promise<{ readonly uri: string; readonly authority: Uint8Array; stop(): void }> {
  const child = fork(fileURLToPath(new URL("certificate-server-process.js", import.meta.url)), [String(seed)]);
  const { uri, authority } = await new Promise<{ uri: string; authority: string }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { uri: string; authority: string }));
    child.once("exit", (code) => reject(new Error(`the server process ended with ${code ?? "a signal"}`)));
  });
  return { uri, authority: Buffer.from(authority, "base64"), stop: () => void child.kill() };
}

/** Resident bytes of this process after a full collection; the smallest of a few readings, because pages come back late. */
export async function residentAfterCollection(): Promise<number> {
  let smallest = Number.POSITIVE_INFINITY;
  for (let reading = 0; reading < 5; reading++) {
    globalThis.gc?.();
    await sleep(200);
    smallest = Math.min(smallest, process.memoryUsage.rss());
  }
  return smallest;
}

/** Polls until the condition holds; throws after `withinMs`. */
export async function until(what: string, withinMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(5);
  }
}
