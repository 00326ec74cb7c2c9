import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { keepsPeer, PeerCell } from "../../peers.js";
import { SUITES, type SuiteCode } from "./keys.js";

const README = join(import.meta.dirname, "..", "..", "README.md");
const LOCK = join(import.meta.dirname, "..", "..", ".cache", "readme.lock");
const BEGIN = "<!-- DTLS peers: this section is written by the tests of dtls/ -->";
const END = "<!-- end of DTLS peers -->";
const HEADER = ["| Peer | Version | Its role | Suite | Shown as well | Result |", "|---|---|---|---|---|---|"];

/** What both ends authenticate themselves with. */
export type Keys = "PSK" | "RPK" | "X.509";

/** A line of the table: one peer in one role with one suite and one kind of keys. Its tests show that handshake and data work, and what they name besides. */
class Row extends PeerCell {
  constructor(
    readonly peer: string,
    readonly version: string,
    readonly side: "client" | "server",
    readonly suite: SuiteCode,
    readonly keys: Keys,
  ) {
    super(`dtls-${side}`, SUITES[suite]);
  }

  get line(): string {
    const suite = this.keys === "PSK" ? this.suite : `${this.suite} ${this.keys}`;
    return `| ${this.peer} | ${this.version} | ${this.side} | ${suite} | ${[...new Set(this.shown)].join(", ")} | ${this.failed.length === 0 ? "pass" : `FAILED: ${this.failed.join("; ")}`} |`;
  }
}

/** A peer with one kind of keys: what one file of tests has all rows of. */
function peerOf(line: string): string {
  const [, peer = "", , , suite = ""] = line.split("|").map((cell) => cell.trim());
  return `${peer} ${suite.split(" ")[1] ?? "PSK"}`;
}

/** Puts the rows of these peers with these kinds of keys in the place of their old ones. The order of lines does not depend on which file ran first. */
export function replaced(readme: string, rows: readonly string[]): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the README has no section between "${BEGIN}" and "${END}"`);
  const peers = new Set(rows.map(peerOf));
  const kept = readme
    .slice(begin, end)
    .split("\n")
    .filter((line) => line.startsWith("|") && !HEADER.includes(line) && !peers.has(peerOf(line)));
  const lines = [...kept, ...rows].sort((a, b) => (a < b ? -1 : 1));
  return `${readme.slice(0, begin)}${BEGIN}\n${[...HEADER, ...lines].join("\n")}\n${readme.slice(end)}`;
}

/** Files of tests may run side by side; each reads, changes and writes the same section. */
async function alone(work: () => void): Promise<void> {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    try {
      closeSync(openSync(LOCK, "wx"));
      break;
    } catch (error) {
      // Whoever held it for five seconds is dead.
      if (attempt > 100) rmSync(LOCK, { force: true });
      else if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      await sleep(50);
    }
  }
  try {
    work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

export interface PeerTable {
  /** The same for the same role and suite. */
  row(side: "client" | "server", suite: SuiteCode): Row;
}

/** The rows of one peer with one kind of keys; called outside of every `describe`. They reach the README, and the matrix, when every test of the file ran, not when some were left out. */
export function table(peer: string, version: string, keys: Keys = "PSK"): PeerTable {
  const rows: Row[] = [];
  keepsPeer({ peer, version, keys }, rows, (used) =>
    alone(() => {
      const before = readFileSync(README, "utf8");
      const after = replaced(
        before,
        used.map(({ line }) => line),
      );
      if (after === before) return;
      writeFileSync(`${README}.new`, after);
      renameSync(`${README}.new`, README);
    }),
  );
  return {
    row: (side, suite) => {
      const known = rows.find((row) => row.side === side && row.suite === suite);
      if (known !== undefined) return known;
      const made = new Row(peer, version, side, suite, keys);
      rows.push(made);
      return made;
    },
  };
}
