import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { DeviceProvider } from "../harness/index.js";
import { packageRoot } from "../ports/real/index.js";
import { UsageError } from "./exit.js";

/**
 * Devices on another client stack. They live under `interop/` with the stack they need, so they are found by name at run time and never imported:
 * `interop/NAME-device/index.js` exports `deviceProvider(seed)`.
 */
export async function devicesOn(name: string, seed: string): Promise<DeviceProvider> {
  const path = join(packageRoot, "dist/interop", `${name}-device`, "index.js");
  if (!/^[a-z0-9-]+$/.test(name) || !existsSync(path)) throw new UsageError(`--devices-on: there are no devices on "${name}" here`, "use node-coap, node-dtls-client, leshan or wakaama, in a clone of the repository after npm ci and interop/setup");
  const module: unknown = await import(pathToFileURL(path).href);
  const make = typeof module === "object" && module !== null && "deviceProvider" in module ? module.deviceProvider : undefined;
  if (typeof make !== "function") throw new TypeError(`${path} does not export deviceProvider`);
  let provider: unknown;
  try {
    provider = await Reflect.apply(make, undefined, [seed]);
  } catch (error) {
    throw new UsageError(`--devices-on ${name}: ${error instanceof Error ? error.message : String(error)}`, "npm ci and interop/setup in a clone of the repository install what it needs");
  }
  if (!isProvider(provider)) throw new TypeError(`${path}: deviceProvider gives no provider of devices`);
  return provider;
}

const isProvider = (value: unknown): value is DeviceProvider => typeof value === "object" && value !== null && "name" in value && "can" in value && "create" in value && typeof value.create === "function";
