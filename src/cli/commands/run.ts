import { join } from "node:path";
import { Command } from "commander";
import { checkFlags, runSchema } from "../../config/index.js";
import type { RunFlags } from "../../config/index.js";
import { Metrics, fleetMetrics, serveMetrics } from "../../metrics/index.js";
import { formatAddress } from "../../ports/index.js";
import type { Log } from "../../ports/index.js";
import type { FleetSnapshot } from "../../../simulators/fleet/index.js";
import type { PlannedScenario, RunProgress } from "../../harness/index.js";
import { ExitCode, UsageError } from "../exit.js";
import { folderGiven } from "../files.js";
import type { Invocation } from "../program.js";
import { asUsage } from "../sockets.js";
import { onStop } from "../stop.js";

export function runCommand(invocation: Invocation): Command {
  return new Command("run")
    .description("run scenarios and give verdicts: every one of them, or those in the given paths or with the given tags")
    .argument("[paths or tags...]", "feature files, folders below features/, or tag expressions: registration @SM-1 'not @load'")
    .option("--devices <n>", "devices of the load scenarios (default 1000, with --functional 20)")
    .option("--seed <seed>", "the same seed makes the same devices and choices (default: a new one, printed)")
    .option("--target <file>", "who plays which role, and how it is reached and steered (default: references in all)")
    .option("--security <mode>", "what devices speak where a scenario does not say: psk, DTLS with pre-shared keys, or nosec (default psk where all can)")
    .option("--key-log", "keep the secrets of the devices' DTLS sessions: keys.log, and in each capture, which then decrypts")
    .option("--loss <percent>", "lose so many of the devices' datagrams on purpose, in either direction: 2%")
    .option("--functional", "leave the load scenarios out")
    .option("--out <dir>", "folder for reports (default reports)")
    .option("--devices-on <stack>", "run the devices of another client stack in place of ours: node-coap (no DTLS), node-dtls-client, leshan, wakaama")
    .option("--second-opinion", "repeat each scenario that fails or is inconclusive with devices of another client stack; where they disagree, the tool is suspected")
    .option("--metrics <host:port>", "serve /metrics for Prometheus while it runs")
    .option("--list", "show the scenarios and send nothing")
    .option("--json", "print result.json, and nothing else, on standard output")
    .addHelpText(
      "after",
      `
SIGINT and SIGTERM end a run early; what there is becomes an incomplete result, exit 3.
Exit codes: 0 passed, 1 a verdict is fail, 2 usage or configuration, 3 inconclusive or incomplete, 4 an error of muster itself.

Examples:
  muster run --functional @SM-1
  muster run features/registration --seed 7
  muster run --security nosec --functional
  muster run --target targets/served.yaml --json > result.json`,
    )
    .action((select: string[], flags: Record<string, unknown>) => runScenarios(invocation, checkFlags({ ...flags, select }, runSchema)));
}

