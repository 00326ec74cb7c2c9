import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { ActionResult, DeviceAction, DeviceSnapshot, DeviceSpec } from "../../simulators/device/index.js";
import type { DeviceActor, DeviceProvider, Property } from "../../src/harness/index.js";
import { Unsupported } from "../../src/harness/scenario/recorder.js";
import { withoutKey } from "../../src/lwm2m/index.js";
import type { TraceEvent } from "../../src/ports/index.js";
import { HostProcess, RefusedByHost } from "./host-process.js";

export interface HostedStack {
  /** As `--devices-on` has it. */
  readonly name: string;
  readonly implementation: string;
  /** Folder in which node-dtls-client is installed; without it devices have no keys. */
  readonly dtls?: string;
}

/** Devices in a process of their own, `host.js`; they share no code with ours. This module runs in the harness's process. */
export async function hostedDevices({ name, implementation, dtls }: HostedStack): Promise<DeviceProvider> {
  const host = await HostProcess.start(fileURLToPath(new URL("./host.js", import.meta.url)), ...(dtls === undefined ? [] : [dtls]));
  return {
    name,
    implementation,
    can: { misbehave: false, actions: true, psk: dtls !== undefined, publicKeys: false },
    facts: {
      name,
      lacks: new Map<Property, string>([
        ["keep-attributes", "these devices have no attributes of notification"],
        ["values-of-ours", "these devices have values of their own"],
        ["resume", "node-dtls-client resumes no session"],
      ]),
    },
    async create(spec: DeviceSpec): Promise<DeviceActor> {
      await asked(name, host.send({ type: "create", spec: written(spec), start: false }, z.null()));
      return new HostedActor(name, host, spec.endpoint);
    },
    close: () => host.stop(),
  };
}

type Psk = NonNullable<NonNullable<DeviceSpec["bootstrap"]>["psk"]>;

/** The keys of its accounts in hex, as the host reads them. They pass through its standard input and no log. */
export function written(spec: DeviceSpec): unknown {
  const withKey = ({ psk, ...account }: { readonly psk?: Psk }): unknown => ({
    ...account,
    ...(psk === undefined ? {} : { psk: { identity: Buffer.from(psk.identity).toString("hex"), key: Buffer.from(psk.key).toString("hex") } }),
  });
  return { ...spec, ...(spec.bootstrap === undefined ? {} : { bootstrap: withKey(spec.bootstrap) }), ...(spec.servers === undefined ? {} : { servers: spec.servers.map((account) => withKey(account)) }) };
}

/** What this stack cannot do is no fault of the role that is judged. */
async function asked<T>(name: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof RefusedByHost && error.unsupported) throw new Unsupported(`devices on ${name}: ${error.message}`);
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
    private readonly name: string,
    private readonly host: HostProcess,
    readonly endpoint: string,
  ) {}

  act(action: DeviceAction): Promise<ActionResult> {
    return asked(this.name, this.host.send({ type: "act", endpoint: this.endpoint, action }, actionResult));
  }

  inspect(): Promise<DeviceSnapshot> {
    return asked(this.name, this.host.send({ type: "inspect", endpoint: this.endpoint }, snapshot));
  }

  async trace(after = 0): Promise<{ readonly events: readonly TraceEvent[]; readonly next: number }> {
    const events: TraceEvent[] = [];
    for (let from = after; ; ) {
      const page = await asked(this.name, this.host.send({ type: "trace", endpoint: this.endpoint, after: from, limit: pageSize }, tracePage));
      events.push(...page.events.map(withoutKeys));
      if (page.events.length < pageSize || page.next <= from) return { events, next: page.next };
      from = page.next;
    }
  }

  async remove(deregister: boolean): Promise<void> {
    await asked(this.name, this.host.send({ type: "remove", endpoint: this.endpoint, deregister }, z.boolean()));
  }
}

/** Keys that were written to the device come here over a pipe, and no further. */
export function withoutKeys(event: TraceEvent): TraceEvent {
  if (event.event.kind !== "datagram") return event;
  const shown = withoutKey(Buffer.from(event.event.hex, "hex"), event.event.coap);
  return { ...event, event: { ...event.event, hex: Buffer.from(shown).toString("hex") } };
}
