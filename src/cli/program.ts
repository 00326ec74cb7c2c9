import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { ConfigError } from "../config/index.js";
import { credentialsCommand } from "./commands/credentials.js";
import { deviceCommand } from "./commands/device.js";
import { doctorCommand } from "./commands/doctor.js";
import { fleetCommand } from "./commands/fleet.js";
import { matrixCommand } from "./commands/matrix.js";
import { runCommand } from "./commands/run.js";
import { serveCommand } from "./commands/serve.js";
import { ExitCode, UsageError } from "./exit.js";
import type { Terminal } from "./terminal.js";
import { version } from "./version.js";

/** What a command is given: where to write, and where to leave its exit code. */
export interface Invocation {
  readonly terminal: Terminal;
  exit: ExitCode;
}

function program(invocation: Invocation): Command {
  const { terminal } = invocation;
  const muster = new Command("muster")
    .description("Interop test harness and device simulator for OMA LwM2M, built around Server Management")
    .version(version(), "-V, --version", "print the version")
    .helpCommand(false)
    .addHelpText(
      "after",
      `
Examples:
  muster run                                   every scenario, 1,000 devices, references in all roles
  muster run --functional @SM-1                one requirement, without load
  muster serve bootstrap-server --coap 127.0.0.1:5783 --http 127.0.0.1:8783
  muster doctor                                can this machine do a run?

Exit codes: 0 passed, 1 a verdict is fail, 2 usage or configuration, 3 inconclusive or incomplete, 4 an error of muster itself.`,
    );
  for (const command of [runCommand(invocation), serveCommand(invocation), deviceCommand(invocation), fleetCommand(invocation), credentialsCommand(invocation), doctorCommand(invocation), matrixCommand(invocation)]) muster.addCommand(command);
  for (const command of everyCommand(muster)) {
    command
      .exitOverride()
      .showSuggestionAfterError(true)
      .configureOutput({ writeOut: (text) => terminal.out(text.trimEnd()), writeErr: (text) => terminal.err(text.trimEnd()), outputError: () => {} })
      .helpOption("-h, --help", "print this help");
  }
  return muster;
}

const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];

/** Runs one command line and resolves with the exit code. Never throws. */
export async function main(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const invocation: Invocation = { terminal, exit: ExitCode.ok };
  try {
    await program(invocation).parseAsync([...args], { from: "user" });
    return invocation.exit;
  } catch (error) {
    return failed(error, args, terminal);
  }
}

/** Puts an error into words; the caller ends with the code. */
export function failed(error: unknown, args: readonly string[], terminal: Terminal): ExitCode {
  if (error instanceof CommanderError) return commanderExit(error, args, terminal);
  if (error instanceof ConfigError || error instanceof UsageError) {
    for (const line of error.message.split("\n")) terminal.err(`muster: ${line}`);
    return ExitCode.usage;
  }
  const message = error instanceof Error ? error.message : String(error);
  const details = writeDetails(error);
  terminal.err(`muster: internal error: ${message.split("\n")[0] ?? ""}${details === undefined ? "" : `; details are in ${details}`}`);
  return ExitCode.internal;
}

function commanderExit(error: CommanderError, args: readonly string[], terminal: Terminal): ExitCode {
  if (error.exitCode === 0) return ExitCode.ok;
  // Commander printed the help itself when a command needs a further one.
  if (error.code === "commander.help") return ExitCode.usage;
  const words = args.filter((word) => !word.startsWith("-"));
  const named = words[0] === "serve" || words[0] === "credentials" ? words.slice(0, 2) : words.slice(0, 1);
  const known = ["run", "serve", "device", "fleet", "credentials", "doctor", "matrix"];
  const help = ["muster", ...(known.includes(named[0] ?? "") ? named.filter((word, index) => index === 0 || /^((bootstrap|lwm2m)-server|export)$/.test(word)) : []), "--help"].join(" ");
  const [what = "", ...suggestion] = error.message.replace(/^error: /, "").split("\n");
  terminal.err(`muster: ${what}${suggestion.length === 0 ? "" : ` ${suggestion.join(" ")}`}; see ${help}`);
  return ExitCode.usage;
}

/** The stack goes to a file, never to the terminal. */
function writeDetails(error: unknown): string | undefined {
  const path = join(tmpdir(), `muster-error-${process.pid}.log`);
  const cause = error instanceof Error && error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : "";
  try {
    writeFileSync(path, `${new Date().toISOString()} muster ${version()} node ${process.version}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}${cause}\n`, { mode: 0o600, flag: "w" });
    return path;
  } catch {
    return undefined;
  }
}
