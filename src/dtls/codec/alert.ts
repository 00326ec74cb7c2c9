export const AlertLevels = { warning: 1, fatal: 2 } as const;
export type AlertLevel = (typeof AlertLevels)[keyof typeof AlertLevels];

/** RFC 5246 §7.2 and the TLS Alert registry. */
export const Alerts = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  decryption_failed: 21,
  record_overflow: 22,
  decompression_failure: 30,
  handshake_failure: 40,
  no_certificate: 41,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  export_restriction: 60,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  unsupported_extension: 110,
  certificate_unobtainable: 111,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  bad_certificate_hash_value: 114,
  unknown_psk_identity: 115,
} as const;
/** A number as on the wire: a peer may send one that is not in the table. */
export type AlertDescription = number;

const names = new Map<number, string>(Object.entries(Alerts).map(([name, number]) => [number, name]));

/** `unknown_psk_identity (115)`. */
export const alertName = (description: AlertDescription): string => `${names.get(description) ?? "unassigned"} (${description})`;

/**
 * What a LwM2M Client makes of an alert (LwM2M Transport, handshake errors): try again later, give this server up until the next bootstrap,
 * or go on as if nothing had come.
 */
export type AlertClass = "retry" | "fail" | "ignore";

const failing = new Set<number>([42, 43, 44, 45, 46, 48, 49, 112, 113, 114, 115]);
const ignored = new Set<number>([30, 41, 60, 110]);

/** Alerts in none of the lists (internal_error among them) say nothing for ever: retry. */
export const alertClass = (description: AlertDescription): AlertClass => (failing.has(description) ? "fail" : ignored.has(description) ? "ignore" : "retry");
