import { parentPort, workerData } from "node:worker_threads";

const { fail, exit, port, exitAfterReady } = workerData;
if (workerData.throw !== undefined) throw new Error(workerData.throw);
if (exit !== undefined) process.exit(exit);
if (fail !== undefined) parentPort.postMessage({ type: "failed", reason: fail });
else {
  parentPort.on("message", ({ type }) => type === "stop" && parentPort.close());
  parentPort.postMessage({ type: "ready", coap: { host: "127.0.0.1", port }, http: { host: "127.0.0.1", port: port + 1 } });
  if (exitAfterReady) parentPort.close();
}