async function runScenarios(invocation: Invocation, flags: RunFlags): Promise<void> {
  const { terminal } = invocation;
  const [{ FeatureError, missingCapabilities, planRun, run }, { runEnvironment }, { targetFrom }, { RunView }, { writeReports, summary }] = await Promise.all([
    import("../../harness/index.js"),
    import("../run-environment.js"),
    import("../target.js"),
    import("../run-view.js"),
    import("../../report/index.js"),
  ]);
  const asUsageError = (error: unknown): unknown => (error instanceof FeatureError ? new UsageError(error.message, "muster run --list shows what there is") : error);
  const target = await targetFrom(flags.target, terminal.env);
  const lack = flags.security === undefined ? undefined : missingCapabilities(target, flags.security).get(flags.security);
  if (lack !== undefined) throw new UsageError(`--security ${flags.security ?? ""} does not go with --target: ${lack.reason}`, "give the role that address in the target file");
  if (flags.loss !== undefined && flags.devicesOn !== undefined) throw new UsageError("--loss does not go with --devices-on: only our own devices can lose datagrams on purpose", "leave one of the two out");
  if (flags.list) {
    const scenarios = await planRun({ select: flags.select, functional: flags.functional, ...(flags.security === undefined ? {} : { security: flags.security }) }, runEnvironment()).catch((error: unknown) => {
      throw asUsageError(error);
    });
    terminal.out(flags.json ? JSON.stringify(scenarios.map(listed)) : list(scenarios));
    return;
  }

  const out = flags.out ?? join(process.cwd(), "reports");
  await folderGiven(out, "--out");
  const say = (text: string): void => (flags.json ? terminal.err(text) : terminal.out(text));
  const view = new RunView(terminal, say, terminal.live && !flags.json);
  const note = (fields: object, message: string): void => view.on({ type: "note", text: `${message} ${JSON.stringify(fields)}` });
  const log: Log = { debug: () => {}, info: () => {}, warn: note, error: note };
  const metrics = new Metrics({ role: "run" });
  const figures = await observed(metrics);
  const at = flags.metrics;
  const exporter =
    at === undefined
      ? undefined
      : await serveMetrics(metrics, at).catch((error: unknown) => {
          throw asUsage(error, { "--metrics": at });
        });
  if (exporter !== undefined) say(`metrics on http://${formatAddress(exporter.address)}/metrics`);
  if (flags.keyLog) say("the secrets of the devices' DTLS sessions are kept: whoever has this run's evidence can read what they said");
  // Cucumber adds one listener for each scenario in progress.
  process.setMaxListeners(64);
  const stop = onStop((name) => view.on({ type: "note", text: `${name}: the run ends, what there is will be written` }));
  const devicesOn = flags.devicesOn === undefined ? undefined : await (await import("../devices-on.js")).devicesOn(flags.devicesOn, flags.seed ?? "");
  let folder = "";
  try {
    const result = await run(
      {
        select: flags.select,
        ...(flags.devices === undefined ? {} : { devices: flags.devices }),
        ...(flags.seed === undefined ? {} : { seed: flags.seed }),
        target,
        ...(flags.security === undefined ? {} : { security: flags.security }),
        keyLog: flags.keyLog,
        ...(flags.loss === undefined ? {} : { loss: flags.loss / 100 }),
        functional: flags.functional,
        out,
        ...(devicesOn === undefined ? {} : { devicesOn }),
        signal: stop.signal,
      },
      runEnvironment(log),
      (progress) => {
        if (progress.type === "planned" || progress.type === "finished") folder = progress.folder;
        figures(progress);
        view.on(progress);
      },
    ).catch(async (error: unknown) => {
      // The run did not begin, so it does not end what it was given either.
      await devicesOn?.close?.();
      throw asUsageError(error);
    });
    const { secondOpinions } = await import("../second-opinions.js");
    const told = flags.secondOpinion ? await secondOpinions({ result, folder, target, devicesOn: flags.devicesOn, signal: stop.signal, say }) : result;
    const reports = await writeReports(folder, told);
    terminal.out(flags.json ? JSON.stringify(told) : summary(told, { colour: terminal.colour, columns: terminal.columns(), report: reports.html }));
    invocation.exit = exitCode(told.exitCode);
  } finally {
    view.end();
    stop.release();
    await exporter?.close();
  }
}

const exitCode = (code: number): ExitCode => Object.values(ExitCode).find((known) => known === code) ?? ExitCode.internal;

/** Keeps the newest figures for `/metrics`. */
async function observed(metrics: Metrics): Promise<(progress: RunProgress) => void> {
  const { figuresOf } = await import("../fleet-view.js");
  let snapshot: FleetSnapshot | undefined;
  const verdicts = new Map<string, number>();
  fleetMetrics(metrics, () => (snapshot === undefined ? undefined : figuresOf(snapshot)));
  metrics.total("muster_scenarios_total", "Scenarios finished, by verdict.", ["verdict"], () => [...verdicts].map(([verdict, count]) => [{ verdict }, count] as const));
  return (progress) => {
    if (progress.type === "fleet") snapshot = progress.snapshot;
    else if (progress.type === "scenario-finished") verdicts.set(progress.result.verdict, (verdicts.get(progress.result.verdict) ?? 0) + 1);
  };
}

const listed = ({ id, name, feature, uri, line, tags }: PlannedScenario) => ({ id, name, feature, uri, line, tags });

function list(scenarios: readonly PlannedScenario[]): string {
  const byFile = new Map<string, PlannedScenario[]>();
  for (const scenario of scenarios) byFile.set(scenario.uri, [...(byFile.get(scenario.uri) ?? []), scenario]);
  return [
    ...[...byFile].flatMap(([uri, inFile]) => [
      `${uri}  ${inFile[0]?.feature ?? ""}`,
      ...inFile.map(({ line, name, declared }) => `  ${String(line).padStart(4)}  ${name}  [${[...declared.requirements, declared.judges, declared.level, ...(declared.load ? ["load"] : [])].join(", ")}]`),
    ]),
    `${scenarios.length} scenarios`,
  ].join("\n");
}
