import type { DeviceSpec, PersonalityName } from "../../../simulators/device/index.js";
import type { FaultSpec } from "../../operator/index.js";
import { sleep, type TraceEvent } from "../../ports/index.js";
import { OperatorActor, type AccountHandle } from "../actors/operator.js";
import type { BootstrapServerActor, DeviceActor, LwM2mServerActor, SecurityMode, ServedActor, ServerUris, TraceSince } from "../actors/types.js";
import { frontFailureIn } from "../evidence/front.js";
import { mergeEvents } from "../evidence/timeline.js";
import { LogReader } from "./log-reader.js";
import type { RunContext } from "../run-context.js";
import type { RuleName } from "../rules.js";
import type { ServerName } from "../targets/index.js";
import { deviceSeed } from "./names.js";
import { PreconditionMissing, Unsupported, type CheckInput, type ScenarioRecorder } from "./recorder.js";

/** A device of a scenario before and after it exists. */
interface Draft {
  readonly spec: DeviceSpec;
  actor: DeviceActor | undefined;
}

interface SetFault {
  readonly id: string;
  readonly actor: ServedActor;
  readonly spec: FaultSpec;
}

/** An account of this scenario, by operator. */
export interface ScenarioAccount extends AccountHandle {
  readonly shortServerId: number;
}

/** An order of this scenario. */
export interface ScenarioOrder {
  readonly id: string;
  readonly operator: ServerName;
  readonly type: string;
}

/** What was last answered, for a `Then the answer is ...`. */
export interface LastAnswer {
  readonly text: string;
  readonly code: string;
  readonly problem?: string;
  readonly field?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly at: string;
}

/** Calls of its operators that a scenario remembers. */
const mostCalls = 1_000;

/**
 * One scenario while it runs: its devices, accounts, faults and checks under names of its own, so that scenarios run side by side. Everything it made
 * is undone by `tidyUp`.
 */
export class Scenario {
  readonly operators: Readonly<Record<ServerName, OperatorActor>>;
  readonly accounts = new Map<ServerName, ScenarioAccount>();
  readonly orders: ScenarioOrder[] = [];
  /** Short Server IDs of accounts that devices have from the factory or from a plain configuration. */
  readonly factoryIds = new Map<ServerName, number>();
  /** Values noted by a step for a later one, by what they are about. */
  readonly remembered = new Map<string, Readonly<Record<string, string>>>();
  /** Devices that were switched on. */
  readonly started = new Set<string>();
  /** Locations below /rd that devices were given, by alias, the newest last. */
  readonly locations = new Map<string, string[]>();
  /** Things to undo, newest first. */
  readonly #undo: { readonly what: string; readonly undo: () => Promise<unknown> }[] = [];
  readonly #devices = new Map<string, Draft>();
  readonly #faults: SetFault[] = [];
  readonly #logs = new LogReader();
  readonly #calls: TraceEvent[] = [];
  readonly #watched = new Map<string, (after: number) => Promise<TraceSince>>();
  readonly #otherEndpoints = new Set<string>();
  lastAnswer: LastAnswer | undefined;
  /** Nanoseconds, when the newest order or trigger was asked for: what came before has nothing to do with it. */
  askedAt = "0";
  answerBefore: LastAnswer | undefined;

  constructor(
    readonly run: RunContext,
    readonly recorder: ScenarioRecorder,
    readonly key: string,
    /** How the scenario's devices speak with their servers. */
    readonly security: SecurityMode,
  ) {
    for (const { role } of [run.bootstrapServer, run.servers.A, run.servers.B]) this.#logs.from(role, run.logPositions.get(role) ?? 0);
    const actor = (server: LwM2mServerActor): OperatorActor =>
      new OperatorActor(server, `${run.nonce}-${key}`, (event) => {
        if (this.#calls.length < mostCalls) this.#calls.push({ seq: this.#calls.length + 1, at: this.now(), role: server.role, event });
      });
    this.operators = { A: actor(run.servers.A), B: actor(run.servers.B) };
  }

  get bootstrapServer(): BootstrapServerActor {
    return this.run.bootstrapServer;
  }

  server(name: ServerName): LwM2mServerActor {
    return this.run.servers[name];
  }

  /** URI of the operator's server that devices of this scenario are given. */
  uriOf(name: ServerName): string {
    return this.#uri(this.server(name).uris, `server ${name}`);
  }

  /** A second URI of the same server. */
  secondUriOf(name: ServerName): string {
    return this.#uri(this.server(name).secondUris, `a second URI of server ${name}`);
  }

  get bootstrapUri(): string {
    return this.#uri(this.bootstrapServer.uris, "the Bootstrap Server");
  }

  #uri(uris: ServerUris, what: string): string {
    const uri = uris[this.security];
    if (uri === undefined) throw new Unsupported(`the target has no ${this.security === "psk" ? "coaps" : "coap"} address of ${what}`);
    return uri;
  }

