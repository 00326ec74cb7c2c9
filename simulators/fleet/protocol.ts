import type { TraceEvent } from "../../src/ports/index.js";
import type { ActionResult, DeviceAction, DeviceCounters, DeviceSnapshot, DeviceSpec, FleetState, PersonalityName } from "../device/index.js";
import type { FleetPlan, Slice } from "./plan.js";

/** What is timed. Values are microseconds in histograms. */
export const operations = ["handshake", "bootstrap", "register", "update", "deregister", "trigger-to-bootstrap", "order-to-confirmed", "outage", "return", "start-to-registered", "recovery", "lateness"] as const;
/**
 * `handshake`: ClientHello sent to DTLS session made, full or resumed, with any server. `bootstrap`: intended start of the Bootstrap-Request to the Finish answered. `register`: intended send to 2.01. `update`, `deregister`: send to answer.
 * `trigger-to-bootstrap`: Execute of /1/x/9 heard to Bootstrap-Request sent. `order-to-confirmed`: order accepted to item confirmed, as the Bootstrap
 * Server stamped them; no device can know it, it comes from who places the order. So do `outage`, the activation of a new key where the old one ends with it to the
 * Register under the new one, and `return`, the moment a server lost its sessions to the next registration of the device. `start-to-registered`: intended start of the device to all accounts
 * registered. `recovery`: the first message of a device after its address changed to the first answer. `lateness`: intended to actual start, the generator's own delay.
 */
export type Operation = (typeof operations)[number];

/** Which devices: all conditions hold. None: all devices. */
export interface Selection {
  readonly plan?: string;
  readonly state?: FleetState;
  readonly personality?: PersonalityName;
  /** Registered with this Short Server ID. */
  readonly registeredWith?: number;
  readonly notRegisteredWith?: number;
  /** Registered with this Short Server ID, and not waiting for the answer to an Update: it may be that its registration, or its session, is there no more. */
  readonly answeredBy?: number;
  readonly limit?: number;
}

/** Counters of all devices of a shard, from its start. */
export interface ShardCounters extends DeviceCounters {
  devices: number;
  started: number;
  datagramsIn: number;
  datagramsOut: number;
  retransmissions: number;
  /** Requests given up after the last retransmission. */
  timeouts: number;
}

/** The generator's own health in the last interval. */
export interface ShardHealth {
  /** Event-loop lag, milliseconds. */
  readonly loopLagP99Ms: number;
  readonly loopLagMaxMs: number;
  /** Turns of the event loop that were looked at, and how many of them came more than 100 ms late: unlike percentiles they can be added up. */
  readonly loopTurns: number;
  readonly lateTurns: number;
  /** Datagrams the kernel dropped at this process's sockets since the start; undefined where it cannot be known. */
  readonly socketDrops: number | undefined;
  /** Datagrams lost on purpose, since the start. */
  readonly lostOnPurpose: number;
  /** Sockets the system did not give (descriptors or ports used up), since the start. */
  readonly refusedSockets: number;
  /** Receive buffer granted to a device's socket, bytes, read back. */
  readonly receiveBuffer: number | undefined;
  readonly openSockets: number;
  /** Resident set of the process, bytes. */
  readonly rss: number;
}

/** Main thread to shard. Every message with `id` is answered by `reply` with the same one. */
export type ToShard =
  | { readonly type: "launch"; readonly id: number; readonly plan: FleetPlan; readonly slice: Slice; readonly startInMs: number }
  | { readonly type: "rate"; readonly id: number; readonly plan: string; readonly perSecond: number }
  | { readonly type: "create"; readonly id: number; readonly spec: DeviceSpec; readonly start: boolean }
  | { readonly type: "remove"; readonly id: number; readonly endpoint: string; readonly deregister: boolean }
  | { readonly type: "act"; readonly id: number; readonly endpoint: string; readonly action: DeviceAction }
  | { readonly type: "act-all"; readonly id: number; readonly selection: Selection; readonly action: DeviceAction; readonly perSecond?: number }
  | { readonly type: "inspect"; readonly id: number; readonly endpoint: string }
  | { readonly type: "trace"; readonly id: number; readonly endpoint?: string; readonly after: number; readonly limit: number }
  | { readonly type: "states"; readonly id: number; readonly plan?: string }
  | { readonly type: "select"; readonly id: number; readonly selection: Selection }
  | { readonly type: "failures"; readonly id: number; readonly limit: number; readonly plan?: string }
  | { readonly type: "counters"; readonly id: number; readonly plan?: string }
  | { readonly type: "tally"; readonly id: number; readonly plan: string; readonly counter: keyof DeviceCounters }
  | { readonly type: "stop"; readonly id: number; readonly deregister: boolean; readonly withinMs: number };

export interface TracePage {
  readonly events: readonly TraceEvent[];
  /** For the next `after`. */
  readonly next: number;
  /** Events of this log that are lost because it is bounded. */
  readonly dropped: number;
}

export interface FailedDevice {
  readonly endpoint: string;
  readonly personality: PersonalityName;
  readonly reason: string;
}

/** What a reply carries, by the request's type. */
export interface Replies {
  readonly launch: undefined;
  readonly rate: undefined;
  readonly create: undefined;
  readonly remove: boolean;
  readonly act: ActionResult;
  readonly "act-all": number;
  readonly inspect: DeviceSnapshot | undefined;
  readonly trace: TracePage;
  readonly states: Readonly<Record<FleetState, number>>;
  readonly select: readonly string[];
  readonly failures: readonly FailedDevice[];
  readonly counters: DeviceCounters;
  /** Each device that counted anything. */
  readonly tally: readonly (readonly [endpoint: string, count: number])[];
  readonly stop: undefined;
}

/** Shard to main thread. */
export type FromShard =
  | { readonly type: "ready"; readonly shard: number }
  /** The line of an NSS key log for a session just made, when they were asked for. */
  | { readonly type: "key-log"; readonly line: string }
  | { readonly type: "reply"; readonly id: number; readonly result: Replies[keyof Replies] }
  | { readonly type: "refused"; readonly id: number; readonly reason: string }
  /** Each second, and once at the end: histograms of the interval (HdrHistogram V2, base64), counters from the start. */
  | {
      readonly type: "statistics";
      readonly shard: number;
      readonly sequence: number;
      readonly histograms: Readonly<Partial<Record<Operation, string>>>;
      readonly counters: ShardCounters;
      readonly states: Readonly<Record<FleetState, number>>;
      readonly health: ShardHealth;
      readonly last: boolean;
    };
