import { maxTransmitSpanMs, maxTransmitWaitMs, type Timing } from "../config/index.js";

/**
 * Every wait of the harness, computed from the timing of the roles; no step holds a number. Milliseconds, upper bounds: what is waited for usually comes
 * within a few milliseconds.
 */
export interface Deadlines {
  /** One CoAP exchange, with all its retransmissions and a slow answer. */
  readonly exchangeMs: number;
  /** A Bootstrap-Request to the Finish answered. */
  readonly bootstrapMs: number;
  /** A Register, with the retries of the account. */
  readonly registerMs: number;
  /** A trigger's POST to its end at the LwM2M Server. */
  readonly triggerMs: number;
  /** An order's POST to the end of an item, one attempt per Server of the device. */
  readonly itemMs: number;
  /** From a trigger's 2.04 to the Bootstrap-Request that confirms it. */
  readonly confirmWindowMs: number;
  /** An activation held for this long still fits the budget of ORD-2. */
  readonly heldWithinBudgetMs: number;
  /** An activation held for this long does not. */
  readonly heldPastBudgetMs: number;
  /** "Nothing comes" is believed after this long. */
  readonly quietMs: number;
  /** A sleeping device is surely asleep this long after its last message. */
  readonly asleepMs: number;
  /** The whole fleet once through something, at the least rate that any machine manages. */
  readonly fleetMs: number;
  /** Longest a single step may take before it counts as hung, which is our error. */
  readonly stepMs: number;
  /** Between two looks at something that can only be asked for. */
  readonly pollMs: number;
}

/** For a busy event loop: added to every upper bound. */
const slackMs = 1500;

/** Devices per second. */
const slowestRate = 40;

/** Deadlines for devices with the timing `device` against roles with the timing `roles`, and for a fleet of that many. */
export function deadlinesOf(roles: Timing, device: Timing = roles, fleetSize = 0): Deadlines {
  const exchangeMs = Math.max(maxTransmitWaitMs(device.coap), maxTransmitWaitMs(roles.coap)) + slackMs;
  const bootstrapMs = Math.max(device.device.bootstrapTimeoutMs, roles.bootstrapServer.sessionTimeoutMs) + device.device.bootstrapRetryMs + slackMs;
  const registerMs = exchangeMs + device.device.retryTimerMs * 2 ** Math.max(0, device.device.retryCount - 1);
  const triggerMs = Math.min(roles.bootstrapServer.triggerValidityMs, roles.lwm2mServer.triggerValidityMs) + roles.lwm2mServer.sweepMs + slackMs;
  const confirmWindowMs = roles.bootstrapServer.confirmWindowMs + roles.bootstrapServer.sweepMs;
  const fleetMs = (fleetSize * 1000) / slowestRate;
  return {
    exchangeMs,
    bootstrapMs,
    registerMs,
    triggerMs,
    itemMs: roles.bootstrapServer.sm3BudgetMs + triggerMs + confirmWindowMs + bootstrapMs + registerMs,
    confirmWindowMs,
    heldWithinBudgetMs: Math.round(roles.bootstrapServer.sm3BudgetMs * 0.75),
    heldPastBudgetMs: roles.bootstrapServer.sm3BudgetMs + 2 * roles.bootstrapServer.sweepMs + 200,
    quietMs: Math.max(300, Math.min(maxTransmitSpanMs(device.coap), 2 * device.coap.ackTimeoutMs * device.coap.ackRandomFactor)),
    asleepMs: Math.max(device.device.awakeMs, roles.lwm2mServer.awakeMs) + roles.lwm2mServer.sweepMs + 100,
    fleetMs,
    stepMs: 3 * (bootstrapMs + registerMs + triggerMs + fleetMs) + 60_000,
    pollMs: 60,
  };
}

/** From the last Register or Update until the registration must be gone: its lifetime and the server's declared grace. */
export const expiredAfterMs = (lifetimeSeconds: number, roles: Timing): number => lifetimeSeconds * 1000 + roles.lwm2mServer.expiryGraceMs + roles.lwm2mServer.sweepMs;
