import type { MessagePort } from "node:worker_threads";
import { after, type Clock, type Timer } from "../../src/ports/index.js";
import { loopLag, realPorts, udpDrops, type LoopLag } from "../../src/ports/real/index.js";
import { lossyNetwork, type LossyNetwork } from "../../src/transport/index.js";
import { lagLimitMs } from "./lag.js";
import type { FromShard, Replies, ShardHealth, ToShard } from "./protocol.js";
import { Shard } from "./shard.js";

/** What a shard's thread is given; the port is transferred. */
export interface ShardTask {
  readonly port: MessagePort;
  readonly shard: number;
  readonly seed: number;
  readonly traceLimit: number;
  readonly recorderLimit: number;
  /** Share of the datagrams that is lost on purpose, 0 to 1. */
  readonly loss: number;
  readonly keyLog: boolean;
}

const intervalMs = 1000;

/** One long task per thread: runs a shard until it is told to stop. */
export default function runShard(task: ShardTask): Promise<void> {
  return new Promise((resolve) => new ShardWorker(task, resolve));
}

class ShardWorker {
  readonly #task: ShardTask;
  readonly #shard: Shard;
  readonly #clock: Clock;
  readonly #lag: LoopLag;
  readonly #lossy: LossyNetwork | undefined;
  readonly #over: () => void;
  #sequence = 0;
  #beat: Timer;
  #machineDrops = udpDrops();
  #socketDrops = this.#machineDrops === undefined ? undefined : 0;

  constructor(task: ShardTask, over: () => void) {
    const real = realPorts(`${task.seed}/${task.shard}`);
    const lossy = task.loss === 0 ? undefined : lossyNetwork(real.network, real.random.fork("loss"), task.loss);
    const ports = lossy === undefined ? real : { ...real, network: lossy };
    this.#lossy = lossy;
    this.#task = task;
    this.#over = over;
    this.#clock = ports.clock;
    const { traceLimit, recorderLimit, keyLog } = task;
    this.#shard = new Shard(ports, { traceLimit, recorderLimit, ...(keyLog ? { keyLog: (line: string) => this.#post({ type: "key-log", line }) } : {}) });
    this.#lag = loopLag();
    task.port.on("message", (message: ToShard) => this.#take(message));
    this.#beat = this.#nextBeat();
    this.#post({ type: "ready", shard: task.shard });
  }

  #post(message: FromShard): void {
    this.#task.port.postMessage(message satisfies FromShard);
  }

  #nextBeat(): Timer {
    return after(this.#clock, intervalMs, "statistics", () => {
      this.#report(false);
      this.#beat = this.#nextBeat();
    });
  }

  #report(last: boolean): void {
    this.#post({
      type: "statistics",
      shard: this.#task.shard,
      sequence: this.#sequence++,
      histograms: this.#shard.histograms.take(),
      counters: this.#shard.counters(),
      states: this.#shard.states(undefined),
      health: this.#health(),
      last,
    });
  }

  #health(): ShardHealth {
    const health = {
      loopLagP99Ms: this.#lag.percentile(99),
      loopLagMaxMs: this.#lag.max,
      loopTurns: this.#lag.count,
      lateTurns: this.#lag.countAbove(lagLimitMs),
      socketDrops: this.#drops(),
      lostOnPurpose: this.#lossy?.lost ?? 0,
      refusedSockets: this.#shard.host.refusedSockets,
      receiveBuffer: this.#shard.host.receiveBuffer,
      openSockets: this.#shard.host.openSockets,
      rss: process.memoryUsage.rss(),
    };
    this.#lag.reset();
    return health;
  }

  /** The machine's figure is cheap; only when it moved are this shard's own sockets looked at. */
  #drops(): number | undefined {
    const machine = udpDrops();
    if (machine !== this.#machineDrops) {
      this.#machineDrops = machine;
      this.#socketDrops = Math.max(this.#socketDrops ?? 0, udpDrops(this.#shard.localPorts()) ?? 0);
    }
    return this.#socketDrops;
  }

  #take(message: ToShard): void {
    void this.#answer(message).then(
      (result) => {
        this.#post({ type: "reply", id: message.id, result });
        if (message.type === "stop") this.#end();
      },
      (error: unknown) => this.#post({ type: "refused", id: message.id, reason: error instanceof Error ? error.message : String(error) }),
    );
  }

  async #answer(message: ToShard): Promise<Replies[keyof Replies]> {
    const shard = this.#shard;
    switch (message.type) {
      case "launch":
        return shard.launch(message.plan, message.slice, message.startInMs) as undefined;
      case "rate":
        return shard.changeRate(message.plan, message.perSecond) as undefined;
      case "create":
        return shard.create(message.spec, message.start) as undefined;
      case "remove":
        return shard.remove(message.endpoint, message.deregister);
      case "act":
        return shard.act(message.endpoint, message.action);
      case "act-all":
        return shard.actAll(message.selection, message.action, message.perSecond);
      case "inspect":
        return shard.inspect(message.endpoint);
      case "trace":
        return shard.traceOf(message.endpoint, message.after, message.limit);
      case "states":
        return shard.states(message.plan);
      case "select":
        return shard.select(message.selection);
      case "failures":
        return shard.failures(message.limit, message.plan);
      case "counters":
        return shard.deviceCounters(message.plan);
      case "tally":
        return shard.tally(message.plan, message.counter);
      case "stop":
        await shard.stop(message.deregister, message.withinMs);
        this.#clock.stop(this.#beat);
        this.#report(true);
        return undefined;
    }
  }

  #end(): void {
    this.#lag.stop();
    this.#task.port.close();
    this.#over();
  }
}
