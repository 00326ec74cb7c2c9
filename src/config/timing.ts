import { z } from "zod";

/**
 * Times are a configured thing: one block per role, from one of two profiles. `rfc` holds the numbers of the texts;
 * `lab` is short, for runs against references on one machine, and is named beside every verdict that rests on it.
 * All values are milliseconds unless their name says otherwise.
 */
export type TimingProfile = "lab" | "rfc";

/** RFC 7252 §4.8, in the shape of the CoAP endpoint's `TransmissionParameters`. */
export interface CoapTiming {
  readonly ackTimeoutMs: number;
  readonly ackRandomFactor: number;
  readonly maxRetransmit: number;
  readonly nstart: number;
  readonly exchangeLifetimeMs: number;
  readonly nonLifetimeMs: number;
  readonly processingDelayMs: number;
  readonly responseTimeoutMs: number;
}

/** RFC 6347 §4.2.4.1, in the shape of the DTLS stack's `RetransmissionTiming`. */
export interface DtlsTiming {
  /** The first wait before a flight is sent again; it doubles up to the longest. */
  readonly initialMs: number;
  readonly maximumMs: number;
  /** A handshake that is not over by then has failed. */
  readonly giveUpMs: number;
}

export interface DeviceTiming {
  /** From a Bootstrap-Request to the Finish; past it the bootstrap has failed (EXCHANGE_LIFETIME in LwM2M Core §6.1). */
  readonly bootstrapTimeoutMs: number;
  /** Pause before a failed bootstrap is tried again; doubles up to the maximum. */
  readonly bootstrapRetryMs: number;
  readonly bootstrapRetryMaxMs: number;
  /** An Update is due when this share of the lifetime is over. */
  readonly updateMarginFactor: number;
  /** Queue mode: how long the device listens after its last message (MAX_TRANSMIT_WAIT in LwM2M Transport). */
  readonly awakeMs: number;
  /** Registration retry where the account leaves /1/x/17 to /1/x/20 out; the defaults of the Server object in `rfc`. */
  readonly retryCount: number;
  readonly retryTimerMs: number;
  readonly sequenceDelayMs: number;
  readonly sequenceCount: number;
  /** More DTLS handshakes than this of one device in the window are a storm. */
  readonly stormHandshakes: number;
  readonly stormWindowMs: number;
}

export interface BootstrapServerTiming {
  /** A session without its Finish answered by then is over; shorter than the device's patience, so that both agree who gave up. */
  readonly sessionTimeoutMs: number;
  /** One bootstrap operation towards the device, retransmissions included. */
  readonly requestTimeoutMs: number;
  /** One SM-3 step (stage, activate) towards a LwM2M Server, all attempts together (ORD-2). */
  readonly sm3BudgetMs: number;
  /** Further attempts of an SM-3 step inside the budget, after a connection error or a 5xx. */
  readonly sm3Retries: number;
  readonly sm3RetryDelayMs: number;
  /** Validity asked of a trigger (SM-2). */
  readonly triggerValidityMs: number;
  /** From a trigger's 2.04 to the Bootstrap-Request; past it the trigger is `unconfirmed`. */
  readonly confirmWindowMs: number;
  /** How often a trigger at a LwM2M Server is looked at while it is not terminal. */
  readonly triggerPollMs: number;
  /** Pause before the next attempt of an order item. */
  readonly retryDelayMs: number;
  /** Deadlines and waiting items are looked at this often. */
  readonly sweepMs: number;
}

export interface LwM2mServerTiming {
  /** Queue mode: a device silent for longer is taken to sleep. */
  readonly awakeMs: number;
  /** Lifetimes, queued requests and triggers are looked at this often. */
  readonly sweepMs: number;
  /** Declared grace: a registration is gone by its lifetime plus this. */
  readonly expiryGraceMs: number;
  /** Validity of a trigger whose POST names none. */
  readonly triggerValidityMs: number;
  /** One management operation towards a device that is awake. */
  readonly requestTimeoutMs: number;
  /** Outgoing SMP calls: a confirmation towards the Bootstrap Server, and the pause before it is sent again. */
  readonly smpTimeoutMs: number;
  readonly confirmationRetryMs: number;
  /** A staged credential is to be expected active by then: the longest bootstrap of a device. */
  readonly stagingGraceMs: number;
  /** In which the handshakes of one device are counted. */
  readonly handshakeWindowMs: number;
}

