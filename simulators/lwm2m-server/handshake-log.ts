import { matchesPattern } from "../../src/config/index.js";
import type { HandshakePage, HandshakeView } from "../../src/operator/index.js";
import type { Clock } from "../../src/ports/index.js";

export interface HandshakeLogOptions {
  readonly clock: Clock;
  /** More handshakes of one device than this, within the window, are a storm. */
  readonly stormAbove: number;
  readonly windowMs: number;
  /** The one known longest gives way. */
  readonly maxDevices: number;
  /** The same for identities that nobody has: strangers do not crowd out devices. */
  readonly maxStrangers: number;
  /** Once for each storm: the next begins when the window was not full in between. */
  storm(endpoint: string | undefined, identity: string, attempts: number): void;
}

interface Counts {
  attempts: number;
  finished: number;
  resumed: number;
  refused: number;
  failed: number;
  storms: number;
}

interface DeviceHandshakes extends Counts {
  readonly endpoint: string | undefined;
  identity: string;
  /** `Clock.now()` of the attempts within the window, as far as they decide. */
  readonly recent: number[];
  storming: boolean;
  last: number;
}

const none = (): Counts => ({ attempts: 0, finished: 0, resumed: 0, refused: 0, failed: 0, storms: 0 });

export type HandshakeEnd = "finished" | "resumed" | "refused" | "failed";

/** How often each device shook hands, and which of them do so without pause. */
export class HandshakeLog {
  readonly total = none();
  /** By endpoint name; in the order they came, so that pages hold while it grows. */
  readonly #devices = new Map<string, DeviceHandshakes>();
  /** By identity. */
  readonly #strangers = new Map<string, DeviceHandshakes>();

  constructor(readonly options: HandshakeLogOptions) {}

  /** `endpoint` is the device that the identity belongs to, undefined when nobody has it. */
  attempt(endpoint: string | undefined, identity: string): void {
    const { clock, stormAbove, windowMs } = this.options;
    const device = this.#touch(endpoint, identity);
    const now = clock.now();
    device.attempts += 1;
    this.total.attempts += 1;
    device.last = clock.epoch();
    const { recent } = device;
    recent.push(now);
    while (recent.length > stormAbove + 1 || now - (recent[0] ?? now) > windowMs) recent.shift();
    const storming = recent.length > stormAbove;
    if (storming && !device.storming) {
      device.storms += 1;
      this.total.storms += 1;
      this.options.storm(endpoint, identity, recent.length);
    }
    device.storming = storming;
  }

  ended(endpoint: string | undefined, identity: string, how: HandshakeEnd): void {
    const device = this.#touch(endpoint, identity);
    for (const counts of [device, this.total]) {
      counts[how] += 1;
      if (how === "resumed") counts.finished += 1;
    }
  }

  page(query: { readonly after?: string | undefined; readonly limit: number; readonly endpoint?: string | undefined }): HandshakePage {
    const { stormAbove, windowMs } = this.options;
    const devices: HandshakeView[] = [];
    const all = [...this.#devices.values(), ...this.#strangers.values()];
    let last: string | undefined;
    let next: string | undefined;
    const from = query.after === undefined ? 0 : all.findIndex((device) => cursorOf(device) === query.after) + 1;
    for (const device of all.slice(from)) {
      if (query.endpoint !== undefined && !(device.endpoint !== undefined && matchesPattern(query.endpoint, device.endpoint))) continue;
      if (devices.length === query.limit) {
        next = last;
        break;
      }
      devices.push(viewOf(device));
      last = cursorOf(device);
    }
    return { total: { ...this.total }, storm: { more: stormAbove, windowMs }, devices, ...(next === undefined ? {} : { next }) };
  }

  #touch(endpoint: string | undefined, identity: string): DeviceHandshakes {
    const { maxDevices, maxStrangers } = this.options;
    const table = endpoint === undefined ? this.#strangers : this.#devices;
    const key = endpoint ?? identity;
    let device = table.get(key);
    if (device === undefined) {
      if (table.size >= (endpoint === undefined ? maxStrangers : maxDevices)) forgetOldest(table);
      device = { ...none(), endpoint, identity, recent: [], storming: false, last: this.options.clock.epoch() };
      table.set(key, device);
    }
    device.identity = identity;
    return device;
  }
}

const cursorOf = ({ endpoint, identity }: DeviceHandshakes): string => (endpoint === undefined ? `identity ${identity}` : `endpoint ${endpoint}`);

function forgetOldest(table: Map<string, DeviceHandshakes>): void {
  for (const key of table.keys()) {
    table.delete(key);
    return;
  }
}

function viewOf({ endpoint, identity, attempts, finished, resumed, refused, failed, storms, last }: DeviceHandshakes): HandshakeView {
  return { ...(endpoint === undefined ? {} : { endpoint }), identity, attempts, finished, resumed, refused, failed, storms, last: Math.round(last) };
}
