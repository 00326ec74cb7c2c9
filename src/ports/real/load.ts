import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

/** `RcvbufErrors` of the `Udp:` pair of lines in /proc/net/snmp: since boot, for the whole network namespace. */
export function parseSnmpDrops(text: string): number | undefined {
  const [names, values] = text.split("\n").filter((line) => line.startsWith("Udp:"));
  const at = names?.split(/\s+/).indexOf("RcvbufErrors") ?? -1;
  const value = Number(values?.split(/\s+/)[at]);
  return at > 0 && Number.isFinite(value) ? value : undefined;
}

/** The `drops` column of /proc/net/udp, summed over sockets bound to one of `ports`. */
export function parseSocketDrops(text: string, ports: ReadonlySet<number>): number {
  let drops = 0;
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const port = Number.parseInt(fields[1]?.split(":")[1] ?? "", 16);
    if (ports.has(port)) drops += Number(fields.at(-1) ?? 0);
  }
  return drops;
}

/**
 * Datagrams the kernel dropped because a receive buffer was full. With `ports`: of the sockets open on these local ports now;
 * without: of every socket of the machine since it started (take differences). Undefined where the system does not tell (only Linux does).
 */
export function udpDrops(ports?: ReadonlySet<number>): number | undefined {
  if (ports === undefined) {
    const snmp = readText("/proc/net/snmp");
    return snmp === undefined ? undefined : parseSnmpDrops(snmp);
  }
  const udp = readText("/proc/net/udp");
  if (udp === undefined) return undefined;
  return parseSocketDrops(udp, ports) + parseSocketDrops(readText("/proc/net/udp6") ?? "", ports);
}

/** How late the thread's event loop is, milliseconds. */
export interface LoopLag {
  percentile(percentile: number): number;
  readonly max: number;
  /** Turns of the loop in the window. */
  readonly count: number;
  /** Turns that came later than so many milliseconds. */
  countAbove(ms: number): number;
  readonly mean: number;
  /** Starts a new window. */
  reset(): void;
  stop(): void;
}

const RESOLUTION_MS = 10;

/** Watches the event loop of the calling thread until `stop`. */
export function loopLag(): LoopLag {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  // The histogram holds the whole distance between two samples; what exceeds the resolution is lag.
  const lag = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return {
    percentile: (percentile) => (histogram.count === 0 ? 0 : lag(histogram.percentile(percentile))),
    get max() {
      return histogram.count === 0 ? 0 : lag(histogram.max);
    },
    get mean() {
      return histogram.count === 0 ? 0 : lag(histogram.mean);
    },
    get count() {
      return histogram.count;
    },
    countAbove: (ms) => {
      // Percentiles are all that the histogram tells: the greatest rank that is not above.
      let low = 0;
      let high = histogram.count;
      while (low < high) {
        const rank = Math.ceil((low + high) / 2);
        if (lag(histogram.percentile((100 * rank) / histogram.count)) <= ms) low = rank;
        else high = rank - 1;
      }
      return histogram.count - low;
    },
    reset: () => histogram.reset(),
    stop: () => {
      histogram.disable();
    },
  };
}
