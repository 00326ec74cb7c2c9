#!/usr/bin/env node
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const help = `Fuzzes the DTLS implementation for longer than \`npm test\` does: changed and invented records, handshake messages and
extensions, whole endpoints that get them, and saved sessions. The first input that is not answered with an alert or silence ends the run and
is printed in hex.

  npm run fuzz -- [--factor N] [--seed TEXT] [--target NAME]

  --factor N     how many times the 230,000 inputs of a test run (default 20)
  --seed TEXT    where the inputs come from; the same seed, factor and target give the same inputs (default: drawn, and printed); keys and signatures are new each time
  --target NAME  one of: records messages extensions certificates reassembly machines strangers server-handshakes client-handshakes sessions saved-sessions

To see a failure again, give the printed seed with the target that failed.`;

const { values } = parseArgs({ options: { factor: { type: "string", default: "20" }, seed: { type: "string" }, target: { type: "string" }, help: { type: "boolean", short: "h" } } });
if (values.help) {
  console.log(help);
  process.exit(0);
}
const factor = Number(values.factor);
if (!(factor > 0)) {
  console.error(`--factor ${values.factor} is not a number above 0`);
  process.exit(2);
}
const seed = values.seed ?? String(randomInt(2 ** 32));
console.log(`seed ${seed}`);

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const env = { ...process.env, MUSTER_FUZZ_SEED: seed, MUSTER_FUZZ_FACTOR: String(factor), ...(values.target === undefined ? {} : { MUSTER_FUZZ_TARGET: values.target }) };
const child = spawn(join(root, "node_modules", ".bin", "vitest"), ["run", "src/dtls/fuzz.test.ts"], { cwd: root, stdio: "inherit", env });
child.once("close", (code) => {
  if (code !== 0) console.error(`again with: npm run fuzz -- --seed ${seed} --factor ${factor}${values.target === undefined ? "" : ` --target ${values.target}`}`);
  process.exitCode = code ?? 1;
});
