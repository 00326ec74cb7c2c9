import type { Processors, ProcessorTimes } from "../../ports/index.js";
import type { FleetResult } from "../result.js";

/** Shares of the machine's processor time, 0 to 1, in the busiest stretch of the load. */
export interface BusiestStretch {
  readonly seconds: number;
  readonly busy: number;
  /** Of this program: its devices, and the roles that it plays itself. */
  readonly own: number;
}

/** Seconds over which the machine has to be busy before that is said to hold the load back. */
const stretchSeconds = 10;
const noTimeLeft = 0.95;
/** Operations that are one question and its answer. */
const exchanges = ["register", "update", "deregister"] as const;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Watches the machine's processors from look to look, one a second. */
export class ProcessorWatch {
  readonly #looks: ProcessorTimes[] = [];

  constructor(private readonly read: Processors) {}

  look(): void {
    this.#looks.push(this.read());
  }

  get looks(): number {
    return this.#looks.length;
  }

  /** Undefined before there was anything to see. `since`: how many looks had been taken at the moment from which it counts. */
  busiest(since = 0): BusiestStretch | undefined {
    const seconds = Math.min(stretchSeconds, this.#looks.length - 1 - since);
    let busiest: BusiestStretch | undefined;
    for (let from = since; seconds > 0 && from + seconds < this.#looks.length; from++) {
      const [first, last] = [this.#looks[from], this.#looks[from + seconds]];
      if (first === undefined || last === undefined || last.totalMs <= first.totalMs) continue;
      const total = last.totalMs - first.totalMs;
      const stretch = { seconds, busy: 1 - (last.idleMs - first.idleMs) / total, own: (last.ownMs - first.ownMs) / total };
      if (busiest === undefined || stretch.busy > busiest.busy) busiest = stretch;
    }
    return busiest;
  }
}

/** Whether the machine had no processor time left for the whole stretch, in words. */
export function crowded(stretch: BusiestStretch | undefined): string | undefined {
  if (stretch === undefined || stretch.seconds < stretchSeconds || stretch.busy < noTimeLeft) return undefined;
  return `the machine's processors were ${percent(stretch.busy)} busy for ${stretch.seconds} s, ${percent(stretch.own)} with muster`;
}

export interface LimitInput {
  readonly fleet: Pick<FleetResult, "latency" | "generator" | "referenceDrops">;
  readonly processors: BusiestStretch | undefined;
  /** An answer that comes later than this is one that had to be asked for again. */
  readonly ackTimeoutMs: number;
  /** Processors of this machine. */
  readonly cpus: number;
  /** Roles that are not ours, by name, with what plays them. */
  readonly foreign: Readonly<Record<string, string>>;
}

export type Limit = NonNullable<FleetResult["limit"]>;

const ms = (value: number): string => `${Math.round(value)} ms`;

/** Which side held the load back: the generator by its lag and drops, a role by its drops and answers, the machine that they share, or nobody. */
export function limitOf({ fleet, processors, ackTimeoutMs, cpus, foreign }: LimitInput): Limit {
  const { generator, referenceDrops, latency } = fleet;
  const slowest = exchanges.flatMap((operation) => latency[operation]?.p99 ?? []).reduce((most, p99) => Math.max(most, p99), 0);
  const answers = `p99 of an answer ${ms(slowest)}, ACK_TIMEOUT ${ms(ackTimeoutMs)}`;
  if (generator.saturated) {
    const shared = crowded(processors);
    return { side: "generator", reason: `its event loops lagged, or its sockets dropped (${generator.socketDrops ?? "unknown"})${shared === undefined ? "" : `; ${shared}`}; ${answers}` };
  }
  const full = Object.entries(referenceDrops).flatMap(([role, drops]) => (drops === null || drops === 0 ? [] : [`${role} ${drops}`]));
  if (full.length > 0) return { side: "roles", reason: `datagrams dropped at their sockets: ${full.join(", ")}; ${answers}` };
  if (slowest <= ackTimeoutMs) return { side: "none", reason: `everything was answered in time: ${answers}` };
  const strangers = Object.entries(foreign).map(([role, implementation]) => `${role} (${implementation})`);
  if (processors !== undefined && processors.busy >= noTimeLeft) {
    const rest = Math.max(0, processors.busy - processors.own);
    return { side: "machine", reason: `its ${cpus} processors were ${percent(processors.busy)} busy for ${processors.seconds} s, ${percent(processors.own)} with muster, ${percent(rest)} with others${strangers.length === 0 ? "" : `, ${strangers.join(" and ")} among them if on this machine`}; ${answers}` };
  }
  return { side: "roles", reason: `${strangers.length === 0 ? "the roles that muster plays" : strangers.join(" or ")} answered late, while the generator kept up and the processors had time left${processors === undefined ? "" : ` (${percent(processors.busy)} busy)`}; ${answers}` };
}
