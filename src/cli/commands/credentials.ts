import { Command } from "commander";
import { checkFlags, credentialsSchema, formatCredentials, testCredentials, testKeyNotice, seedNumber } from "../../config/index.js";
import type { Invocation } from "../program.js";

export function credentialsCommand(invocation: Invocation): Command {
  return new Command("credentials")
    .description("keys of simulated devices, for somebody else's server")
    .helpCommand(false)
    .addCommand(
      new Command("export")
        .description("print the test keys of a fleet: what muster fleet with the same seed and names uses")
        .requiredOption("--devices <n>", "how many")
        .requiredOption("--seed <seed>", "seed of the fleet")
        .option("--format <format>", "csv or json (default csv)")
        .option("--endpoint-pattern <pattern>", "names, as of muster fleet (default muster-{index:08d})")
        .addHelpText(
          "after",
          `
Each device has a key for its Bootstrap Server and one for its LwM2M Server; its identity is its endpoint name. Keys are in hex and begin with
54455354 ("TEST"). They follow from the seed and are no secret.

Example:
  muster credentials export --devices 500 --seed 7 --format csv > keys.csv
  muster fleet --credentials keys.csv --server coaps://127.0.0.1:5684`,
        )
        .action((flags: Record<string, unknown>) => exportCredentials(invocation, flags)),
    )
    .addHelpText("after", "\nExample:\n  muster credentials export --devices 500 --seed 7 --format json");
}

async function exportCredentials({ terminal }: Invocation, flags: Record<string, unknown>): Promise<void> {
  const { devices, seed, format, endpointPattern } = checkFlags(flags, credentialsSchema);
  const { endpointName } = await import("../../../simulators/fleet/index.js");
  const number = seedNumber(seed);
  terminal.err(`muster: ${testKeyNotice}`);
  terminal.out(formatCredentials(Array.from({ length: devices }, (_, at) => testCredentials(number, at + 1, endpointName(endpointPattern, at + 1))), format).trimEnd());
}
