import { ruleNamed, verdicts, type FleetResult, type RunResult, type ScenarioResult, type Verdict } from "../harness/index.js";

export interface SummaryOptions {
  readonly colour: boolean;
  /** Width of the terminal. */
  readonly columns: number;
  /** Path of the HTML report. */
  readonly report: string;
}

const colours: Readonly<Record<Verdict, number>> = { pass: 32, fail: 31, error: 31, inconclusive: 33, incomplete: 33, unsupported: 2, "not-applicable": 2 };

const painter =
  (colour: boolean) =>
  (code: number, text: string): string =>
    colour ? `\u001B[${code}m${text}\u001B[0m` : text;

/** Milliseconds as a person reads them. */
export const duration = (ms: number): string => (ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 100 ? `${Math.round(ms)} ms` : `${Math.round(ms * 10) / 10} ms`);

function secondOpinion({ secondOpinion: opinion }: ScenarioResult): string[] {
  if (opinion === undefined) return [];
  const told = { agrees: "agree", disagrees: `disagree: ${opinion.verdict ?? ""}, ${opinion.reason}`, none: `cannot be asked: ${opinion.reason}` };
  return [`  second       devices on ${opinion.devicesOn} ${told[opinion.as]}`];
}

/** Requirement, expected, actual and the lines of evidence of one scenario that is not right. */
function unsettled(scenario: ScenarioResult, paint: (code: number, text: string) => string, folder: string): string[] {
  const { decisive } = scenario;
  const requirement = ruleNamed(decisive?.rule ?? scenario.rules[0] ?? "");
  const lines = [`${paint(colours[scenario.verdict], scenario.verdict)}  ${scenario.name}  ${paint(2, `${scenario.uri}:${scenario.line}`)}`];
  if (requirement !== undefined) lines.push(`  requirement  ${requirement.requirement} [${decisive?.rule ?? scenario.rules[0] ?? ""}; ${requirement.clause}]`);
  if (decisive === undefined) lines.push(`  reason       ${scenario.reason}`);
  else {
    lines.push(`  checked      ${decisive.text}`, `  expected     ${decisive.expected}`, `  actual       ${decisive.actual}`);
    if (scenario.verdict !== "fail") lines.push(`  reason       ${scenario.reason}`);
    for (const ref of decisive.evidence) lines.push(`  evidence     ${ref.role} at ${ref.at} ns: ${ref.line}`);
  }
  lines.push(...secondOpinion(scenario));
  if (scenario.evidence !== undefined) lines.push(`  trace        ${folder}/${scenario.evidence}/trace.ndjson`);
  return lines;
}

function table(rows: readonly (readonly string[])[], paintCell: (text: string, row: number, column: number) => string): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row, index) => row.map((cell, column) => paintCell(column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0), index, column)).join("  ").trimEnd());
}

/** Verdicts by requirement; columns without any verdict are left out. */
function byRequirement(result: RunResult, paint: (code: number, text: string) => string): string[] {
  const used = verdicts.filter((verdict) => result.verdicts[verdict] > 0);
  const names = Object.keys(result.requirements).sort();
  const rows = [["requirement", ...used], ...names.map((name) => [name, ...used.map((verdict) => String(result.requirements[name]?.[verdict] ?? ""))]), ["scenarios", ...used.map((verdict) => String(result.verdicts[verdict]))]];
  return table(rows, (text, row, column) => {
    const verdict = used[column - 1];
    if (row === 0) return paint(1, text);
    return verdict === undefined || text.trim() === "" ? text : paint(colours[verdict], text);
  });
}

function latencies(result: RunResult, paint: (code: number, text: string) => string): string[] {
  const rows = Object.entries(result.fleet?.latency ?? {}).map(([operation, { count, p50, p95, p99, max }]) => [operation, String(count), duration(p50), duration(p95), duration(p99), duration(max)]);
  if (rows.length === 0) return [];
  return ["", ...table([["latency", "count", "p50", "p95", "p99", "max"], ...rows], (text, row) => (row === 0 ? paint(1, text) : text))];
}

/** Of a fleet that shook hands: how often, and whether that was a storm. */
export function handshakes({ counters }: FleetResult): { readonly counted: string; readonly storm: string | undefined } | undefined {
  const { handshakes: full = 0, handshakesResumed = 0, handshakesRefused = 0, handshakesUnanswered = 0, handshakeStorms = 0 } = counters;
  if (full + handshakesResumed + handshakesRefused + handshakesUnanswered === 0) return undefined;
  return {
    counted: `${full} full, ${handshakesResumed} resumed, ${handshakesRefused} refused, ${handshakesUnanswered} unanswered, ${handshakeStorms === 0 ? "no" : handshakeStorms} storm${handshakeStorms === 1 ? "" : "s"}`,
    storm: handshakeStorms === 0 ? undefined : `STORM: ${handshakeStorms === 1 ? "once" : `${handshakeStorms} times`} a device began more DTLS handshakes in a while than its timing takes for usual.`,
  };
}

