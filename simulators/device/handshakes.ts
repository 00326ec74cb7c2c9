import { alertClass, alertName, type AlertClass, type AlertDescription, type SessionInfo } from "../../src/dtls/index.js";
import { peerName, type SessionEnd } from "../../src/transport/index.js";
import type { Destination } from "./actions.js";
import type { Device } from "./device.js";
import { traceSession } from "./tracing.js";

/** Why there is no way to a server. */
export interface LinkFailure {
  readonly reason: string;
  /** What the device makes of it: an alert may say that trying again is in vain. */
  readonly class: AlertClass;
  /** Received. */
  readonly alert?: AlertDescription;
  /** There was no session to be had, rather than no socket. */
  readonly handshake: boolean;
}

/** `timeout`, `received access_denied (49)`, `sent unknown_ca (48): nobody who is trusted has certified "CN=server"`. */
export function endInWords({ why, alert, because }: SessionEnd): string {
  if (alert === undefined) return why;
  return `${why === "alert-sent" ? "sent" : "received"} ${alertName(alert)}${because === undefined ? "" : `: ${because}`}`;
}

/** What the device itself finds wrong with its server weighs as much as what the server finds wrong with it. */
function failureOf(end: SessionEnd): LinkFailure {
  const { why, alert } = end;
  return {
    reason: why === "unreachable" ? why : `handshake: ${endInWords(end)}`,
    class: alert === undefined ? "retry" : alertClass(alert),
    ...(why === "alert-received" && alert !== undefined ? { alert } : {}),
    handshake: true,
  };
}

/** The DTLS handshakes of one device: counted, timed, and watched for storms. */
export class Handshakes {
  #windowBegan = Number.NEGATIVE_INFINITY;
  #inWindow = 0;

  constructor(readonly device: Device) {}

  begins(to: Destination): void {
    const { device } = this;
    traceSession(device, to, "none", "handshaking", "connect");
    const { stormHandshakes, stormWindowMs } = device.spec.timing.device;
    const now = device.host.ports.clock.now();
    if (now - this.#windowBegan > stormWindowMs) {
      this.#windowBegan = now;
      this.#inWindow = 0;
    }
    if (++this.#inWindow !== stormHandshakes + 1) return;
    device.counters.handshakeStorms++;
    traceSession(device, to, "handshaking", "handshaking", "storm", { handshakes: this.#inWindow, withinMs: Math.round(now - this.#windowBegan) });
  }

  done(to: Destination, { suite, resumed, identity }: SessionInfo, milliseconds: number): void {
    const { device } = this;
    if (resumed) device.counters.handshakesResumed++;
    else device.counters.handshakes++;
    device.host.listener.onMeasure(device, "handshake", milliseconds);
    if (device.traced) traceSession(device, to, "handshaking", "connected", resumed ? "resumed" : "full", { suite, mode: identity.mode, identity: peerName(identity) });
  }

  failed(to: Destination, end: SessionEnd): LinkFailure {
    const { device } = this;
    const failure = failureOf(end);
    if (end.alert === undefined) device.counters.handshakesUnanswered++;
    else device.counters.handshakesRefused++;
    traceSession(device, to, "handshaking", "none", end.why, { ...alertDetail(end), class: failure.class });
    return failure;
  }

  /** A session is over; what that means shows with the next message. */
  ended(to: Destination, end: SessionEnd): void {
    traceSession(this.device, to, "connected", "none", end.why, alertDetail(end));
  }
}

const alertDetail = ({ alert, because }: SessionEnd) => ({ ...(alert === undefined ? {} : { alert, name: alertName(alert) }), ...(because === undefined ? {} : { because }) });
