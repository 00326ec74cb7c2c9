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

/** `timeout`, `received access_denied (49)`. */
export const endInWords = ({ why, alert }: SessionEnd): string => (alert === undefined ? why : `${why === "alert-sent" ? "sent" : "received"} ${alertName(alert)}`);

function failureOf(end: SessionEnd): LinkFailure {
  const { why, alert } = end;
  const heard = why === "alert-received" ? alert : undefined;
  return { reason: why === "unreachable" ? why : `handshake: ${endInWords(end)}`, class: heard === undefined ? "retry" : alertClass(heard), ...(heard === undefined ? {} : { alert: heard }), handshake: true };
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
    traceSession(device, to, "handshaking", "connected", resumed ? "resumed" : "full", { suite, identity: peerName(identity) });
  }

  failed(to: Destination, end: SessionEnd): LinkFailure {
    const { device } = this;
    const failure = failureOf(end);
    if (end.alert === undefined) device.counters.handshakesUnanswered++;
    else device.counters.handshakesRefused++;
    traceSession(device, to, "handshaking", "none", end.why, { ...(end.alert === undefined ? {} : { alert: end.alert }), class: failure.class });
    return failure;
  }

  /** A session is over; what that means shows with the next message. */
  ended(to: Destination, { why, alert }: SessionEnd): void {
    traceSession(this.device, to, "connected", "none", why, alert === undefined ? {} : { alert });
  }
}
