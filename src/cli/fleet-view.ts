import type { FailedDevice, FleetSnapshot, Percentiles } from "../../simulators/fleet/index.js";
import type { FleetFigures } from "../metrics/index.js";
import { styled } from "./terminal.js";
import type { Terminal } from "./terminal.js";

/** One line for a fleet in motion. */
export function fleetLine(snapshot: FleetSnapshot, devices: number): string {
  const { states, counters, interval, health } = snapshot;
  const perSecond = (interval.register?.count ?? 0) + (interval.bootstrap?.count ?? 0);
  return [
    `${String(snapshot.second).padStart(4)} s`,
    `started ${counters.started}/${devices}`,
    `bootstrapped ${counters.bootstrapsFinished}`,
    `registered ${states.registered}`,
    `failed ${states.failed}`,
    `${perSecond}/s`,
    ...(health.saturated ? ["generator saturated"] : []),
  ].join("  ");
}

/** What `/metrics` shows of a fleet. */
export function figuresOf(snapshot: FleetSnapshot): FleetFigures {
  return {
    health: { kernelDrops: snapshot.health.socketDrops, loopLagP99Ms: snapshot.health.loopLagP99Ms, saturated: snapshot.health.saturated },
    devices: snapshot.states,
    latencies: Object.fromEntries(
      Object.entries(snapshot.latency).map(([operation, { p50, p90, p95, p99, p999 }]) => [operation, { "0.5": p50, "0.9": p90, "0.95": p95, "0.99": p99, "0.999": p999 }]),
    ),
  };
}

export interface FleetResult {
  readonly schema: "muster.fleet.v1";
  readonly seed: string;
  readonly devices: number;
  readonly states: Readonly<Record<string, number>>;
  readonly counters: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly latency: Readonly<Record<string, Percentiles>>;
  readonly health: { readonly saturated: boolean; readonly loopLagP99Ms: number; readonly socketDrops: number | "unknown"; readonly receiveBuffer: number | "unknown" };
  readonly expectations: readonly { readonly text: string; readonly met: boolean }[];
  readonly failures: readonly FailedDevice[];
  /** Signal that ended it early. */
  readonly interrupted?: string;
  readonly lost?: string;
}

/** `snapshot` is from before the devices left, `last` from after. */
export function fleetResult(given: {
  readonly seed: string;
  readonly devices: number;
  readonly snapshot: FleetSnapshot;
  readonly last: FleetSnapshot;
  readonly expectations: FleetResult["expectations"];
  readonly failures: readonly FailedDevice[];
  readonly interrupted: string | undefined;
  readonly lost: string | undefined;
}): FleetResult {
  const { snapshot, last } = given;
  return {
    schema: "muster.fleet.v1",
    seed: given.seed,
    devices: given.devices,
    states: snapshot.states,
    counters: { ...last.counters },
    latency: { ...last.latency },
    health: {
      saturated: snapshot.health.saturated || last.health.saturated,
      loopLagP99Ms: Math.max(snapshot.health.loopLagP99Ms, last.health.loopLagP99Ms),
      socketDrops: last.health.socketDrops ?? "unknown",
      receiveBuffer: last.health.receiveBuffer ?? "unknown",
    },
    expectations: given.expectations,
    failures: given.failures,
    ...(given.interrupted === undefined ? {} : { interrupted: given.interrupted }),
    ...(given.lost === undefined ? {} : { lost: given.lost }),
  };
}

const milliseconds = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(1)).padStart(9);

/** Nothing for a fleet that made none. */
function handshakes(counters: FleetResult["counters"]): string[] {
  const { handshakes: full = 0, handshakesResumed = 0, handshakesRefused = 0, handshakesUnanswered = 0, handshakeStorms = 0 } = counters;
  if (full + handshakesResumed + handshakesRefused + handshakesUnanswered === 0) return [];
  return [`handshakes  ${full} full, ${handshakesResumed} resumed, ${handshakesRefused} refused, ${handshakesUnanswered} unanswered${handshakeStorms === 0 ? "" : `, ${handshakeStorms} storms`}`];
}

/** Nothing for a fleet whose devices keep their addresses. */
function rebinds({ rebinds: changes = 0, updatesLost = 0, handshakesAfterRebind = 0 }: FleetResult["counters"]): string[] {
  return changes === 0 ? [] : [`rebinds     ${changes} changes of address, ${updatesLost} updates lost, ${handshakesAfterRebind} handshakes after one`];
}

export function fleetSummary(terminal: Pick<Terminal, "colour">, result: FleetResult): string {
  const states = Object.entries(result.states).filter(([, count]) => count > 0);
  const operations = Object.entries(result.latency).filter(([, { count }]) => count > 0);
  const { health } = result;
  return [
    "",
    `devices     ${states.map(([state, count]) => `${count} ${state}`).join(", ")} of ${result.devices}`,
    `bootstraps  ${result.counters["bootstrapsFinished"] ?? 0} finished, ${result.counters["bootstrapsFailed"] ?? 0} failed`,
    ...handshakes(result.counters),
    ...rebinds(result.counters),
    `datagrams   ${result.counters["datagramsOut"] ?? 0} out, ${result.counters["datagramsIn"] ?? 0} in, ${result.counters["retransmissions"] ?? 0} retransmissions, ${result.counters["timeouts"] ?? 0} timeouts`,
    ...(operations.length === 0 ? [] : ["", `${"milliseconds".padEnd(22)}${"count".padStart(9)}${["p50", "p95", "p99", "max"].map((name) => name.padStart(9)).join("")}`]),
    ...operations.map(([operation, { count, p50, p95, p99, max }]) => `${operation.padEnd(22)}${String(count).padStart(9)}${[p50, p95, p99, max].map(milliseconds).join("")}`),
    "",
    `generator   ${health.saturated ? styled(terminal, "yellow", "saturated: its figures do not speak about the server") : "healthy"}, event-loop lag p99 ${health.loopLagP99Ms.toFixed(1)} ms, kernel drops ${health.socketDrops}, receive buffer ${health.receiveBuffer}`,
    ...result.failures.map(({ endpoint, personality, reason }) => `failed      ${endpoint} (${personality}): ${reason}`),
    ...(result.interrupted === undefined ? [] : [`interrupted by ${result.interrupted}`]),
    ...(result.lost === undefined ? [] : [`a shard was lost: ${result.lost}`]),
    ...result.expectations.map(({ text, met }) => `expected    ${text}: ${met ? styled(terminal, "green", "met") : styled(terminal, "red", "not met")}`),
  ].join("\n");
}
