import { ruleNamed, type ScenarioResult } from "../harness/index.js";
import { escaped } from "./escape.js";
import { duration } from "./terminal.js";
import type { Timeline, TimelineRow } from "./timeline.js";

/** Longest datagram or body shown on a click; the whole of it is in the trace. */
const longestDetail = 4_000;

function message(row: TimelineRow, participants: readonly string[]): string {
  const from = participants.indexOf(row.from);
  const to = participants.indexOf(row.to);
  const [left, right] = from < to ? [from, to] : [to, from];
  const empty = (count: number): string => "<td></td>".repeat(count);
  const detail = row.detail === "" ? "" : ` data-detail="${escaped(row.detail.slice(0, longestDetail))}" title="click for the content"`;
  const inside = row.kind === "state" ? `<span class="state">${escaped(row.text)}</span>` : `<span class="msg ${row.kind} ${from < to ? "right" : "left"}"${detail}>${escaped(row.text)}</span>`;
  const step = row.step === undefined ? "" : `<span title="during step ${row.step}"> ·${row.step}</span>`;
  return `<tr${row.cited ? ' class="cited"' : ""}><td class="time mono">${row.ms.toFixed(1)}${step}</td>${empty(left)}<td colspan="${right - left + 1}">${inside}</td>${empty(participants.length - right - 1)}</tr>`;
}

/** The events of a scenario as a sequence diagram. */
export function sequence(timeline: Timeline): string {
  if (timeline.rows.length === 0) return "";
  const head = timeline.participants.map((name) => `<th>${escaped(name)}</th>`).join("");
  const omitted = timeline.omitted === 0 ? "" : `<p class="dim">${timeline.omitted} lines are left out here (repeated reads, or too many); all are in the trace.</p>`;
  return `<div class="sequence"><table><thead><tr><th class="time">ms · step</th>${head}</tr></thead><tbody>${timeline.rows.map((row) => message(row, timeline.participants)).join("")}</tbody></table></div>${omitted}`;
}

function decisive(scenario: ScenarioResult): string {
  const check = scenario.decisive;
  const rule = ruleNamed(check?.rule ?? scenario.rules[0] ?? "");
  if (scenario.verdict === "pass") return "";
  const rows: [string, string][] = [];
  if (rule !== undefined) rows.push(["requirement", `${rule.requirement} (${check?.rule ?? scenario.rules[0] ?? ""}; ${rule.clause})`]);
  if (check !== undefined) rows.push(["checked", check.text], ["expected", check.expected], ["actual", check.actual]);
  if (check === undefined || scenario.verdict !== "fail") rows.push(["reason", scenario.reason]);
  return `<div class="decisive${scenario.verdict === "fail" || scenario.verdict === "error" ? "" : " soft"}"><dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`).join("")}</dl></div>`;
}

function steps(scenario: ScenarioResult): string {
  const words = { given: "Given", when: "When", then: "Then" } as const;
  const classes = { passed: "pass", failed: "fail", pending: "inconclusive", skipped: "unsupported", undefined: "error" } as const;
  return `<ol class="steps">${scenario.steps
    .map((step) => {
      const took = Number(BigInt(step.endedAt) - BigInt(step.startedAt)) / 1e6;
      return `<li><span class="k">${words[step.keyword]}</span><span class="t">${escaped(step.text)}</span><span class="dim">${duration(took)}</span><span class="v ${classes[step.status]}">${step.status}</span></li>`;
    })
    .join("")}</ol>`;
}

function checks(scenario: ScenarioResult): string {
  if (scenario.allChecks.length === 0) return "";
  const rows = scenario.allChecks.map(
    (check) =>
      `<tr><td class="v ${{ pass: "pass", fail: "fail", undecided: "inconclusive" }[check.outcome]}">${check.outcome}</td><td><code>${escaped(check.rule)}</code></td><td>${escaped(check.text)}${check.timing ? ' <span class="tag">timing</span>' : ""}</td><td>${escaped(check.expected)}</td><td>${escaped(check.actual)}</td></tr>`,
  );
  return `<h3>Checks</h3><table><thead><tr><th></th><th>rule</th><th>what</th><th>expected</th><th>actual</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function faults(scenario: ScenarioResult): string {
  if (scenario.faults.length === 0) return "";
  return `<p>${scenario.faults.map((fault) => `<span class="tag">${escaped(`${fault.role} ${fault.action} ${fault.operation}: fired ${fault.fired} ${fault.fired === 1 ? "time" : "times"}`)}</span>`).join("")}</p>`;
}

