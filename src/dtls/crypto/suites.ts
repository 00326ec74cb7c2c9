/** IANA names of the cipher suites this implementation has. */
export type CipherSuiteName = "TLS_PSK_WITH_AES_128_CCM_8" | "TLS_PSK_WITH_AES_128_CBC_SHA256";
