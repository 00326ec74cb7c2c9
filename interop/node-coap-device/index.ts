import type { DeviceProvider } from "../../src/harness/index.js";
import { hostedDevices } from "./hosted.js";

/** Devices on node-coap for the harness, without security (`muster run --devices-on node-coap`). */
export const deviceProvider = (): Promise<DeviceProvider> => hostedDevices({ name: "node-coap", implementation: "node-coap 1.5.0" });
