import { Timer, type Clock } from "../../src/ports/index.js";

/** What a device in queue mode is waited for with: one or more requests that belong together. */
export interface DeviceJob {
  /** `Clock.now()` after which it is no longer worth sending. */
  readonly holdUntil: number;
  /** Does its exchanges with the device, one at a time; never rejects. */
  run(): Promise<void>;
  /** It was not run and will not be. */
  dropped(why: DropReason): void;
}

export type DropReason = "expired" | "not-registered" | "queue-full" | "withdrawn";

/** Queue mode (LwM2M Core 1.1 §6.5): after its last message a device listens for `awakeMs`. A device without it always listens. */
export const isAwake = (device: { readonly queueMode: boolean; readonly lastSeen: number }, now: number, awakeMs: number): boolean =>
  !device.queueMode || now - device.lastSeen < awakeMs;

export interface HeldJobs {
  readonly busy: boolean;
  readonly held: readonly DeviceJob[];
}

/** What to do next for a device: one job at a time, in the order they came (NSTART 1 towards a sleeper). */
export function nextJob(queue: HeldJobs, awake: boolean, newestFirst = false): DeviceJob | undefined {
  if (queue.busy || !awake) return undefined;
  return newestFirst ? queue.held.at(-1) : queue.held[0];
}

interface DeviceQueue {
  busy: boolean;
  held: DeviceJob[];
}

export interface QueueOptions {
  /** Jobs held for one device. */
  readonly maxPerDevice: number;
  /** Jobs held in all. */
  readonly maxHeld: number;
  readonly sweepMs: number;
  readonly newestFirst: boolean;
  /** Whether requests may go to the device now; undefined when it is not registered. */
  awake(endpoint: string): boolean | undefined;
}

/** The requests held for sleeping devices, filed under the endpoint name, so that they outlive a new registration. */
export class DeviceQueues extends Timer {
  override readonly timerName = "held requests";
  readonly #queues = new Map<string, DeviceQueue>();
  #held = 0;
  #stopped = false;

  constructor(
    readonly clock: Clock,
    readonly options: QueueOptions,
  ) {
    super();
  }

  get held(): number {
    return this.#held;
  }

  heldFor(endpoint: string): number {
    return this.#queues.get(endpoint)?.held.length ?? 0;
  }

  /** True: it is running; false: it is held, or was dropped at once. */
  add(endpoint: string, job: DeviceJob): boolean {
    if (!this.hold(endpoint, job)) return false;
    this.wake(endpoint);
    return this.#queues.get(endpoint)?.held.includes(job) !== true;
  }

  /** Puts it behind what is held, until the device is heard of. False: it was dropped at once. */
  hold(endpoint: string, job: DeviceJob): boolean {
    if (this.#stopped) {
      job.dropped("withdrawn");
      return false;
    }
    const queue = this.#queues.get(endpoint) ?? { busy: false, held: [] };
    if (queue.held.length >= this.options.maxPerDevice || this.#held >= this.options.maxHeld) {
      job.dropped("queue-full");
      return false;
    }
    this.#queues.set(endpoint, queue);
    queue.held.push(job);
    this.#held += 1;
    if (!this.running) this.clock.start(this, this.options.sweepMs);
    return true;
  }

  /** The device was heard of: what is held for it goes out, if it listens. */
  wake(endpoint: string): void {
    const queue = this.#queues.get(endpoint);
    if (queue === undefined) return;
    const job = nextJob(queue, this.options.awake(endpoint) === true, this.options.newestFirst);
    if (job === undefined) return;
    queue.held.splice(queue.held.indexOf(job), 1);
    this.#held -= 1;
    queue.busy = true;
    void job.run().finally(() => {
      queue.busy = false;
      if (queue.held.length === 0) this.#queues.delete(endpoint);
      else this.wake(endpoint);
    });
  }

  /** True when it was held and now is not. The job itself is not told. */
  withdraw(endpoint: string, job: DeviceJob): boolean {
    const queue = this.#queues.get(endpoint);
    const at = queue?.held.indexOf(job) ?? -1;
    if (queue === undefined || at < 0) return false;
    queue.held.splice(at, 1);
    this.#held -= 1;
    if (queue.held.length === 0 && !queue.busy) this.#queues.delete(endpoint);
    return true;
  }

  /** The device is gone, or nothing may be sent to it any more. */
  drop(endpoint: string, why: DropReason): void {
    const queue = this.#queues.get(endpoint);
    if (queue === undefined) return;
    const dropped = queue.held;
    queue.held = [];
    this.#held -= dropped.length;
    if (!queue.busy) this.#queues.delete(endpoint);
    for (const job of dropped) job.dropped(why);
  }

  /** What is held is dropped, and so is what an exchange under way would have held later. */
  stop(): void {
    this.#stopped = true;
    this.clock.stop(this);
    for (const endpoint of [...this.#queues.keys()]) this.drop(endpoint, "withdrawn");
  }

  override fire(): void {
    const now = this.clock.now();
    for (const [endpoint, queue] of this.#queues) {
      const over = queue.held.filter((job) => job.holdUntil <= now);
      for (const job of over) {
        this.withdraw(endpoint, job);
        job.dropped("expired");
      }
    }
    if (this.#held > 0) this.clock.start(this, this.options.sweepMs);
  }
}
