import { join, relative, resolve } from "node:path";
import { Command } from "commander";
import { z } from "zod";
import { checkFlags } from "../../config/index.js";
import { realFiles } from "../../ports/real/index.js";
import { UsageError } from "../exit.js";
import { folderGiven } from "../files.js";
import type { Invocation } from "../program.js";

const flagsSchema = z.strictObject({ runs: z.array(z.string()).min(1), out: z.string().optional(), json: z.boolean().default(false) });

export function matrixCommand(invocation: Invocation): Command {
  return new Command("matrix")
    .description("join the results of runs, and of tests with CoAP and DTLS peers, into one table: role by role, implementation by implementation")
    .argument("<runs...>", "folders of runs, or folders that hold some: reports/2026-11-22T10-31-07Z-3f2a reports/interop/peers")
    .option("--out <dir>", "folder for matrix.html and matrix.json (default reports)")
    .option("--json", "print matrix.json, and nothing else, on standard output")
    .addHelpText(
      "after",
      `
Each run has a row for every role that it judged; a cell leads to its scenarios, their reports and their evidence. Nothing of one run replaces
anything of another. The page links to the folders of the runs: keep them beside it.

Example:
  muster matrix reports --out reports`,
    )
    .action((runs: string[], flags: Record<string, unknown>) => joinRuns(invocation, checkFlags({ ...flags, runs }, flagsSchema)));
}

/** Whether a folder holds the result of a run, or of the tests with a peer. */
const holdsResult = async (folder: string): Promise<boolean> => (await realFiles.exists(join(folder, "result.json"))) || (await realFiles.exists(join(folder, "peer.json")));

/** Folders of results in a folder, or that folder itself. `latest` is one of the others. */
async function resultsIn(path: string): Promise<string[]> {
  if (await holdsResult(path)) return [path];
  const entries = await realFiles.list(path).catch(() => {
    throw new UsageError(`${path} is not the folder of a run`, "give one that holds result.json, or a folder that holds such folders");
  });
  const folders = entries.filter((name) => name.endsWith("/")).map((name) => join(path, name));
  const results: string[] = [];
  for (const folder of folders) if (await holdsResult(folder)) results.push(folder);
  if (results.length === 0) throw new UsageError(`there is no run in ${path}`, "give a folder that holds result.json, or one that holds such folders");
  return results;
}

async function joinRuns(invocation: Invocation, flags: z.output<typeof flagsSchema>): Promise<void> {
  const { terminal } = invocation;
  const [{ resultSchema }, { peerFile, peerSchema, writeMatrix }] = await Promise.all([import("../../harness/index.js"), import("../../report/index.js")]);
  const out = resolve(flags.out ?? "reports");
  await folderGiven(out, "--out");
  const folders = new Set<string>();
  for (const path of flags.runs) for (const folder of await resultsIn(path)) folders.add(resolve(folder));
  const runs = [];
  const peers = [];
  for (const folder of folders) {
    const met = join(folder, peerFile);
    const where = { folder: relative(out, folder) };
    if (await realFiles.exists(met)) peers.push({ result: await read(met, peerSchema), ...where });
    else runs.push({ result: await read(join(folder, "result.json"), resultSchema), ...where });
  }
  const paths = await writeMatrix(out, runs, peers);
  const told = [...(runs.length === 0 ? [] : [runs.length === 1 ? "1 run" : `${runs.length} runs`]), ...(peers.length === 0 ? [] : [peers.length === 1 ? "1 peer" : `${peers.length} peers`])].join(" and ");
  terminal.out(flags.json ? (await realFiles.read(paths.json)).trimEnd() : `${told} in ${paths.html}`);
}

async function read<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await realFiles.read(file).then(parsedJson));
  if (!parsed.success) throw new UsageError(`${file} is not a result of this version of muster: ${z.prettifyError(parsed.error).split("\n")[0] ?? ""}`, "run it again");
  return parsed.data;
}

/** Undefined for what is no JSON, which no schema takes. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
