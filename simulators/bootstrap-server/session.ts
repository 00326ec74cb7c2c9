/** Why a session ended without a Finish answered 2.04. `code` absent: no answer came. */
export type SessionFailure =
  | { readonly reason: "refused"; readonly code: string }
  | { readonly reason: "request-failed"; readonly operation: "discover" | "read" | "delete" | "write"; readonly path: string; readonly code?: string }
  /** What is written already must not be finished: its credential is not active (ORD-1). */
  | { readonly reason: "activation-refused" }
  | { readonly reason: "finish-failed"; readonly code?: string };

/** What is left to deliver once everything that must come first has been answered. */
export interface Workload {
  readonly deletes: number;
  readonly writes: number;
  /** Credentials that are activated after the writes (one slot). */
  readonly commit: boolean;
  /** What the configuration asks after the writes. */
  readonly questions?: number;
}

/**
 * One bootstrap session (LwM2M Core 1.1 §6.1.7). `corrections` counts how often Finish was answered 4.06 and the configuration was
 * written again.
 */
export type SessionState =
  | { readonly at: "requested" }
  | { readonly at: "authorised" }
  /** What the configuration does before everything else. */
  | { readonly at: "preparing"; readonly done: number; readonly of: number }
  | { readonly at: "discovering"; readonly corrections: number }
  | { readonly at: "reading"; readonly done: number; readonly of: number; readonly corrections: number }
  | { readonly at: "staging"; readonly corrections: number }
  | { readonly at: "activating"; readonly corrections: number }
  | { readonly at: "deleting"; readonly done: number; readonly of: number; readonly writes: number; readonly questions?: number; readonly commit: boolean; readonly corrections: number }
  | { readonly at: "writing"; readonly done: number; readonly of: number; readonly questions?: number; readonly commit: boolean; readonly corrections: number }
  /** What the configuration asks when everything is written. */
  | { readonly at: "asking"; readonly done: number; readonly of: number; readonly commit: boolean; readonly corrections: number }
  | { readonly at: "committing"; readonly corrections: number }
  | { readonly at: "finishing"; readonly corrections: number }
  | { readonly at: "finished" }
  | { readonly at: "failed"; readonly failure: SessionFailure }
  | { readonly at: "displaced" }
  | { readonly at: "timed-out"; readonly during: SessionState["at"] };

export type SessionInput =
  | { readonly in: "accepted" }
  | { readonly in: "refused"; readonly code: string }
  /** The endpoint has accounts, so its instances have to be known first. */
  | { readonly in: "begin"; readonly extras?: number }
  /** The endpoint is known and has no account: Finish alone ends the session. */
  | { readonly in: "nothing-configured" }
  | { readonly in: "discovered"; readonly reads: number }
  | { readonly in: "read" }
  /** Enough is known of the device. `stage`: accounts without a staged credential (ORD-4); `activate`: credentials to activate (ORD-1). */
  | { readonly in: "planned"; readonly stage: boolean; readonly activate: boolean; readonly work: Workload }
  | { readonly in: "staged"; readonly activate: boolean; readonly work: Workload }
  /** Every activation was answered; accounts whose activation was refused are no longer in `work`. */
  | { readonly in: "activated"; readonly work: Workload }
  /** The activations that had to wait for the writes were answered well. */
  | { readonly in: "committed" }
  | { readonly in: "answered" }
  | { readonly in: "not-acceptable" }
  | { readonly in: "failed"; readonly failure: SessionFailure }
  | { readonly in: "displaced" }
  | { readonly in: "timeout" };

/** Finish answered 4.06 may be corrected and sent again (LwM2M Core 1.1 §6.1.7.6); this often, then the session fails. */
export const maxCorrections = 2;

export function isOver(state: SessionState): boolean {
  return state.at === "finished" || state.at === "failed" || state.at === "displaced" || state.at === "timed-out";
}

function deliver(work: Workload, corrections: number): SessionState {
  const { deletes, writes, commit, questions = 0 } = work;
  const later = questions > 0 ? { questions } : {};
  if (deletes > 0) return { at: "deleting", done: 0, of: deletes, writes, ...later, commit, corrections };
  if (writes > 0) return { at: "writing", done: 0, of: writes, ...later, commit, corrections };
  if (questions > 0) return { at: "asking", done: 0, of: questions, commit, corrections };
  return { at: commit ? "committing" : "finishing", corrections };
}

function answered(state: SessionState): SessionState | undefined {
  switch (state.at) {
    case "deleting":
      if (state.done + 1 < state.of) return { ...state, done: state.done + 1 };
      return deliver({ ...state, deletes: 0 }, state.corrections);
    case "writing":
      if (state.done + 1 < state.of) return { ...state, done: state.done + 1 };
      return deliver({ ...state, deletes: 0, writes: 0 }, state.corrections);
    case "preparing":
      return state.done + 1 < state.of ? { ...state, done: state.done + 1 } : { at: "discovering", corrections: 0 };
    case "asking":
      if (state.done + 1 < state.of) return { ...state, done: state.done + 1 };
      return deliver({ deletes: 0, writes: 0, commit: state.commit }, state.corrections);
    case "finishing":
      return { at: "finished" };
    default:
      return undefined;
  }
}

/** The session's next state; undefined when the input has no meaning there (a late answer), and then nothing changes. */
export function nextSession(state: SessionState, input: SessionInput): SessionState | undefined {
  if (isOver(state)) return undefined;
  switch (input.in) {
    case "accepted":
      return state.at === "requested" ? { at: "authorised" } : undefined;
    case "refused":
      return state.at === "requested" ? { at: "failed", failure: { reason: "refused", code: input.code } } : undefined;
    case "begin":
      if (state.at !== "authorised") return undefined;
      return input.extras === undefined || input.extras === 0 ? { at: "discovering", corrections: 0 } : { at: "preparing", done: 0, of: input.extras };
    case "nothing-configured":
      return state.at === "authorised" ? { at: "finishing", corrections: maxCorrections } : undefined;
    case "discovered":
      if (state.at !== "discovering" || input.reads === 0) return undefined;
      return { at: "reading", done: 0, of: input.reads, corrections: state.corrections };
    case "read":
      return state.at === "reading" && state.done < state.of ? { ...state, done: state.done + 1 } : undefined;
    case "planned":
      if (state.at !== "discovering" && !(state.at === "reading" && state.done === state.of)) return undefined;
      if (input.stage) return { at: "staging", corrections: state.corrections };
      return input.activate ? { at: "activating", corrections: state.corrections } : deliver(input.work, state.corrections);
    case "staged":
      if (state.at !== "staging") return undefined;
      return input.activate ? { at: "activating", corrections: state.corrections } : deliver(input.work, state.corrections);
    case "activated":
      return state.at === "activating" ? deliver(input.work, state.corrections) : undefined;
    case "committed":
      return state.at === "committing" ? { at: "finishing", corrections: state.corrections } : undefined;
    case "answered":
      return answered(state);
    case "not-acceptable":
      if (state.at !== "finishing") return undefined;
      if (state.corrections < maxCorrections) return { at: "discovering", corrections: state.corrections + 1 };
      return { at: "failed", failure: { reason: "finish-failed", code: "4.06" } };
    case "failed":
      return { at: "failed", failure: input.failure };
    case "displaced":
      return { at: "displaced" };
    case "timeout":
      return { at: "timed-out", during: state.at };
  }
}
