import { verdicts, type RunResult, type ScenarioResult, type Verdict } from "../harness/index.js";
import { histogram, lineChart, logBars } from "./chart.js";
import { escaped } from "./escape.js";
import { scenarioSection } from "./html-scenario.js";
import { css, script } from "./style.js";
import { duration, handshakes, limit, losses, provisos, warnings } from "./terminal.js";
import type { Timeline } from "./timeline.js";

const cell = (verdict: Verdict, count: number | undefined): string => `<td class="num v ${count === undefined || count === 0 ? "" : verdict}">${count === undefined || count === 0 ? "" : count}</td>`;

function requirements(result: RunResult): string {
  const used = verdicts.filter((verdict) => result.verdicts[verdict] > 0);
  const rows = Object.keys(result.requirements)
    .sort()
    .map((name) => `<tr><td>${escaped(name)}</td>${used.map((verdict) => cell(verdict, result.requirements[name]?.[verdict])).join("")}</tr>`);
  const total = `<tr><th>scenarios</th>${used.map((verdict) => cell(verdict, result.verdicts[verdict])).join("")}</tr>`;
  return `<table><thead><tr><th>requirement</th>${used.map((verdict) => `<th class="num">${verdict}</th>`).join("")}</tr></thead><tbody>${rows.join("")}${total}</tbody></table>`;
}

function provenance(result: RunResult): string {
  const facts: [string, string][] = [
    ["muster", result.muster],
    ["target", result.target],
    ...Object.entries(result.roles),
    ...(result.security === undefined ? [] : [["security", result.security === "psk" ? "DTLS with pre-shared keys" : "none"] satisfies [string, string]]),
    ["timing profile", result.timing],
    ["seed", result.seed],
    ["devices on", result.devicesOn],
    ["fleet", `${result.devices} devices`],
    ["started", result.startedAt],
    ["took", duration(result.durationMs)],
    ["node", `${result.environment.node}, ${result.environment.platform}, ${result.environment.cpus} cpus`],
    ["exit code", String(result.exitCode)],
  ];
  return `<div class="facts">${facts.map(([name, value]) => `<div><span class="dim">${escaped(name)}</span><span class="mono">${escaped(value)}</span></div>`).join("")}</div>`;
}

