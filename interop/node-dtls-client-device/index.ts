import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DeviceProvider } from "../../src/harness/index.js";
import { packageRoot } from "../../src/ports/real/index.js";
import { hostedDevices } from "../node-coap-device/hosted.js";

/** Devices on node-coap whose accounts with keys speak DTLS by node-dtls-client (`muster run --devices-on node-dtls-client`). */
export async function deviceProvider(): Promise<DeviceProvider> {
  const folder = join(packageRoot, "interop/.cache/node-dtls-client");
  if (!existsSync(join(folder, "node_modules/node-dtls-client"))) throw new Error("node-dtls-client is not installed: run interop/setup");
  return hostedDevices({ name: "node-dtls-client", implementation: "node-coap 1.5.0 on node-dtls-client 1.1.1", dtls: folder });
}
