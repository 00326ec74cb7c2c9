import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeEach, type RunnerTask, type RunnerTestCase, type RunnerTestFile, type TestContext } from "vitest";

import { peerFile, peerFormat, type PeerResult, type PeerRole } from "../src/report/peers.js";
import { takeEvidence, type Evidence } from "./evidence.js";

const root = join(import.meta.dirname, "..");
/** `muster matrix` finds them here, each in a folder of its own, whichever process wrote it. */
export const PEERS = join(root, "reports", "interop", "peers");

interface EndedTest {
  readonly name: string;
  readonly outcome: "pass" | "fail";
  readonly reason?: string;
  readonly evidence: Evidence;
}

/** A peer in one role over one suite, or over UDP. What its tests show is gathered as they end. */
export class PeerCell {
  readonly shown: string[] = [];
  readonly tests: EndedTest[] = [];
  /** Known once a test of it has run. */
  file: RunnerTestFile | undefined = undefined;

  constructor(
    readonly role: PeerRole,
    readonly over: string,
  ) {}

  /** This test shows that they understand each other, and these things besides; an outcome is taken down when it ends. */
  shows(test: TestContext, ...extras: readonly string[]): void {
    this.file = test.task.file;
    test.onTestFinished(({ task }) => {
      const passed = task.result?.state === "pass";
      if (passed) this.shown.push(...extras);
      const reason = task.result?.errors?.[0]?.message;
      this.tests.push({ name: fullName(task), outcome: passed ? "pass" : "fail", ...(reason === undefined ? {} : { reason }), evidence: evidenceOf(task) });
    });
  }

  /** Every test of the `describe` in which this is called shows it. */
  isShownByEach(): void {
    beforeEach((test) => this.shows(test));
  }

  get failed(): string[] {
    return this.tests.filter(({ outcome }) => outcome === "fail").map(({ name }) => name);
  }
}

/** A test that speaks about two roles leaves one evidence. */
const taken = new WeakMap<object, Evidence>();
function evidenceOf(task: RunnerTestCase): Evidence {
  const evidence = taken.get(task) ?? takeEvidence();
  taken.set(task, evidence);
  return evidence;
}

function fullName(task: RunnerTask): string {
  const names = [task.name];
  for (let { suite } = task; suite !== undefined && suite.name !== ""; { suite } = suite) names.unshift(suite.name);
  return names.join(": ");
}

const everyTest = (task: RunnerTask): RunnerTestCase[] => (task.type === "suite" ? task.tasks.flatMap(everyTest) : [task]);
/** Of those cells whose file of tests ran from end to end; none where some tests were left out. */
export function completed<C extends PeerCell>(cells: readonly C[]): C[] {
  const used = cells.filter(({ file }) => file !== undefined);
  const tests = used[0]?.file?.tasks.flatMap(everyTest) ?? [];
  return tests.some(({ result }) => result?.state !== "pass" && result?.state !== "fail") ? [] : used;
}

const slug = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");

export interface PeerFacts {
  readonly peer: string;
  /** Empty where it is not installed. */
  readonly version: string;
  readonly keys: PeerResult["keys"];
}

/** Writes what the tests of a peer came to and what they left behind, in the place of what was there. */
export function writePeer({ peer, version, keys }: PeerFacts, file: string, cells: readonly PeerCell[], peers = PEERS): string {
  const folder = join(peers, slug(`${peer} ${keys === "none" ? "" : keys}`));
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const written = new Map<Evidence, string[]>();
  const filesOf = (evidence: Evidence): string[] => {
    const known = written.get(evidence);
    if (known !== undefined) return known;
    const number = String(written.size + 1).padStart(2, "0");
    const files = [
      ...(evidence.capture === undefined ? [] : [{ name: `${number}.pcapng`, content: evidence.capture }]),
      ...evidence.logs.map(({ program, text }, index) => ({ name: `${number}-${slug(program)}${index === 0 ? "" : `-${index + 1}`}.log`, content: text })),
    ];
    for (const { name, content } of files) writeFileSync(join(fresh, name), content);
    const names = files.map(({ name }) => name);
    written.set(evidence, names);
    return names;
  };
  const result: PeerResult = {
    schema: peerFormat,
    peer,
    version,
    keys,
    file: relative(root, file),
    at: new Date().toISOString(),
    rows: cells.map(({ role, over, shown, tests }) => ({
      role,
      over,
      shown: [...new Set(shown)],
      tests: tests.map(({ evidence, ...test }) => ({ ...test, evidence: filesOf(evidence) })),
    })),
  };
  writeFileSync(join(fresh, peerFile), `${JSON.stringify(result, null, 1)}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return folder;
}

/** Keeps the cells of one peer, for the matrix; called outside of every `describe`. They are written when every test of the file ran, or when the peer is not installed. */
export function keepsPeer<C extends PeerCell>(facts: PeerFacts, cells: readonly C[], alsoWritten: (used: readonly C[]) => Promise<void> | void = () => {}): void {
  // What was left behind by a test that speaks about no peer is not another one's.
  beforeEach(() => void takeEvidence());
  afterAll(async ({}, { file: { filepath: file } }) => {
    if (facts.version === "" && cells.length > 0) {
      writePeer(facts, file, cells.map(({ role, over }) => new PeerCell(role, over)));
      return;
    }
    const used = completed(cells);
    if (used.length === 0) return;
    writePeer(facts, file, used);
    await alsoWritten(used);
  });
}

/** A peer that is met in CoAP over UDP, without security; called outside of every `describe`. */
export function coapPeer(peer: string, version: string): { readonly client: PeerCell; readonly server: PeerCell } {
  const cells = { client: new PeerCell("coap-client", "UDP"), server: new PeerCell("coap-server", "UDP") };
  keepsPeer({ peer, version, keys: "none" }, Object.values(cells));
  return cells;
}
