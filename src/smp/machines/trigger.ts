import type { ServerTriggerState, TriggerState } from "../types.js";

/** A trigger as the LwM2M Server knows it (SM-2): it ends at `acknowledged` or a failure, because the Server cannot see the bootstrap. */
export const serverTriggerStates = [
  "accepted",
  "queued",
  "sent",
  "acknowledged",
  "refused",
  "unsupported",
  "not-registered",
  "unknown-client",
  "expired",
  "withdrawn",
  "superseded",
] as const satisfies readonly ServerTriggerState[];

const open: ReadonlySet<TriggerState> = new Set(["accepted", "queued", "sent"]);
/** For the Server `acknowledged` is an end; the Bootstrap Server still waits for the Bootstrap-Request. */
export const isTerminalAtServer = (state: ServerTriggerState): boolean => !open.has(state);
export const isTerminalTrigger = (state: TriggerState): boolean => state !== "acknowledged" && !open.has(state);

export interface ServerTrigger {
  readonly state: ServerTriggerState;
  /** CoAP code of the device's answer. */
  readonly code?: string;
}

export type ServerTriggerInput =
  /** The device sleeps; the Execute waits for its next message. */
  | { readonly in: "queue" }
  | { readonly in: "send" }
  | { readonly in: "answer"; readonly code: string }
  /** `/1/x/9` is absent by Discover, or the Server object is of version 1.0. */
  | { readonly in: "resource-absent" }
  | { readonly in: "not-registered" }
  | { readonly in: "unknown-client" }
  /** Validity is over, also for an Execute that was never answered. */
  | { readonly in: "expire" }
  | { readonly in: "withdraw" }
  | { readonly in: "supersede" };

export const newTrigger: ServerTrigger = { state: "accepted" };

/** How an answer to the Execute of `/1/x/9` counts: 4.04 says that the resource is absent; anything else that is no success is a refusal with its code. */
export function outcomeOfExecute(code: string): "acknowledged" | "unsupported" | "refused" {
  if (code.startsWith("2.")) return "acknowledged";
  return code === "4.04" ? "unsupported" : "refused";
}

export function nextTrigger(trigger: ServerTrigger, input: ServerTriggerInput): ServerTrigger | undefined {
  if (isTerminalAtServer(trigger.state)) return undefined;
  const unsent = trigger.state !== "sent";
  switch (input.in) {
    case "queue":
      return unsent ? { state: "queued" } : undefined;
    case "send":
      return unsent ? { state: "sent" } : undefined;
    case "answer":
      return trigger.state === "sent" ? { state: outcomeOfExecute(input.code), code: input.code } : undefined;
    case "resource-absent":
      return unsent ? { state: "unsupported" } : undefined;
    case "not-registered":
      return unsent ? { state: "not-registered" } : undefined;
    case "unknown-client":
      return trigger.state === "accepted" ? { state: "unknown-client" } : undefined;
    case "expire":
      return { state: "expired" };
    case "withdraw":
      return unsent ? { state: "withdrawn" } : undefined;
    case "supersede":
      return unsent ? { state: "superseded" } : undefined;
  }
}

export interface TriggerRecord {
  readonly state: TriggerState;
  readonly code?: string;
  /** A new Bootstrap-Request came while the acknowledgement was still on its way. */
  readonly requestSeen: boolean;
}

export type TriggerRecordInput =
  | { readonly in: "server-says"; readonly state: ServerTriggerState; readonly code?: string }
  /** The Server could not be asked. */
  | { readonly in: "unavailable" }
  /** A new Bootstrap-Request of this device; a retransmission is none. */
  | { readonly in: "bootstrap-requested" }
  | { readonly in: "window-over" };

export const newTriggerRecord: TriggerRecord = { state: "accepted", requestSeen: false };

/** `confirmed` needs both: 2.04 to this Execute, and a new Bootstrap-Request in its window. */
export function nextTriggerRecord(record: TriggerRecord, input: TriggerRecordInput): TriggerRecord | undefined {
  if (isTerminalTrigger(record.state)) return undefined;
  switch (input.in) {
    case "server-says": {
      if (record.state === "acknowledged") return undefined;
      const state = input.state === "acknowledged" && record.requestSeen ? "confirmed" : input.state;
      if (state === record.state && input.code === record.code) return undefined;
      return { state, requestSeen: record.requestSeen, ...(input.code === undefined ? {} : { code: input.code }) };
    }
    case "unavailable":
      return record.state === "accepted" ? { ...record, state: "unavailable" } : undefined;
    case "bootstrap-requested":
      if (record.state === "acknowledged") return { ...record, state: "confirmed", requestSeen: true };
      return record.requestSeen ? undefined : { ...record, requestSeen: true };
    case "window-over":
      return record.state === "acknowledged" ? { ...record, state: "unconfirmed" } : { ...record, state: "expired" };
  }
}
