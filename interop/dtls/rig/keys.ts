/** The pre-shared key that every peer and we hold in these tests; as text, because node-dtls-client and libcoap's command lines take nothing else. */
export const IDENTITY = "Client_identity";
export const KEY_TEXT = "secretPSK";
export const KEY = Buffer.from(KEY_TEXT);
export const KEY_HEX = KEY.toString("hex");
/** RFC 4279 §5.3: at least 128 bytes have to be taken. */
export const LONG_IDENTITY = "urn:imei:".padEnd(128, "0123456789");

export type SuiteCode = "C0A8" | "00AE";
export const SUITES = { C0A8: "TLS_PSK_WITH_AES_128_CCM_8", "00AE": "TLS_PSK_WITH_AES_128_CBC_SHA256" } as const;
export const OPENSSL_NAMES = { C0A8: "PSK-AES128-CCM8", "00AE": "PSK-AES128-CBC-SHA256" } as const;
