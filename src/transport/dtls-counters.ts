import type { DtlsCounters, ServerCounters } from "../dtls/index.js";

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

export function addServerCounters(into: ServerCounters, counters: Readonly<ServerCounters>): void {
  addDtlsCounters(into, counters);
  into.cookiesSent += counters.cookiesSent;
  into.turnedAway += counters.turnedAway;
  into.addressChanges += counters.addressChanges;
}
