import { z } from "zod";
import { securityModes } from "./actors/types.js";
import { deviationOf, type KnownDeviation } from "./targets/deviations.js";
import { errorOwners, exitCodeOf, verdictOf, verdicts, type ErrorOf, type ScenarioRecord, type Verdict } from "./verdict.js";

/** Name and version of the format of `result.json`; it grows by optional members only, anything else is a new number. */
export const resultFormat = "muster-result/1";

const count = z.number().int().nonnegative();
const eventRef = z.strictObject({ role: z.string(), at: z.string(), line: z.string() });
const checkSchema = z.strictObject({
  rule: z.string(),
  about: z.enum(["bootstrap-server", "lwm2m-server", "device"]),
  text: z.string(),
  expected: z.string(),
  actual: z.string(),
  outcome: z.enum(["pass", "fail", "undecided"]),
  at: z.string(),
  timing: z.boolean(),
  evidence: z.array(eventRef),
});
const stepSchema = z.strictObject({
  keyword: z.enum(["given", "when", "then"]),
  text: z.string(),
  status: z.enum(["passed", "failed", "pending", "skipped", "undefined"]),
  startedAt: z.string(),
  endedAt: z.string(),
  message: z.string().optional(),
});

export const scenarioResultSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  feature: z.string(),
  uri: z.string(),
  line: count,
  tags: z.array(z.string()),
  requirements: z.array(z.string()),
  judges: z.enum(["bootstrap-server", "lwm2m-server", "device"]),
  level: z.enum(["must", "should", "profile", "info"]),
  rules: z.array(z.string()),
  verdict: z.enum(verdicts),
  reason: z.string(),
  /** Passed checks of the rules it names: what a pass rests on. */
  checks: count,
  /** The check that decided a fail. */
  decisive: checkSchema.optional(),
  allChecks: z.array(checkSchema),
  steps: z.array(stepSchema),
  faults: z.array(z.strictObject({ id: z.string(), role: z.string(), operation: z.string(), action: z.string(), fired: count })),
  missing: z.array(z.string()),
  /** ISO 8601. */
  startedAt: z.string(),
  durationMs: z.number().nonnegative(),
  /** What the target's list of known deviations makes of the verdict. */
  deviation: z.strictObject({ as: z.enum(["known", "surprise"]), clause: z.string(), expected: z.string().optional(), reproduced: z.string().optional() }).optional(),
  /** What devices of another client stack came to, where the verdict was fail or inconclusive. */
  secondOpinion: z
    .strictObject({
      as: z.enum(["agrees", "disagrees", "none"]),
      devicesOn: z.string(),
      /** Of its run, relative to this one's. */
      folder: z.string(),
      reason: z.string(),
      verdict: z.enum(verdicts).optional(),
      /** Its id there. */
      scenario: z.string().optional(),
      evidence: z.string().optional(),
      difference: z.strictObject({ device: z.string(), after: count, first: z.string(), second: z.string() }).optional(),
    })
    .optional(),
  /** Folder of its trace and capture, relative to the run's. */
  evidence: z.string().optional(),
  /** Endpoint names of its devices. */
  endpoints: z.array(z.string()),
  /** What could not be tidied up. */
  leftovers: z.array(z.string()),
});
export type ScenarioResult = z.output<typeof scenarioResultSchema>;

const percentilesSchema = z.strictObject({ count, mean: z.number(), p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number(), p999: z.number(), max: z.number() });

const fleetSchema = z.strictObject({
  counters: z.record(z.string(), z.number()),
  states: z.record(z.string(), z.number()),
  /** Milliseconds, by operation. */
  latency: z.record(z.string(), percentilesSchema),
  /** How many took up to that many milliseconds and more than the bin before, by operation. */
  distribution: z.record(z.string(), z.array(z.strictObject({ upToMs: z.number(), count }))),
  generator: z.strictObject({
    saturated: z.boolean(),
    loopLagP99Ms: z.number(),
    socketDrops: z.number().nullable(),
    receiveBuffer: z.number().nullable(),
    shards: count,
  }),
  /** Datagrams the kernel dropped at each reference's socket; null where it cannot be known. */
  referenceDrops: z.record(z.string(), z.number().nullable()),
  /** Which side held the load back, as far as the run's own figures tell. */
  limit: z.strictObject({ side: z.enum(["none", "generator", "roles", "machine"]), reason: z.string() }).optional(),
  /** One per second: counters since the start, and the interval's percentiles. */
  series: z.array(
    z.strictObject({
      second: z.number(),
      bootstrapped: count,
      registered: count,
      failed: count,
      updates: count,
      p99: z.record(z.string(), z.number()),
    }),
  ),
});
export type FleetResult = z.output<typeof fleetSchema>;

