import { valueOf } from "../../../src/lwm2m/index.js";
import type { NewAccount } from "../../../src/smp/index.js";
import type { ScriptedDevice } from "./scripted-device.js";

export const pskA: NewAccount = { uri: "coaps://127.0.0.2:5684", securityMode: "psk", ssid: 101, retry: { count: 3, timer: 2, seqDelay: 10, seqCount: 2 } };

/** Mode, identity and key of an account on the device. */
export function heldBy(device: ScriptedDevice, ssid: number): { mode: unknown; identity: Buffer; key: Buffer } {
  const security = device.security(ssid);
  if (security === undefined) throw new Error(`no account of Short Server ID ${ssid}`);
  const bytes = (id: number): Buffer => {
    const value = valueOf(security, id);
    return value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0);
  };
  return { mode: valueOf(security, 2), identity: bytes(3), key: bytes(5) };
}
