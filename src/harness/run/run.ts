import { availableParallelism } from "node:os";
import type { Envelope } from "@cucumber/messages";
import { startFleet, type Fleet } from "../../../simulators/fleet/index.js";
import type { RoleHealth } from "../../operator/index.js";
import type { Files, Log, Ports, Processors } from "../../ports/index.js";
import { seededRandom } from "../../ports/seeded-random.js";
import { fleetDevices, withPlants } from "../actors/fleet-devices.js";
import { deadlinesOf } from "../deadlines.js";
import { KeyLog } from "../evidence/key-log.js";
import { EvidenceStore } from "../evidence/store.js";
import { resultFormat, scenarioResult, tally, type RunResult, type ScenarioResult } from "../result.js";
import { idPool, newPopulation, type DeviceProvider, type RunContext } from "../run-context.js";
import { scenarioKey } from "../scenario/names.js";
import { ScenarioRecorder } from "../scenario/recorder.js";
import { Scenario } from "../scenario/scenario.js";
import type { SecurityMode } from "../actors/types.js";
import { missingCapabilities, referenceTarget, usualSecurity, type Target } from "../targets/index.js";
import { Cucumber, FeatureError } from "./cucumber.js";
import { fleetResult } from "./fleet-result.js";
import { inLanes } from "./lanes.js";
import { crowded, limitOf, ProcessorWatch } from "./limit.js";
import { MessageMerger } from "./messages.js";
import { planOf, scheduleOf, type PlannedScenario } from "./plan.js";
import type { RunListener } from "./progress.js";
import { operators, startRoles, type Roles, type RolesEnvironment } from "./roles.js";
import type { ErrorOf } from "../verdict.js";
import { RoleError } from "./role-thread.js";
import { readSelection } from "./select.js";
import { markOf, saturatedSince } from "./saturation.js";
import { inSession, ScenarioSession } from "./session.js";

export interface RunOptions {
  /** Paths and tag expressions; none: everything. */
  readonly select?: readonly string[];
  /** Size of the fleet. Default 1,000, functional 20. */
  readonly devices?: number;
  /** Any text. Default: drawn anew. */
  readonly seed?: string;
  readonly target?: Target;
  /** What devices speak where a scenario does not say. Default: DTLS with pre-shared keys, where all roles and the devices can. */
  readonly security?: SecurityMode;
  /** Keeps the secrets of the devices' DTLS sessions with the evidence: captures can be decrypted. */
  readonly keyLog?: boolean;
  /** Share of the devices' datagrams, 0 to 1, that is lost on purpose, in either direction. Default 0. */
  readonly loss?: number;
  /** Leaves the load scenarios out. */
  readonly functional?: boolean;
  /** Folder for reports; the run makes one of its own in it. */
  readonly out: string;
  /** Scenarios side by side. Default 12. */
  readonly lanes?: number;
  readonly shards?: number;
  /** Devices of another client stack in place of ours. */
  readonly devicesOn?: DeviceProvider;
  /** Ends the run early: what there is becomes an incomplete result. */
  readonly signal?: AbortSignal;
}

/** Where things are, and what the run is made with. */
export interface RunEnvironment {
  readonly ports: Ports;
  readonly files: Files;
  /** Absent: what the machine had to do is not known. */
  readonly processors?: Processors;
  readonly log: Log;
  /** Folder of the feature files. */
  readonly features: string;
  /** Step definitions, JavaScript. */
  readonly steps: readonly string[];
  readonly cwd: string;
  readonly version: string;
  readonly roles: Omit<RolesEnvironment, "onLost" | "seed" | "nonce" | "clock" | "secrets" | "network">;
}

const defaultLanes = 16;

