import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { after, type Clock, type Timer } from "../../src/ports/index.js";
import { packageRoot, realClock } from "../../src/ports/real/index.js";
import { addUp, newCounters, type ActionResult, type DeviceAction, type DeviceCounters, type DeviceSnapshot, type DeviceSpec, type FleetState } from "../device/index.js";
import type { Bin, Fleet, FleetOptions, FleetSnapshot, StopOptions } from "./fleet-types.js";
import { Merge } from "./merge.js";
import { indexIn, planFor, sliceOf, type FleetPlan } from "./plan.js";
import type { FailedDevice, Operation, Selection, TracePage } from "./protocol.js";
import { ShardLink } from "./shard-link.js";
import type { ShardTask } from "./worker.js";

/** A worker cannot start from a .ts file, so the built one runs also when this file was loaded from the sources. */
const workerFile = pathToFileURL(join(packageRoot, "dist", "simulators", "fleet", "worker.js")).href;

const defaults = { heartbeatMs: 10_000, traceLimit: 50_000, recorderLimit: 8_192, withinMs: 10_000, graceMs: 3_000, startInMs: 50, readyMs: 30_000 };

/** Starts the shards' threads, without any device yet. Rejects when they do not come up. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const fleet = new ThreadedFleet(options);
  await fleet.ready();
  return fleet;
}

class ThreadedFleet implements Fleet {
  readonly shards: number;
  lost: string | undefined = undefined;
  readonly #clock: Clock = realClock();
  readonly #options: FleetOptions;
  readonly #pool: Piscina;
  readonly #links: readonly ShardLink[];
  readonly #tasks: readonly Promise<unknown>[];
  readonly #abort = new AbortController();
  readonly #merge: Merge;
  readonly #plans: FleetPlan[] = [];
  /** Shard of each single device. */
  readonly #placed = new Map<string, number>();
  readonly #listeners = new Set<(snapshot: FleetSnapshot) => void>();
  #beat: Timer | undefined;
  #stopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.shards = Math.max(1, options.shards ?? availableParallelism() - 1);
    this.#merge = new Merge(this.shards);
    this.#pool = new Piscina({ filename: workerFile, minThreads: this.shards, maxThreads: this.shards, concurrentTasksPerWorker: 1, idleTimeout: Number.POSITIVE_INFINITY, recordTiming: false });
    // A thread whose task was already aborted has nobody else to tell when it dies; an unheard "error" would end the process.
    this.#pool.on("error", (error: Error) => {
      if (!this.#stopping) this.#lose(`fleet: ${error.message}`);
    });
    const started = Array.from({ length: this.shards }, (_, shard) => this.#startShard(shard));
    this.#links = started.map(({ link }) => link);
    this.#tasks = started.map(({ task }) => task);
  }

  #startShard(shard: number): { link: ShardLink; task: Promise<unknown> } {
    const { port1, port2 } = new MessageChannel();
    const link = new ShardLink(
      port1,
      () => this.#clock.now(),
      (statistics) => this.#merge.take(statistics),
      (line) => this.#options.keyLog?.(line),
    );
    const { seed = 1, traceLimit = defaults.traceLimit, recorderLimit = defaults.recorderLimit, loss = 0, keyLog } = this.#options;
    const task = this.#pool.run({ port: port2, shard, seed, traceLimit, recorderLimit, loss, keyLog: keyLog !== undefined } satisfies ShardTask, { transferList: [port2], signal: this.#abort.signal }).then(
      () => this.#ended(shard, "ended before it was told to"),
      (error: unknown) => this.#ended(shard, error instanceof Error ? error.message : String(error)),
    );
    return { link, task };
  }

  async ready(): Promise<void> {
    const deadline = after(this.#clock, defaults.readyMs, "shards start", () => this.#lose(`the fleet's threads did not start within ${defaults.readyMs} ms`));
    await Promise.all(this.#links.map(({ ready }) => ready));
    this.#clock.stop(deadline);
    if (this.lost !== undefined) throw new Error(this.lost);
    this.#beat = this.#nextBeat();
  }

  #ended(shard: number, why: string): void {
    if (!this.#stopping) this.#lose(`fleet shard ${shard}: ${why}`);
  }

  /** Without one of its shards a fleet is not the population it was: everything ends. */
  #lose(reason: string): void {
    if (this.lost !== undefined) return;
    this.lost = reason;
    this.#stopping = true;
    if (this.#beat !== undefined) this.#clock.stop(this.#beat);
    for (const link of this.#links) link.lose(reason);
    this.#abort.abort();
    void this.#pool.destroy();
    this.#options.onLost?.(reason);
  }

  #nextBeat(): Timer {
    return after(this.#clock, 1000, "fleet statistics", () => {
      const { heartbeatMs = defaults.heartbeatMs } = this.#options;
      const silent = this.#links.findIndex(({ heardAt }) => this.#clock.now() - heardAt > heartbeatMs);
      if (silent >= 0) {
        this.#lose(`fleet shard ${silent}: silent for ${heartbeatMs} ms`);
        return;
      }
      this.#tell(this.#merge.tick());
      this.#beat = this.#nextBeat();
    });
  }

  #tell(snapshot: FleetSnapshot): void {
    for (const listener of this.#listeners) listener(snapshot);
  }

  async launch(plan: FleetPlan): Promise<void> {
    if (this.#plans.some(({ name }) => name === plan.name)) throw new Error(`there is a plan "${plan.name}" already`);
    const { credentials } = plan;
    if (credentials !== undefined && (credentials.first > plan.first || credentials.first + credentials.devices.length < plan.last)) throw new Error(`the plan "${plan.name}" has devices without credentials`);
    if (!Number.isInteger(plan.first) || !Number.isInteger(plan.last) || plan.last < plan.first) throw new Error(`a plan of devices ${plan.first} to ${plan.last} is none`);
    this.#plans.push(plan);
    await Promise.all(
      this.#links.map((link, shard) => {
        const slice = sliceOf(plan, shard, this.shards);
        return link.ask({ type: "launch", plan: planFor(plan, slice), slice, startInMs: defaults.startInMs });
      }),
    );
  }

  async setRate(plan: string, perSecond: number): Promise<void> {
    if (!(perSecond > 0)) throw new Error("a rate is more than 0 devices per second");
    await Promise.all(this.#links.map((link) => link.ask({ type: "rate", plan, perSecond })));
  }

  snapshot(): FleetSnapshot {
    return this.#merge.snapshot();
  }

  record(operation: Operation, milliseconds: number): void {
    this.#merge.record(operation, milliseconds);
  }

  distribution(): Readonly<Partial<Record<Operation, readonly Bin[]>>> {
    return this.#merge.distribution();
  }

  series(): readonly FleetSnapshot[] {
    return this.#merge.series;
  }

  onSnapshot(listener: (snapshot: FleetSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async createDevice(spec: DeviceSpec, options: { readonly start?: boolean } = {}): Promise<void> {
    if (this.#shardOf(spec.endpoint) !== undefined) throw new Error(`there is a device "${spec.endpoint}" already`);
    const shard = this.#placed.size % this.shards;
    this.#placed.set(spec.endpoint, shard);
    try {
      await this.#link(shard).ask({ type: "create", spec, start: options.start ?? false });
    } catch (error) {
      this.#placed.delete(spec.endpoint);
      throw error;
    }
  }

  async removeDevice(endpoint: string, options: { readonly deregister?: boolean } = {}): Promise<boolean> {
    const shard = this.#shardOf(endpoint);
    if (shard === undefined) return false;
    const removed = await this.#link(shard).ask({ type: "remove", endpoint, deregister: options.deregister ?? true });
    this.#placed.delete(endpoint);
    return removed;
  }

  async act(endpoint: string, action: DeviceAction): Promise<ActionResult> {
    const shard = this.#shardOf(endpoint);
    return shard === undefined ? { ok: false, failure: "unknown-device" } : this.#link(shard).ask({ type: "act", endpoint, action });
  }

  async actAll(selection: Selection, action: DeviceAction, perSecond?: number): Promise<number> {
    const share = perSecond === undefined ? {} : { perSecond: perSecond / this.shards };
    const counts = await Promise.all(this.#links.map((link) => link.ask({ type: "act-all", selection, action, ...share })));
    return counts.reduce((total, count) => total + count, 0);
  }

  async inspect(endpoint: string): Promise<DeviceSnapshot | undefined> {
    const shard = this.#shardOf(endpoint);
    return shard === undefined ? undefined : this.#link(shard).ask({ type: "inspect", endpoint });
  }

  async trace(endpoint: string, afterSeq = 0, limit = 10_000): Promise<TracePage> {
    const shard = this.#shardOf(endpoint);
    return shard === undefined ? { events: [], next: afterSeq, dropped: 0 } : this.#link(shard).ask({ type: "trace", endpoint, after: afterSeq, limit });
  }

  async states(plan?: string): Promise<Readonly<Record<FleetState, number>>> {
    const all = await Promise.all(this.#links.map((link) => link.ask({ type: "states", ...(plan === undefined ? {} : { plan }) })));
    const total = { ...all[0] } as Record<FleetState, number>;
    for (const states of all.slice(1)) for (const state of Object.keys(states) as FleetState[]) total[state] += states[state];
    return total;
  }

  async select(selection: Selection): Promise<readonly string[]> {
    const all = await Promise.all(this.#links.map((link) => link.ask({ type: "select", selection })));
    const endpoints = all.flat().sort();
    return selection.limit === undefined ? endpoints : endpoints.slice(0, selection.limit);
  }

  async counters(plan?: string): Promise<Readonly<DeviceCounters>> {
    const sum = newCounters();
    for (const counters of await Promise.all(this.#links.map((link) => link.ask({ type: "counters", ...(plan === undefined ? {} : { plan }) })))) addUp(sum, counters);
    return sum;
  }

  async tally(plan: string, counter: keyof DeviceCounters): Promise<ReadonlyMap<string, number>> {
    const shares = await Promise.all(this.#links.map((link) => link.ask({ type: "tally", plan, counter })));
    return new Map(shares.flat());
  }

  async failures(limit = 100, plan?: string): Promise<readonly FailedDevice[]> {
    const all = await Promise.all(this.#links.map((link) => link.ask({ type: "failures", limit, ...(plan === undefined ? {} : { plan }) })));
    return all.flat().slice(-limit);
  }

  #link(shard: number): ShardLink {
    const link = this.#links[shard];
    if (link === undefined) throw new Error(`there is no shard ${shard}`);
    return link;
  }

  /** The shard of a single device, or of a device of a plan, started or not. */
  #shardOf(endpoint: string): number | undefined {
    const placed = this.#placed.get(endpoint);
    if (placed !== undefined) return placed;
    for (const plan of this.#plans) {
      const index = indexIn(plan, endpoint);
      if (index === undefined || index < plan.first || index >= plan.last) continue;
      for (let shard = 0; shard < this.shards; shard++) {
        const slice = sliceOf(plan, shard, this.shards);
        if (index >= slice.first && index < slice.last) return shard;
      }
    }
    return undefined;
  }

  async stop(options: StopOptions = {}): Promise<FleetSnapshot> {
    if (this.#stopping) return this.snapshot();
    this.#stopping = true;
    if (this.#beat !== undefined) this.#clock.stop(this.#beat);
    const { deregister = true, withinMs = defaults.withinMs } = options;
    const left = Promise.all(this.#links.map((link) => link.ask({ type: "stop", deregister, withinMs }))).then(() => Promise.all(this.#tasks));
    // Piscina's signal ends a thread at once: only for one that does not leave.
    let deadline: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      deadline = after(this.#clock, withinMs + defaults.graceMs, "shards end", () => {
        this.#abort.abort();
        resolve();
      });
    });
    await Promise.race([left.catch(() => undefined), late]);
    // It would keep the process.
    if (deadline !== undefined) this.#clock.stop(deadline);
    const snapshot = this.#merge.tick();
    await this.#pool.destroy();
    for (const link of this.#links) link.lose("the fleet was stopped");
    this.#tell(snapshot);
    return snapshot;
  }
}
