import type { LwM2mVersion } from "../../src/lwm2m/index.js";
import type { AccountState, BootstrapCause, DeviceState } from "./lifecycle.js";

/**
 * One word for where a device is, for counting fleets:
 * `registered` means with every account it has; `partly-registered` with at least one.
 */
export const fleetStates = ["off", "holding-off", "bootstrapping", "registering", "partly-registered", "registered", "deregistered", "failed"] as const;
export type FleetState = (typeof fleetStates)[number];

export const noStates = (): Record<FleetState, number> => ({ off: 0, "holding-off": 0, bootstrapping: 0, registering: 0, "partly-registered": 0, registered: 0, deregistered: 0, failed: 0 });

export interface DeviceCounters {
  /** Bootstrap-Requests sent, retransmissions not counted. */
  bootstrapRequests: number;
  /** Finish answered 2.04. */
  bootstrapsFinished: number;
  bootstrapsFailed: number;
  registrations: number;
  registrationsFailed: number;
  updates: number;
  /** Refused or unanswered; the device then registers anew. */
  updatesFailed: number;
  deregistrations: number;
  notifications: number;
  /** Execute requests carried out, of any resource. */
  executes: number;
  /** Execute of /1/x/9 that made (or joined) a bootstrap. */
  bootstrapTriggers: number;
  /** Full DTLS handshakes that came to a session, with any server. */
  handshakes: number;
  handshakesResumed: number;
  /** Ended by an alert, received or sent. */
  handshakesRefused: number;
  /** Given up after the last retransmission, or because nobody listens there. */
  handshakesUnanswered: number;
  /** Times that a device began more handshakes in a while than its timing takes for usual. */
  handshakeStorms: number;
  /** Changes of address in the middle of a session. */
  rebinds: number;
  /** Updates that came to nothing between such a change and the next answer. */
  updatesLost: number;
  handshakesAfterRebind: number;
}

export const newCounters = (): DeviceCounters => ({
  bootstrapRequests: 0,
  bootstrapsFinished: 0,
  bootstrapsFailed: 0,
  registrations: 0,
  registrationsFailed: 0,
  updates: 0,
  updatesFailed: 0,
  deregistrations: 0,
  notifications: 0,
  executes: 0,
  bootstrapTriggers: 0,
  handshakes: 0,
  handshakesResumed: 0,
  handshakesRefused: 0,
  handshakesUnanswered: 0,
  handshakeStorms: 0,
  rebinds: 0,
  updatesLost: 0,
  handshakesAfterRebind: 0,
});

export function addUp(into: DeviceCounters, counters: Readonly<DeviceCounters>): void {
  into.bootstrapRequests += counters.bootstrapRequests;
  into.bootstrapsFinished += counters.bootstrapsFinished;
  into.bootstrapsFailed += counters.bootstrapsFailed;
  into.registrations += counters.registrations;
  into.registrationsFailed += counters.registrationsFailed;
  into.updates += counters.updates;
  into.updatesFailed += counters.updatesFailed;
  into.deregistrations += counters.deregistrations;
  into.notifications += counters.notifications;
  into.executes += counters.executes;
  into.bootstrapTriggers += counters.bootstrapTriggers;
  into.handshakes += counters.handshakes;
  into.handshakesResumed += counters.handshakesResumed;
  into.handshakesRefused += counters.handshakesRefused;
  into.handshakesUnanswered += counters.handshakesUnanswered;
  into.handshakeStorms += counters.handshakeStorms;
  into.rebinds += counters.rebinds;
  into.updatesLost += counters.updatesLost;
  into.handshakesAfterRebind += counters.handshakesAfterRebind;
}

export interface AccountSnapshot {
  readonly shortServerId: number;
  readonly uri: string;
  /** /0/x/2; undefined for a mode that the device does not support. */
  readonly security: "nosec" | "psk" | "rpk" | "x509" | undefined;
  readonly securityInstance: number;
  readonly serverInstance: number;
  /** Seconds. */
  readonly lifetime: number;
  readonly state: AccountState["at"];
  /** `/rd/abc`, while registered. */
  readonly location?: string;
  /** `127.0.0.1:40001`, while it has a socket. */
  readonly local?: string;
  /** The DTLS session that is there now. */
  readonly session?: { readonly mode: "psk" | "rpk" | "x509"; readonly suite: string; readonly resumed: boolean; readonly identity: string };
  /** The alert that the last handshake or session ended with, until there is another session; `because` where it is the device's own. */
  readonly alert?: { readonly direction: "sent" | "received"; readonly description: number; readonly name: string; readonly because?: string };
  /** Code of the last refusal, or why there was no answer. */
  readonly lastFailure?: string;
}

/** JSON of a resource: opaque values in hex, links as `3:0`, secrets as `"(secret)"`; several instances as an object by id. */
export type SnapshotValue = string | number | boolean | { readonly [resourceInstance: string]: string | number | boolean };
/** Object id, instance id, resource id. */
export type SnapshotObjects = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, SnapshotValue>>>>>>;

export interface ObservationSnapshot {
  readonly shortServerId: number;
  readonly path: string;
  readonly notifications: number;
}

/** What a device knows of itself: for Given steps and for reports, never the only ground of a verdict about another role. */
export interface DeviceSnapshot {
  readonly endpoint: string;
  readonly lwm2m: LwM2mVersion;
  readonly personality: string;
  readonly state: DeviceState["at"];
  readonly fleetState: FleetState;
  readonly asleep: boolean;
  readonly silent: boolean;
  readonly bootstrap?: { readonly uri: string; readonly securityInstance: number };
  readonly lastBootstrapCause?: BootstrapCause;
  /** Accounts in the order they register. */
  readonly accounts: readonly AccountSnapshot[];
  readonly objects: SnapshotObjects;
  readonly counters: Readonly<DeviceCounters>;
  /** Execute requests carried out, by path. */
  readonly executed: Readonly<Record<string, number>>;
  readonly observations: readonly ObservationSnapshot[];
}
