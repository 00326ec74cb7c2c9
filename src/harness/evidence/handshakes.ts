import type { TraceEvent } from "../../ports/index.js";
import { isState, ofDevice, timeOf, type StateEvent } from "./timeline.js";
import { ofRole } from "./notifications.js";

/** A handshake that a device began with one server, as the device tells it. */
export interface DeviceHandshake {
  readonly began: StateEvent;
  readonly ended: StateEvent | undefined;
  /** `none`: it came to nothing. */
  readonly outcome: "open" | "session" | "none";
  /** How it ended: `full`, `resumed`, `timeout`, `alert-received`. */
  readonly how: string | undefined;
  /** Number of the alert that ended it. */
  readonly alert: number | undefined;
}

/** `to` is a Short Server ID, or `bootstrap`. */
export function deviceHandshakes(events: readonly TraceEvent[], endpoint: string, to: number | "bootstrap"): DeviceHandshake[] {
  const id = `${endpoint}/${to}`;
  const found: DeviceHandshake[] = [];
  let began: StateEvent | undefined;
  for (const event of ofDevice(events, endpoint)) {
    if (!isState(event) || event.event.machine !== "dtls" || event.event.id !== id) continue;
    const { from, to: reached, input, detail } = event.event;
    if (input === "connect") {
      began = event;
      found.push({ began, ended: undefined, outcome: "open", how: undefined, alert: undefined });
    } else if (from === "handshaking" && reached !== "handshaking" && began !== undefined) {
      const alert = detail?.["alert"];
      found[found.length - 1] = { began, ended: event, outcome: reached === "connected" ? "session" : "none", how: input, alert: typeof alert === "number" ? alert : undefined };
      began = undefined;
    }
  }
  return found;
}

/** `full`, `alert-received 49`, `not over`. */
export const handshakeInWords = ({ outcome, how, alert }: DeviceHandshake): string => (outcome === "open" ? "not over" : alert === undefined ? (how ?? outcome) : `${how ?? outcome} ${alert}`);

/** Handshakes of one device that a server saw come as far as the identity, whatever it answered. */
export const handshakesSeen = (events: readonly TraceEvent[], role: string, endpoint: string): StateEvent[] =>
  ofRole(events, role, endpoint).filter((event): event is StateEvent => isState(event) && event.event.machine === "handshake" && event.event.from === "identity" && event.event.to !== "failed");

/** The handshake that a server saw, as the device tells it. */
export const sameByDevice = (attempt: StateEvent, told: readonly DeviceHandshake[]): DeviceHandshake | undefined => told.findLast(({ began }) => timeOf(began) <= timeOf(attempt));

/**
 * Whether the server answered a handshake with an alert that the device never heard: alerts are not transmitted again (RFC 6347 §4.1.2.7), and of one that was lost the device
 * knows only that its handshake took too long. A device that tells nothing is taken to have heard it.
 */
export const isUnheard = (attempt: StateEvent, told: readonly DeviceHandshake[]): boolean => attempt.event.to.startsWith("alert") && sameByDevice(attempt, told)?.how === "timeout";
