/** The pre-shared key that every peer and we hold in these tests; as text, because node-dtls-client and libcoap's command lines take nothing else. */
export const IDENTITY = "Client_identity";
export const KEY_TEXT = "secretPSK";
export const KEY = Buffer.from(KEY_TEXT);
export const KEY_HEX = KEY.toString("hex");
/** RFC 4279 §5.3: at least 128 bytes have to be taken. */
export const LONG_IDENTITY = "urn:imei:".padEnd(128, "0123456789");

export const SUITES = {
  C0A8: "TLS_PSK_WITH_AES_128_CCM_8",
  "00AE": "TLS_PSK_WITH_AES_128_CBC_SHA256",
  C037: "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256",
  C0AE: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
  C0AC: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
  C02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  C023: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
} as const;
export type SuiteCode = keyof typeof SUITES;
/** Encrypt-then-MAC is for these alone. */
export const isCbc = (suite: SuiteCode): boolean => SUITES[suite].includes("_CBC_");
export const OPENSSL_NAMES = {
  C0A8: "PSK-AES128-CCM8",
  "00AE": "PSK-AES128-CBC-SHA256",
  C037: "ECDHE-PSK-AES128-CBC-SHA256",
  C0AE: "ECDHE-ECDSA-AES128-CCM8",
  C0AC: "ECDHE-ECDSA-AES128-CCM",
  C02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
  C023: "ECDHE-ECDSA-AES128-SHA256",
} as const satisfies Record<SuiteCode, string>;
