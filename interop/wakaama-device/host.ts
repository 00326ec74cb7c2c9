/**
 * A process that hosts LwM2M devices on Wakaama's npm client, for whoever writes requests to its standard input, one JSON object a line, and reads the
 * replies: the protocol of the devices on node-coap. Arguments: the folder in which the package is installed, and the shim that binds 127.0.0.1. Ends with
 * its input.
 */
import { createInterface } from "node:readline";
import { z } from "zod";
import { WakaamaDevice } from "./device.js";
import { readLogs, wakaamaIn } from "./npm-package.js";
import { NotSupported, specOf } from "./spec.js";

const endpoint = z.string();
const request = z.discriminatedUnion("type", [
  z.object({ type: z.literal("create"), id: z.int(), spec: z.unknown() }),
  z.object({ type: z.literal("act"), id: z.int(), endpoint, action: z.unknown() }),
  z.object({ type: z.literal("inspect"), id: z.int(), endpoint }),
  z.object({ type: z.literal("trace"), id: z.int(), endpoint, after: z.int(), limit: z.int() }),
  z.object({ type: z.literal("remove"), id: z.int(), endpoint, deregister: z.boolean() }),
]);
type HostRequest = z.output<typeof request>;

const [folder = "", shim = ""] = process.argv.slice(2);
const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const devices = new Map<string, WakaamaDevice>();
const known = (name: string): WakaamaDevice => {
  const device = devices.get(name);
  if (device === undefined) throw new Error(`there is no device ${name}`);
  return device;
};

// It does so where a device has no instance 0 of /0, and hears of it in no way.
process.on("unhandledRejection", () => {});
const wakaama = wakaamaIn(folder);
const killAll = readLogs((name, log) => devices.get(name)?.readLog(log), shim);
process.on("exit", killAll);

async function carryOut(asked: HostRequest): Promise<unknown> {
  switch (asked.type) {
    case "create": {
      const spec = specOf(asked.spec);
      devices.set(spec.endpoint, await WakaamaDevice.make(wakaama, spec));
      return null;
    }
    case "act":
      return known(asked.endpoint).act(asked.action);
    case "inspect":
      return known(asked.endpoint).snapshot();
    case "trace":
      return known(asked.endpoint).trace(asked.after, asked.limit);
    case "remove":
      await devices.get(asked.endpoint)?.stop(asked.deregister);
      return devices.delete(asked.endpoint);
  }
}

async function answer(line: string): Promise<void> {
  const asked = request.parse(JSON.parse(line));
  try {
    say({ id: asked.id, result: await carryOut(asked) });
  } catch (error) {
    say({ id: asked.id, refused: error instanceof NotSupported ? `unsupported: ${error.message}` : `failed: ${error instanceof Error ? error.message : String(error)}` });
  }
}

say({ ready: true, stack: "node-red-contrib-lwm2m 2.12.3" });
for await (const line of createInterface({ input: process.stdin })) if (line.trim() !== "") void answer(line);
process.exit(0);
