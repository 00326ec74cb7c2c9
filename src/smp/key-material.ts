import { checkDates, checkPublicKey, KeyMaterialError, readCertificate, type CertificateFacts } from "../certificates/index.js";
import { ProblemError, type ProblemType } from "./problem.js";

const problems: Readonly<Record<KeyMaterialError["kind"], ProblemType>> = { unreadable: "schema", unsupported: "unsupported-mode", dates: "bad-certificate" };

/** Carries a check out; what it finds wrong becomes a problem about `field`. */
export function asProblem<T>(field: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof KeyMaterialError)) throw error;
    throw new ProblemError(problems[error.kind], error.message, { field });
  }
}

function bytesIn(text: string, field: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  // Stray bits behind the last byte would give one key several texts.
  if (bytes.toString("base64url") !== text) throw new ProblemError("schema", "is not the base64url of any bytes; encode them without padding", { field });
  return bytes;
}

/** A public key in a body, DER. Throws `ProblemError`: `schema`, or `unsupported-mode` for another curve. */
export function publicKeyIn(text: string, field: string): Buffer {
  const der = bytesIn(text, field);
  asProblem(field, () => checkPublicKey(der));
  return der;
}

export interface CertificateIn extends CertificateFacts {
  readonly der: Buffer;
}

/** A certificate in a body that is valid at `now`. Throws `ProblemError`: as for public keys, and `bad-certificate` for one that is over or not begun. */
export function certificateIn(text: string, field: string, now: number): CertificateIn {
  const der = bytesIn(text, field);
  return asProblem(field, () => {
    const facts = readCertificate(der);
    checkDates(facts, now);
    return { der, ...facts };
  });
}
