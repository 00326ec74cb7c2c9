import type { ItemCause, ItemReason, ItemState } from "../types.js";

/** Where one device's share of an order stands (SM-1). */
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
] as const satisfies readonly ItemState[];

const causes: Readonly<Record<ItemCause, true>> = {
  "unknown-endpoint": true, "last-account": true, "account-gone": true, unauthorized: true, "no-config": true, "request-failed": true, "finish-failed": true, displaced: true, timeout: true,
  "sm3-refused": true, "trigger-refused": true, "bootstrap-account-gone": true, deadline: true, "key-unwrap": true, "context-mismatch": true, "identity-conflict": true, "version-regression": true,
};
export const isItemCause = (name: string): name is ItemCause => Object.hasOwn(causes, name);

const terminal: ReadonlySet<ItemState> = new Set(["confirmed", "rejected", "failed", "partially-applied", "rolled-back", "expired", "cancelled", "superseded"]);
export const isTerminalItem = (state: ItemState): boolean => terminal.has(state);

export interface ItemMachine {
  readonly at: ItemState;
  /** Triggers created so far. */
  readonly attempts: number;
  readonly reason?: ItemReason;
}

export type ItemInput =
  /** Policy refused the device when the order came. */
  | { readonly in: "rejected"; readonly reason: ItemReason }
  /** SM-3 answered 2xx, or the account has no credential to stage. */
  | { readonly in: "staged" }
  | { readonly in: "sm3-refused" }
  /** Policy `wait-for-client`, or no Server can trigger. */
  | { readonly in: "wait-for-client" }
  /** SM-2 created at a Server: the first time or for a further attempt. */
  | { readonly in: "trigger-created" }
  | { readonly in: "trigger-acknowledged" }
  /** The device answered the Execute with an error. */
  | { readonly in: "trigger-refused"; readonly code?: string }
  /** Unsupported, not registered, unknown client, withdrawn: the device may still come by itself. */
  | { readonly in: "trigger-undeliverable" }
  /** 2.04 and then no Bootstrap-Request in the window, after the last attempt. */
  | { readonly in: "attempts-exhausted" }
  /** The Bootstrap-Request of a session that will deliver this item. */
  | { readonly in: "bootstrap-requested" }
  /** The session ended before anything of this item was written, and not by refusal: displaced, or the device fell silent. */
  | { readonly in: "session-lost" }
  /** The device refused an operation, or stopped answering; `written` tells whether a Write or Delete was answered 2.xx before. */
  | { readonly in: "session-failed"; readonly reason: ItemReason; readonly written: boolean }
  /** Every Write and Delete was answered 2.xx. */
  | { readonly in: "delivered" }
  /** Finish was answered 2.04. */
  | { readonly in: "finished" }
  | { readonly in: "finish-failed"; readonly code?: string }
  /** The session failed after the activation of a rotation, and the Server has taken the activation back. */
  | { readonly in: "rolled-back"; readonly reason?: ItemReason }
  /** A Register on the new credential, reported by the Server. */
  | { readonly in: "confirmed" }
  | { readonly in: "deadline" }
  | { readonly in: "cancel" }
  | { readonly in: "supersede" };

export const newItem: ItemMachine = { at: "accepted", attempts: 0 };

const waiting: ReadonlySet<ItemState> = new Set(["accepted", "staged", "triggering", "awaiting-client"]);
const inSession: ReadonlySet<ItemState> = new Set(["bootstrapping", "delivered"]);

/** The next state, or undefined where the input means nothing in this state. Never moves a terminal item. */
export function nextItem(item: ItemMachine, input: ItemInput): ItemMachine | undefined {
  if (isTerminalItem(item.at)) return undefined;
  const go = (at: ItemState, reason?: ItemReason): ItemMachine => ({ at, attempts: item.attempts, ...(reason === undefined ? {} : { reason }) });
  const isWaiting = waiting.has(item.at);
  const isInSession = inSession.has(item.at);
  switch (input.in) {
    case "rejected":
      return item.at === "accepted" ? go("rejected", input.reason) : undefined;
    case "staged":
      return item.at === "accepted" ? go("staged") : undefined;
    case "sm3-refused":
      return item.at === "accepted" || item.at === "bootstrapping" ? go("failed", { cause: "sm3-refused" }) : undefined;
    case "wait-for-client":
      return item.at === "staged" ? go("awaiting-client") : undefined;
    case "trigger-created":
      return item.at === "staged" || item.at === "triggering" || item.at === "awaiting-client" ? { at: "triggering", attempts: item.attempts + 1 } : undefined;
    case "trigger-acknowledged":
    case "trigger-undeliverable":
      return item.at === "triggering" ? go("awaiting-client") : undefined;
    case "trigger-refused":
      return item.at === "triggering" ? go("failed", { cause: "trigger-refused", ...(input.code === undefined ? {} : { code: input.code }) }) : undefined;
    case "attempts-exhausted":
      return item.at === "triggering" || item.at === "awaiting-client" ? go("failed", { cause: "timeout" }) : undefined;
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
      return item.at === "delivered" ? go("failed", { cause: "finish-failed", ...(input.code === undefined ? {} : { code: input.code }) }) : undefined;
    case "rolled-back":
      return isInSession ? go("rolled-back", input.reason) : undefined;
    case "confirmed":
      // The device may register, and its Server report it, before the answer to Finish arrives.
      return item.at === "applied" || item.at === "delivered" ? go("confirmed") : undefined;
    case "deadline":
      return isWaiting ? go("expired", { cause: "deadline" }) : undefined;
    case "cancel":
      return isWaiting ? go("cancelled") : undefined;
    case "supersede":
      return isWaiting ? go("superseded") : undefined;
  }
}
