import { AsyncLocalStorage } from "node:async_hooks";
import { after, type Timer } from "../../ports/index.js";
import { OperatorError } from "../../operator/index.js";
import type { EvidenceStore } from "../evidence/store.js";
import { PreconditionMissing, Unsupported, CheckFailed } from "../scenario/recorder.js";
import type { Scenario } from "../scenario/scenario.js";
import { verdictOf, type StepRecord, type Verdict, type VerdictWithReason } from "../verdict.js";
import type { PlannedScenario } from "./plan.js";
import { declinedBefore } from "./outlook.js";
import { stepKeyword } from "./plan.js";
import type { RunListener } from "./progress.js";
import type { HealthMark } from "./saturation.js";
import { unansweredBy } from "./unanswered.js";
import type { ScenarioOutcome } from "../result.js";

/** HTTP status of a call that a role's adapter cannot express. */
const cannotBeAsked = 501;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const stepStatuses: Readonly<Record<string, StepRecord["status"] | undefined>> = { PASSED: "passed", FAILED: "failed", PENDING: "pending", SKIPPED: "skipped", UNDEFINED: "undefined" };

/** What Cucumber makes of an outcome: `undefined` is passed, a thrown error failed. */
export type HookResult = "skipped" | "pending" | undefined;

/** A scenario's way through Cucumber: what the hooks of the steps call. */
export class ScenarioSession {
  readonly #startedAt: number;
  readonly #began: number;
  readonly #health: HealthMark;
  #stepStart = "0";
  #stepText = "";
  #acted = false;
  #outcome: ScenarioOutcome | undefined;
  #abandoned = false;

  constructor(
    readonly planned: PlannedScenario,
    readonly scenario: Scenario,
    private readonly store: EvidenceStore,
    private readonly listener: RunListener,
    private readonly repetition: number,
  ) {
    this.#startedAt = scenario.run.clock.epoch();
    this.#began = scenario.run.clock.now();
    this.#health = scenario.run.healthMark();
  }

  /** Before the first step: declines what the target cannot do. */
  begin(): HookResult {
    const { run, recorder, security } = this.scenario;
    const lack = declinedBefore(this.planned, run.target, { ...run.devices, ours: run.devicesAreOurs }, security, run.missing);
    if (lack !== undefined) recorder.decline(lack.as, lack.reason);
    return recorder.record().declined === undefined ? undefined : "skipped";
  }

  enterStep(text: string, type: string | undefined): void {
    this.#stepText = text;
    this.#stepStart = this.scenario.now();
    this.scenario.recorder.enter(stepKeyword(type));
  }

