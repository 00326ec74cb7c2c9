/** Members whose value is a secret, whatever body they stand in. */
const secretNames: ReadonlySet<string> = new Set(["secret", "secretkey", "privatekey", "mastersecret", "mastersalt", "psk", "token", "operatortoken", "authorization", "password"]);

/** Deeper than any body of ours; what lies below is left out. */
const deepest = 32;

/** What stands for a secret already; which of the two forms it travelled in is evidence. */
const hidden: ReadonlySet<unknown> = new Set(["(secret)", "(jwe)"]);

/** A copy with every secret member replaced by `"(secret)"`. A second line of defence: whoever records a body redacts it by its own schema first. */
export function redactSecrets(body: unknown, depth = 0): unknown {
  if (body === null || typeof body !== "object") return body;
  if (depth >= deepest) return "(too deep)";
  if (Array.isArray(body)) return body.map((entry) => redactSecrets(entry, depth + 1));
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, secretNames.has(name.toLowerCase()) && value !== undefined && value !== null && !hidden.has(value) ? "(secret)" : redactSecrets(value, depth + 1)]));
}