  /**
   * `c1` becomes `ab-<key>-c1`. A prefix in the alias says who may act on the endpoint: `a:c1` operator A alone, `b:c1` operator B alone, `x:c1` nobody, and
   * the Bootstrap Server does not know it.
   */
  endpoint(alias: string): string {
    const match = /^(?:(a|b|ab|x):)?([a-z0-9-]+)$/.exec(alias);
    if (match?.[2] === undefined) throw new Error(`"${alias}" is no name for a device; write it as "c1", or "x:c1" for one that nobody knows`);
    return `${match[1] ?? "ab"}-${this.key}-${match[2]}`;
  }

  /** Endpoints whose events are evidence of this scenario. */
  get endpoints(): readonly string[] {
    return [...new Set([...this.#devices.values()].map((draft) => draft.spec.endpoint).concat([...this.#otherEndpoints]))];
  }

  /** Counts an endpoint without a device of ours as part of this scenario's evidence. */
  involve(endpoint: string): void {
    this.#otherEndpoints.add(endpoint);
  }

  /** Takes the log of a device that is not this scenario's own into its evidence: one of a fleet. */
  watch(endpoint: string, trace: (after: number) => Promise<TraceSince>): void {
    this.involve(endpoint);
    this.#watched.set(endpoint, trace);
  }

  // Devices

  /** Declares a device, or changes what was declared, until it exists. */
  declare(alias: string, change: Partial<DeviceSpec> & { readonly personality?: PersonalityName } = {}): DeviceSpec {
    const known = this.#devices.get(alias);
    if (known?.actor !== undefined) throw new Error(`device "${alias}" exists already; say what it is like before it starts`);
    const endpoint = this.endpoint(alias);
    const base: DeviceSpec = known?.spec ?? {
      endpoint,
      lwm2m: this.run.devices.lwm2m ?? "1.1",
      personality: "default",
      seed: deviceSeed(this.run.seed, endpoint),
      timing: { coap: this.run.timing.coap, dtls: this.run.timing.dtls, device: this.run.timing.device },
    };
    const spec = { ...base, ...change };
    this.#devices.set(alias, { spec, actor: undefined });
    return spec;
  }

  specOf(alias: string): DeviceSpec | undefined {
    return this.#devices.get(alias)?.spec;
  }

  /** The device, made now if it was only declared. It does nothing until it is told to. */
  async device(alias: string): Promise<DeviceActor> {
    const draft = this.#devices.get(alias);
    if (draft === undefined) throw new Error(`no step has declared the device "${alias}"`);
    if (draft.actor !== undefined) return draft.actor;
    const actor = await this.run.devices.create(draft.spec);
    draft.actor = actor;
    return actor;
  }

  /** Remembers a location the device was given. */
  located(alias: string, location: string): void {
    const known = this.locations.get(alias) ?? [];
    if (known.at(-1) !== location) this.locations.set(alias, [...known, location]);
  }

  // Accounts

  /** A Short Server ID of the operator's range that no other scenario uses meanwhile. */
  takeShortServerId(operator: ServerName): number {
    const id = this.run.shortServerIds[operator].take();
    this.atEnd(`Short Server ID ${id}`, () => Promise.resolve(this.run.shortServerIds[operator].give(id)));
    return id;
  }

  /** Account of the operator. Throws when no step made one. */
  account(operator: ServerName): ScenarioAccount {
    const account = this.accounts.get(operator);
    if (account === undefined) throw new Error(`no step has given operator ${operator} an account`);
    return account;
  }

  /** The newest order (of this operator). */
  order(operator?: ServerName): ScenarioOrder {
    const found = this.orders.filter((order) => operator === undefined || order.operator === operator).at(-1);
    if (found === undefined) throw new Error("no step has placed an order");
    return found;
  }

  // Faults

  /** Sets a fault for one device at a role. It must be seen to fire, else the scenario has no verdict. */
  async setFault(actor: ServedActor, spec: FaultSpec): Promise<string> {
    const id = `${this.key}-${this.#faults.length + 1}`;
    await actor.setFault(id, spec);
    this.#faults.push({ id, actor, spec });
    return id;
  }

  /** The newest fault on an operation, waiting or fired. */
  faultOn(operation: string): { readonly id: string; readonly actor: ServedActor } {
    const found = this.#faults.filter((fault) => fault.spec.operation === operation).at(-1);
    if (found === undefined) throw new Error(`no step has set a fault on ${operation}`);
    return found;
  }

  // Waiting and judging

  /** Looks until `probe` gives something or the deadline is over; undefined then. */
  async until<T>(deadlineMs: number, probe: () => Promise<T | undefined>): Promise<T | undefined> {
    const { clock } = this.run;
    const end = clock.now() + deadlineMs;
    for (;;) {
      const found = await probe();
      if (found !== undefined) return found;
      const left = end - clock.now();
      if (left <= 0) return undefined;
      await sleep(clock, Math.min(this.run.deadlines.pollMs, left), "harness poll");
    }
  }

  pause(ms: number): Promise<void> {
    return sleep(this.run.clock, ms, "harness window");
  }

  now(): string {
    return this.run.clock.hrtime().toString();
  }

  /** In a Given a precondition, elsewhere a check; see `ScenarioRecorder.check`. */
  check(input: CheckInput): void {
    this.recorder.check(input);
  }

  /** Shorthand for a check of equality. */
  equal(rule: RuleName, text: string, expected: string, actual: string, more: Pick<CheckInput, "at" | "evidence" | "timing"> = {}): void {
    this.check({ rule, text, expected, actual, ok: expected === actual, ...more });
  }

  /** Throws `PreconditionMissing`, in whatever step. */
  precondition(text: string, met: boolean, actual: string): void {
    if (!met) this.recorder.missing(`${text}: ${actual}`);
  }

  /**
   * What all roles saw of this scenario's endpoints until now, in order of time. Each log is read on from where it was left. A scenario without any has its
   * operators' calls, which no log can tell from those of other scenarios.
   */
  async events(): Promise<TraceEvent[]> {
    const endpoints = this.endpoints;
    if (endpoints.length === 0) return [...this.#calls];
    const { run } = this;
    const served = [run.bootstrapServer, run.servers.A, run.servers.B].map(async (actor) => {
      const { next } = await this.#logs.read(actor.role, (after) => actor.trace(endpoints, after));
      run.logPositions.set(actor.role, Math.max(next, run.logPositions.get(actor.role) ?? 0));
    });
    const devices = [...this.#devices.values()].flatMap((draft) => draft.actor ?? []).map((device) => this.#logs.read(device.endpoint, (after) => device.trace(after)));
    const watched = [...this.#watched].map(([endpoint, trace]) => this.#logs.read(endpoint, trace));
    await Promise.all([...served, ...devices, ...watched]);
    return mergeEvents(this.#logs.all());
  }

  // The end

  /** Something to undo when the scenario is over; the newest is undone first. */
  atEnd(what: string, undo: () => Promise<unknown>): void {
    this.#undo.push({ what, undo });
  }

  /** Reads how often each fault fired, into the record. */
  async readFaults(): Promise<void> {
    for (const { id, actor, spec } of this.#faults) {
      const status = await actor.fault(id);
      this.recorder.fault({ id, role: actor.role, operation: spec.operation, action: spec.action.kind, fired: status?.fired ?? 0 });
    }
  }

  /** Looks whether a front of ours failed to pass something on, where the run has fronts. Its evidence is read on for that. */
  async readFronts(): Promise<void> {
    const { A, B } = this.run.target.servers;
    if (A.kind !== "adapted" && B.kind !== "adapted") return;
    const failure = frontFailureIn(await this.events());
    if (failure !== undefined) this.recorder.frontFailed(failure);
  }

  /** Stops the devices, clears the faults, withdraws what was made. Never throws: resolves with what did not work. */
  async tidyUp(): Promise<string[]> {
    const failures: string[] = [];
    const attempt = async (what: string, action: () => Promise<unknown>): Promise<void> => {
      try {
        await action();
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    await Promise.all(this.#faults.map(({ id, actor }) => attempt(`fault ${id}`, () => actor.clearFault(id))));
    const devices = [...this.#devices.values()].flatMap((draft) => draft.actor ?? []);
    await Promise.all(devices.map((device) => attempt(`device ${device.endpoint}`, () => device.remove(true))));
    for (const { what, undo } of this.#undo.reverse()) await attempt(what, undo);
    return failures;
  }
}

/** Whether an error says something about the scenario (and not about us). */
export const isExpectedEnd = (error: unknown): boolean => error instanceof PreconditionMissing || error instanceof Unsupported || (error instanceof Error && error.name === "CheckFailed");
