import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

import type { Secrets } from "../random.js";

/** The operating system's generator. */
export const osSecrets: Secrets = {
  bytes: (length) => randomBytes(length),
  token: () => randomBytes(32).toString("base64url"),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  digest: (bytes) => createHash("sha256").update(bytes).digest("base64url"),
};
