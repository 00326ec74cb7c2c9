import { plantedDeviations, type ActionResult, type DeviceAction, type DeviceSnapshot, type DeviceSpec } from "../../../simulators/device/index.js";
import type { Fleet } from "../../../simulators/fleet/index.js";
import type { DeviceProvider } from "../run-context.js";
import { allPages, tracePage } from "./pages.js";
import type { DeviceActor, TraceSince } from "./types.js";

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

  async trace(after: number): Promise<TraceSince> {
    return allPages(after, (from) => this.fleet.trace(this.endpoint, from, tracePage));
  }

  async remove(deregister: boolean): Promise<void> {
    await this.fleet.removeDevice(this.endpoint, { deregister });
  }
}

/** Devices of our own, in the shards of the fleet. */
export const fleetDevices = (fleet: Fleet): DeviceProvider => ({
  name: "muster",
  can: { misbehave: true, actions: true, psk: true, publicKeys: true },
  async create(spec: DeviceSpec): Promise<DeviceActor> {
    await fleet.createDevice(spec, { start: false });
    return new FleetDevice(fleet, spec.endpoint);
  },
});

/** Devices that break rules on purpose, each of them the same. */
export function withPlants(devices: DeviceProvider, plants: readonly string[]): DeviceProvider {
  if (plants.length === 0) return devices;
  const planted = plantedDeviations(plants);
  return { ...devices, create: (spec) => devices.create({ ...spec, deviations: { ...planted, ...spec.deviations } }) };
}
