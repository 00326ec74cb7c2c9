import type { TraceEvent } from "../../ports/index.js";

/** Under this name a front writes into its role's log what it could not pass on to the system behind it. */
export const frontMachine = "front";

/** The first thing that a front of ours could not pass on, in words; undefined where all went well. */
export function frontFailureIn(events: readonly TraceEvent[]): string | undefined {
  for (const { role, endpoint, event } of events) {
    if (event.kind !== "state" || event.machine !== frontMachine || event.to !== "failed") continue;
    return `the front of ${role.replace(/^server-(.)$/, (_, name: string) => `server ${name.toUpperCase()}`)} (${event.id}) was asked to ${event.input} for "${endpoint ?? ""}": ${String(event.detail?.["reason"] ?? "it failed")}`;
  }
  return undefined;
}
