/** Members that hold a secret, in lower case; those that no SMP body has are what somebody may write for one that has. */
const secretMembers: ReadonlySet<string> = new Set(["secret", "secretkey", "privatekey", "mastersecret", "mastersalt", "psk", "key", "password", "token"]);
/** Private members of a JWK (RFC 7518 §6). */
const privateMembers: ReadonlySet<string> = new Set(["d", "k", "p", "q", "dp", "dq", "qi"]);

/** A compact JWE, wherever it stands: its header is JSON, which begins with `{"`. */
const jwe = /eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){4}/g;

const hidden = "(secret)";
const hiddenJwe = "(jwe)";

/**
 * A copy of a body for traces and logs, with every secret replaced by `"(secret)"`, or `"(jwe)"` where it was encrypted: which of the two travelled is evidence. Bodies have passed the depth
 * bound before.
 */
export function redact(body: unknown): unknown {
  if (typeof body === "string") return body.includes("eyJ") ? body.replace(jwe, hiddenJwe) : body;
  if (Array.isArray(body)) return body.map(redact);
  if (body === null || typeof body !== "object") return body;
  const isJwk = "kty" in body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, isSecret(name, isJwk) ? hide(value) : redact(value)]));
}

const isSecret = (name: string, isJwk: boolean): boolean => secretMembers.has(name.toLowerCase()) || (isJwk && privateMembers.has(name));
const hide = (value: unknown): string => (typeof value === "string" && redact(value) === hiddenJwe ? hiddenJwe : hidden);
