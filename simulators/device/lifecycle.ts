/**
 * The lifecycle of a device as data: one machine for the device (bootstrap), one for each Server account (registration),
 * and the rule that says whose turn it is. Nothing here has an effect; `Device` and `Account` act on entering a state.
 */

/** What made a device ask its Bootstrap Server. */
export type BootstrapCause = "factory" | "trigger" | "fallback" | "manual";

export type DeviceState =
  | { readonly at: "off" }
  /** A bootstrap is due but not yet asked for: hold-off, jitter, or the pause after a failed one. */
  | { readonly at: "hold-off"; readonly cause: BootstrapCause; readonly attempt: number }
  /** Bootstrap-Request sent. */
  | { readonly at: "requesting"; readonly cause: BootstrapCause; readonly attempt: number }
  /** Request accepted; operations come, then the Finish. */
  | { readonly at: "bootstrapping"; readonly cause: BootstrapCause; readonly attempt: number }
  /** Bootstrap is over or was never needed: the accounts live their own lives. */
  | { readonly at: "serving" }
  /** No Server account, and no Bootstrap-Server account to get one from. */
  | { readonly at: "stranded" };

export type DeviceInput =
  | { readonly in: "power-on"; readonly accounts: number; readonly bootstrapAccount: boolean }
  | { readonly in: "power-off" }
  /** A trigger was accepted, all hope in the accounts is lost, or somebody pressed a button. */
  | { readonly in: "bootstrap-due"; readonly cause: BootstrapCause }
  /** As above, but a session that runs already is given up for a new one. */
  | { readonly in: "bootstrap-again"; readonly cause: BootstrapCause }
  | { readonly in: "waited" }
  | { readonly in: "request-accepted" }
  /** The Bootstrap Server writes before its answer to the request arrived. */
  | { readonly in: "operation" }
  | { readonly in: "finished" }
  /** Request refused or unanswered, or no Finish in time. `accounts`: Server accounts after the rollback. */
  | { readonly in: "bootstrap-failed"; readonly accounts: number };

const off: DeviceState = { at: "off" };
const serving: DeviceState = { at: "serving" };
const stranded: DeviceState = { at: "stranded" };

/** The state after the input; undefined where the input means nothing. */
export function nextDevice(state: DeviceState, input: DeviceInput): DeviceState | undefined {
  if (input.in === "power-off") return state.at === "off" ? undefined : off;
  switch (state.at) {
    case "off":
      if (input.in !== "power-on") return undefined;
      // Factory configuration first, client-initiated bootstrap when there is none (LwM2M Core 1.1 §6.1.4).
      if (input.accounts > 0) return serving;
      return input.bootstrapAccount ? { at: "hold-off", cause: "factory", attempt: 0 } : stranded;
    case "hold-off":
      if (input.in === "waited") return { at: "requesting", cause: state.cause, attempt: state.attempt };
      return asksForBootstrap(input) ? { at: "hold-off", cause: input.cause, attempt: 0 } : undefined;
    case "requesting":
    case "bootstrapping":
      return inSession(state, input);
    case "serving":
    case "stranded":
      return asksForBootstrap(input) ? { at: "hold-off", cause: input.cause, attempt: 0 } : undefined;
  }
}

const asksForBootstrap = (input: DeviceInput): input is Extract<DeviceInput, { cause: BootstrapCause }> => input.in === "bootstrap-due" || input.in === "bootstrap-again";

function inSession(state: Extract<DeviceState, { at: "requesting" | "bootstrapping" }>, input: DeviceInput): DeviceState | undefined {
  switch (input.in) {
    case "request-accepted":
    case "operation":
      return state.at === "requesting" ? { at: "bootstrapping", cause: state.cause, attempt: state.attempt } : undefined;
    case "bootstrap-again":
      return { at: "hold-off", cause: input.cause, attempt: 0 };
    case "finished":
      return state.at === "bootstrapping" ? serving : undefined;
    case "bootstrap-failed":
      // With accounts to live from the device goes back to them; without any it asks again, later each time.
      return input.accounts > 0 ? serving : { at: "hold-off", cause: state.cause, attempt: state.attempt + 1 };
    default:
      return undefined;
  }
}

export type AccountState =
  /** Not its turn, or the device does not serve. */
  | { readonly at: "idle" }
  /** The initial delay (/1/x/14) or a back-off runs. */
  | { readonly at: "waiting"; readonly attempt: number; readonly sequence: number; readonly delayMs: number }
  | { readonly at: "registering"; readonly attempt: number; readonly sequence: number }
  | { readonly at: "registered" }
  | { readonly at: "updating" }
  | { readonly at: "deregistering"; readonly then: "left" | "disabled" }
  /** De-registered by hand: stays so until told otherwise. */
  | { readonly at: "left" }
  /** Executed /1/x/4: this Server is ignored for /1/x/5 seconds. */
  | { readonly at: "disabled" }
  /** Refused for good, or all attempts of all sequences used up. */
  | { readonly at: "failed" };

