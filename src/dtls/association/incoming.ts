import { readRecord, recordLength, type DtlsRecord } from "../codec/record.js";
import type { DtlsCounters } from "../types.js";

/** The records of a datagram, each counted as it is taken; the rest is dropped where something is none (RFC 6347 §4.1.2.7). */
export function* recordsOf(datagram: Buffer, counters: DtlsCounters, connectionIdLength = 0): Generator<DtlsRecord> {
  for (let offset = 0; offset < datagram.length; ) {
    const record = readRecord(datagram, offset, connectionIdLength);
    if (record === undefined) {
      counters.discarded++;
      return;
    }
    counters.recordsIn++;
    yield record;
    offset += recordLength(record);
  }
}
