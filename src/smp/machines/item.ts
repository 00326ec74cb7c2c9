/** Where one device's share of an order stands (SM-1). Each state but the first rests on evidence named in the profile, section "Items". */
export const itemStates = [
  "accepted",
  "staged",
  "triggering",
  "awaiting-client",
  "bootstrapping",
  "delivered",
  "applied",
  "confirmed",
  "rejected",
  "failed",
  "partially-applied",
  "rolled-back",
  "expired",
  "cancelled",
  "superseded",
] as const;
export type ItemStateName = (typeof itemStates)[number];

const terminal: ReadonlySet<ItemStateName> = new Set(["confirmed", "rejected", "failed", "partially-applied", "rolled-back", "expired", "cancelled", "superseded"]);
export const isTerminalItem = (state: ItemStateName): boolean => terminal.has(state);

/** Why an item did not get there. `path` and `code` name the bootstrap operation that the device refused. */
export type FailureReason =
  | { readonly why: "unauthorized" | "no-config" | "finish-failed" | "displaced" | "timeout" | "sm3-refused" | "trigger-refused" | "unknown-endpoint" }
  | { readonly why: "request-failed"; readonly path: string; readonly code: string };

export interface ItemMachine {
  readonly at: ItemStateName;
  /** Triggers created so far. */
  readonly attempts: number;
  readonly reason?: FailureReason;
}

export type ItemInput =
  /** Policy refused the device when the order came. */
  | { readonly in: "rejected"; readonly reason: FailureReason }
  /** SM-3 answered 2xx, or the account has no credential to stage. */
  | { readonly in: "staged" }
  | { readonly in: "sm3-refused" }
  /** Policy `wait-for-client`, or no Server can trigger. */
  | { readonly in: "wait-for-client" }
  /** SM-2 created at a Server: the first time or for a further attempt. */
  | { readonly in: "trigger-created" }
  | { readonly in: "trigger-acknowledged" }
  | { readonly in: "trigger-refused" }
  /** Unsupported, not registered, unknown client, withdrawn: the device may still come by itself. */
  | { readonly in: "trigger-undeliverable" }
  /** 2.04 and then no Bootstrap-Request in the window, after the last attempt. */
  | { readonly in: "attempts-exhausted" }
  /** The Bootstrap-Request of a session that will deliver this item. */
  | { readonly in: "bootstrap-requested" }
  /** The session ended before anything of this item was written, and not by refusal: displaced, or the device fell silent. */
  | { readonly in: "session-lost" }
  /** The device refused an operation, or stopped answering; `written` tells whether a Write or Delete was answered 2.xx before. */
  | { readonly in: "session-failed"; readonly reason: FailureReason; readonly written: boolean }
  /** Every Write and Delete was answered 2.xx. */
  | { readonly in: "delivered" }
  /** Finish was answered 2.04. */
  | { readonly in: "finished" }
  | { readonly in: "finish-failed" }
  | { readonly in: "rolled-back" }
  /** A Register on the new credential, reported by the Server. */
  | { readonly in: "confirmed" }
  | { readonly in: "deadline" }
  | { readonly in: "cancel" }
  | { readonly in: "supersede" };

export const newItem: ItemMachine = { at: "accepted", attempts: 0 };

const waiting: ReadonlySet<ItemStateName> = new Set(["accepted", "staged", "triggering", "awaiting-client"]);
const inSession: ReadonlySet<ItemStateName> = new Set(["bootstrapping", "delivered"]);

/** The next state, or undefined where the input means nothing in this state. Never moves a terminal item. */
export function nextItem(item: ItemMachine, input: ItemInput): ItemMachine | undefined {
  if (isTerminalItem(item.at)) return undefined;
  const go = (at: ItemStateName, reason?: FailureReason): ItemMachine => ({ at, attempts: item.attempts, ...(reason === undefined ? {} : { reason }) });
  const isWaiting = waiting.has(item.at);
  const isInSession = inSession.has(item.at);
  switch (input.in) {
    case "rejected":
      return item.at === "accepted" ? go("rejected", input.reason) : undefined;
    case "staged":
      return item.at === "accepted" ? go("staged") : undefined;
    case "sm3-refused":
      return item.at === "accepted" || item.at === "bootstrapping" ? go("failed", { why: "sm3-refused" }) : undefined;
    case "wait-for-client":
      return item.at === "staged" ? go("awaiting-client") : undefined;
    case "trigger-created":
      return item.at === "staged" || item.at === "triggering" || item.at === "awaiting-client" ? { at: "triggering", attempts: item.attempts + 1 } : undefined;
    case "trigger-acknowledged":
    case "trigger-undeliverable":
      return item.at === "triggering" ? go("awaiting-client") : undefined;
    case "trigger-refused":
      return item.at === "triggering" ? go("failed", { why: "trigger-refused" }) : undefined;
    case "attempts-exhausted":
      return item.at === "triggering" || item.at === "awaiting-client" ? go("failed", { why: "timeout" }) : undefined;
    case "bootstrap-requested":
      // The request may overtake the trigger's acknowledgement; a second one displaces the session that runs.
      return (isWaiting && item.at !== "accepted") || isInSession ? go("bootstrapping") : undefined;
    case "session-lost":
      return item.at === "bootstrapping" ? go("awaiting-client") : undefined;
    case "session-failed":
      return isInSession ? go(input.written ? "partially-applied" : "failed", input.reason) : undefined;
    case "delivered":
      return item.at === "bootstrapping" ? go("delivered") : undefined;
    case "finished":
      return item.at === "delivered" ? go("applied") : undefined;
    case "finish-failed":
      return item.at === "delivered" ? go("failed", { why: "finish-failed" }) : undefined;
    case "rolled-back":
      return isInSession ? go("rolled-back") : undefined;
    case "confirmed":
      // The device may register, and its Server report it, before the answer to Finish arrives.
      return item.at === "applied" || item.at === "delivered" ? go("confirmed") : undefined;
    case "deadline":
      return isWaiting ? go("expired") : undefined;
    case "cancel":
      return isWaiting ? go("cancelled") : undefined;
    case "supersede":
      return isWaiting ? go("superseded") : undefined;
  }
}
