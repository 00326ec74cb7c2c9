/** Members that hold a secret, in lower case; those that no SMP body has are what somebody may write for one that has. */
const secretMembers: ReadonlySet<string> = new Set(["secret", "privatekey", "mastersecret", "mastersalt", "psk", "key", "password", "token"]);

/** A copy of a body for traces and logs, with every secret replaced by `"(secret)"`. Bodies have passed the depth bound before. */
export function redact(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(redact);
  if (body === null || typeof body !== "object") return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, secretMembers.has(name.toLowerCase()) ? "(secret)" : redact(value)]));
}
