import type { Clock } from "../../src/ports/index.js";
import type { Reachability } from "../../src/smp/index.js";
import { isoTime } from "./credential-record.js";
import { objectVersionOf } from "./json-values.js";
import type { PlantedFaults } from "./plants.js";
import { isAwake } from "./queue-mode.js";
import type { Registration, Registry } from "./registry.js";

export interface ReachabilityOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly plants: PlantedFaults;
  readonly awakeMs: number;
  shortServerIdFor(endpoint: string): number | undefined;
}

/** What a Bootstrap Server may know of a device: what the registry shows, no more. */
export class ReachabilityView {
  constructor(readonly options: ReachabilityOptions) {}

  of(endpoint: string): Reachability {
    const { registry, plants, clock, awakeMs } = this.options;
    const registration = registry.byEndpoint(endpoint);
    if (plants.has("reachability-lies")) return { ep: endpoint, registered: true, binding: "U", queueMode: false, awake: true, lastSeen: isoTime(clock.epoch()) };
    if (registration === undefined) {
      const lastSeen = registry.departedAt(endpoint);
      return { ep: endpoint, registered: false, ...(lastSeen === undefined ? {} : { lastSeen: this.#time(lastSeen) }) };
    }
    const shortServerId = this.options.shortServerIdFor(endpoint);
    const expected = this.expectedUplink(registration);
    const known = registration.serverInstance !== undefined;
    return {
      ep: endpoint,
      registered: true,
      ...(shortServerId === undefined ? {} : { ssid: shortServerId }),
      binding: registration.binding.transports,
      queueMode: registration.queueMode,
      awake: isAwake(registration, clock.now(), awakeMs),
      registeredAt: this.#time(registration.registeredAt),
      lastSeen: this.#time(registration.lastSeen),
      ...(expected === undefined ? {} : { expectedAt: isoTime(expected) }),
      ...(registration.lifetime === 0 ? {} : { lifetime: registration.lifetime }),
      triggerable: objectVersionOf(registration, 1) === "1.0" ? "no" : known ? "yes" : "unknown",
    };
  }

  /** Milliseconds since 1970 when the device will have been heard at the latest; undefined when nothing is due. */
  expectedUplink(registration: Registration): number | undefined {
    if (registration.lifetime === 0) return undefined;
    const { clock } = this.options;
    return clock.epoch() - clock.now() + registration.lastUplink + registration.lifetime * 1000;
  }

  #time(at: number): string {
    const { clock } = this.options;
    return isoTime(clock.epoch() - clock.now() + at);
  }
}
