import { once } from "node:events";
import { createRequire } from "node:module";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { ActionResult, DeviceSnapshot, FleetState } from "../../simulators/device/index.js";
import { Refused } from "./answers.js";
import { HostedDevice } from "./device.js";
import { lines } from "./lines.js";
import { HostRefusal, parseLine, type HostedAction, type HostRequest } from "./requests.js";
import type { CreateDtlsSocket } from "./secured-session.js";
import { TraceLog, type TracePage } from "./trace.js";

const longestLine = 256 * 1024;
const mostDevices = 500;

/** What a reply carries; null where the fleet's own shard replies with nothing. */
export type HostResult = null | boolean | ActionResult | DeviceSnapshot | TracePage | Readonly<Partial<Record<FleetState, number>>>;

/** Process to whoever started it; `ready` comes first, once. A line that is no request at all is refused with id null. */
export type FromHost =
  | { readonly ready: true; readonly stack: string }
  | { readonly id: number; readonly result: HostResult }
  | { readonly id: number | null; readonly refused: string };

function stackName(): string {
  const required: unknown = createRequire(import.meta.url)("coap/package.json");
  const version = typeof required === "object" && required !== null && "version" in required ? String(required.version) : "of unknown version";
  return `node-coap ${version}`;
}

/** Hosts devices for whoever writes requests to `input`, one JSON object a line; resolves when told to stop or when the input ends. `dtls`: for accounts with keys. */
export async function serve(input: Readable, output: Writable, dtls?: CreateDtlsSocket): Promise<void> {
  const host = new Host(dtls);
  const tell = (line: FromHost): boolean => output.write(`${JSON.stringify(line)}\n`);
  tell({ ready: true, stack: stackName() });
  for await (const line of lines(input, longestLine)) {
    if (line?.trim() === "") continue;
    let id: number | null = null;
    try {
      if (line === undefined) throw new HostRefusal(`malformed: a line of more than ${longestLine} bytes`);
      const parsed = parseLine(line);
      id = parsed.id;
      const request = parsed.request();
      const { id: asked } = parsed;
      const answered = host.carryOut(request).then(
        (result) => tell({ id: asked, result }),
        (error: unknown) => tell({ id: asked, refused: reasonOf(error) }),
      );
      if (request.type !== "stop") continue;
      await answered;
      break;
    } catch (error) {
      tell({ id, refused: reasonOf(error) });
    }
    // Requests that overtake the reader of the replies wait.
    if (output.writableNeedDrain) await once(output, "drain");
  }
  await host.stop(false, 0);
  await new Promise<void>((flushed) => output.write("", () => flushed()));
}

const reasonOf = (error: unknown): string => {
  if (error instanceof HostRefusal) return error.message;
  if (error instanceof Refused) return `malformed: ${error.message}`;
  return `failed: ${error instanceof Error ? error.message : String(error)}`;
};

class Host {
  readonly #devices = new Map<string, HostedDevice>();
  readonly #trace = new TraceLog();

  constructor(private readonly dtls: CreateDtlsSocket | undefined) {}

  async carryOut(request: HostRequest): Promise<HostResult> {
    switch (request.type) {
      case "create": {
        const { spec } = request;
        const secured = [spec.bootstrap, ...spec.servers].some((account) => account?.psk !== undefined);
        if (secured && this.dtls === undefined) throw new HostRefusal("unsupported: keys of DTLS");
        if (this.#devices.has(spec.endpoint)) throw new HostRefusal(`there is a device ${spec.endpoint} already`);
        if (this.#devices.size >= mostDevices) throw new HostRefusal(`this process hosts ${mostDevices} devices at most`);
        const device = new HostedDevice(spec, this.#trace, this.dtls);
        this.#devices.set(spec.endpoint, device);
        if (request.start) await device.start();
        return null;
      }
      case "remove": {
        const device = this.#devices.get(request.endpoint);
        await device?.stop(request.deregister);
        return this.#devices.delete(request.endpoint);
      }
      case "act": {
        const device = this.#devices.get(request.endpoint);
        return device === undefined ? { ok: false, failure: "unknown-device" } : act(device, request.action);
      }
      case "inspect":
        return this.#devices.get(request.endpoint)?.snapshot() ?? null;
      case "trace":
        return this.#trace.read(request.endpoint, request.after, request.limit);
      case "states":
        return this.#states();
      case "stop":
        await this.stop(request.deregister, request.withinMs);
        return null;
    }
  }

  #states(): Readonly<Partial<Record<FleetState, number>>> {
    const states: Partial<Record<FleetState, number>> = {};
    for (const device of this.#devices.values()) {
      const { fleetState } = device.snapshot();
      states[fleetState] = (states[fleetState] ?? 0) + 1;
    }
    return states;
  }

  /** Everybody leaves; who has not said goodbye in time leaves without. */
  async stop(deregister: boolean, withinMs: number): Promise<void> {
    const devices = [...this.#devices.values()];
    const patience = new AbortController();
    if (deregister) {
      const left = Promise.all(devices.map((device) => device.stop(true))).finally(() => patience.abort());
      await Promise.race([left, sleep(withinMs, undefined, { signal: patience.signal }).catch(() => {})]);
    }
    await Promise.all(devices.map((device) => device.stop(false)));
    this.#devices.clear();
  }
}

function act(device: HostedDevice, action: HostedAction): Promise<ActionResult> {
  switch (action.do) {
    case "start":
      return device.start();
    case "stop":
      return device.stop(action.deregister);
    case "power-cycle":
      return device.powerCycle();
    case "bootstrap":
      return device.manualBootstrap();
    case "register":
    case "reconnect":
    case "update":
    case "deregister":
      return device.registration(action.do, action.shortServerId);
    case "request":
      return device.send(action.to, action);
    case "set-resource":
      return Promise.resolve(device.setResource(action.path, action.value));
  }
}
