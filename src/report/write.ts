import type { RunResult } from "../harness/index.js";
import type { Files, TraceEvent } from "../ports/index.js";
import { realFiles } from "../ports/real/index.js";
import { html } from "./html.js";
import { junit } from "./junit.js";
import { matrixHtml } from "./matrix-html.js";
import { matrixOf, matrixSchema, type MatrixRun } from "./matrix.js";
import type { MetPeer } from "./peers.js";
import { timelineOf, type Timeline, type TracedEvent } from "./timeline.js";

const isTraced = (value: unknown): value is TracedEvent =>
  typeof value === "object" && value !== null && "at" in value && "role" in value && "event" in value && typeof (value as Partial<TraceEvent>).event === "object";

/** Reads a `trace.ndjson`; lines that are no events are passed over. */
export function readTrace(text: string): TracedEvent[] {
  return text.split("\n").flatMap((line) => {
    if (line === "") return [];
    const value: unknown = JSON.parse(line);
    return isTraced(value) ? [value] : [];
  });
}

/** Writes `matrix.html` and `matrix.json` of runs and of peers of the tests into a folder. Resolves with their paths. */
export async function writeMatrix(folder: string, runs: readonly MatrixRun[], peers: readonly MetPeer[] = [], files: Files = realFiles): Promise<{ readonly html: string; readonly json: string }> {
  const matrix = matrixSchema.parse(matrixOf(runs, peers));
  const paths = { html: `${folder}/matrix.html`, json: `${folder}/matrix.json` };
  await files.writeAtomic(paths.html, matrixHtml(matrix));
  await files.writeAtomic(paths.json, `${JSON.stringify(matrix, null, 1)}\n`);
  return paths;
}

/** Writes the views of a result beside it: `index.html`, `junit.xml` and the matrix. Resolves with the paths of the first two. */
export async function writeReports(folder: string, result: RunResult, files: Files = realFiles): Promise<{ readonly html: string; readonly junit: string }> {
  const timelines = new Map<string, Timeline>();
  for (const scenario of result.scenarios) {
    if (scenario.evidence === undefined) continue;
    const path = `${folder}/${scenario.evidence}/trace.ndjson`;
    if (await files.exists(path)) timelines.set(scenario.id, timelineOf(readTrace(await files.read(path)), scenario.allChecks.flatMap((check) => (check.outcome === "pass" ? [] : check.evidence))));
  }
  const paths = { html: `${folder}/index.html`, junit: `${folder}/junit.xml` };
  await files.writeAtomic(paths.html, html(result, timelines));
  await files.writeAtomic(paths.junit, junit(result));
  await writeMatrix(folder, [{ result, folder: "" }], [], files);
  return paths;
}
