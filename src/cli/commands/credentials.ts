import { Command } from "commander";
import { authoritySchema, checkFlags, credentialsSchema, derText, formatCredentials, seedNumber, testAuthorityOf, testCredential, testKeyNotice } from "../../config/index.js";
import type { CredentialUse, DeviceCredential, DeviceCredentials } from "../../config/index.js";
import { UsageError } from "../exit.js";
import type { Invocation } from "../program.js";
import { authorityGiven } from "../trust.js";

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
        .option("--security <mode>", "what kind of keys: psk, rpk (raw public keys) or x509 (certificates) (default psk)")
        .option("--authority <file>", "with x509: certificate and private key of the authority that issues them, PEM (default: the test authority of the seed)")
        .option("--endpoint-pattern <pattern>", "names, as of muster fleet (default muster-{index:08d})")
        .addHelpText(
          "after",
          `
Each device has a key for its Bootstrap Server and one for its LwM2M Server. With psk its identity is its endpoint name, and keys are in hex and begin
with 54455354 ("TEST"). With rpk and x509 identities are public keys or certificates, keys are PKCS #8, all of them DER in base64; the private number of a
key begins with the same bytes. All of them follow from the seed and are no secret.

Example:
  muster credentials export --devices 500 --seed 7 --format csv > keys.csv
  muster fleet --credentials keys.csv --server coaps://127.0.0.1:5684`,
        )
        .action((flags: Record<string, unknown>) => exportCredentials(invocation, flags)),
    )
    .addCommand(
      new Command("authority")
        .description("print the certificate of the test authority of a seed (PEM), for whoever is to take the test certificates of that seed")
        .requiredOption("--seed <seed>", "seed of the fleet")
        .addHelpText("after", "\nExample:\n  muster credentials authority --seed 7 > test-authority.pem")
        .action((flags: Record<string, unknown>) => printAuthority(invocation, flags)),
    )
    .addHelpText("after", "\nExample:\n  muster credentials export --devices 500 --seed 7 --format json");
}

async function exportCredentials({ terminal }: Invocation, flags: Record<string, unknown>): Promise<void> {
  const { devices, seed, format, security, authority: file, endpointPattern } = checkFlags(flags, credentialsSchema);
  if (file !== undefined && security !== "x509") throw new UsageError("--authority is for certificates only", "give --security x509");
  const { endpointName } = await import("../../../simulators/fleet/index.js");
  const number = seedNumber(seed);
  const { authority = testAuthorityOf(number) } = await authorityGiven(file);
  const uses = (index: number, endpoint: string): DeviceCredentials => {
    const of = (use: CredentialUse): DeviceCredential => testCredential({ mode: security, authority }, number, index, use, endpoint);
    return { endpoint, bootstrap: of("bootstrap"), server: of("server") };
  };
  terminal.err(`muster: ${testKeyNotice}`);
  const rows = Array.from({ length: devices }, (_, at) => uses(at + 1, endpointName(endpointPattern, at + 1)));
  terminal.out(formatCredentials(rows, format, security === "x509" ? authority.certificate : undefined).trimEnd());
}

function printAuthority({ terminal }: Invocation, flags: Record<string, unknown>): void {
  const { seed } = checkFlags(flags, authoritySchema);
  terminal.err(`muster: ${testKeyNotice}`);
  terminal.out(pemOf(testAuthorityOf(seedNumber(seed)).certificate));
}

const pemOf = (certificate: Uint8Array): string => `-----BEGIN CERTIFICATE-----\n${derText(certificate).replaceAll(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----`;
