import type { ActionResult, DeviceAction, DeviceSnapshot, DeviceSpec } from "../../../simulators/device/index.js";
import { timing } from "../../config/index.js";
import type { Forgotten, HandshakeView, FaultSpec, FaultStatus, OperationResult, RegistrationView, RelayAnswer, RelayRequest, Restarted, RoleHealth } from "../../operator/index.js";
import type { Clock, TraceEvent } from "../../ports/index.js";
import { seededRandom } from "../../ports/seeded-random.js";
import { simulatedPorts } from "../../ports/simulated/index.js";
import type { BootstrapServerActor, DeviceActor, LwM2mServerActor, ServedActor, ServerUris, SmpAnswer, SmpRequest, TraceSince } from "../actors/types.js";
import { deadlinesOf } from "../deadlines.js";
import { idPool, newPopulation, type RunContext } from "../run-context.js";
import { referenceTarget, type Capability, type Lack, type ServerName } from "../targets/index.js";

/** A role that answers what a test tells it to, and keeps what it was asked. */
class FakeServed implements ServedActor {
  readonly faults = new Map<string, FaultStatus>();
  readonly log: TraceEvent[] = [];
  readonly asked: string[] = [];
  readonly smpUrl = "http://127.0.0.1:1";

  constructor(
    readonly role: string,
    readonly uris: ServerUris,
  ) {}

  async health(): Promise<RoleHealth> {
    throw new Error("a fake has no health");
  }
  async serverKeys(): Promise<undefined> {
    return undefined;
  }
  async setFault(id: string, fault: FaultSpec): Promise<void> {
    this.faults.set(id, { ...fault, id, fired: 0, waiting: 0 });
  }
  async fault(id: string): Promise<FaultStatus | undefined> {
    return this.faults.get(id);
  }
  fire(id: string): void {
    const fault = this.faults.get(id);
    if (fault !== undefined) this.faults.set(id, { ...fault, fired: fault.fired + 1 });
  }
  async releaseFault(): Promise<void> {}
  async clearFault(id: string): Promise<void> {
    this.faults.delete(id);
    this.asked.push(`clear ${id}`);
  }
  async trace(endpoints: readonly string[], after: number): Promise<TraceSince> {
    const events = this.log.filter((event) => event.seq > after && event.endpoint !== undefined && endpoints.includes(event.endpoint));
    return { events, next: Math.max(after, ...this.log.map((event) => event.seq)) };
  }
  async page(): Promise<string> {
    return "";
  }
  async eventTexts(): Promise<readonly string[]> {
    return [];
  }
  async close(): Promise<void> {}
}

export class FakeBootstrapServer extends FakeServed implements BootstrapServerActor {
  async configure(): Promise<void> {}
  async forget(endpoint: string): Promise<void> {
    this.asked.push(`forget ${endpoint}`);
  }
  async sessions(): Promise<readonly []> {
    return [];
  }
}

export class FakeServer extends FakeServed implements LwM2mServerActor {
  readonly secondUris = {};
  relayed: (request: RelayRequest) => RelayAnswer = () => ({ status: 404, headers: {} });
  answered: (request: SmpRequest) => SmpAnswer = () => ({ status: 204, headers: {} });
  readonly registered = new Map<string, RegistrationView>();

  constructor(readonly name: ServerName) {
    super(`server-${name.toLowerCase()}`, { nosec: `coap://127.0.0.1:${name === "A" ? 5783 : 5883}` });
  }
  async registration(endpoint: string): Promise<RegistrationView | undefined> {
    return this.registered.get(endpoint);
  }
  async registrations(): Promise<readonly RegistrationView[]> {
    return [...this.registered.values()];
  }
  async operate(): Promise<OperationResult> {
    return { code: "2.05" };
  }
  async observe(): Promise<OperationResult> {
    return { code: "2.05" };
  }
  async handshakes(): Promise<readonly HandshakeView[]> {
    return [];
  }
  async forgetSessions(): Promise<Forgotten> {
    return { sessions: 0, registrations: 0 };
  }
  async restart(): Promise<Restarted> {
    return { sessions: 0, restored: 0 };
  }
  async cancelObservation(): Promise<OperationResult> {
    return {};
  }
  async relay(request: RelayRequest): Promise<RelayAnswer> {
    this.asked.push(`${request.method} ${request.path}`);
    return this.relayed(request);
  }
  async asBootstrapServer(request: SmpRequest): Promise<SmpAnswer> {
    this.asked.push(`${request.method} ${request.path}`);
    return this.answered(request);
  }
}

export class FakeDevice implements DeviceActor {
  readonly acted: DeviceAction[] = [];
  readonly log: TraceEvent[] = [];
  removed = false;

  constructor(
    readonly spec: DeviceSpec,
    readonly snapshot: () => Partial<DeviceSnapshot> = () => ({}),
  ) {}

  get endpoint(): string {
    return this.spec.endpoint;
  }
  async act(action: DeviceAction): Promise<ActionResult> {
    this.acted.push(action);
    return { ok: true };
  }
  async inspect(): Promise<DeviceSnapshot> {
    return { endpoint: this.endpoint, accounts: [], objects: {}, ...this.snapshot() } as unknown as DeviceSnapshot;
  }
  async trace(after: number): Promise<TraceSince> {
    return { events: this.log.filter((event) => event.seq > after), next: Math.max(after, ...this.log.map((event) => event.seq)) };
  }
  async remove(): Promise<void> {
    this.removed = true;
  }
}

export interface FakeRun extends RunContext {
  readonly bootstrapServer: FakeBootstrapServer;
  readonly servers: Readonly<Record<ServerName, FakeServer>>;
  readonly made: FakeDevice[];
  saturated: string | undefined;
}

/** A run against fakes, on the given clock. */
export function fakeRun(clock: Clock, missing: ReadonlyMap<Capability, Lack> = new Map()): FakeRun {
  const made: FakeDevice[] = [];
  const lab = timing("lab");
  const run: FakeRun = {
    seed: "1",
    security: "nosec",
    nonce: "nonce",
    secrets: [],
    clock,
    random: seededRandom(1),
    network: simulatedPorts(1).network,
    target: referenceTarget,
    timing: lab,
    deadlines: deadlinesOf(lab),
    missing,
    bootstrapServer: new FakeBootstrapServer("bootstrap-server", { nosec: "coap://127.0.0.1:5683" }),
    servers: { A: new FakeServer("A"), B: new FakeServer("B") },
    shortServerIds: { A: idPool(100, 101), B: idPool(200, 201) },
    devices: {
      name: "fakes",
      can: { misbehave: false, actions: true, psk: true, publicKeys: true },
      async create(spec) {
        const device = new FakeDevice(spec);
        made.push(device);
        return device;
      },
    },
    devicesAreOurs: false,
    fleet: undefined,
    fleetSize: 0,
    population: newPopulation(),
    logPositions: new Map(),
    healthMark: () => ({ second: 0, drops: 0, looks: 0 }),
    saturatedSince: () => run.saturated,
    crowdedSince: () => undefined,
    made,
    saturated: undefined,
  };
  return run;
}
