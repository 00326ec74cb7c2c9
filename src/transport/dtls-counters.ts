import type { DtlsCounters } from "../dtls/index.js";

export const noDtlsCounters = (): DtlsCounters => ({
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

export function addDtlsCounters(into: DtlsCounters, counters: Readonly<DtlsCounters>): void {
  into.recordsIn += counters.recordsIn;
  into.recordsOut += counters.recordsOut;
  into.badRecords += counters.badRecords;
  into.replayed += counters.replayed;
  into.discarded += counters.discarded;
  into.retransmissions += counters.retransmissions;
  into.handshakesStarted += counters.handshakesStarted;
  into.handshakesFinished += counters.handshakesFinished;
  into.handshakesResumed += counters.handshakesResumed;
  into.handshakesFailed += counters.handshakesFailed;
  into.alertsIn += counters.alertsIn;
  into.alertsOut += counters.alertsOut;
}