function banners(result: RunResult): string {
  const storm = result.fleet === undefined ? undefined : handshakes(result.fleet)?.storm;
  const said = [
    ...(result.error === undefined ? [] : [`${result.errorOf === "target" ? "The target" : "Error of muster itself"}: ${result.error}`]),
    ...(result.interrupted ? ["The run was interrupted: this is an incomplete result."] : []),
    ...(result.fleet?.generator.saturated === true ? ["Generator saturated: the fleet lost datagrams or lagged, so verdicts that rest on timing meanwhile are inconclusive."] : []),
    ...losses(result).map((text) => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}.`),
    ...(storm === undefined ? [] : [storm]),
    ...provisos(result),
    ...(result.plants.length === 0 ? [] : [`The references were told to break rules: ${result.plants.join(", ")}`]),
  ];
  const banner = (text: string, kind = "banner"): string => `<p class="${kind}">${escaped(text)}</p>`;
  return [...warnings(result).map((text) => banner(text, "banner danger")), ...said.map((text) => banner(text))].join("");
}

const colours = ["c1", "c2", "c3", "c4", "c5", "c6", "c7"];

function fleetSection(result: RunResult): string {
  const fleet = result.fleet;
  if (fleet === undefined) return "";
  const { series } = fleet;
  const over = (pick: (second: (typeof series)[number]) => number) => series.map((second) => [second.second, pick(second)] as const);
  const population = lineChart(
    [
      { name: "bootstraps finished", colour: "c1", points: over((second) => second.bootstrapped) },
      { name: "registered", colour: "c2", points: over((second) => second.registered) },
      { name: "failed", colour: "c3", points: over((second) => second.failed) },
      { name: "updates", colour: "c4", points: over((second) => second.updates) },
    ],
    { x: "seconds", y: "devices" },
  );
  const operations = Object.keys(fleet.latency);
  const latency = lineChart(
    operations.map((operation, index) => ({
      name: operation,
      colour: colours[index % colours.length] ?? "c1",
      points: fleet.series.flatMap((second) => (second.p99[operation] === undefined ? [] : [[second.second, second.p99[operation]] as const])),
    })),
    { x: "seconds", y: "p99 in ms" },
  );
  const cards = Object.entries(fleet.latency).map(([operation, percentiles]) => {
    const { count, mean, p50, p90, p95, p99, p999, max } = percentiles;
    const bars = Object.entries({ p50, p90, p95, p99, "p99.9": p999, max }).map(([label, value]) => ({ label, value, text: duration(value) }));
    return `<div><h3>${escaped(operation)} <span class="dim">${count} times, mean ${duration(mean)}</span></h3>${histogram(fleet.distribution[operation] ?? [])}${logBars(bars)}</div>`;
  });
  const states = Object.entries(fleet.states).filter(([, count]) => count > 0).map(([state, count]) => `${escaped(state)} ${count}`).join(", ");
  const { generator } = fleet;
  const drops = Object.entries(fleet.referenceDrops).map(([role, dropped]) => `${escaped(role)} ${dropped ?? "unknown"}`).join(", ");
  const shaken = handshakes(fleet);
  return `<h2>Fleet</h2><p>${states}</p>${shaken === undefined ? "" : `<p>Handshakes: ${escaped(shaken.counted)}</p>`}${population}<div class="cards">${cards.join("")}</div>${latency}${limit(result).map((text) => `<p>${escaped(`${text[0]?.toUpperCase() ?? ""}${text.slice(1)}.`)}</p>`).join("")}<p class="dim">Generator: ${generator.shards} shards, event-loop lag p99 ${duration(generator.loopLagP99Ms)}, datagrams dropped at its own sockets ${generator.socketDrops ?? "unknown"}, receive buffer ${generator.receiveBuffer ?? "unknown"} bytes. Dropped at the roles' sockets: ${drops === "" ? "unknown" : drops}. Latency counts from the intended start.</p>`;
}

function filters(result: RunResult): string {
  const used = verdicts.filter((verdict) => result.verdicts[verdict] > 0);
  return `<div class="filters">${used.map((verdict) => `<label class="v ${verdict}"><input type="checkbox" data-verdict="${verdict}" checked> ${verdict} ${result.verdicts[verdict]}</label>`).join("")}<input type="search" placeholder="name, tag or rule" aria-label="search"></div>`;
}

/** The report as one page that needs nothing else: readable offline, light and dark. `timelines` by scenario id. */
export function html(result: RunResult, timelines: ReadonlyMap<string, Timeline>): string {
  const rank: Readonly<Record<Verdict, number>> = { fail: 0, error: 1, inconclusive: 2, incomplete: 3, pass: 4, unsupported: 5, "not-applicable": 6 };
  const scenarios: readonly ScenarioResult[] = [...result.scenarios].sort((a, b) => rank[a.verdict] - rank[b.verdict] || (a.id < b.id ? -1 : 1));
  const checks = scenarios.reduce((sum, scenario) => sum + scenario.checks, 0);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"><title>muster: ${escaped(result.target)}, ${escaped(result.startedAt)}</title><style>${css}</style></head><body>
<header><h1>muster</h1><p class="dim">${scenarios.length} scenarios, ${checks} checks. A verdict rests on what the other roles saw; only pass and fail speak about the system under test.</p></header>
${banners(result)}<h2>Verdicts by requirement</h2>${requirements(result)}
${fleetSection(result)}
<h2>Scenarios</h2>${filters(result)}
${scenarios.map((scenario) => scenarioSection(scenario, timelines.get(scenario.id))).join("\n")}
<h2>Provenance</h2>${provenance(result)}
<script>${script}</script></body></html>
`;
}