export interface Timing {
  readonly profile: TimingProfile;
  /** True when a number differs from the profile's. */
  readonly changed: boolean;
  readonly coap: CoapTiming;
  readonly dtls: DtlsTiming;
  readonly device: DeviceTiming;
  readonly bootstrapServer: BootstrapServerTiming;
  readonly lwm2mServer: LwM2mServerTiming;
}

type Numbers = Pick<Timing, "coap" | "dtls" | "device" | "bootstrapServer" | "lwm2mServer">;

const seconds = 1000;
const hours = 3600 * seconds;

const profiles: Readonly<Record<TimingProfile, Numbers>> = {
  rfc: {
    coap: {
      // RFC 7252 §4.8: ACK_TIMEOUT, ACK_RANDOM_FACTOR, MAX_RETRANSMIT, NSTART.
      ackTimeoutMs: 2 * seconds,
      ackRandomFactor: 1.5,
      maxRetransmit: 4,
      nstart: 1,
      // RFC 7252 §4.8.2: EXCHANGE_LIFETIME, NON_LIFETIME.
      exchangeLifetimeMs: 247 * seconds,
      nonLifetimeMs: 145 * seconds,
      // Half of ACK_TIMEOUT: the empty ACK is there before the peer retransmits (RFC 7252 §5.2.2).
      processingDelayMs: 1 * seconds,
      // MAX_TRANSMIT_WAIT: the peer's separate response has had all its retransmissions by then.
      responseTimeoutMs: 93 * seconds,
    },
    dtls: {
      // RFC 6347 §4.2.4.1: 1 s doubling to 60 s; given up when the sixth sending has had no answer.
      initialMs: 1 * seconds,
      maximumMs: 60 * seconds,
      giveUpMs: 63 * seconds,
    },
    device: {
      bootstrapTimeoutMs: 247 * seconds,
      bootstrapRetryMs: 60 * seconds,
      bootstrapRetryMaxMs: 1 * hours,
      updateMarginFactor: 0.9,
      awakeMs: 93 * seconds,
      // Server object 1.1, resources 17 to 20: their defaults.
      retryCount: 5,
      retryTimerMs: 60 * seconds,
      sequenceDelayMs: 24 * hours,
      sequenceCount: 1,
      // Five attempts of a sequence at each of two servers take minutes.
      stormHandshakes: 10,
      stormWindowMs: 60 * seconds,
    },
    bootstrapServer: {
      // Below the 93 s that deployed clients wait for a Finish.
      sessionTimeoutMs: 90 * seconds,
      requestTimeoutMs: 60 * seconds,
      // ORD-2: 5 s and two retries.
      sm3BudgetMs: 5 * seconds,
      sm3Retries: 2,
      sm3RetryDelayMs: 500,
      triggerValidityMs: 6 * hours,
      confirmWindowMs: 300 * seconds,
      triggerPollMs: 1 * seconds,
      retryDelayMs: 30 * seconds,
      sweepMs: 1 * seconds,
    },
    lwm2mServer: {
      awakeMs: 93 * seconds,
      sweepMs: 1 * seconds,
      expiryGraceMs: 5 * seconds,
      triggerValidityMs: 6 * hours,
      requestTimeoutMs: 93 * seconds,
      smpTimeoutMs: 5 * seconds,
      confirmationRetryMs: 5 * seconds,
      stagingGraceMs: 300 * seconds,
      handshakeWindowMs: 60 * seconds,
    },
  },
  lab: {
    coap: {
      // Loopback answers within milliseconds; 200 ms still rides out a busy event loop.
      ackTimeoutMs: 200,
      ackRandomFactor: 1.5,
      // As in the RFC, so that a storm's lost datagrams are not taken for lost devices: MAX_TRANSMIT_WAIT is 9.3 s.
      maxRetransmit: 4,
      nstart: 1,
      // RFC 7252 §4.8.2 with MAX_LATENCY 3.5 s in place of 100 s: span 4.5 s + 2 x 3.5 s + 0.2 s, rounded.
      exchangeLifetimeMs: 12 * seconds,
      nonLifetimeMs: 6 * seconds,
      processingDelayMs: 100,
      responseTimeoutMs: 10 * seconds,
    },
    dtls: {
      // As the CoAP messages above: 0.2, 0.4, 0.8 and 1.6 s ride out a busy event loop and the loss of any three datagrams of a flight.
      initialMs: 200,
      maximumMs: 1600,
      giveUpMs: 3 * seconds,
    },
    device: {
      bootstrapTimeoutMs: 4 * seconds,
      bootstrapRetryMs: 500,
      bootstrapRetryMaxMs: 4 * seconds,
      updateMarginFactor: 0.7,
      awakeMs: 300,
      retryCount: 3,
      retryTimerMs: 500,
      sequenceDelayMs: 5 * seconds,
      sequenceCount: 1,
      stormHandshakes: 10,
      stormWindowMs: 5 * seconds,
    },
    bootstrapServer: {
      // The SM-3 budget and the writes fit in; the device gives up half a second later.
      sessionTimeoutMs: 3500,
      requestTimeoutMs: 3000,
      // An activation held for 2 s fits in; one held past the budget is over in under 3 s.
      sm3BudgetMs: 2600,
      sm3Retries: 1,
      sm3RetryDelayMs: 100,
      triggerValidityMs: 6 * seconds,
      confirmWindowMs: 2500,
      triggerPollMs: 100,
      retryDelayMs: 300,
      sweepMs: 100,
    },
    lwm2mServer: {
      awakeMs: 300,
      sweepMs: 100,
      expiryGraceMs: 500,
      triggerValidityMs: 6 * seconds,
      requestTimeoutMs: 5 * seconds,
      smpTimeoutMs: 2600,
      confirmationRetryMs: 300,
      stagingGraceMs: 6 * seconds,
      handshakeWindowMs: 5 * seconds,
    },
  },
};

