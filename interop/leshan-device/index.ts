import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ActionResult, DeviceAction, DeviceSnapshot, DeviceSpec } from "../../simulators/device/index.js";
import { summarise } from "../../src/coap/index.js";
import type { DeviceActor, DeviceProvider, Property } from "../../src/harness/index.js";
import { Unsupported } from "../../src/harness/scenario/recorder.js";
import type { TraceEvent } from "../../src/ports/index.js";
import { packageRoot } from "../../src/ports/real/index.js";
import { HostProcess, RefusedByHost } from "../node-coap-device/host-process.js";
import { withoutKeys } from "../node-coap-device/hosted.js";

/**
 * Devices on Leshan's client library for the harness (`muster run --devices-on leshan`): one Java process (interop/leshan/client) hosts all of them. What the
 * library cannot be asked for is unsupported before anything is sent.
 */
export async function deviceProvider(): Promise<DeviceProvider> {
  const folder = join(packageRoot, "interop/.cache/leshan/client");
  if (!existsSync(join(folder, "classes/Main.class"))) throw new Error("Leshan's client library is not installed: run interop/setup");
  const host = await HostProcess.launch("java", ["-cp", `${folder}/classes:${folder}/lib/*`, "Main"], "leshan");
  return {
    name: "leshan",
    implementation: "Leshan client 2.0.0-M18",
    can: { misbehave: false, actions: true, psk: true, publicKeys: false },
    facts: {
      name: "leshan",
      lacks: new Map<Property, string>([
        ["register-again", "the library registers when its own engine finds it due"],
        ["two-accounts", "the library registers with one LwM2M Server only"],
        ["factory-resources", "the library's Server object takes no other resources from the factory"],
        ["raw-request", "the library sends what its own engine finds due"],
        ["power-cycle", "the library cannot be stopped without its De-register and started with what it holds"],
        ["sleep", "the library's queue mode is not set up here"],
        ["silence", "the library keeps its sockets to itself"],
        ["disable-resource", "/1/x/4 is optional (LwM2M Core 1.1 §E.2), and the library's Server object has none"],
      ]),
    },
    async create(spec: DeviceSpec): Promise<DeviceActor> {
      await asked(host.send({ type: "create", spec: written(spec) }, z.null()));
      return new LeshanDevice(host, spec.endpoint);
    },
    close: () => host.stop(),
  };
}

/** The keys of its accounts in hex, as the host reads them. They pass through its standard input and no log. */
function written(spec: DeviceSpec): unknown {
  const withKey = ({ psk, ...account }: { readonly psk?: DeviceSpecPsk }): unknown => ({
    ...account,
    ...(psk === undefined ? {} : { psk: { identity: Buffer.from(psk.identity).toString("hex"), key: Buffer.from(psk.key).toString("hex") } }),
  });
  return { ...spec, ...(spec.bootstrap === undefined ? {} : { bootstrap: withKey(spec.bootstrap) }), servers: (spec.servers ?? []).map((account) => withKey(account)) };
}
type DeviceSpecPsk = NonNullable<NonNullable<DeviceSpec["bootstrap"]>["psk"]>;

/** What this stack cannot do is no fault of the role that is judged. */
async function asked<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof RefusedByHost && error.unsupported) throw new Unsupported(`devices on leshan: ${error.message.replace(/^unsupported: /, "")}`);
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

class LeshanDevice implements DeviceActor {
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
      for (const { seq, at, ...seen } of page.events) {
        events.push(withoutKeys({ seq, at, role: "device", endpoint: this.endpoint, event: { kind: "datagram", ...seen, ...summarise(Buffer.from(seen.hex, "hex")) } }));
      }
      if (page.events.length < pageSize || page.next <= from) return { events, next: page.next };
      from = page.next;
    }
  }

  async remove(deregister: boolean): Promise<void> {
    await asked(this.host.send({ type: "remove", endpoint: this.endpoint, deregister }, z.boolean()));
  }
}
