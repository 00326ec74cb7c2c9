import { asksForSecondOpinion, firstDifference, run, withSecondOpinions, type RunResult, type SecondRun, type Target } from "../harness/index.js";
import { realFiles } from "../ports/real/index.js";
import { readTrace, writeReports } from "../report/index.js";
import { devicesOn } from "./devices-on.js";
import { runEnvironment } from "./run-environment.js";

export interface FirstRun {
  readonly result: RunResult;
  readonly folder: string;
  readonly target: Target;
  /** The stack of its devices; ours where nobody said. */
  readonly devicesOn: string | undefined;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** Ours for another stack; for ours one that speaks what the run spoke. */
const otherStack = ({ devicesOn: first, result }: FirstRun): string | undefined => (first !== undefined ? undefined : result.security === "psk" ? "node-dtls-client" : "node-coap");

/** Repeats what failed or came to no verdict with devices of another client stack, and says in the result whether they agree. Its run lies in the folder of the first. */
export async function secondOpinions(first: FirstRun): Promise<RunResult> {
  const { result, folder, target, signal, say } = first;
  const asked = result.scenarios.filter(asksForSecondOpinion);
  if (asked.length === 0 || signal.aborted) return result;
  const stack = otherStack(first);
  const devices = stack === undefined ? undefined : await devicesOn(stack, result.seed);
  say(`second opinion: ${asked.length === 1 ? "1 scenario" : `${asked.length} scenarios`} with devices on ${stack ?? "muster"}`);
  let theirs = "";
  const second = await run(
    {
      select: [...new Set(asked.map(({ uri, line }) => `${uri}:${line}`))],
      seed: result.seed,
      target,
      ...(result.security === undefined ? {} : { security: result.security }),
      devices: result.devices,
      out: `${folder}/second-opinion`,
      ...(devices === undefined ? {} : { devicesOn: devices }),
      signal,
    },
    runEnvironment(),
    (progress) => {
      if (progress.type === "planned") theirs = progress.folder;
      if (progress.type === "scenario-finished") say(`${progress.result.verdict.padEnd(13)} ${progress.result.feature}: ${progress.result.name}`);
    },
  );
  await writeReports(theirs, second);
  const opinion: SecondRun = { devicesOn: second.devicesOn, scenarios: second.scenarios, folder: theirs.slice(folder.length + 1), differences: await differences(asked, folder, second, theirs) };
  const told = withSecondOpinions(result, opinion, target.knownDeviations);
  await realFiles.writeAtomic(`${folder}/result.json`, `${JSON.stringify(told, null, 2)}\n`);
  return told;
}

async function differences(asked: readonly RunResult["scenarios"][number][], folder: string, second: RunResult, theirs: string): Promise<SecondRun["differences"]> {
  const found = new Map<string, NonNullable<ReturnType<typeof firstDifference>>>();
  const traceOf = async (at: string, evidence: string) => readTrace(await realFiles.read(`${at}/${evidence}/trace.ndjson`));
  for (const { id, evidence } of asked) {
    const other = second.scenarios.find((scenario) => scenario.id === id)?.evidence;
    if (evidence === undefined || other === undefined) continue;
    const difference = firstDifference(await traceOf(folder, evidence), await traceOf(theirs, other));
    if (difference !== undefined) found.set(id, difference);
  }
  return found;
}
