export const member = (value: unknown, name: string): unknown => (typeof value === "object" && value !== null && name in value ? (value as Readonly<Record<string, unknown>>)[name] : undefined);

/** The one device that a body is about: that of a trigger or a credential, or the only target of an order. */
export function endpointIn(body: unknown): string | undefined {
  const targets = member(member(body, "targets"), "endpoints");
  const named: unknown = member(body, "ep") ?? (Array.isArray(targets) && targets.length === 1 ? targets[0] : undefined);
  return typeof named === "string" ? named : undefined;
}
