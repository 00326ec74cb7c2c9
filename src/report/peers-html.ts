import { escaped } from "./escape.js";
import { peerRoles, type MetPeerRow, type PeerCell, type PeerRole } from "./peers.js";

const titles: Readonly<Record<PeerRole, string>> = { "coap-client": "as CoAP client", "coap-server": "as CoAP server", "dtls-client": "as DTLS client", "dtls-server": "as DTLS server" };
/** The outcomes wear the colours of verdicts. */
const coloured: Readonly<Record<PeerCell["outcome"], string>> = { pass: "pass", fail: "fail", "not run": "unsupported" };

const cellId = (row: number, over: string): string => `peer-${row}-${over}`;
const keysOf = ({ keys }: MetPeerRow): string => (keys === "none" ? "" : keys);

/** What the roles of a group went over, in one order. */
const columnsOf = (rows: readonly MetPeerRow[]): string[] => [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))].sort();
/** A long name may break where it has an underscore. */
const breakable = (name: string): string => escaped(name).replaceAll("_", "_<wbr>");

function summary({ outcome, tests }: PeerCell): string {
  const failed = tests.filter((test) => test.outcome === "fail").length;
  const counts = [...(tests.length > failed ? [["pass", tests.length - failed] as const] : []), ...(failed > 0 ? [["fail", failed] as const] : [])];
  return counts.length === 0 ? `<span class="count v ${coloured[outcome]}">${outcome}</span>` : counts.map(([word, count]) => `<span class="count v ${word}">${count} ${word}</span>`).join("");
}

/** How many columns the widest group needs beside the two that say who. */
export const peerColumns = (rows: readonly MetPeerRow[]): number => Math.max(0, ...peerRoles.map((role) => columnsOf(rows.filter((row) => row.role === role)).length));

/** Lines of the table of the matrix, `columns` cells wide beside the two that say who; each group has a head of its own. */
export function peerLines(rows: readonly MetPeerRow[], columns: number): string {
  return peerRoles
    .map((role) => {
      const group = rows.filter((row) => row.role === role);
      if (group.length === 0) return "";
      const overs = columnsOf(group);
      const rest = (tag: "td" | "th"): string => (columns > overs.length ? `<${tag} colspan="${columns - overs.length}"></${tag}>` : "");
      const head = `<tr><th class="group" colspan="${columns + 2}">${titles[role]}</th></tr><tr><th>implementation</th><th>keys</th>${overs.map((over) => `<th class="over">${breakable(over)}</th>`).join("")}${rest("th")}</tr>`;
      const lines = group.map((row) => {
        const cells = overs.map((over) => {
          const cell = row.cells[over];
          return cell === undefined ? "<td></td>" : `<td><a href="#${escaped(cellId(rows.indexOf(row), over))}">${summary(cell)}</a></td>`;
        });
        return `<tr><td><strong>${escaped(row.peer)}</strong> ${escaped(row.version)}</td><td>${escaped(keysOf(row))}</td>${cells.join("")}${rest("td")}</tr>`;
      });
      return head + lines.join("");
    })
    .join("");
}

function opened(row: MetPeerRow, index: number, over: string, { shown, tests, outcome }: PeerCell): string {
  const lines = [...tests]
    .sort((a, b) => Number(a.outcome === "pass") - Number(b.outcome === "pass"))
    .map(({ name, outcome: one, reason, evidence }) => {
      const files = evidence.map((file) => `<a href="${escaped(encodeURI(`${row.folder}/${file}`))}">${escaped(file)}</a>`).join("<br>");
      return `<tr><td class="v ${one}">${one}</td><td>${escaped(name)}${reason === undefined ? "" : `<br><span class="dim">${escaped(reason)}</span>`}</td><td>${files}</td></tr>`;
    });
  const told = outcome === "not run" ? `<p>It is not installed: <code>interop/setup</code> fetches it.</p>` : `<table><thead><tr><th>outcome</th><th>test</th><th>evidence</th></tr></thead><tbody>${lines.join("")}</tbody></table>`;
  return `<details class="scenario" id="${escaped(cellId(index, over))}"><summary><span class="name">${escaped(row.peer)} ${titles[row.role]}: ${escaped(over)}</span><span class="dim">${escaped(keysOf(row))} ${escaped(row.file)}, ${escaped(row.at)}</span></summary><div>${shown.length === 0 ? "" : `<p>Shown: ${escaped(shown.join(", "))}.</p>`}${told}</div></details>`;
}

/** What the cells open to: the tests, and what each left behind. */
export const peersOpened = (rows: readonly MetPeerRow[]): string[] => rows.flatMap((row, index) => Object.entries(row.cells).map(([over, cell]) => opened(row, index, over, cell)));