export const resultSchema = z.strictObject({
  schema: z.literal(resultFormat),
  /** Version of this program. */
  muster: z.string(),
  seed: z.string(),
  /** Size of the fleet in load scenarios. */
  devices: count,
  /** Whose devices they are: `muster`, or another client stack. */
  devicesOn: z.string(),
  target: z.string(),
  /** What devices spoke with their servers where a scenario did not say: DTLS with pre-shared keys, or nothing. */
  security: z.enum(securityModes).optional(),
  /** The secrets of the devices' DTLS sessions are among the evidence: `keys.log`, and in each capture. */
  keyLog: z.literal(true).optional(),
  /** The devices' datagrams that were lost on purpose: the share asked for, 0 to 1, and how many it came to. */
  loss: z.strictObject({ share: z.number(), datagrams: count }).optional(),
  /** Roles between which device keys travelled in the clear: for laboratories only. */
  cleartextSecrets: z.array(z.string()).optional(),
  /** Per role: `reference`, or the URI of what was running already. */
  roles: z.record(z.string(), z.string()),
  /** What each role was played by, in words for people: `Leshan 2.0.0-M18`. Beside the roles, `device`. */
  implementations: z.record(z.string(), z.string()).optional(),
  /** Per role: what the calls that steer it were tried against, where that was not the system itself. */
  verifiedAgainst: z.record(z.string(), z.string()).optional(),
  /** Profile of the times, `lab+` when numbers were changed: every verdict about "in time" rests on it. */
  timing: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  durationMs: z.number().nonnegative(),
  /** The run was stopped from outside, and says nothing as a whole. */
  interrupted: z.boolean(),
  /** Why the run broke off, outside any scenario. */
  error: z.string().optional(),
  /** Whose fault that was: our own, or that of a system of the target that cannot be had. */
  errorOf: z.enum(errorOwners).optional(),
  exitCode: z.number().int(),
  verdicts: z.record(z.enum(verdicts), count),
  /** By requirement: how many scenarios of each verdict. */
  requirements: z.record(z.string(), z.partialRecord(z.enum(verdicts), count)),
  scenarios: z.array(scenarioResultSchema),
  fleet: fleetSchema.optional(),
  environment: z.strictObject({ node: z.string(), platform: z.string(), cpus: count }),
  /** Rules the references were told to break. */
  plants: z.array(z.string()),
});
export type RunResult = z.output<typeof resultSchema>;

/** What a finished (or abandoned) scenario leaves. */
export interface ScenarioOutcome {
  readonly record: ScenarioRecord;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly evidence?: string;
  readonly endpoints: readonly string[];
  readonly leftovers: readonly string[];
}

export function scenarioResult(outcome: ScenarioOutcome, known: readonly KnownDeviation[] = []): ScenarioResult {
  const { record } = outcome;
  const judged = verdictOf(record);
  const deviation = deviationOf({ id: record.id, verdict: judged.verdict, reason: judged.reason }, known);
  return {
    id: record.id,
    name: record.name,
    feature: record.feature,
    uri: record.uri,
    line: record.line,
    tags: [...record.tags],
    requirements: [...record.requirements],
    judges: record.judges,
    level: record.level,
    rules: [...record.rules],
    verdict: judged.verdict,
    reason: judged.reason,
    checks: judged.checks,
    ...(judged.decisive === undefined ? {} : { decisive: { ...judged.decisive, evidence: [...judged.decisive.evidence] } }),
    allChecks: record.checks.map((check) => ({ ...check, evidence: [...check.evidence] })),
    steps: record.steps.map((step) => ({ ...step })),
    faults: record.faults.map((fault) => ({ ...fault })),
    missing: [...record.missing],
    startedAt: outcome.startedAt,
    durationMs: outcome.durationMs,
    ...(deviation === undefined ? {} : { deviation: { ...deviation } }),
    ...(outcome.evidence === undefined ? {} : { evidence: outcome.evidence }),
    endpoints: [...outcome.endpoints],
    leftovers: [...outcome.leftovers],
  };
}

const noVerdicts = (): Record<Verdict, number> => ({ pass: 0, fail: 0, inconclusive: 0, unsupported: 0, "not-applicable": 0, error: 0, incomplete: 0 });

/** The members of a result that follow from its scenarios. */
export function tally(scenarios: readonly ScenarioResult[], run: { readonly interrupted: boolean; readonly error?: string | undefined; readonly errorOf?: ErrorOf | undefined }): Pick<RunResult, "verdicts" | "requirements" | "exitCode"> {
  const total = noVerdicts();
  const requirements: Record<string, Partial<Record<Verdict, number>>> = {};
  for (const scenario of scenarios) {
    total[scenario.verdict]++;
    for (const requirement of scenario.requirements) {
      const row = (requirements[requirement] ??= {});
      row[scenario.verdict] = (row[scenario.verdict] ?? 0) + 1;
    }
  }
  return { verdicts: total, requirements, exitCode: exitCodeOf(scenarios, run) };
}
