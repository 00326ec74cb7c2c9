import type { TraceEvent } from "../../src/ports/index.js";
import { TraceLog } from "../../src/operator/trace-log.js";
import { after, type Ports } from "../../src/ports/index.js";
import { addCounters, addUp, Device, DeviceHost, newCounters, noStates, perform, takeSnapshot, type DeviceAction, type DeviceCounters, type DeviceListener, type DeviceSpec, type FleetState, type Measure } from "../device/index.js";
import { Histograms } from "./histograms.js";
import { Paced } from "./paced.js";
import { indexIn, type FleetPlan, type Slice } from "./plan.js";
import { PlanRun } from "./plan-run.js";
import type { FailedDevice, Replies, Selection, ShardCounters, ToShard, TracePage } from "./protocol.js";

const failuresKept = 1000;
/** Devices whose last datagrams are kept when they fail, and that are traced from then on. */
const failuresTraced = 50;
const datagramsPerFailure = 200;

export interface ShardOptions {
  readonly traceLimit: number;
  /** Datagrams of untraced devices that are kept for the case that one of them fails. 0: none. */
  readonly recorderLimit: number;
  readonly keyLog?: (line: string) => void;
}

export type RequestOf<T extends ToShard["type"]> = Extract<ToShard, { type: T }>;

/** One thread's devices: what the main thread asks of them, and what is counted about them. */
export class Shard implements DeviceListener {
  readonly histograms = new Histograms();
  readonly host: DeviceHost;
  readonly trace: TraceLog;
  readonly #recorder: TraceLog;
  readonly #devices = new Map<string, Device>();
  readonly #plans = new Map<string, PlanRun>();
  readonly #states: Record<FleetState, number>;
  readonly #failures: FailedDevice[] = [];
  /** Last datagrams of failed devices, by endpoint name. */
  readonly #kept = new Map<string, readonly TraceEvent[]>();
  readonly #removed = newCounters();
  #started = 0;

