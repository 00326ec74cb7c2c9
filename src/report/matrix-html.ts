import { verdicts, type Verdict } from "../harness/index.js";
import { escaped } from "./escape.js";
import type { Cell, CellScenario, Matrix, Row } from "./matrix.js";
import { peerColumns, peerLines, peersOpened } from "./peers-html.js";
import { css, openAddressed } from "./style.js";

const titles: Readonly<Record<Row["role"], string>> = { "lwm2m-server": "as LwM2M Server", "bootstrap-server": "as Bootstrap Server", device: "as device" };
const names: Readonly<Record<string, string>> = { "lwm2m-server": "LwM2M Server", "bootstrap-server": "Bootstrap Server", device: "devices" };
const rank: Readonly<Record<Verdict, number>> = { fail: 0, error: 1, inconclusive: 2, incomplete: 3, pass: 4, unsupported: 5, "not-applicable": 6 };

const extra = `
.matrix{overflow-x:auto}.matrix td a{color:inherit;text-decoration:none;display:block;white-space:nowrap}.matrix td a:hover{text-decoration:underline}.matrix th.group{background:var(--soft)}
.matrix .count{display:block;font-size:13px}.matrix th.over{font-size:12px;font-weight:400}
`;

const cellId = (row: number, area: string): string => `cell-${row}-${area}`;
const inFolder = (folder: string, path: string): string => encodeURI(folder === "" ? path : `${folder}/${path}`);
/** The report of a scenario is found by its id, as the page of the run has it. */
const reportOf = ({ run }: Row, { id }: CellScenario): string => `${inFolder(run.folder, "index.html")}#${encodeURIComponent(id)}`;

function summary({ counts, known }: Cell): string {
  const lines = verdicts.flatMap((verdict) => (counts[verdict] === undefined ? [] : [`<span class="count v ${verdict}">${counts[verdict]} ${verdict}</span>`]));
  return `${lines.join("")}${known === 0 ? "" : `<span class="count dim">${known} known</span>`}`;
}

const security = ({ run }: Row): string => (run.security === undefined ? "" : run.security === "psk" ? "DTLS-PSK" : "NoSec");
const beside = ({ beside: others }: Row): string => Object.entries(others).map(([role, name]) => `${names[role] ?? role} ${name}`).join(", ");

/** `columns`: cells beside the two that say who. */
function body(matrix: Matrix, columns: number): string {
  const span = columns + 2;
  const rest = columns > matrix.areas.length ? `<td colspan="${columns - matrix.areas.length}"></td>` : "";
  let role: Row["role"] | undefined;
  return matrix.rows
    .map((row, index) => {
      const group = row.role === role ? "" : `<tr><th class="group" colspan="${span}">${titles[row.role]}</th></tr>`;
      role = row.role;
      const cells = matrix.areas.map((area) => {
        const cell = row.cells[area];
        return cell === undefined ? "<td></td>" : `<td><a href="#${escaped(cellId(index, area))}">${summary(cell)}</a></td>`;
      });
      const remarks = [...(row.run.complete ? [] : ["the run did not come to its end"]), ...(row.run.plants.length === 0 ? [] : [`references were told to break ${row.run.plants.join(", ")}`])];
      return `${group}<tr><td><strong>${escaped(row.implementation)}</strong><br><span class="dim">beside ${escaped(beside(row))}${row.verifiedAgainst === undefined ? "" : `; its calls are verified against ${escaped(row.verifiedAgainst)}`}</span>${remarks.map((remark) => `<br><span class="v fail">${escaped(remark)}</span>`).join("")}</td><td><a href="${escaped(inFolder(row.run.folder, "index.html"))}">${escaped(row.run.target)}</a><span class="dim">${security(row)}</span></td>${cells.join("")}${rest}</tr>`;
    })
    .join("");
}

function scenarioLine(row: Row, scenario: CellScenario): string {
  const { deviation, evidence, verdict } = scenario;
  const known = deviation === undefined ? "" : deviation.as === "known" ? ` <span class="tag">known: ${escaped(deviation.clause)}</span>${deviation.reproduced === undefined ? "" : `<br><span class="dim">${escaped(deviation.reproduced)}</span>`}` : ` <span class="v fail">surprise: ${escaped(deviation.expected ?? "")} was known (${escaped(deviation.clause)})</span>`;
  const files = evidence === undefined ? "" : ["trace.ndjson", "capture.pcapng"].map((file) => `<a href="${escaped(inFolder(row.run.folder, `${evidence}/${file}`))}">${file}</a>`).join(" ");
  return `<tr><td class="v ${verdict}">${verdict}</td><td><a href="${escaped(reportOf(row, scenario))}">${escaped(scenario.name)}</a>${known}<br><span class="dim">${escaped(scenario.reason)}</span></td><td>${scenario.rules.map((rule) => `<code>${escaped(rule)}</code>`).join(" ")}</td><td>${files}</td></tr>`;
}

function opened(row: Row, index: number, area: string, cell: Cell): string {
  const scenarios = [...cell.scenarios].sort((a, b) => rank[a.verdict] - rank[b.verdict] || (a.id < b.id ? -1 : 1));
  return `<details class="scenario" id="${escaped(cellId(index, area))}"><summary><span class="name">${escaped(row.implementation)} ${titles[row.role]}: ${escaped(area)}</span><span class="dim">${escaped(row.run.target)} ${security(row)}, ${escaped(row.run.startedAt)}</span></summary><div><table><thead><tr><th>verdict</th><th>scenario</th><th>rules</th><th>evidence</th></tr></thead><tbody>${scenarios.map((scenario) => scenarioLine(row, scenario)).join("")}</tbody></table></div></details>`;
}

/** The matrix as one page that needs nothing else; a cell leads to its scenarios, each of them to its report and evidence in the folder of its run. */
export function matrixHtml(matrix: Matrix): string {
  const peers = matrix.peers ?? [];
  const runs = new Set(matrix.rows.map(({ run }) => run.folder)).size;
  const of = [...(runs === 0 && peers.length > 0 ? [] : [runs === 1 ? "1 run" : `${runs} runs`]), ...(peers.length === 0 ? [] : ["the CoAP and DTLS peers"])].join(" and ");
  const columns = Math.max(matrix.areas.length, peerColumns(peers));
  const cells = matrix.rows.flatMap((row, index) => matrix.areas.flatMap((area) => (row.cells[area] === undefined ? [] : [opened(row, index, area, row.cells[area])])));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"><title>muster: matrix of ${of}</title><style>${css}${extra}</style></head><body>
<header><h1>muster: who plays which role, and how well</h1><p class="dim">${of}. A row is one implementation in the role that was judged, in one run; only pass and fail speak about it. "known": a departure from the text that its list of known deviations names.${peers.length === 0 ? "" : " CoAP and DTLS peers were met by our own ends of these protocols in tests; a cell opens to these."}</p></header>
<div class="matrix"><table>${matrix.rows.length === 0 ? "" : `<thead><tr><th>implementation</th><th>target</th>${matrix.areas.map((area) => `<th>${escaped(area)}</th>`).join("")}${columns > matrix.areas.length ? `<th colspan="${columns - matrix.areas.length}"></th>` : ""}</tr></thead>`}<tbody>${body(matrix, columns)}${peerLines(peers, columns)}</tbody></table></div>
<h2>Scenarios</h2>${cells.join("\n")}${peers.length === 0 ? "" : `<h2>CoAP and DTLS</h2>${peersOpened(peers).join("\n")}`}
<script>${openAddressed}</script></body></html>
`;
}
