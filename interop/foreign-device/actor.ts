import { z } from "zod";
import type { ActionResult, DeviceAction, DeviceSnapshot } from "../../simulators/device/index.js";
import { summarise } from "../../src/coap/index.js";
import type { DeviceActor } from "../../src/harness/index.js";
import { Unsupported } from "../../src/harness/scenario/recorder.js";
import type { TraceEvent } from "../../src/ports/index.js";
import { RefusedByHost, type HostProcess } from "../node-coap-device/host-process.js";
import { withoutKeys } from "../node-coap-device/hosted.js";

/** What a stack cannot do is no fault of the role that is judged. */
export async function asked<T>(stack: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof RefusedByHost && error.unsupported) throw new Unsupported(`devices on ${stack}: ${error.message.replace(/^unsupported: /, "")}`);
    throw error;
  }
}

const has = (value: unknown, ...names: readonly string[]): boolean => typeof value === "object" && value !== null && names.every((name) => name in value);
const actionResult = z.custom<ActionResult>((value) => has(value, "ok"));
const snapshot = z.custom<DeviceSnapshot>((value) => has(value, "endpoint", "state", "accounts", "objects", "counters"));
const tracePage = z.object({
  events: z.array(z.object({ seq: z.int(), at: z.string(), direction: z.enum(["in", "out"]), local: z.string(), peer: z.string(), hex: z.string() })),
  next: z.int(),
});
const pageSize = 1_000;

/** A device on somebody else's client, in a process that tells of its messages as bytes. */
export class ForeignDevice implements DeviceActor {
  constructor(
    private readonly stack: string,
    private readonly host: HostProcess,
    readonly endpoint: string,
  ) {}

  act(action: DeviceAction): Promise<ActionResult> {
    return asked(this.stack, this.host.send({ type: "act", endpoint: this.endpoint, action }, actionResult));
  }

  inspect(): Promise<DeviceSnapshot> {
    return asked(this.stack, this.host.send({ type: "inspect", endpoint: this.endpoint }, snapshot));
  }

  async trace(after = 0): Promise<{ readonly events: readonly TraceEvent[]; readonly next: number }> {
    const events: TraceEvent[] = [];
    for (let from = after; ; ) {
      const page = await asked(this.stack, this.host.send({ type: "trace", endpoint: this.endpoint, after: from, limit: pageSize }, tracePage));
      for (const { seq, at, ...seen } of page.events) {
        events.push(withoutKeys({ seq, at, role: "device", endpoint: this.endpoint, event: { kind: "datagram", ...seen, ...summarise(Buffer.from(seen.hex, "hex")) } }));
      }
      if (page.events.length < pageSize || page.next <= from) return { events, next: page.next };
      from = page.next;
    }
  }

  async remove(deregister: boolean): Promise<void> {
    await asked(this.stack, this.host.send({ type: "remove", endpoint: this.endpoint, deregister }, z.boolean()));
  }
}