  /** `status` as Cucumber writes it: `PASSED`. */
  leaveStep(cucumber: string, message: string | undefined): void {
    const status = stepStatuses[cucumber] ?? "failed";
    const step: StepRecord = {
      keyword: this.scenario.recorder.phase,
      text: this.#stepText,
      status,
      startedAt: this.#stepStart,
      endedAt: this.scenario.now(),
      ...(message === undefined ? {} : { message }),
    };
    this.scenario.recorder.step(step);
    this.#acted ||= step.keyword !== "given";
    if (!this.#abandoned) this.listener({ type: "step-finished", scenario: this.planned, text: step.text, status });
  }

  /**
   * Carries out a step. What it throws decides how Cucumber sees it: a failed check of a named rule (and faults that fired) fails the step; a missing
   * precondition or a refusal makes it pending; anything else is our own error.
   */
  async guard(step: () => unknown): Promise<HookResult> {
    const { clock, deadlines } = this.scenario.run;
    let watchdog: Timer | undefined;
    const hung = new Promise<never>((_resolve, reject) => {
      watchdog = after(clock, deadlines.stepMs, "step watchdog", () => reject(new Error(`the step did not come back within ${deadlines.stepMs} ms`)));
    });
    try {
      await Promise.race([Promise.resolve().then(step), hung]);
      return undefined;
    } catch (error) {
      if (error instanceof PreconditionMissing) return "pending";
      if (error instanceof Unsupported) {
        this.scenario.recorder.decline("unsupported", error.message, this.#acted);
        return "pending";
      }
      // An adapter found out only now that its system cannot be asked for this.
      if (error instanceof OperatorError && error.status === cannotBeAsked) {
        this.scenario.recorder.decline("unsupported", error.message, this.#acted);
        return "pending";
      }
      if (error instanceof CheckFailed) {
        if ((await this.#provisional()).verdict === "fail") throw error;
        return "pending";
      }
      const unanswered = unansweredBy(error, this.scenario.run.target);
      if (unanswered !== undefined) {
        this.scenario.recorder.unanswered(unanswered);
        return "pending";
      }
      this.scenario.recorder.broken(messageOf(error));
      throw error;
    } finally {
      if (watchdog !== undefined) clock.stop(watchdog);
    }
  }

  /** The verdict if the scenario ended here. */
  async #provisional(): Promise<VerdictWithReason> {
    await this.scenario.readFaults();
    await this.scenario.readFronts();
    return verdictOf({ ...this.scenario.recorder.record(), concluded: true });
  }

  /** After the last step: evidence is collected and written, then everything is undone, and the verdict stands. */
  async conclude(): Promise<VerdictWithReason> {
    const { scenario } = this;
    const { recorder, run } = scenario;
    let evidence: string | undefined;
    if (recorder.record().declined === undefined) {
      try {
        await scenario.readFaults();
        await scenario.readFronts();
        const events = await scenario.events();
        this.#skipRest();
        if (events.length > 0) evidence = await this.store.scenario(this.#folder, events, recorder.record().steps);
      } catch (error) {
        const unanswered = unansweredBy(error, run.target);
        if (unanswered === undefined) recorder.broken(`the evidence could not be collected: ${messageOf(error)}`);
        else recorder.unanswered(unanswered);
      }
    }
    if (run.saturatedSince(this.#health) !== undefined) recorder.saturated();
    const crowded = run.crowdedSince(this.#health);
    if (crowded !== undefined) recorder.crowded(crowded);
    recorder.conclude();
    const leftovers = await scenario.tidyUp();
    this.#outcome = this.#outcomeNow(leftovers, evidence);
    return verdictOf(recorder.record());
  }

  /** Steps that Cucumber did not call any more. */
  #skipRest(): void {
    const { recorder } = this.scenario;
    const done = recorder.record().steps.length;
    const now = this.scenario.now();
    for (const { keyword, text } of this.planned.steps.slice(done)) recorder.step({ keyword, text, status: "skipped", startedAt: now, endedAt: now });
  }

  get #folder(): string {
    return this.repetition === 0 ? this.planned.id : `${this.planned.id}-${this.repetition + 1}`;
  }

  #outcomeNow(leftovers: readonly string[], evidence: string | undefined): ScenarioOutcome {
    const { clock } = this.scenario.run;
    const record = this.scenario.recorder.record();
    return {
      record: this.repetition === 0 ? record : { ...record, id: this.#folder, name: `${record.name} (again, at the end)` },
      startedAt: new Date(this.#startedAt).toISOString(),
      durationMs: Math.round(clock.now() - this.#began),
      endpoints: this.scenario.endpoints,
      leftovers,
      ...(evidence === undefined ? {} : { evidence }),
    };
  }

  /** The run ends before the scenario does: what comes of it is not heard any more. */
  abandon(): void {
    this.#abandoned = true;
  }

  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** How it ended; of a scenario that is still running, what there is of it. */
  get outcome(): ScenarioOutcome {
    return this.#outcome ?? this.#outcomeNow([], undefined);
  }
}

const scope = new AsyncLocalStorage<ScenarioSession>();

export const inSession = <T>(session: ScenarioSession, action: () => Promise<T>): Promise<T> => scope.run(session, action);

/** The session of the scenario that calls. Throws outside of one. */
export function currentSession(): ScenarioSession {
  const session = scope.getStore();
  if (session === undefined) throw new Error("steps run inside `muster run` only");
  return session;
}

/** What the last hook tells Cucumber: fail and error are FAILED (thrown), inconclusive is PENDING, a declined one SKIPPED. */
export function cucumberStatus({ verdict, reason }: { readonly verdict: Verdict; readonly reason: string }): HookResult {
  switch (verdict) {
    case "pass":
      return undefined;
    case "unsupported":
    case "not-applicable":
      return "skipped";
    case "inconclusive":
    case "incomplete":
      return "pending";
    case "fail":
    case "error":
      throw new Error(reason);
  }
}