async function load(options: Pick<RunOptions, "select" | "functional" | "security">, environment: RunEnvironment): Promise<{ readonly cucumber: Cucumber; readonly scenarios: readonly PlannedScenario[] }> {
  const { files, cwd, features } = environment;
  const selection = await readSelection(options.select ?? [], { files, cwd, features }, { functional: options.functional ?? false, withoutPsk: options.security === "nosec" });
  const cucumber = await Cucumber.load(environment.steps, features.replace(/\/features$/, ""));
  const envelopes: Envelope[] = [];
  await cucumber.run(selection.paths, selection.tagExpression, true, (envelope) => void envelopes.push(envelope));
  const plan = planOf(envelopes);
  if (plan.problems.length > 0) throw new FeatureError(plan.problems.join("\n"));
  if (plan.scenarios.length === 0) throw new FeatureError(`no scenario is selected by ${(options.select ?? []).join(" ") || "this run"}`);
  return { cucumber, scenarios: plan.scenarios };
}

/** What a run would do; sends nothing. Throws `FeatureError`. */
export async function planRun(options: Pick<RunOptions, "select" | "functional" | "security">, environment: RunEnvironment): Promise<readonly PlannedScenario[]> {
  return (await load(options, environment)).scenarios;
}

/** `2026-11-22T10-31-07Z-3f2a`: sorts by time, and two runs in one second differ. */
const runName = (epoch: number, seed: string): string => `${new Date(epoch).toISOString().replaceAll(":", "-").replace(/\.\d+Z$/, "Z")}-${scenarioKey(String(epoch), 0, seed).slice(0, 4)}`;

/** One run from start to result. Its parts are built in `start`; whatever happens, `stop` ends them. */
class Run {
  readonly #results: ScenarioResult[] = [];
  readonly #sessions = new Set<ScenarioSession>();
  readonly #merger = new MessageMerger();
  readonly #abort = new AbortController();
  readonly #startedAt: number;
  readonly #began: number;
  readonly #keyLog: KeyLog | undefined;
  readonly #store: EvidenceStore;
  readonly #target: Target;
  readonly #seed: string;
  readonly #security: SecurityMode;
  readonly #nonce: string;
  readonly #devices: number;
  readonly folder: string;
  #starting: Promise<RunContext> | undefined;
  #roles: Roles | undefined;
  #fleet: Fleet | undefined;
  /** Of the load scenarios. */
  #processors: ProcessorWatch | undefined;
  #error: { readonly error: string; readonly errorOf: ErrorOf } | undefined;
  #finished = 0;

