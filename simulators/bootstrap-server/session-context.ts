import type { Endpoint } from "../../src/coap/index.js";
import type { BootstrapServerTiming, ExtraOperation } from "../../src/config/index.js";
import type { FaultBoard, SessionView } from "../../src/operator/index.js";
import type { Clock, Trace } from "../../src/ports/index.js";
import type { Plan, Step, Wish } from "./plan.js";
import type { Plants } from "./plants.js";
import type { SessionFailure, SessionState } from "./session.js";

/** Operations that a configuration adds to the session's own. */
export interface Extras {
  readonly before: readonly ExtraOperation[];
  readonly after: readonly ExtraOperation[];
}

/** What one session is to bring about, as the store of accounts and orders sees it. None of its promises rejects. */
export interface Assignment {
  /** The endpoint is known and has no account. */
  readonly empty: boolean;
  /** Operations before the first Discover, and after the last write. */
  readonly extras?: Extras | undefined;
  /** `rewrite`: everything the device should hold, also what it seems to hold already. */
  wish(rewrite: boolean): Wish;
  /** Whether accounts of the plan wait for a credential to be staged, to be activated before they are written, or afterwards (`commit`). */
  needs(plan: Plan): { readonly stage: boolean; readonly activate: boolean; readonly commit: boolean };
  /** Stages what is missing (ORD-4); what cannot be staged leaves the wish. */
  stage(plan: Plan): Promise<void>;
  /** Activates the credentials of the accounts the plan writes (ORD-1); what is refused leaves the wish. */
  activate(plan: Plan, sessionId: number, withinMs: number): Promise<void>;
  /** Activates those that wait for the writes, before Finish; false when one is not active then, and the session must not be finished. */
  commit(plan: Plan, sessionId: number, withinMs: number): Promise<boolean>;
  /** The last Delete or Write was answered. */
  delivered(plan: Plan): void;
  /** The session is over. `touched`: accounts of which some Delete or Write was answered 2.xx; `refused`: the step that was not. */
  ended(outcome: SessionOutcome): void;
}

export interface SessionOutcome {
  readonly state: SessionState;
  readonly plan: Plan | undefined;
  readonly touched: ReadonlySet<number>;
  readonly refused: Step | undefined;
  /** True when Finish was sent and nothing is known of its effect. */
  readonly finishUnanswered: boolean;
}

/** A session as the one who runs many of them sees it when it is over. */
export interface EndedSession {
  readonly endpointName: string;
  readonly state: SessionState;
  readonly slowestAnswerMs: number;
  view(): SessionView;
}

/** What a session needs of the role around it. */
export interface SessionContext {
  readonly clock: Clock;
  readonly endpoint: Endpoint;
  readonly faults: FaultBoard;
  readonly trace: Trace;
  readonly timing: BootstrapServerTiming;
  readonly plants: Plants;
  /** How long a device may leave a request unanswered before its session counts as stalled. */
  readonly stallMs: number;
  /** The session stalled, or goes on. */
  sessionStalled(stalled: boolean): void;
  /** Called once, after the assignment heard of it. */
  sessionEnded(session: EndedSession): void;
}

/** One line for operators and problem details: `write of /0/1 answered 4.00`. */
export function describeFailure(failure: SessionFailure): string {
  switch (failure.reason) {
    case "refused":
      return `Bootstrap-Request answered ${failure.code}`;
    case "request-failed":
      return `${failure.operation} of ${failure.path} ${failure.code === undefined ? "not answered" : `answered ${failure.code}`}`;
    case "activation-refused":
      return "a credential could not be activated after the writes";
    case "finish-failed":
      return failure.code === undefined ? "Finish not answered" : `Finish answered ${failure.code}`;
  }
}
