/** Members of SMP bodies that hold a secret. */
const secretMembers: ReadonlySet<string> = new Set(["secret", "privateKey", "masterSecret"]);

/** A copy of a body for traces and logs, with every secret replaced by `"(secret)"`. Bodies have passed the depth bound before. */
export function redact(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(redact);
  if (body === null || typeof body !== "object") return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, secretMembers.has(name) ? "(secret)" : redact(value)]));
}
