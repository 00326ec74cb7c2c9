import type { Device } from "./device.js";

/** What a device goes through after its address changed: from the first message that it sends from the new one to the first answer. */
export class Recovery {
  #askedAt: number | undefined = undefined;

  asks(now: number): void {
    this.#askedAt ??= now;
  }

  over(device: Device): void {
    if (this.#askedAt !== undefined) device.host.listener.onMeasure(device, "recovery", device.host.ports.clock.now() - this.#askedAt);
  }
}
