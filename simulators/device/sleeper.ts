import { Timer } from "../../src/ports/index.js";
import type { Device } from "./device.js";

/** Queue mode of one device: awake for a while after its last message, then deaf until something wakes it (LwM2M Transport 1.1 §6.5). */
export class Sleeper extends Timer {
  constructor(readonly device: Device) {
    super();
  }

  override get timerName(): string {
    return "queue mode";
  }

  /** A message came or went: the awake window starts anew. */
  extend(): void {
    this.device.host.ports.clock.start(this, this.device.spec.timing.device.awakeMs);
  }

  /** The device sleeps from now on, and wakes by itself when its personality says so. */
  asleep(): void {
    const { sleepMs } = this.device.behaviour;
    if (sleepMs === undefined) this.stop();
    else this.device.host.ports.clock.start(this, sleepMs);
  }

  stop(): void {
    this.device.host.ports.clock.stop(this);
  }

  override fire(): void {
    if (this.device.asleep) this.device.wake();
    else if (this.device.canSleep) this.device.sleep();
    else this.extend();
  }
}
