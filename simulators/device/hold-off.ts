import { SecurityResource } from "../../src/lwm2m/index.js";
import { seededRandom } from "../../src/ports/seeded-random.js";
import type { Device } from "./device.js";
import type { DeviceState } from "./lifecycle.js";
import { numberOf } from "./objects.js";
import { bootstrapAccountOf } from "./server-accounts.js";

/** How long a device waits before it asks its Bootstrap Server. `fallbacks`: how often in a row it was sent there by a Server that did not take it. */
export function holdOffMs(device: Device, { cause, attempt }: Extract<DeviceState, { at: "hold-off" }>, fallbacks: number): number {
  if (attempt > 0) return backOffMs(device, attempt);
  switch (cause) {
    case "factory": {
      const account = bootstrapAccountOf(device.objects);
      return (account === undefined ? 0 : (numberOf(account.security, SecurityResource.ClientHoldOffTime) ?? 0)) * 1000;
    }
    case "trigger": {
      const { jitterMs } = device.behaviour.trigger;
      return jitterMs === 0 ? 0 : seededRandom(`${device.spec.seed} trigger ${device.counters.bootstrapTriggers}`).next() * jitterMs;
    }
    case "fallback":
      return fallbacks < 2 ? 0 : backOffMs(device, fallbacks - 1);
    case "manual":
      return 0;
  }
}

/** Doubles each time, up to the configured maximum. */
function backOffMs(device: Device, times: number): number {
  const { bootstrapRetryMs, bootstrapRetryMaxMs } = device.spec.timing.device;
  return Math.min(bootstrapRetryMs * 2 ** Math.min(times - 1, 30), bootstrapRetryMaxMs);
}
