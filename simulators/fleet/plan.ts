import type { LwM2mVersion } from "../../src/lwm2m/index.js";
import type { BootstrapAccountSpec, DeviceTimes, PersonalityName, ServerAccountSpec } from "../device/index.js";

/** When the devices of a plan start. An open model: the schedule does not wait for answers, and latency counts from it. */
export type Shape =
  /** All at once, or spread at random over `jitterMs`. */
  | { readonly kind: "storm"; readonly jitterMs?: number }
  /** Devices per second, all shards together. */
  | { readonly kind: "rate"; readonly perSecond: number }
  /** From one rate to another in a straight line over `overMs`, then on at `to`. */
  | { readonly kind: "ramp"; readonly from: number; readonly to: number; readonly overMs: number };

export interface Share {
  readonly personality: PersonalityName;
  /** Of all devices, 0 to 1. What the shares leave is `default`. */
  readonly share: number;
}

/**
 * A population of devices. Device `i` of `[first, last)` is the same one whichever shard runs it: endpoint name, seed, personality and source
 * address follow from `i` and the plan alone.
 */
export interface FleetPlan {
  /** Names the population in statistics; unique in a fleet. */
  readonly name: string;
  readonly first: number;
  readonly last: number;
  readonly seed: number;
  /** `ab-fleet-{index:08d}`. */
  readonly endpointPattern: string;
  readonly lwm2m: LwM2mVersion;
  readonly shape: Shape;
  readonly personalities?: readonly Share[];
  readonly bootstrap?: BootstrapAccountSpec;
  readonly servers?: readonly ServerAccountSpec[];
  readonly timing: DeviceTimes;
  /** Devices of which everything is traced, spread evenly. Default 5. */
  readonly traced?: number;
  /** /3303 instances per device. Default 1. */
  readonly temperatures?: number;
  /** Devices per source address before the next one of 127.0.0.0/8 is used. Default 20,000. */
  readonly perAddress?: number;
}

/** What of a plan a shard runs. */
export interface Slice {
  readonly first: number;
  readonly last: number;
}