const overridesOf = <T extends object>(section: T) => {
  const shape: Record<string, z.ZodOptional<z.ZodNumber>> = {};
  for (const name of Object.keys(section)) shape[name] = z.number().nonnegative().optional();
  return z.strictObject(shape as Record<keyof T, z.ZodOptional<z.ZodNumber>>).optional();
};

/** The key `timing`: a profile's name, or the profile and the numbers that differ from it. */
export const timingSchema = z.union([
  z.enum(["lab", "rfc"]),
  z.strictObject({
    profile: z.enum(["lab", "rfc"]).default("lab"),
    coap: overridesOf(profiles.lab.coap),
    dtls: overridesOf(profiles.lab.dtls),
    device: overridesOf(profiles.lab.device),
    bootstrapServer: overridesOf(profiles.lab.bootstrapServer),
    lwm2mServer: overridesOf(profiles.lab.lwm2mServer),
  }),
]);
export type TimingInput = z.input<typeof timingSchema>;

/** The numbers of a profile, with the overrides laid over them. */
export function timing(choice: TimingInput = "lab"): Timing {
  const chosen = typeof choice === "string" ? { profile: choice } : { ...choice, profile: choice.profile ?? "lab" };
  const base = profiles[chosen.profile];
  const overrides: { readonly [Section in keyof Numbers]?: object | undefined } = chosen;
  return {
    profile: chosen.profile,
    changed: (["coap", "dtls", "device", "bootstrapServer", "lwm2mServer"] as const).some((section) => Object.values(overrides[section] ?? {}).some((value) => value !== undefined)),
    coap: laidOver(base.coap, overrides.coap),
    dtls: laidOver(base.dtls, overrides.dtls),
    device: laidOver(base.device, overrides.device),
    bootstrapServer: laidOver(base.bootstrapServer, overrides.bootstrapServer),
    lwm2mServer: laidOver(base.lwm2mServer, overrides.lwm2mServer),
  };
}

function laidOver<T extends object>(base: T, overrides: object | undefined): T {
  const given = Object.entries(overrides ?? {}).filter(([, value]) => value !== undefined);
  return { ...base, ...Object.fromEntries(given) };
}

/** MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2): from the first transmission of a CON until its sender gives up. */
export const maxTransmitWaitMs = (coap: CoapTiming): number => coap.ackTimeoutMs * (2 ** (coap.maxRetransmit + 1) - 1) * coap.ackRandomFactor;

/** MAX_TRANSMIT_SPAN (RFC 7252 §4.8.2): from the first transmission of a CON to its last. */
export const maxTransmitSpanMs = (coap: CoapTiming): number => coap.ackTimeoutMs * (2 ** coap.maxRetransmit - 1) * coap.ackRandomFactor;
