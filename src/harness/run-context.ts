import type { Fleet } from "../../simulators/fleet/index.js";
import type { DeviceSpec } from "../../simulators/device/index.js";
import type { Timing } from "../config/index.js";
import type { LwM2mVersion } from "../lwm2m/index.js";
import type { Clock, Network, Random } from "../ports/index.js";
import type { AdapterFacts } from "./adapters/adapter.js";
import type { BootstrapServerActor, DeviceActor, LwM2mServerActor, SecurityMode } from "./actors/types.js";
import type { HealthMark } from "./run/saturation.js";
import type { Deadlines } from "./deadlines.js";
import type { Capability, Lack, ServerName, Target } from "./targets/index.js";

/** Where devices come from: our fleet, or another client stack in its place. */
export interface DeviceProvider {
  readonly name: string;
  /** What reports call it: product and version. Default: its name. */
  readonly implementation?: string;
  /** What its devices speak where a scenario does not say. Default: 1.1. */
  readonly lwm2m?: LwM2mVersion;
  /** What its devices can be made to do; a scenario that needs more is not-applicable. */
  readonly can: { readonly misbehave: boolean; readonly actions: boolean; readonly psk: boolean; readonly publicKeys: boolean };
  /** What else it cannot be asked for. */
  readonly facts?: AdapterFacts;
  create(spec: DeviceSpec): Promise<DeviceActor>;
  /** When the run is over. */
  close?(): Promise<void>;
}

/** Short Server IDs of one operator, one account each: handed out for a scenario, given back at its end. */
export interface IdPool {
  take(): number;
  give(id: number): void;
}

/** What all scenarios of a run share. Built once; nothing of one scenario is kept in it. */
export interface RunContext {
  readonly seed: string;
  /** How devices speak with their servers where a scenario does not say. */
  readonly security: SecurityMode;
  /** Unlike that of any other run: begins every Idempotency-Key. */
  readonly nonce: string;
  readonly clock: Clock;
  readonly random: Random;
  /** For what somebody else on the network sends. */
  readonly network: Network;
  readonly target: Target;
  /** Timing of the roles, and of our devices. */
  readonly timing: Timing;
  readonly deadlines: Deadlines;
  readonly missing: ReadonlyMap<Capability, Lack>;
  readonly bootstrapServer: BootstrapServerActor;
  readonly servers: Readonly<Record<ServerName, LwM2mServerActor>>;
  /** What no answer, event or log may hold. */
  readonly secrets: readonly string[];
  readonly shortServerIds: Readonly<Record<ServerName, IdPool>>;
  readonly devices: DeviceProvider;
  /** The devices of scenarios are of our fleet. */
  readonly devicesAreOurs: boolean;
  /** Absent when the devices are not ours, and no scenario wants a fleet beside them. */
  readonly fleet: Fleet | undefined;
  /** Devices of a load scenario. */
  readonly fleetSize: number;
  /** State that load scenarios hand on: a fleet that stands is not started again. */
  readonly population: Population;
  /** How far the log of each role was read by anybody: what a new scenario can skip. */
  readonly logPositions: Map<string, number>;
  /** Where the generator's own figures stand. */
  healthMark(): HealthMark;
  /** Why the generator cannot vouch for times since then, if so. */
  saturatedSince(mark: HealthMark): string | undefined;
  /** That the machine had no processor time left for ten seconds since then, if so. */
  crowdedSince(mark: HealthMark): string | undefined;
}

/** The fleet as the load scenarios left it. */
export interface Population {
  launched: boolean;
  /** Account that each operator ordered for the fleet. */
  readonly accounts: Map<ServerName, { readonly accountId: string; readonly shortServerId: number }>;
  /** Newest orders of each operator over the fleet: several when it is larger than an order may be. */
  readonly orders: Map<ServerName, readonly string[]>;
}

export const newPopulation = (): Population => ({ launched: false, accounts: new Map(), orders: new Map() });

/** A pool over `[first, last]`. */
export function idPool(first: number, last: number): IdPool {
  const free = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return {
    take() {
      // First in, first out: an id comes back as late as possible, so that leftovers of its last scenario are long gone.
      const id = free.shift();
      if (id === undefined) throw new Error(`all Short Server IDs from ${first} to ${last} are in use`);
      return id;
    },
    give: (id) => void free.push(id),
  };
}
