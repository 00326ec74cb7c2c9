import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { ActionResult, DeviceAction, DeviceSnapshot, DeviceSpec } from "../../simulators/device/index.js";
import type { DeviceActor, DeviceProvider } from "../../src/harness/index.js";
import { Unsupported } from "../../src/harness/scenario/recorder.js";
import type { TraceEvent } from "../../src/ports/index.js";
import { HostProcess, RefusedByHost } from "./host-process.js";

/**
 * Devices on node-coap for the harness (`muster run --devices-on node-coap`). This module runs in the harness's process; the devices live in one of
 * their own, `host.js`, and share no code with ours.
 */
export async function deviceProvider(): Promise<DeviceProvider> {
  const host = await HostProcess.start(fileURLToPath(new URL("./host.js", import.meta.url)));
  return {
    name: "node-coap",
    implementation: "node-coap 1.5.0",
    can: { misbehave: false, actions: true, psk: false },
    async create(spec: DeviceSpec): Promise<DeviceActor> {
      await asked(host.send({ type: "create", spec, start: false }, z.null()));
      return new HostedActor(host, spec.endpoint);
    },
    close: () => host.stop(),
  };
}

/** What this stack cannot do is no fault of the role that is judged. */
async function asked<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof RefusedByHost && error.unsupported) throw new Unsupported(`devices on node-coap: ${error.message}`);
    throw error;
  }
}

const has = (value: unknown, ...names: readonly string[]): boolean => typeof value === "object" && value !== null && names.every((name) => name in value);
const actionResult = z.custom<ActionResult>((value) => has(value, "ok"));
const snapshot = z.custom<DeviceSnapshot>((value) => has(value, "endpoint", "state", "accounts", "objects", "counters"));
const tracePage = z.object({ events: z.array(z.custom<TraceEvent>((value) => has(value, "seq", "at", "event"))), next: z.int() });
const pageSize = 1_000;

class HostedActor implements DeviceActor {
  constructor(
    private readonly host: HostProcess,
    readonly endpoint: string,
  ) {}

  act(action: DeviceAction): Promise<ActionResult> {
    return asked(this.host.send({ type: "act", endpoint: this.endpoint, action }, actionResult));
  }

  inspect(): Promise<DeviceSnapshot> {
    return asked(this.host.send({ type: "inspect", endpoint: this.endpoint }, snapshot));
  }

  async trace(after = 0): Promise<{ readonly events: readonly TraceEvent[]; readonly next: number }> {
    const events: TraceEvent[] = [];
    for (let from = after; ; ) {
      const page = await asked(this.host.send({ type: "trace", endpoint: this.endpoint, after: from, limit: pageSize }, tracePage));
      events.push(...page.events);
      if (page.events.length < pageSize || page.next <= from) return { events, next: page.next };
      from = page.next;
    }
  }

  async remove(deregister: boolean): Promise<void> {
    await asked(this.host.send({ type: "remove", endpoint: this.endpoint, deregister }, z.boolean()));
  }
}
