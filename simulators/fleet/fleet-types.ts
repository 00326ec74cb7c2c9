import type { ActionResult, DeviceAction, DeviceCounters, DeviceSnapshot, DeviceSpec, FleetState } from "../device/index.js";
import type { FleetPlan } from "./plan.js";
import type { FailedDevice, Operation, Selection, ShardCounters, ShardHealth, TracePage } from "./protocol.js";

export interface FleetOptions {
  /** Default: one less than the cores, at least one. */
  readonly shards?: number;
  /** Seeds the shards' message ids, tokens and jitter of endpoints; devices are seeded by their plan or spec. */
  readonly seed?: number;
  /** A shard silent for longer is lost. Default 10 s. */
  readonly heartbeatMs?: number;
  /** Events kept per shard for traced devices. Default 50,000. */
  readonly traceLimit?: number;
  /** Datagrams of untraced devices kept per shard, for those that fail. Default 8,192; 0: none. */
  readonly recorderLimit?: number;
  /** Share of the devices' datagrams, 0 to 1, that is lost on purpose, in either direction. Default 0. */
  readonly loss?: number;
  /** Takes the lines of an NSS key log for every DTLS session of every device. Whoever sets it has to say so where the user reads. */
  readonly keyLog?: (line: string) => void;
  /** A shard was lost: the fleet is stopped, its figures mean nothing any more. */
  readonly onLost?: (reason: string) => void;
}

/** Milliseconds. */
export interface Percentiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** How often an operation took up to that many milliseconds, and more than the bin before. */
export interface Bin {
  readonly upToMs: number;
  readonly count: number;
}

export interface FleetHealth {
  readonly loopLagP99Ms: number;
  readonly socketDrops: number | undefined;
  readonly lostOnPurpose: number;
  readonly refusedSockets: number;
  readonly receiveBuffer: number | undefined;
  readonly openSockets: number;
  /** A shard lagged (p99 over 100 ms within some ten seconds), its sockets dropped, or it got no socket. */
  readonly saturated: boolean;
  readonly shards: readonly ShardHealth[];
}

export interface FleetSnapshot {
  /** Seconds since the fleet started. */
  readonly second: number;
  readonly states: Readonly<Record<FleetState, number>>;
  readonly counters: Readonly<ShardCounters>;
  /** Merged from the start. */
  readonly latency: Readonly<Partial<Record<Operation, Percentiles>>>;
  /** Of this interval alone, for charts. */
  readonly interval: Readonly<Partial<Record<Operation, Percentiles>>>;
  readonly health: FleetHealth;
}

export interface StopOptions {
  /** De-register on leaving. Default true. */
  readonly deregister?: boolean;
  /** Time to leave in; after it and a grace period the threads are ended. Default 10 s. */
  readonly withinMs?: number;
}

export interface Fleet {
  readonly shards: number;
  /** Starts the devices of a plan; resolves when every shard has it. */
  launch(plan: FleetPlan): Promise<void>;
  /** Changes the rate of a plan that still starts devices. */
  setRate(plan: string, perSecond: number): Promise<void>;
  /** Newest merged figures. */
  snapshot(): FleetSnapshot;
  /** Adds what only its caller can time, such as `order-to-confirmed`, to the fleet's latencies. */
  record(operation: Operation, milliseconds: number): void;
  /** Merged from the start, in bins that double; computed anew at each call. */
  distribution(): Readonly<Partial<Record<Operation, readonly Bin[]>>>;
  /** One per second, newest last; bounded to the last hour. */
  series(): readonly FleetSnapshot[];
  /** Hears every snapshot; the result stops it. */
  onSnapshot(listener: (snapshot: FleetSnapshot) => void): () => void;
  /** A single device in the least busy shard, with everything traced unless its spec says otherwise. Refused when the name is taken. */
  createDevice(spec: DeviceSpec, options?: { readonly start?: boolean }): Promise<void>;
  /** Stops and forgets a device; false when there is none. */
  removeDevice(endpoint: string, options?: { readonly deregister?: boolean }): Promise<boolean>;
  act(endpoint: string, action: DeviceAction): Promise<ActionResult>;
  /** The action on every device of the selection, paced when a rate is given; resolves with how many, as soon as they are chosen. */
  actAll(selection: Selection, action: DeviceAction, perSecond?: number): Promise<number>;
  inspect(endpoint: string): Promise<DeviceSnapshot | undefined>;
  trace(endpoint: string, after?: number, limit?: number): Promise<TracePage>;
  states(plan?: string): Promise<Readonly<Record<FleetState, number>>>;
  /** The exact set of endpoint names. */
  select(selection: Selection): Promise<readonly string[]>;
  /** What devices counted up to this moment, of a plan or of all; the snapshot is up to a second old. */
  counters(plan?: string): Promise<Readonly<DeviceCounters>>;
  /** What each device of a plan counted up to this moment; a device that counted nothing is not in it. */
  tally(plan: string, counter: keyof DeviceCounters): Promise<ReadonlyMap<string, number>>;
  /** Devices that failed, and why, newest last; their last datagrams are in the trace. */
  failures(limit?: number, plan?: string): Promise<readonly FailedDevice[]>;
  /** Why a shard was lost, if one was. */
  readonly lost: string | undefined;
  stop(options?: StopOptions): Promise<FleetSnapshot>;
}
