import { Command } from "commander";
import { z } from "zod";
import { checkFlags, countSchema } from "../../config/index.js";
import { realPorts } from "../../ports/real/index.js";
import type { Finding, Grade } from "../doctor/finding.js";
import { ExitCode } from "../exit.js";
import type { Invocation } from "../program.js";
import { styled } from "../terminal.js";
import type { Style } from "../terminal.js";

const flagsSchema = z.strictObject({ target: z.string().optional(), devices: countSchema(1, 1_000_000).default(1000), json: z.boolean().default(false) });

const marks: Readonly<Record<Grade, { readonly text: string; readonly style: Style }>> = { ok: { text: "ok", style: "green" }, warning: { text: "warning", style: "yellow" }, problem: { text: "problem", style: "red" } };

export function doctorCommand(invocation: Invocation): Command {
  return new Command("doctor")
    .description("look at this machine and at a target: what a run would do and what not, each problem with its repair")
    .option("--target <file>", "target file: reach every address in it")
    .option("--devices <n>", "size of the fleet to judge by (default 1000)")
    .option("--json", "print the findings as JSON")
    .addHelpText(
      "after",
      `
Exit 1 when there is a problem; warnings do not count.

Example:
  muster doctor --target targets/served.yaml`,
    )
    .action((flags: Record<string, unknown>) => runDoctor(invocation, flags));
}

async function runDoctor(invocation: Invocation, given: Record<string, unknown>): Promise<void> {
  const { terminal } = invocation;
  const { target: path, devices, json } = checkFlags(given, flagsSchema);
  const [{ machine }, { reach }, { oneDevice }, { targetFrom }, { whatARunDoes }] = await Promise.all([
    import("../doctor/machine.js"),
    import("../doctor/reach.js"),
    import("../doctor/trial.js"),
    import("../target.js"),
    import("../doctor/plan.js"),
  ]);
  const target = await targetFrom(path, terminal.env);
  const ports = realPorts("doctor");
  const findings: Finding[] = await machine(devices, ports.network);
  const reached = await reach(target, ports);
  findings.push(...reached.findings);
  findings.push(await oneDevice(target, reached.admission, ports));
  const { plan, findings: planned } = await whatARunDoes(target, reached.silent);
  findings.push(...planned);
  const counts = { ok: 0, warning: 0, problem: 0 };
  for (const { grade } of findings) counts[grade]++;
  if (json) terminal.out(JSON.stringify({ schema: "muster.doctor.v1", target: target.name, devices, findings, counts, plan }));
  else {
    const width = Math.max(...findings.map(({ id }) => id.length));
    for (const { id, grade, detail, repair } of findings) {
      terminal.out(`${styled(terminal, marks[grade].style, marks[grade].text.padEnd(8))} ${id.padEnd(width)}  ${detail}`);
      if (repair !== undefined) terminal.out(`${" ".repeat(9)}${"".padEnd(width)}  repair: ${repair}`);
    }
    if (path !== undefined) {
      for (const { id, declined } of plan.each) terminal.out(`${(declined?.as ?? "run").padEnd(15)} ${id}${declined === undefined ? "" : styled(terminal, "dim", `  ${declined.reason}`)}`);
    }
    terminal.out(`${counts.ok} ok, ${counts.warning} warnings, ${counts.problem} problems`);
  }
  invocation.exit = counts.problem > 0 ? ExitCode.fail : ExitCode.ok;
}
