import { groups, groupsNamed, type Group } from "./crypto/groups.js";
import { MAX_RECORD_SIZE_LIMIT, MIN_RECORD_SIZE_LIMIT } from "./handshake/record-limits.js";
import type { DtlsCounters, DtlsSettings, RetransmissionTiming, ServerCounters, ServerLimits } from "./types.js";

/** RFC 6347 §4.2.4.1; given up after six sendings at 0, 1, 3, 7, 15, 31 s and a last wait. */
export const rfcRetransmission: RetransmissionTiming = { initialMs: 1_000, maximumMs: 60_000, giveUpMs: 63_000 };

/** RFC 6347 §4.1.1.1: fits IPv6's least MTU with the headers of IP and UDP, and leaves room for a tunnel. */
const DEFAULT_MAX_DATAGRAM = 1_200;

export const defaultServerLimits: ServerLimits = { maxHalfOpen: 10_000, maxSessions: 200_000, maxResumable: 100_000, resumableMs: 24 * 3_600_000 };

/** Settings with every default filled in, as both ends use them. */
export interface ResolvedSettings {
  readonly timing: RetransmissionTiming;
  readonly maxDatagram: number;
  readonly extendedMasterSecret: "offer" | "require" | "never";
  readonly keyLog: ((line: string) => void) | undefined;
  readonly groups: readonly Group[];
  readonly recordSizeLimit: number | undefined;
  readonly connectionIdLength: number | undefined;
  readonly alertOnBadRecord: boolean;
  readonly alterHandshake: ((message: Uint8Array) => Uint8Array | undefined) | undefined;
  readonly alterDatagram: ((datagram: Uint8Array) => Uint8Array | readonly Uint8Array[] | undefined) | undefined;
}

/** Less holds no useful fragment beside the headers. */
const MIN_DATAGRAM = 64;
/** More tells no more sessions apart, and makes every record longer. */
const MAX_CONNECTION_ID = 16;

/** Throws RangeError for a setting out of bounds. */
export function resolveSettings(settings: DtlsSettings): ResolvedSettings {
  const { maxDatagram = DEFAULT_MAX_DATAGRAM, faults } = settings;
  const { recordSizeLimit, connectionIdLength } = settings;
  if (maxDatagram < MIN_DATAGRAM) throw new RangeError(`maxDatagram ${maxDatagram} is below ${MIN_DATAGRAM}`);
  if (recordSizeLimit !== undefined && (recordSizeLimit < MIN_RECORD_SIZE_LIMIT || recordSizeLimit > MAX_RECORD_SIZE_LIMIT)) {
    throw new RangeError(`recordSizeLimit ${recordSizeLimit} is not between ${MIN_RECORD_SIZE_LIMIT} and ${MAX_RECORD_SIZE_LIMIT}`);
  }
  if (connectionIdLength !== undefined && !(Number.isInteger(connectionIdLength) && connectionIdLength >= 0 && connectionIdLength <= MAX_CONNECTION_ID)) {
    throw new RangeError(`connectionIdLength ${connectionIdLength} is no whole number between 0 and ${MAX_CONNECTION_ID}`);
  }
  return {
    timing: { ...rfcRetransmission, ...settings.retransmission },
    maxDatagram,
    extendedMasterSecret: settings.extendedMasterSecret ?? "offer",
    keyLog: settings.keyLog,
    groups: settings.groups === undefined ? groups : groupsNamed(settings.groups),
    recordSizeLimit,
    connectionIdLength,
    alertOnBadRecord: faults?.alertOnBadRecord ?? false,
    alterHandshake: faults?.alterHandshake,
    alterDatagram: faults?.alterDatagram,
  };
}

export const newCounters = (): DtlsCounters => ({
  recordsIn: 0,
  recordsOut: 0,
  badRecords: 0,
  replayed: 0,
  discarded: 0,
  retransmissions: 0,
  handshakesStarted: 0,
  handshakesFinished: 0,
  handshakesResumed: 0,
  handshakesFailed: 0,
  alertsIn: 0,
  alertsOut: 0,
});

export const newServerCounters = (): ServerCounters => ({ ...newCounters(), cookiesSent: 0, turnedAway: 0, addressChanges: 0 });
