import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { formatAddress } from "../../src/ports/index.js";
import { packageRoot, realPorts } from "../../src/ports/real/index.js";
import { labConfig } from "./testing/bench.js";
import { ScriptedDevice } from "./testing/scripted-device.js";
import type { FromServerThread } from "../../src/operator/index.js";

/** A thread cannot start from a .ts file: this runs what the build wrote. */
const script = join(packageRoot, "dist/simulators/lwm2m-server/worker.js");

const started = (worker: Worker): Promise<FromServerThread> =>
  new Promise((resolve, reject) => {
    worker.once("message", (message: FromServerThread) => resolve(message));
    worker.once("error", reject);
  });

const ended = (worker: Worker): Promise<number> => new Promise((resolve) => worker.once("exit", resolve));

describe("the LwM2M Server in a thread of its own", () => {
  it("says where it listens, serves, and leaves when it is told to", async () => {
    const worker = new Worker(script, { workerData: labConfig() });
    const exit = ended(worker);
    const message = await started(worker);
    if (message.type !== "ready") expect.fail(message.reason);
    const device = await ScriptedDevice.start(realPorts(1), { endpoint: "ab-1", host: "127.0.0.1", server: message.coap });
    expect(await device.register()).toBe("2.01");
    await device.stop();
    expect((await fetch(`http://${formatAddress(message.http)}/metrics`)).status).toBe(200);
    worker.postMessage({ type: "stop" });
    expect(await exit).toBe(0);
  });

  it("says why it could not start", async () => {
    const worker = new Worker(script, { workerData: labConfig({ plants: ["no-such-fault"] }) });
    const exit = ended(worker);
    expect(await started(worker)).toMatchObject({ type: "failed", reason: expect.stringContaining("no-such-fault") as string });
    await exit;
  });
});
