import { z } from "zod";
import { resultSchema, verdicts, type JudgedRole, type RunResult, type ScenarioResult, type Verdict } from "../harness/index.js";
import { metPeerSchema, peerRowsOf, type MetPeer } from "./peers.js";

/** Name and version of the format of `matrix.json`; it grows by optional members only, anything else is a new number. */
export const matrixFormat = "muster-matrix/1";

const judgedRoles = ["lwm2m-server", "bootstrap-server", "device"] as const satisfies readonly JudgedRole[];

const cellScenario = z.strictObject({
  id: z.string(),
  name: z.string(),
  verdict: z.enum(verdicts),
  reason: z.string(),
  rules: z.array(z.string()),
  /** As the run's list of known deviations has it. */
  deviation: z.strictObject({ as: z.enum(["known", "surprise"]), clause: z.string(), expected: z.string().optional(), reproduced: z.string().optional() }).optional(),
  /** Folder of its trace and capture, relative to the run's. */
  evidence: z.string().optional(),
});
export type CellScenario = z.output<typeof cellScenario>;

const cellSchema = z.strictObject({
  counts: z.partialRecord(z.enum(verdicts), z.number().int().positive()),
  /** Deviations that were known, out of the verdicts counted. */
  known: z.number().int().nonnegative(),
  scenarios: z.array(cellScenario),
});
export type Cell = z.output<typeof cellSchema>;

const rowSchema = z.strictObject({
  /** The role that was judged. */
  role: z.enum(judgedRoles),
  /** Who played it. */
  implementation: z.string(),
  /** What the calls that steer it were tried against, where that was not the system itself. */
  verifiedAgainst: z.string().optional(),
  /** Who played the other roles, by role. */
  beside: z.record(z.string(), z.string()),
  run: z.strictObject({
    /** Relative to the matrix; empty for the matrix of one run, which lies in its folder. */
    folder: z.string(),
    target: z.string(),
    security: resultSchema.shape.security,
    devicesOn: z.string(),
    timing: z.string(),
    seed: z.string(),
    muster: z.string(),
    startedAt: z.string(),
    complete: z.boolean(),
    /** Rules that references were told to break. */
    plants: z.array(z.string()),
  }),
  cells: z.record(z.string(), cellSchema),
});
export type Row = z.output<typeof rowSchema>;

export const matrixSchema = z.strictObject({
  schema: z.literal(matrixFormat),
  /** Names of the columns: folders of features, in their order. */
  areas: z.array(z.string()),
  rows: z.array(rowSchema),
  /** Implementations of what is below LwM2M. */
  peers: z.array(metPeerSchema).optional(),
});
export type Matrix = z.output<typeof matrixSchema>;

export interface MatrixRun {
  readonly result: RunResult;
  /** As links of the matrix have it. */
  readonly folder: string;
}

/** `features/security/psk.feature` belongs to `security`; a feature that lies nowhere, to itself. */
const areaOf = ({ uri }: ScenarioResult): string => /(?:^|\/)features\/([^/]+)\//.exec(uri)?.[1] ?? uri.replace(/^.*\//, "").replace(/\.feature$/, "");

const usualOrder = ["bootstrap", "registration", "management", "reporting", "security", "server-management", "load"];
const byUsualOrder = (a: string, b: string): number => {
  const [first, second] = [usualOrder.indexOf(a), usualOrder.indexOf(b)];
  if (first < 0 && second < 0) return a < b ? -1 : 1;
  return first < 0 ? 1 : second < 0 ? -1 : first - second;
};

/** The role of a run that was judged. Scenarios about a LwM2M Server are about server A, unless only B is somebody else's. */
function judgedAs(result: RunResult, role: JudgedRole): string {
  if (role !== "lwm2m-server") return role;
  return result.roles["server-a"] === "reference" && (result.roles["server-b"] ?? "reference") !== "reference" ? "server-b" : "server-a";
}

/** Who played a role. */
function playedBy(result: RunResult, role: JudgedRole): string {
  const name = judgedAs(result, role);
  return result.implementations?.[name] ?? (name === "device" ? result.devicesOn : (result.roles[name] ?? "not stated"));
}

function cellOf(scenarios: readonly ScenarioResult[]): Cell {
  const counts: Partial<Record<Verdict, number>> = {};
  for (const { verdict } of scenarios) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return {
    counts,
    known: scenarios.filter(({ deviation }) => deviation?.as === "known").length,
    scenarios: scenarios.map(({ id, name, verdict, reason, rules, deviation, evidence }) => ({ id, name, verdict, reason, rules, ...(deviation === undefined ? {} : { deviation }), ...(evidence === undefined ? {} : { evidence }) })),
  };
}

function rowOf({ result, folder }: MatrixRun, role: JudgedRole, scenarios: readonly ScenarioResult[]): Row {
  const byArea = new Map<string, ScenarioResult[]>();
  for (const scenario of scenarios) byArea.set(areaOf(scenario), [...(byArea.get(areaOf(scenario)) ?? []), scenario]);
  const verifiedAgainst = result.verifiedAgainst?.[judgedAs(result, role)];
  return {
    role,
    implementation: playedBy(result, role),
    ...(verifiedAgainst === undefined ? {} : { verifiedAgainst }),
    beside: Object.fromEntries(judgedRoles.filter((other) => other !== role).map((other) => [other, playedBy(result, other)])),
    run: {
      folder,
      target: result.target,
      ...(result.security === undefined ? {} : { security: result.security }),
      devicesOn: result.devicesOn,
      timing: result.timing,
      seed: result.seed,
      muster: result.muster,
      startedAt: result.startedAt,
      complete: !result.interrupted && result.error === undefined,
      plants: result.plants,
    },
    cells: Object.fromEntries([...byArea].sort(([a], [b]) => byUsualOrder(a, b)).map(([area, inArea]) => [area, cellOf(inArea)])),
  };
}

/**
 * The verdicts of runs, role by role and implementation by implementation: a row for each role that a run judged, a column for each area. Nothing of one
 * run replaces anything of another. Peers that were met in CoAP and DTLS stand beside them.
 */
export function matrixOf(runs: readonly MatrixRun[], peers: readonly MetPeer[] = []): Matrix {
  const rows = runs.flatMap((run) =>
    judgedRoles.flatMap((role) => {
      const scenarios = run.result.scenarios.filter(({ judges }) => judges === role);
      return scenarios.length === 0 ? [] : [rowOf(run, role, scenarios)];
    }),
  );
  const key = ({ role, implementation, run }: Row): string => [judgedRoles.indexOf(role), implementation, run.startedAt, run.folder].join("\n");
  return {
    schema: matrixFormat,
    areas: [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))].sort(byUsualOrder),
    rows: rows.sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    ...(peers.length === 0 ? {} : { peers: peerRowsOf(peers) }),
  };
}
