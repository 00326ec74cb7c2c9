#!/usr/bin/env node
/**
 * Whether verdicts hang on luck: runs the functional suite many times, each time with another seed, while every processor is kept busy and datagrams of the devices are lost,
 * and compares the verdicts of each scenario. Needs the build.
 *
 *   node scripts/stability.mjs [--runs 20] [--loss 2%] [--idle] [--security psk|nosec] [--out FOLDER] [--json]
 *
 * --idle leaves the processors alone. --out keeps the runs; without it those that differ are kept in a temporary folder, the others are removed.
 * Ends with 0 when no scenario changed its verdict, 1 when one did or a run broke off, 2 for a mistake in the command line.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, "dist/src/cli/main.js");
const runLimitMs = 300_000;

function usage(text) {
  console.error(`stability: ${text}`);
  process.exit(2);
}

const { resultSchema } = await import(join(root, "dist/src/harness/index.js")).catch(() => usage("there is no build: npm run build"));

function flags() {
  try {
    return parseArgs({
      options: {
        runs: { type: "string", default: "20" },
        loss: { type: "string", default: "2%" },
        idle: { type: "boolean", default: false },
        security: { type: "string", default: "psk" },
        out: { type: "string" },
        json: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return usage(error.message);
  }
}

const given = flags();
const runs = Number(given.runs);
if (!Number.isInteger(runs) || runs < 2 || runs > 1000) usage(`--runs ${given.runs} is no number from 2 to 1000`);

const say = given.json ? console.error : console.log;
const folder = given.out ?? mkdtempSync(join(tmpdir(), "muster-stability-"));
mkdirSync(folder, { recursive: true });

/** As many threads as there are processors, each in a loop that takes all it is given. */
const burners = given.idle ? [] : Array.from({ length: availableParallelism() }, () => new Worker("for (;;);", { eval: true }));
let child;
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopped = true;
    child?.kill("SIGTERM");
  });
}

/** With datagrams lost a sleeper has to be awake for longer than they are sent again (MAX_TRANSMIT_SPAN of the lab profile), or it sleeps through what it was asked. */
const target = join(folder, "target.yaml");
writeFileSync(target, "name: stability\ntiming:\n  profile: lab\n  device: { awakeMs: 2200 }\n  lwm2mServer: { awakeMs: 2200 }\n");

function suite(seed, out) {
  const args = [main, "run", "--target", target, "--functional", "--seed", String(seed), "--security", given.security, "--loss", given.loss, "--out", out, "--json"];
  return new Promise((resolve, reject) => {
    child = execFile(process.execPath, args, { timeout: runLimitMs, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      try {
        resolve(resultSchema.parse(JSON.parse(stdout)));
      } catch {
        reject(new Error(`the run with seed ${seed} gave no result: ${error?.message ?? ""} ${stderr}`));
      }
    });
  });
}

/** By scenario: what each run came to, and why where it was no pass. */
const verdicts = new Map();
let broken;
let done = 0;
try {
  for (let seed = 1; seed <= runs && !stopped; seed++) {
    const began = performance.now();
    const out = join(folder, `run-${seed}`);
    const result = await suite(seed, out);
    if (result.interrupted || result.error !== undefined) throw new Error(`the run with seed ${seed} broke off: ${result.error ?? "it was interrupted"}`);
    for (const { id, verdict, reason } of result.scenarios) verdicts.set(id, [...(verdicts.get(id) ?? []), { seed, verdict, reason }]);
    done++;
    const others = result.scenarios.filter(({ verdict }) => verdict !== "pass");
    say(`run ${seed} of ${runs}: ${Object.entries(result.verdicts).filter(([, count]) => count > 0).map(([verdict, count]) => `${count} ${verdict}`).join(", ")}, ${result.loss?.datagrams ?? 0} datagrams lost, ${((performance.now() - began) / 1000).toFixed(1)} s`);
    for (const { id, verdict, reason } of others) say(`  ${verdict} ${id}: ${reason}`);
    if (given.out === undefined && others.length === 0) rmSync(out, { recursive: true, force: true });
  }
} catch (error) {
  broken = error instanceof Error ? error.message : String(error);
} finally {
  await Promise.all(burners.map((burner) => burner.terminate()));
}

const flips = [...verdicts].filter(([, seen]) => new Set(seen.map(({ verdict }) => verdict)).size > 1).map(([id, seen]) => ({ id, seen }));
if (given.json) {
  console.log(JSON.stringify({ runs: done, scenarios: verdicts.size, loss: given.loss, busy: !given.idle, flips }));
} else {
  for (const { id, seen } of flips) {
    console.log(`flips: ${id}`);
    for (const { seed, verdict, reason } of seen.filter(({ verdict }) => verdict !== "pass")) console.log(`  seed ${seed}: ${verdict}: ${reason}`);
  }
}
say(`${done} runs of ${verdicts.size} scenarios, ${given.loss} of the datagrams lost, processors ${given.idle ? "left alone" : "kept busy"}: ${flips.length === 0 ? "no verdict flips" : `${flips.length} scenarios change their verdict; the runs are in ${folder}`}`);
if (broken !== undefined) say(`stability: ${broken}`);
if (flips.length === 0 && given.out === undefined) rmSync(folder, { recursive: true, force: true });
process.exitCode = flips.length === 0 && broken === undefined && !stopped ? 0 : 1;