function handshakeLines(result: RunResult, paint: (code: number, text: string) => string): string[] {
  const told = result.fleet === undefined ? undefined : handshakes(result.fleet);
  if (told === undefined) return [];
  return [`handshakes of the fleet: ${told.counted}`, ...(told.storm === undefined ? [] : [paint(33, told.storm)])];
}

function generator(result: RunResult): string[] {
  const fleet = result.fleet;
  if (fleet === undefined) return [];
  const { saturated, loopLagP99Ms, socketDrops, shards } = fleet.generator;
  const drops = socketDrops === null ? "unknown" : String(socketDrops);
  const reference = Object.entries(fleet.referenceDrops).map(([role, dropped]) => `${role} ${dropped ?? "unknown"}`);
  return [
    `generator ${saturated ? "SATURATED at times: verdicts that rest on timing meanwhile are inconclusive" : "healthy"}: ${shards} shards, loop lag p99 ${duration(loopLagP99Ms)}, datagrams dropped at its sockets ${drops}`,
    ...limit(result),
    ...(reference.length === 0 ? [] : [`datagrams dropped at the roles' sockets: ${reference.join(", ")}`]),
  ];
}

const sides = { none: "nobody", generator: "the generator", roles: "a role", machine: "the machine" } as const;

/** Which side was the limit of the load, in a line; none where there was no load. */
export const limit = ({ fleet }: RunResult): string[] => (fleet?.limit === undefined ? [] : [`limit ${sides[fleet.limit.side]}: ${fleet.limit.reason}`]);

/** Losses that were asked for, in a line; none where none were. */
export const losses = ({ loss }: RunResult): string[] => (loss === undefined ? [] : [`datagrams of the devices lost on purpose (--loss ${percent(loss.share)}): ${loss.datagrams}`]);

const percent = (share: number): string => `${Number((share * 100).toFixed(3))}%`;

/** What a reader of the evidence must know about secrets; printed in red. */
export function warnings({ cleartextSecrets, keyLog }: RunResult): string[] {
  return [
    ...(cleartextSecrets === undefined ? [] : [`Device keys travelled in the clear: ${cleartextSecrets.join(", ")} ${cleartextSecrets.length === 1 ? "was" : "were"} told so (secretTransport: cleartext). For a laboratory only.`]),
    ...(keyLog === undefined ? [] : ["The secrets of the devices' DTLS sessions are among the evidence (--key-log): whoever has it can read what they said."]),
  ];
}

/** Where the calls that steer a role were tried against an imitation only: a verdict may then be about the calls. */
export const provisos = ({ verifiedAgainst = {} }: RunResult): string[] => Object.entries(verifiedAgainst).map(([role, what]) => `The calls that steer ${role} are verified against ${what}, not against the system itself.`);

/** The end of a run in a terminal: what went wrong first, then verdicts by requirement, latencies and where the report is. */
export function summary(result: RunResult, options: SummaryOptions): string {
  const paint = painter(options.colour);
  const folder = options.report.replace(/\/[^/]*$/, "");
  const rank: readonly Verdict[] = ["fail", "error", "inconclusive", "incomplete"];
  const wrong = rank.flatMap((verdict) => result.scenarios.filter((scenario) => scenario.verdict === verdict && scenario.deviation?.as !== "known"));
  const known = result.scenarios.filter((scenario) => scenario.deviation?.as === "known");
  const surprises = result.scenarios.filter((scenario) => scenario.deviation?.as === "surprise");
  const checks = result.scenarios.reduce((sum, scenario) => sum + scenario.checks, 0);
  const plants = result.plants.length === 0 ? "" : `, planted faults ${result.plants.join(", ")}`;
  return [
    "",
    ...wrong.flatMap((scenario) => [...unsettled(scenario, paint, folder), ""]),
    ...surprises.flatMap(({ name, verdict, deviation }) => [paint(33, `surprise  ${name}`), `  ${verdict}, where the known deviations have ${deviation?.expected ?? "something else"} (${deviation?.clause ?? ""})`, ""]),
    ...byRequirement(result, paint),
    ...(known.length === 0 ? [] : [`${known.length} of them known deviations: ${known.map(({ name, deviation }) => `${name} (${[deviation?.clause, deviation?.reproduced].filter((part) => part !== undefined).join("; ")})`).join("; ")}`]),
    ...latencies(result, paint),
    "",
    ...handshakeLines(result, paint),
    ...generator(result),
    ...losses(result),
    ...(result.error === undefined ? [] : [paint(31, `${result.errorOf === "target" ? "the target" : "error of muster"}: ${result.error}`)]),
    ...warnings(result).map((text) => paint(31, text)),
    ...provisos(result).map((text) => paint(2, text)),
    ...(result.interrupted ? [paint(33, "interrupted: the result is incomplete")] : []),
    `${checks} checks in ${duration(result.durationMs)}, target ${result.target}${result.security === undefined ? "" : `, security ${result.security}`}, timing ${result.timing}, seed ${result.seed}${plants}`,
    `report ${options.report}`,
  ].join("\n");
}
