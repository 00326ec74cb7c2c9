import { Timer, type Clock } from "../../src/ports/index.js";
import { Device, type DeviceHost } from "../device/index.js";
import { deviceOf, positionOf, rebindPhaseOf, type FleetPlan, type Slice } from "./plan.js";
import { Rebinds } from "./rebinds.js";
import { Schedule } from "./schedule.js";

/** How long devices are made in one go before the event loop gets its turn, looked at every so many devices. */
const burstMs = 4;
const burst = 16;
const pauseMs = 1;

/** What a shard runs of a plan: makes and starts its devices when the schedule says so. Its own timer. */
export class PlanRun extends Timer {
  /** In the order of their start; made when that comes. */
  readonly devices: Device[] = [];
  readonly #indexes: Int32Array;
  readonly #positions: Int32Array;
  readonly #schedule: Schedule;
  readonly #rebinds: Rebinds<Device> | undefined;
  readonly #beganAt: number;

  constructor(
    readonly plan: FleetPlan,
    slice: Slice,
    readonly host: DeviceHost,
    startInMs: number,
    /** Hears each device as it starts, with the delay of the generator itself in milliseconds. */
    readonly onStart: (device: Device, lateMs: number) => void,
  ) {
    super();
    const order = Array.from({ length: slice.last - slice.first }, (_, at) => ({ index: slice.first + at, position: positionOf(plan, slice.first + at) }));
    order.sort((a, b) => a.position - b.position);
    this.#indexes = Int32Array.from(order, ({ index }) => index);
    this.#positions = Int32Array.from(order, ({ position }) => position);
    this.#schedule = new Schedule(plan.shape, plan.last - plan.first);
    this.#rebinds = plan.nat === undefined ? undefined : new Rebinds(this.#clock, plan.nat.everyMs, (device) => void device.rebind());
    this.#beganAt = this.#clock.now() + startInMs;
    this.#clock.start(this, startInMs);
  }

  override get timerName(): string {
    return "fleet schedule";
  }

  get #clock(): Clock {
    return this.host.ports.clock;
  }

  /** How many devices of the slice are still to come. */
  get waiting(): number {
    return this.#indexes.length - this.devices.length;
  }

  override fire(): void {
    const began = this.#clock.now();
    const due = this.#schedule.dueAt(began - this.#beganAt);
    for (let made = 0; made % burst !== 0 || made === 0 || this.#clock.now() - began < burstMs; made++) {
      const at = this.devices.length;
      const position = this.#positions[at];
      const index = this.#indexes[at];
      if (position === undefined || index === undefined) return;
      if (position >= due) break;
      this.#start(index, position);
    }
    this.#next();
  }

  #start(index: number, position: number): void {
    const device = new Device(this.host, deviceOf(this.plan, index));
    this.devices.push(device);
    const phase = rebindPhaseOf(this.plan, index);
    if (phase !== undefined) this.#rebinds?.add(device, phase);
    const intended = this.#beganAt + this.#schedule.startOf(position);
    this.onStart(device, this.#clock.now() - intended);
    device.start(intended);
  }

  #next(): void {
    const position = this.#positions[this.devices.length];
    if (position === undefined) return;
    const wait = this.#beganAt + this.#schedule.startOf(position) - this.#clock.now();
    this.#clock.start(this, Math.max(pauseMs, wait));
  }

  changeRate(perSecond: number): void {
    this.#schedule.changeRate(perSecond, Math.max(0, this.#clock.now() - this.#beganAt));
    if (this.waiting > 0) this.#clock.start(this, 0);
  }

  /** No further device starts, and none changes its address. */
  halt(): void {
    this.#rebinds?.halt();
    this.#clock.stop(this);
  }
}
