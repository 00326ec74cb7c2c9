import { createHmac } from "node:crypto";

/** First 8 bytes of HMAC-SHA-256(secret, "SMP-KCV" | credentialId), hex. Not by Web Crypto: its round trip through a thread costs a hundred times the hash. */
export const keyCheckValue = (secret: Uint8Array, credentialId: string): string => createHmac("sha256", secret).update(`SMP-KCV${credentialId}`).digest().toString("hex", 0, 8);