  constructor(
    readonly ports: Ports,
    options: ShardOptions,
  ) {
    this.trace = new TraceLog("device", ports.clock, options.traceLimit);
    this.#recorder = new TraceLog("device", ports.clock, options.recorderLimit);
    this.host = new DeviceHost(ports, this, this.trace, options.recorderLimit === 0 ? undefined : this.#recorder, options.keyLog);
    this.#states = noStates();
  }

  // What devices tell

  onState(_device: Device, from: FleetState, to: FleetState): void {
    this.#states[from]--;
    this.#states[to]++;
  }

  onMeasure(_device: Device, measure: Measure, milliseconds: number): void {
    this.histograms.record(measure, milliseconds);
  }

  onFailure(device: Device, reason: string): void {
    if (this.#failures.length === failuresKept) this.#failures.shift();
    this.#failures.push({ endpoint: device.endpoint, personality: device.personality, reason });
    if (device.traced || this.#kept.size >= failuresTraced) return;
    this.#kept.set(device.endpoint, this.#recorder.read({ after: 0, limit: datagramsPerFailure, endpoints: [device.endpoint] }).events);
    device.traced = true;
  }

  // What the main thread asks

  launch(plan: FleetPlan, slice: Slice, startInMs: number): void {
    if (this.#plans.has(plan.name)) throw new Error(`there is a plan "${plan.name}" already`);
    this.#plans.set(
      plan.name,
      new PlanRun(plan, slice, this.host, startInMs, (device, lateMs) => {
        this.#add(device);
        this.#started++;
        this.histograms.record("lateness", lateMs);
      }),
    );
  }

  changeRate(plan: string, perSecond: number): void {
    this.#planOf(plan).changeRate(perSecond);
  }

  create(spec: DeviceSpec, start: boolean): void {
    const device = new Device(this.host, spec);
    this.#add(device);
    if (start) {
      this.#started++;
      device.start();
    }
  }

  #add(device: Device): void {
    if (this.#devices.has(device.endpoint)) throw new Error(`there is a device "${device.endpoint}" already`);
    this.#devices.set(device.endpoint, device);
    this.#states.off++;
  }

  /** Resolves when the device has left. */
  remove(endpoint: string, deregister: boolean): Promise<boolean> {
    const device = this.#devices.get(endpoint);
    if (device === undefined) return Promise.resolve(false);
    return new Promise((resolve) =>
      device.stop(deregister, () => {
        if (this.#devices.delete(endpoint)) {
          this.#states.off--;
          addUp(this.#removed, device.counters);
        }
        resolve(true);
      }),
    );
  }

  act(endpoint: string, action: DeviceAction): Promise<Replies["act"]> {
    const device = this.#devices.get(endpoint);
    return device === undefined ? Promise.resolve({ ok: false, failure: "unknown-device" }) : perform(device, action);
  }

  actAll(selection: Selection, action: DeviceAction, perSecond: number | undefined): number {
    const chosen = this.#selected(selection);
    new Paced(this.ports.clock, chosen, perSecond, (device) => void tried(device, action));
    return chosen.length;
  }

  inspect(endpoint: string): Replies["inspect"] {
    const device = this.#devices.get(endpoint);
    return device === undefined ? undefined : takeSnapshot(device);
  }

  traceOf(endpoint: string | undefined, afterSeq: number, limit: number): TracePage {
    const page = this.trace.read({ after: afterSeq, limit, ...(endpoint === undefined ? {} : { endpoints: [endpoint] }) });
    const kept = endpoint === undefined || afterSeq > 0 ? undefined : this.#kept.get(endpoint);
    return kept === undefined ? page : { ...page, events: [...kept, ...page.events] };
  }

  states(plan: string | undefined): Readonly<Record<FleetState, number>> {
    if (plan === undefined) return { ...this.#states };
    const run = this.#planOf(plan);
    const states = noStates();
    for (const device of run.devices) states[device.fleetState]++;
    states.off += run.waiting;
    return states;
  }

  select(selection: Selection): string[] {
    return this.#selected(selection).map((device) => device.endpoint);
  }

  failures(limit: number, plan: string | undefined): readonly FailedDevice[] {
    if (plan === undefined) return this.#failures.slice(-limit);
    const of = this.#planOf(plan).plan;
    return this.#failures.filter(({ endpoint }) => indexIn(of, endpoint) !== undefined).slice(-limit);
  }

  /** What devices counted up to now: those of a plan, or all. */
  deviceCounters(plan: string | undefined): DeviceCounters {
    const sum = plan === undefined ? { ...this.#removed } : newCounters();
    for (const device of plan === undefined ? this.#devices.values() : this.#planOf(plan).devices) addUp(sum, device.counters);
    return sum;
  }

  /** What each device of a plan counted up to now; those with 0 are left out. */
  tally(plan: string, counter: keyof DeviceCounters): Replies["tally"] {
    return this.#planOf(plan).devices.flatMap(({ endpoint, counters }) => (counters[counter] === 0 ? [] : [[endpoint, counters[counter]] as const]));
  }

  #planOf(name: string): PlanRun {
    const run = this.#plans.get(name);
    if (run === undefined) throw new Error(`there is no plan "${name}"`);
    return run;
  }

  #selected({ plan, state, personality, registeredWith, notRegisteredWith, answeredBy, limit = Number.POSITIVE_INFINITY }: Selection): Device[] {
    const chosen: Device[] = [];
    for (const device of plan === undefined ? this.#devices.values() : this.#planOf(plan).devices) {
      if (chosen.length >= limit) break;
      if (state !== undefined && device.fleetState !== state) continue;
      if (personality !== undefined && device.personality !== personality) continue;
      if (registeredWith !== undefined && !isRegistered(device, registeredWith)) continue;
      if (notRegisteredWith !== undefined && isRegistered(device, notRegisteredWith)) continue;
      if (answeredBy !== undefined && !isAnswered(device, answeredBy)) continue;
      chosen.push(device);
    }
    return chosen;
  }

  /** Everybody leaves; resolves when all are off, or when the time is over. */
  stop(deregister: boolean, withinMs: number): Promise<void> {
    for (const plan of this.#plans.values()) plan.halt();
    const devices = [...this.#devices.values()];
    return new Promise((resolve) => {
      let left = devices.length;
      const deadline = after(this.ports.clock, withinMs, "fleet leaves", () => {
        for (const device of devices) device.stop(false);
        this.host.lingering.closeAll();
        resolve();
      });
      const done = (): void => {
        this.ports.clock.stop(deadline);
        this.host.lingering.closeAll();
        resolve();
      };
      if (left === 0) done();
      new Paced(this.ports.clock, devices, undefined, (device) => device.stop(deregister, () => --left === 0 && done()));
    });
  }

  // What is counted

  counters(): ShardCounters {
    const sum: ShardCounters = { ...this.#removed, devices: this.#devices.size, started: this.#started, datagramsIn: 0, datagramsOut: 0, retransmissions: 0, timeouts: 0 };
    const sockets = { ...this.host.closedSockets };
    for (const { counters } of this.host.lingering.endpoints) addCounters(sockets, counters);
    for (const device of this.#devices.values()) {
      addUp(sum, device.counters);
      for (const { endpoint } of device.accounts) if (endpoint !== undefined) addCounters(sockets, endpoint.counters);
      if (device.session?.endpoint !== undefined) addCounters(sockets, device.session.endpoint.counters);
    }
    const { datagramsIn, datagramsOut, retransmissions, timeouts } = sockets;
    return { ...sum, datagramsIn, datagramsOut, retransmissions, timeouts };
  }

  /** Local ports of all sockets. */
  localPorts(): Set<number> {
    const ports = new Set<number>();
    for (const device of this.#devices.values()) {
      for (const { endpoint } of device.accounts) if (endpoint !== undefined) ports.add(endpoint.local.port);
      if (device.session?.endpoint !== undefined) ports.add(device.session.endpoint.local.port);
    }
    return ports;
  }
}

/** Of many devices nobody asks what each one's action came to, nor why it was refused. */
async function tried(device: Device, action: DeviceAction): Promise<void> {
  try {
    await perform(device, action);
  } catch (error) {
    device.host.ports.log.debug({ endpoint: device.endpoint, error: String(error) }, "action refused");
  }
}

const isRegistered = (device: Device, shortServerId: number): boolean => device.accounts.some((account) => account.shortServerId === shortServerId && account.registered);
const isAnswered = (device: Device, shortServerId: number): boolean => device.accounts.some((account) => account.shortServerId === shortServerId && account.state.at === "registered");