export type AccountInput =
  | { readonly in: "start"; readonly delayMs: number }
  /** Register now, whatever was before. */
  | { readonly in: "register" }
  | { readonly in: "timer" }
  | { readonly in: "registered" }
  /** `final`: the device goes back to its Bootstrap Server instead of asking here again. */
  | { readonly in: "refused"; readonly final: boolean }
  | { readonly in: "unanswered" }
  /** No security session could be made. `barred`: the server's alert says that trying again is in vain (LwM2M Transport, handshake errors). */
  | { readonly in: "no-session"; readonly barred: boolean; readonly final: boolean }
  /** The registration belongs to a security session that is over, and there is a new one. */
  | { readonly in: "new-session" }
  | { readonly in: "update" }
  | { readonly in: "updated" }
  /** 4.04 and other refusals of an Update, or none at all: the registration is taken to be gone. */
  | { readonly in: "update-failed" }
  | { readonly in: "deregister"; readonly then: "left" | "disabled" }
  | { readonly in: "deregistered" }
  | { readonly in: "stop" };

/** /1/x/17 to /1/x/20. */
export interface RetryPolicy {
  readonly count: number;
  readonly timerMs: number;
  readonly sequenceDelayMs: number;
  readonly sequences: number;
}

const idle: AccountState = { at: "idle" };
const registered: AccountState = { at: "registered" };
const updating: AccountState = { at: "updating" };
const disabled: AccountState = { at: "disabled" };
const left: AccountState = { at: "left" };
const failed: AccountState = { at: "failed" };
const firstAttempt: AccountState = { at: "registering", attempt: 1, sequence: 1 };

/** /1/x/19: at its largest value no further sequence is made. */
const neverMs = 4_294_967_295 * 1000;

export const idleAccount: AccountState = idle;
export const deviceOff: DeviceState = off;

/** The state after the input; undefined where the input means nothing. */
export function nextAccount(state: AccountState, input: AccountInput, policy: RetryPolicy): AccountState | undefined {
  if (input.in === "stop") return state.at === "idle" ? undefined : idle;
  if (input.in === "register") return state.at === "registering" ? undefined : firstAttempt;
  switch (state.at) {
    case "idle":
      if (input.in !== "start") return undefined;
      return input.delayMs > 0 ? { at: "waiting", attempt: 1, sequence: 1, delayMs: input.delayMs } : firstAttempt;
    case "waiting":
      return input.in === "timer" ? { at: "registering", attempt: state.attempt, sequence: state.sequence } : undefined;
    case "registering":
      if (input.in === "registered") return registered;
      if (input.in === "refused") return input.final ? failed : nextAttempt(state.attempt, state.sequence, policy);
      if (input.in === "no-session") return withoutSession(input, state.attempt, state.sequence, policy);
      return input.in === "unanswered" ? nextAttempt(state.attempt, state.sequence, policy) : undefined;
    case "registered":
      if (input.in === "update" || input.in === "timer") return updating;
      return input.in === "deregister" ? { at: "deregistering", then: input.then } : undefined;
    case "updating":
      if (input.in === "updated") return registered;
      if (input.in === "update-failed" || input.in === "new-session") return firstAttempt;
      // The server cannot be reached to hear of the registration: the Register that would be next has failed its first attempt.
      if (input.in === "no-session") return withoutSession(input, 1, 1, policy);
      return input.in === "deregister" ? { at: "deregistering", then: input.then } : undefined;
    case "deregistering":
      return input.in === "deregistered" ? (state.then === "disabled" ? disabled : left) : undefined;
    case "disabled":
      return input.in === "timer" ? firstAttempt : undefined;
    case "left":
    case "failed":
      return undefined;
  }
}

/** In vain: no further attempt of this sequence is made. */
function withoutSession({ barred, final }: Extract<AccountInput, { in: "no-session" }>, attempt: number, sequence: number, policy: RetryPolicy): AccountState {
  if (!barred) return nextAttempt(attempt, sequence, policy);
  return final ? failed : nextAttempt(policy.count, sequence, policy);
}

function nextAttempt(attempt: number, sequence: number, policy: RetryPolicy): AccountState {
  // The wait doubles within a sequence: timer x 2^(attempt - 1) (Server object, resource 18).
  if (attempt < policy.count) return { at: "waiting", attempt: attempt + 1, sequence, delayMs: policy.timerMs * 2 ** (attempt - 1) };
  if (sequence < policy.sequences && policy.sequenceDelayMs < neverMs) return { at: "waiting", attempt: 1, sequence: sequence + 1, delayMs: policy.sequenceDelayMs };
  return failed;
}

/** What the order of registrations asks of an account. */
export interface Turn {
  readonly state: AccountState["at"];
  /** /1/x/13; undefined: independent of the others. */
  readonly priority: number | undefined;
  /** /1/x/15. */
  readonly blocks: boolean;
}

/**
 * Which idle accounts may start now: those without a priority, and the first of the prioritised ones whose predecessors
 * are registered, or failed without blocking (LwM2M Core 1.1 §6.2.1.2). Indexes into `accounts`.
 */
export function mayStart(accounts: readonly Turn[]): number[] {
  const start: number[] = [];
  let blockedFrom = Number.POSITIVE_INFINITY;
  for (const account of accounts) {
    const settled = account.state === "registered" || account.state === "updating" || (account.state === "failed" && !account.blocks);
    if (account.priority !== undefined && !settled) blockedFrom = Math.min(blockedFrom, account.priority);
  }
  accounts.forEach((account, index) => {
    if (account.state !== "idle") return;
    if (account.priority === undefined || account.priority <= blockedFrom) start.push(index);
  });
  return start;
}