  constructor(
    readonly options: RunOptions,
    readonly environment: RunEnvironment,
    readonly cucumber: Cucumber,
    readonly scenarios: readonly PlannedScenario[],
    readonly listener: RunListener,
  ) {
    const { clock } = environment.ports;
    this.#keyLog = options.keyLog === true ? new KeyLog() : undefined;
    this.#startedAt = clock.epoch();
    this.#began = clock.now();
    this.#target = options.target ?? referenceTarget;
    this.#seed = options.seed ?? String(environment.ports.secrets.bytes(4).readUInt32BE(0));
    this.#security = options.security ?? (options.devicesOn?.can.psk === false ? "nosec" : usualSecurity(this.#target));
    this.#nonce = environment.ports.secrets.token().slice(0, 10);
    this.#devices = options.devices ?? (options.functional === true ? 20 : 1_000);
    this.folder = `${options.out}/${runName(this.#startedAt, this.#seed)}`;
    this.#store = new EvidenceStore(environment.files, this.folder, BigInt(Math.round(this.#startedAt)) * 1_000_000n - clock.hrtime(), `muster ${environment.version}`, this.#keyLog);
    if (options.signal?.aborted === true) this.#abort.abort();
    options.signal?.addEventListener("abort", () => this.#abort.abort(), { once: true });
  }

  async carryOut(): Promise<RunResult> {
    const { listener } = this;
    listener({ type: "planned", scenarios: this.scenarios, seed: this.#seed, devices: this.#devices, target: this.#target.name, security: this.#security, folder: this.folder });
    try {
      this.#starting = this.#start();
      await Promise.race([this.#starting.then((context) => this.#all(context)), this.#stopped()]);
      for (const session of this.#sessions) session.abandon();
    } catch (error) {
      this.#lost(error instanceof Error ? error.message : String(error), error instanceof RoleError ? error.of : undefined);
    }
    const result = await this.#conclude();
    await this.#stop();
    listener({ type: "finished", result, folder: this.folder });
    return result;
  }

  #lost(reason: string, of: ErrorOf = "muster"): void {
    this.#error ??= { error: reason, errorOf: of };
    this.#abort.abort();
  }

  #stopped(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#abort.signal.aborted) resolve();
      else this.#abort.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  async #start(): Promise<RunContext> {
    const { ports, roles: rolesEnvironment } = this.environment;
    const onLost = (reason: string, of?: ErrorOf): void => this.#lost(reason, of);
    this.#roles = await startRoles(this.#target, { ...rolesEnvironment, clock: ports.clock, secrets: ports.secrets, network: ports.network, seed: this.#seed, nonce: this.#nonce, onLost });
    this.listener({ type: "roles-ready", roles: this.#roles.addresses });
    const random = seededRandom(this.#seed);
    const besideThem = this.scenarios.some(({ declared }) => declared.needs.includes("fleet-beside"));
    const fleet = this.options.devicesOn === undefined || besideThem ? await this.#startFleet(random.fork("fleet").below(2 ** 31), onLost) : undefined;
    const devices = this.options.devicesOn ?? (fleet === undefined ? undefined : withPlants(fleetDevices(fleet), this.#target.plants.device));
    if (devices === undefined) throw new Error("there is nothing to run devices on");
    return {
      seed: this.#seed,
      security: this.#security,
      nonce: this.#nonce,
      clock: ports.clock,
      network: ports.network,
      random,
      target: this.#target,
      timing: this.#target.timing,
      deadlines: deadlinesOf(this.#target.timing, this.#target.timing, this.#devices),
      missing: missingCapabilities(this.#target, this.#security),
      bootstrapServer: this.#roles.bootstrapServer,
      servers: this.#roles.servers,
      secrets: this.#roles.secrets,
      shortServerIds: { A: idPool(...operators.A.pool), B: idPool(...operators.B.pool) },
      devices,
      devicesAreOurs: this.options.devicesOn === undefined,
      fleet,
      fleetSize: this.#devices,
      population: newPopulation(),
      logPositions: new Map(),
      healthMark: () => markOf(fleet?.snapshot(), this.#processors?.looks),
      saturatedSince: (mark) => (fleet === undefined ? undefined : saturatedSince(mark, fleet.series(), fleet.snapshot())),
      crowdedSince: ({ looks }) => crowded(this.#processors?.busiest(looks)),
    };
  }

  async #startFleet(seed: number, onLost: (reason: string) => void): Promise<Fleet> {
    const keyLog = this.#keyLog;
    const fleet = await startFleet({ seed, onLost, ...(keyLog === undefined ? {} : { keyLog: (line: string) => keyLog.add(line) }), ...(this.options.loss === undefined ? {} : { loss: this.options.loss }), ...(this.options.shards === undefined ? {} : { shards: this.options.shards }) });
    this.#fleet = fleet;
    fleet.onSnapshot((snapshot) => {
      this.#processors?.look();
      this.listener({ type: "fleet", snapshot });
    });
    return fleet;
  }

  async #all(context: RunContext): Promise<void> {
    const { sanity, together, alone, load, beside } = scheduleOf(this.scenarios);
    const { signal } = this.#abort;
    const lanes = this.options.lanes ?? defaultLanes;
    // Cucumber listens for uncaught exceptions once per step in progress.
    process.setMaxListeners(Math.max(process.getMaxListeners(), lanes + 10));
    const once = (scenario: PlannedScenario): Promise<void> => this.#one(context, scenario, 0);
    const total = this.scenarios.length;
    await inLanes(sanity, 1, signal, once);
    await inLanes(together, lanes, signal, once);
    await inLanes(alone, 1, signal, once);
    if (load.length + beside.length > 0) {
      await this.#quiet();
      this.#processors = this.environment.processors === undefined ? undefined : new ProcessorWatch(this.environment.processors);
    }
    // Two fleets that start in one storm would measure each other: the run's own comes first.
    await inLanes(load.slice(0, 1), 1, signal, once);
    await Promise.all([load.slice(1), beside].map((scenarios) => inLanes(scenarios, 1, signal, once)));
    // Alone it would prove nothing twice; after others it shows that the target survived them.
    if (total > sanity.length) await inLanes(sanity, 1, signal, (scenario) => this.#one(context, scenario, 1));
  }

  /** Until the fleet's next figures, so that those of load scenarios hold nothing of what ran before. */
  #quiet(): Promise<void> {
    const fleet = this.#fleet;
    if (fleet === undefined) return Promise.resolve();
    const next = new Promise<void>((resolve) => {
      const unsubscribe = fleet.onSnapshot(() => {
        unsubscribe();
        resolve();
      });
    });
    return Promise.race([next, this.#stopped()]);
  }

  async #one(context: RunContext, planned: PlannedScenario, repetition: number): Promise<void> {
    const recorder = new ScenarioRecorder(planned, planned.declared, context.clock);
    const scenario = new Scenario(context, recorder, scenarioKey(planned.id, repetition, this.#seed), planned.declared.security ?? context.security);
    const session = new ScenarioSession(planned, scenario, this.#store, this.listener, repetition);
    this.#sessions.add(session);
    this.listener({ type: "scenario-started", scenario: planned });
    const envelopes: Envelope[] = [];
    try {
      await inSession(session, () => this.cucumber.run([`${this.cucumber.environment.cwd ?? ""}/${planned.uri}:${planned.line}`], "", false, (envelope) => void envelopes.push(envelope)));
    } catch (error) {
      recorder.broken(error instanceof Error ? error.message : String(error));
    }
    if (session.abandoned) return;
    this.#sessions.delete(session);
    this.#merger.add(envelopes);
    const result = scenarioResult(session.outcome, this.#target.knownDeviations);
    this.#results.push(result);
    this.listener({ type: "scenario-finished", scenario: planned, result, finished: ++this.#finished, total: this.scenarios.length });
  }

  /** Scenarios that were running, or never began, when the run ended. */
  #unfinished(): ScenarioResult[] {
    const running = [...this.#sessions].map((session) => scenarioResult(session.outcome, this.#target.knownDeviations));
    const known = new Set([...this.#results, ...running].map((result) => result.id));
    const { clock } = this.environment.ports;
    const waiting = this.scenarios
      .filter((planned) => !known.has(planned.id))
      .map((planned) => scenarioResult({ record: new ScenarioRecorder(planned, planned.declared, clock).record(), startedAt: new Date(clock.epoch()).toISOString(), durationMs: 0, endpoints: [], leftovers: [] }));
    return [...running, ...waiting];
  }

  async #conclude(): Promise<RunResult> {
    const { clock } = this.environment.ports;
    const interrupted = this.options.signal?.aborted === true;
    const scenarios = [...this.#results, ...this.#unfinished()];
    const roleOf = (role: Target["bootstrapServer"]): string => (role.kind === "reference" ? "reference" : role.kind === "adapted" ? `${role.facts.name} at ${role.entry.coap}` : Object.values(role.uris).join(", "));
    const ours = `Muster ${this.environment.version}`;
    const implementationOf = (role: Target["bootstrapServer"]): string => (role.kind === "reference" ? ours : (role.implementation ?? roleOf(role)));
    const { devicesOn } = this.options;
    const fleet = this.#fleet;
    const launched = fleet !== undefined && fleet.snapshot().counters.devices > 0;
    const healths = await this.#healths();
    const drops = launched ? Object.fromEntries(healths.map(([role, health]) => [role, health?.kernelDrops])) : {};
    const inTheClear = healths.flatMap(([role, health]) => (health?.secretTransport === "cleartext" ? [role] : []));
    const { profile, changed } = this.#target.timing;
    const { bootstrapServer, servers } = this.#target;
    const steered = [["bootstrap-server", bootstrapServer], ["server-a", servers.A], ["server-b", servers.B]] as const;
    const verified = steered.flatMap(([role, of]) => (of.kind === "adapted" && of.facts.verifiedAgainst !== undefined ? [[role, of.facts.verifiedAgainst] as const] : []));
    const result: RunResult = {
      schema: resultFormat,
      muster: this.environment.version,
      seed: this.#seed,
      devices: this.#devices,
      devicesOn: devicesOn?.name ?? "muster",
      target: this.#target.name,
      security: this.#security,
      ...(this.#keyLog === undefined ? {} : { keyLog: true }),
      ...(this.options.loss === undefined ? {} : { loss: { share: this.options.loss, datagrams: fleet?.snapshot().health.lostOnPurpose ?? 0 } }),
      ...(inTheClear.length === 0 ? {} : { cleartextSecrets: inTheClear }),
      roles: { "bootstrap-server": roleOf(this.#target.bootstrapServer), "server-a": roleOf(this.#target.servers.A), "server-b": roleOf(this.#target.servers.B) },
      implementations: {
        "bootstrap-server": implementationOf(this.#target.bootstrapServer),
        "server-a": implementationOf(this.#target.servers.A),
        "server-b": implementationOf(this.#target.servers.B),
        device: devicesOn === undefined ? ours : (devicesOn.implementation ?? devicesOn.name),
      },
      ...(verified.length === 0 ? {} : { verifiedAgainst: Object.fromEntries(verified) }),
      timing: changed ? `${profile}+` : profile,
      startedAt: new Date(this.#startedAt).toISOString(),
      durationMs: Math.round(clock.now() - this.#began),
      interrupted,
      ...this.#error,
      ...tally(scenarios, { interrupted, ...this.#error }),
      scenarios,
      ...(launched ? { fleet: this.#fleetResult(fleet, drops) } : {}),
      environment: { node: process.version, platform: process.platform, cpus: availableParallelism() },
      plants: [...this.#target.plants.bootstrapServer, ...this.#target.plants.lwm2mServer, ...this.#target.plants.device],
    };
    await this.#store.keys();
    await this.#store.messages(this.#merger.merged());
    await this.#store.result(result);
    return result;
  }

  #fleetResult(fleet: Fleet, drops: Readonly<Record<string, number | undefined>>): NonNullable<RunResult["fleet"]> {
    const result = fleetResult(fleet.snapshot(), fleet.series(), fleet.distribution(), drops);
    // The devices of other scenarios are no load.
    if (fleet.snapshot().counters.started === 0) return result;
    const { bootstrapServer, servers, timing } = this.#target;
    const roles = { "bootstrap-server": bootstrapServer, "server-a": servers.A, "server-b": servers.B };
    const foreign = Object.fromEntries(Object.entries(roles).flatMap(([name, role]) => (role.kind === "reference" ? [] : [[name, role.implementation ?? this.#target.name] as const])));
    return { ...result, limit: limitOf({ fleet: result, processors: this.#processors?.busiest(), ackTimeoutMs: timing.coap.ackTimeoutMs, cpus: availableParallelism(), foreign }) };
  }

  /** What each role says of itself; undefined where it cannot be asked, or does not answer any more. */
  async #healths(): Promise<readonly (readonly [role: string, health: RoleHealth | undefined])[]> {
    const roles = this.#roles;
    if (roles === undefined) return [];
    return Promise.all([roles.bootstrapServer, roles.servers.A, roles.servers.B].map(async (actor) => [actor.role, await actor.health().catch(() => undefined)] as const));
  }

  async #stop(): Promise<void> {
    // Told to end while it was still starting: what starts must be there before it can be stopped.
    await Promise.allSettled([this.#starting]);
    const failures = await Promise.allSettled([this.#fleet?.stop({ deregister: false, withinMs: 2_000 }), this.options.devicesOn?.close?.()]);
    for (const failure of failures) if (failure.status === "rejected") this.environment.log.warn({ reason: String(failure.reason) }, "the fleet did not stop cleanly");
    await this.#roles?.stop();
  }
}

/**
 * Runs the selected scenarios and resolves with the result, which is on disk by then; rejects with `FeatureError` or `ConfigError` before anything was sent.
 * Errors of ours during the run are in the result.
 */
export async function run(options: RunOptions, environment: RunEnvironment, listener: RunListener): Promise<RunResult> {
  const { cucumber, scenarios } = await load(options, environment);
  return new Run(options, environment, cucumber, scenarios, listener).carryOut();
}