const opinions = { agrees: "agrees", disagrees: "disagrees: the tool is suspected", none: "could not be asked" } as const;

/** What devices of another client stack came to, with both traces. */
function knownDeviation({ deviation }: ScenarioResult): string {
  if (deviation === undefined) return "";
  const told = deviation.as === "known" ? "Known deviation" : `Surprise: ${deviation.expected ?? "something else"} was known`;
  return `<p class="banner">${escaped([`${told}: ${deviation.clause}`, deviation.reproduced].filter((part) => part !== undefined).join("; "))}</p>`;
}

function secondOpinion({ secondOpinion: opinion, evidence }: ScenarioResult): string {
  if (opinion === undefined) return "";
  const { as, devicesOn, folder, reason, verdict, scenario, difference } = opinion;
  const page = scenario === undefined ? "" : ` (<a href="${escaped(encodeURI(folder))}/index.html#${escaped(encodeURIComponent(scenario))}">its report</a>)`;
  const traces = [
    ...(evidence === undefined ? [] : [`<a href="${escaped(evidence)}/trace.ndjson">trace of this run</a>`]),
    ...(opinion.evidence === undefined ? [] : [`<a href="${escaped(encodeURI(folder))}/${escaped(opinion.evidence)}/trace.ndjson">trace of theirs</a>`]),
  ].join(", ");
  const parts = difference === undefined ? "" : `<p>First difference, of ${escaped(difference.device)} after ${difference.after} messages: here <code>${escaped(difference.first)}</code>, there <code>${escaped(difference.second)}</code>.</p>`;
  return `<h3>Second opinion</h3><p>The client stack ${escaped(devicesOn)} ${opinions[as]}: ${verdict === undefined ? "" : `<span class="v ${verdict}">${verdict}</span> `}${escaped(reason)}${page}</p>${parts}<p class="dim">${traces}</p>`;
}

/** One scenario, folded; a failing one is open. */
export function scenarioSection(scenario: ScenarioResult, timeline: Timeline | undefined): string {
  const open = scenario.verdict === "fail" || scenario.verdict === "error" ? " open" : "";
  const tags = [...scenario.requirements, scenario.judges, scenario.level, ...scenario.rules].map((tag) => `<span class="tag">${escaped(tag)}</span>`).join("");
  const files = scenario.evidence === undefined ? "" : `<p class="dim">Evidence: <a href="${escaped(scenario.evidence)}/trace.ndjson">trace.ndjson</a>, <a href="${escaped(scenario.evidence)}/capture.pcapng">capture.pcapng</a></p>`;
  const leftovers = scenario.leftovers.length === 0 ? "" : `<p class="dim">Could not be tidied up: ${escaped(scenario.leftovers.join("; "))}</p>`;
  const text = `${scenario.name} ${scenario.feature} ${scenario.uri} ${scenario.tags.join(" ")} ${scenario.reason}`.toLowerCase();
  const foot = scenario.verdict === "pass" ? (scenario.checks === 1 ? "1 check" : `${scenario.checks} checks`) : "";
  return `<details class="scenario" id="${escaped(scenario.id)}" data-verdict="${scenario.verdict}" data-text="${escaped(text)}"${open}><summary><span class="v ${scenario.verdict}">${scenario.verdict}</span><span class="name">${escaped(scenario.name)}</span><span class="dim">${foot}</span><span class="dim mono">${duration(scenario.durationMs)}</span></summary><div><p>${tags}</p><p class="dim">${escaped(scenario.feature)} · <code>${escaped(scenario.uri)}:${scenario.line}</code>${scenario.endpoints.length === 0 ? "" : ` · ${escaped(scenario.endpoints.slice(0, 8).join(", "))}`}</p>${decisive(scenario)}${knownDeviation(scenario)}${secondOpinion(scenario)}<h3>Steps</h3>${steps(scenario)}${faults(scenario)}${checks(scenario)}${timeline === undefined || timeline.rows.length === 0 ? "" : `<h3>Evidence</h3>${sequence(timeline)}`}${files}${leftovers}</div></details>`;
}
