import type { Clock } from "../../ports/index.js";
import { ruleNamed, type RuleName } from "../rules.js";
import type { Check, Declined, EventRef, FaultRecord, JudgedRole, ScenarioRecord, StepRecord } from "../verdict.js";
import type { ScenarioTags } from "./tags.js";

/** A check of a rule the scenario names came out wrong; the scenario ends here. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
  constructor(readonly check: Check) {
    super(`${check.rule}: ${check.text}: expected ${check.expected}, actual ${check.actual}`);
  }
}

/** What the scenario rests on did not come about: nothing can be said about the judged role. */
export class PreconditionMissing extends Error {
  override readonly name = "PreconditionMissing";
}

/** The target cannot be asked for this at all (no operator API, no such capability). */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
}

export interface CheckInput {
  readonly rule: RuleName;
  /** Of a rule about several roles: the one looked at. Default: the judged role if the rule speaks about it. */
  readonly about?: JudgedRole;
  readonly text: string;
  readonly expected: string;
  readonly actual: string;
  /** `undefined`: the evidence cannot decide. */
  readonly ok: boolean | undefined;
  /** Nanoseconds of the deciding event. Default: now. */
  readonly at?: string;
  readonly timing?: boolean;
  readonly evidence?: readonly EventRef[];
}

export interface ScenarioIdentity {
  readonly id: string;
  readonly name: string;
  readonly feature: string;
  readonly uri: string;
  readonly line: number;
  readonly tags: readonly string[];
}

export type StepPhase = StepRecord["keyword"];

/** Gathers the record of one scenario while it runs. */
export class ScenarioRecorder {
  readonly #steps: StepRecord[] = [];
  readonly #checks: Check[] = [];
  readonly #missing: string[] = [];
  readonly #faults: FaultRecord[] = [];
  #phase: StepPhase = "given";
  #declined: Declined | undefined;
  #harnessFault: string | undefined;
  #unanswered: string | undefined;
  #frontFailure: string | undefined;
  #saturated = false;
  #crowded: string | undefined;
  #concluded = false;

  constructor(
    readonly identity: ScenarioIdentity,
    readonly declared: ScenarioTags,
    readonly clock: Clock,
  ) {}

  get phase(): StepPhase {
    return this.#phase;
  }

  enter(phase: StepPhase): void {
    this.#phase = phase;
  }

  step(step: StepRecord): void {
    this.#steps.push(step);
  }

  fault(fault: FaultRecord): void {
    this.#faults.push(fault);
  }

  /** Throws `PreconditionMissing`. */
  missing(what: string): never {
    this.#missing.push(what);
    throw new PreconditionMissing(what);
  }

  decline(as: Declined["as"], reason: string, afterActing = false): void {
    this.#declined ??= { as, reason, afterActing };
  }

  /** The first one is kept: what follows is often its consequence. */
  broken(reason: string): void {
    this.#harnessFault ??= reason;
  }

  /** A role of the target that is not ours is not there any more. */
  unanswered(reason: string): void {
    this.#unanswered ??= reason;
  }

  /** A front of ours could not pass something on to the system behind it. */
  frontFailed(reason: string): void {
    this.#frontFailure ??= reason;
  }

  saturated(): void {
    this.#saturated = true;
  }

  /** The machine had no processor time left meanwhile. */
  crowded(how: string): void {
    this.#crowded ??= how;
  }

  /**
   * Records a check. In a Given step a failure is a missing precondition. Otherwise a failed one throws: `CheckFailed` when the scenario names its rule,
   * else `PreconditionMissing`; an undecided one is kept and the scenario goes on.
   */
  check(input: CheckInput): void {
    if (this.#phase === "given") {
      if (input.ok === true) return;
      this.missing(`${input.text}: expected ${input.expected}, actual ${input.actual}`);
    }
    const check = this.#note(input);
    if (check.outcome !== "fail") return;
    if (check.about === this.declared.judges && this.declared.rules.includes(check.rule)) throw new CheckFailed(check);
    throw new PreconditionMissing(`${check.rule}: ${check.text}: expected ${check.expected}, actual ${check.actual}`);
  }

  /** Records a check without ending the scenario: for what is looked at over the whole evidence at the end. */
  note(input: CheckInput): Check {
    return this.#note(input);
  }

  #note(input: CheckInput): Check {
    const { judges } = this.declared;
    const roles = ruleNamed(input.rule)?.about ?? [];
    const about = input.about ?? (roles.includes(judges) ? judges : (roles[0] ?? judges));
    const check: Check = {
      rule: input.rule,
      about,
      text: input.text,
      expected: input.expected,
      actual: input.actual,
      outcome: input.ok === undefined ? "undecided" : input.ok ? "pass" : "fail",
      at: input.at ?? this.clock.hrtime().toString(),
      timing: input.timing ?? false,
      evidence: input.evidence ?? [],
    };
    this.#checks.push(check);
    return check;
  }

  /** No more is coming: the evidence was collected. */
  conclude(): void {
    this.#concluded = true;
  }

  record(): ScenarioRecord {
    return {
      ...this.identity,
      requirements: this.declared.requirements,
      judges: this.declared.judges,
      level: this.declared.level,
      rules: this.declared.rules,
      steps: [...this.#steps],
      checks: [...this.#checks],
      faults: [...this.#faults],
      missing: [...this.#missing],
      ...(this.#declined === undefined ? {} : { declined: this.#declined }),
      ...(this.#harnessFault === undefined ? {} : { harnessFault: this.#harnessFault }),
      ...(this.#unanswered === undefined ? {} : { unanswered: this.#unanswered }),
      ...(this.#frontFailure === undefined ? {} : { frontFailure: this.#frontFailure }),
      saturated: this.#saturated,
      ...(this.#crowded === undefined ? {} : { crowded: this.#crowded }),
      concluded: this.#concluded,
    };
  }
}
