/** Who a scenario judges. A verdict about a role rests on what the other roles saw on the wire. */
export type JudgedRole = "bootstrap-server" | "lwm2m-server" | "device";

/** How binding the rule is; `profile` is a rule of our own Server Management profile, `info` never fails a run. */
export type Level = "must" | "should" | "profile" | "info";

export const verdicts = ["pass", "fail", "inconclusive", "unsupported", "not-applicable", "error", "incomplete"] as const;
export type Verdict = (typeof verdicts)[number];

/** One event of a role's trace: enough to find its line in `trace.ndjson`. */
export interface EventRef {
  readonly role: string;
  /** Nanoseconds, as in the event. */
  readonly at: string;
  /** What was seen, in one line. */
  readonly line: string;
}

export interface Check {
  /** Name in the rule catalogue, `ORD-1`. */
  readonly rule: string;
  readonly about: JudgedRole;
  /** What was looked at, as a sentence: `operator B sees ab-1-c1 registered`. */
  readonly text: string;
  readonly expected: string;
  readonly actual: string;
  readonly outcome: "pass" | "fail" | "undecided";
  /** Nanoseconds (`Clock.hrtime()`, decimal) of the event that decided, or of the end of the wait. */
  readonly at: string;
  /** True when the outcome hangs on how long something took: worthless once the generator is saturated. */
  readonly timing: boolean;
  readonly evidence: readonly EventRef[];
}

export interface StepRecord {
  readonly keyword: "given" | "when" | "then";
  readonly text: string;
  /** As Cucumber has it. */
  readonly status: "passed" | "failed" | "pending" | "skipped" | "undefined";
  readonly startedAt: string;
  readonly endedAt: string;
  readonly message?: string;
}

export interface FaultRecord {
  readonly id: string;
  readonly role: string;
  readonly operation: string;
  readonly action: string;
  /** How often it was seen to fire, read back before it was cleared. */
  readonly fired: number;
}

/** Why nothing was tried: the target says so itself (`unsupported`), or its capabilities make the case meaningless (`not-applicable`). */
export interface Declined {
  readonly as: "unsupported" | "not-applicable";
  readonly reason: string;
  /** True when the refusal came only after the scenario had acted: then it says nothing. */
  readonly afterActing: boolean;
}

/** Everything a verdict may rest on. Built while the scenario runs, never changed afterwards. */
export interface ScenarioRecord {
  /** Stable: feature path and scenario name, never a position. */
  readonly id: string;
  readonly name: string;
  readonly feature: string;
  readonly uri: string;
  readonly line: number;
  readonly tags: readonly string[];
  readonly requirements: readonly string[];
  readonly judges: JudgedRole;
  readonly level: Level;
  /** The rules this scenario speaks about; a broken rule outside this list is a missing precondition. */
  readonly rules: readonly string[];
  readonly steps: readonly StepRecord[];
  readonly checks: readonly Check[];
  readonly faults: readonly FaultRecord[];
  /** Preconditions (Given) that did not come about, in the order they were missed. */
  readonly missing: readonly string[];
  readonly declined?: Declined;
  /** An exception of ours, or a worker that died. */
  readonly harnessFault?: string;
  /** A role that is not ours gave no answer at all: it may have ended. What it did before, and why, is not known. */
  readonly unanswered?: string;
  /** Something that a front of ours could not pass on to the system behind it: what went wrong after it may be its consequence. */
  readonly frontFailure?: string;
  /** The fleet's sockets lost datagrams for good, or a shard lagged, while the scenario ran. */
  readonly saturated: boolean;
  /** The machine had no processor time left while the scenario ran, in words: what then comes too late is nobody's in particular. */
  readonly crowded?: string;
  /** Set last, after the evidence was collected. */
  readonly concluded: boolean;
}

export interface VerdictWithReason {
  readonly verdict: Verdict;
  /** One sentence; for a pass the number of checks it rests on. */
  readonly reason: string;
  /** Passed checks of the named rules. */
  readonly checks: number;
  /** The check that decided a fail or an inconclusive one. */
  readonly decisive?: Check;
}

const earliest = (checks: readonly Check[]): Check | undefined =>
  checks.reduce<Check | undefined>((first, check) => (first === undefined || BigInt(check.at) < BigInt(first.at) ? check : first), undefined);

const counted = (many: number): string => (many === 1 ? "1 check" : `${many} checks`);

/**
 * The verdict, from the record alone. Only `pass` and `fail` speak about the system under test. Of several failed checks the first in time decides:
 * what broke later may be its consequence.
 */
