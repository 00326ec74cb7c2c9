import type { ActionResult, DeviceAction, DeviceSnapshot, DeviceSpec } from "../../../simulators/device/index.js";
import type { Fleet } from "../../../simulators/fleet/index.js";
import type { TraceEvent } from "../../ports/index.js";
import type { DeviceProvider } from "../run-context.js";
import type { DeviceActor } from "./types.js";

const pageSize = 5_000;

class FleetDevice implements DeviceActor {
  constructor(
    private readonly fleet: Fleet,
    readonly endpoint: string,
  ) {}

  async act(action: DeviceAction): Promise<ActionResult> {
    return this.fleet.act(this.endpoint, action);
  }

  async inspect(): Promise<DeviceSnapshot> {
    const snapshot = await this.fleet.inspect(this.endpoint);
    if (snapshot === undefined) throw new Error(`the fleet has no device ${this.endpoint}`);
    return snapshot;
  }

  async trace(): Promise<readonly TraceEvent[]> {
    const events: TraceEvent[] = [];
    let after = 0;
    for (;;) {
      const page = await this.fleet.trace(this.endpoint, after, pageSize);
      events.push(...page.events);
      if (page.events.length < pageSize || page.next <= after) return events;
      after = page.next;
    }
  }

  async remove(deregister: boolean): Promise<void> {
    await this.fleet.removeDevice(this.endpoint, { deregister });
  }
}

/** Devices of our own, in the shards of the fleet. */
export const fleetDevices = (fleet: Fleet): DeviceProvider => ({
  name: "muster",
  can: { misbehave: true, actions: true },
  async create(spec: DeviceSpec): Promise<DeviceActor> {
    await fleet.createDevice(spec, { start: false });
    return new FleetDevice(fleet, spec.endpoint);
  },
});
