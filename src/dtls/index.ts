export { DtlsStateError } from "./association/association.js";
export { DtlsClient } from "./client.js";
export { AlertLevels, Alerts, alertClass, alertName, type AlertClass, type AlertDescription, type AlertLevel } from "./codec/alert.js";
export { cipherSuites, type CipherSuiteName } from "./crypto/suites.js";
export { DtlsServer } from "./server/server.js";
export { newCounters as newDtlsCounters, rfcRetransmission } from "./settings.js";
export { summarizeDatagram } from "./summary.js";
export type * from "./types.js";