export function verdictOf(record: ScenarioRecord): VerdictWithReason {
  const named = (check: Check): boolean => check.about === record.judges && record.rules.includes(check.rule);
  const passed = record.checks.filter((check) => check.outcome === "pass" && named(check));
  const give = (verdict: Verdict, reason: string, decisive?: Check): VerdictWithReason => ({
    verdict,
    reason,
    checks: passed.length,
    ...(decisive === undefined ? {} : { decisive }),
  });

  if (!record.concluded) return give("incomplete", "the scenario did not come to its end");
  if (record.harnessFault !== undefined) return give("error", record.harnessFault);
  if (record.unanswered !== undefined) return give("inconclusive", `precondition missing: ${record.unanswered}`);
  if (record.declined !== undefined) {
    if (record.declined.afterActing) return give("inconclusive", `refused after the scenario had begun: ${record.declined.reason}`);
    return give(record.declined.as, record.declined.reason);
  }

  const idle = record.faults.find((fault) => fault.fired === 0);
  if (idle !== undefined) return give("inconclusive", `the fault "${idle.action}" on ${idle.operation} (${idle.role}) was set and never fired`);

  const broken = record.missing.length > 0 || record.checks.some((check) => check.outcome === "fail");
  if (broken && record.frontFailure !== undefined) return give("inconclusive", `precondition missing: ${record.frontFailure}`);

  const failed = earliest(record.checks.filter((check) => check.outcome === "fail"));
  if (failed !== undefined) {
    const what = `${failed.text}: expected ${failed.expected}, actual ${failed.actual}`;
    if (!named(failed)) return give("inconclusive", `precondition missing: ${failed.rule} (${what})`, failed);
    if (failed.timing && record.saturated) return give("inconclusive", `generator saturated: ${what}`, failed);
    if (failed.timing && record.crowded !== undefined) return give("inconclusive", `${record.crowded}: ${what}`, failed);
    return give("fail", `${failed.rule}: ${what}`, failed);
  }

  const missing = record.missing[0];
  if (missing !== undefined) return give("inconclusive", `precondition missing: ${missing}`);

  const undecided = earliest(record.checks.filter((check) => check.outcome === "undecided"));
  if (undecided !== undefined) return give("inconclusive", `evidence cannot decide: ${undecided.text}: ${undecided.actual}`, undecided);

  const unfinished = record.steps.find((step) => step.status !== "passed");
  if (unfinished !== undefined) return give("inconclusive", `step did not pass: ${unfinished.text}`);

  if (record.saturated && passed.some((check) => check.timing)) return give("inconclusive", "generator saturated: a check that passed rests on timing");
  if (passed.length === 0) return give("inconclusive", `nothing was checked of ${record.rules.join(", ") || "any rule"}`);
  return give("pass", counted(passed.length));
}

export const ExitCode = {
  /** Every verdict is pass, not-applicable or declared unsupported, and each requirement asked for has a pass. */
  Ok: 0,
  Fail: 1,
  Usage: 2,
  /** Inconclusive, saturated or incomplete. */
  Inconclusive: 3,
  /** Our own error. */
  Error: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export interface JudgedScenario {
  readonly verdict: Verdict;
  readonly level: Level;
  readonly requirements: readonly string[];
  /** What a list of known deviations says of it. */
  readonly deviation?: { readonly as: "known" | "surprise" } | undefined;
}

/** `interrupted`: the run was stopped from outside, so that even a fail in it is an incomplete statement. */
/** Whose fault it is that a run broke off. */
export const errorOwners = ["muster", "target"] as const;
export type ErrorOf = (typeof errorOwners)[number];

export function exitCodeOf(scenarios: readonly JudgedScenario[], run: { readonly interrupted: boolean; readonly error?: string | undefined; readonly errorOf?: ErrorOf | undefined }): ExitCode {
  // A known deviation is what was to be expected; where it did not come, something has changed.
  const binding = scenarios.filter((scenario) => scenario.level !== "info" && scenario.deviation?.as !== "known");
  const has = (verdict: Verdict): boolean => binding.some((scenario) => scenario.verdict === verdict);
  if (run.interrupted) return ExitCode.Inconclusive;
  if (has("fail") || scenarios.some((scenario) => scenario.deviation?.as === "surprise")) return ExitCode.Fail;
  if (has("error") || (run.error !== undefined && run.errorOf !== "target")) return ExitCode.Error;
  if (run.error !== undefined) return ExitCode.Inconclusive;
  if (scenarios.length === 0 || has("inconclusive") || has("incomplete")) return ExitCode.Inconclusive;
  const asked = new Set(binding.flatMap((scenario) => scenario.requirements));
  const covered = new Set(binding.filter((scenario) => scenario.verdict === "pass").flatMap((scenario) => scenario.requirements));
  return [...asked].every((requirement) => covered.has(requirement)) ? ExitCode.Ok : ExitCode.Inconclusive;
}
