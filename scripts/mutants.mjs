#!/usr/bin/env node
/**
 * The harness tests itself: breaks one rule of a reference, or of our devices, at a time and runs the functional suite over it. Each time, scenarios that name the rule must
 * fail for that reason, and no other scenario may fail. Needs the build.
 *
 *   node scripts/mutants.mjs [--only NAME]... [--field] [--part K/N] [--lanes N] [--security psk|nosec] [--list] [--json]
 *
 * --field takes those that were found in implementations of the field; --part 2/5 takes the second fifth of the list, each fifth spread over it; --json prints what was found, and nothing else, on standard output.
 * Ends with 0 when all were found and nothing else was blamed, 1 when not, 2 for a mistake in the command line.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, "dist/src/cli/main.js");
const runLimitMs = 300_000;

function usage(text) {
  console.error(`mutants: ${text}`);
  process.exit(2);
}

const { judgePlanted, plantedFaults, resultSchema } = await import(join(root, "dist/src/harness/index.js")).catch(() => usage("there is no build: npm run build"));

function flags() {
  try {
    return parseArgs({
      options: {
        only: { type: "string", multiple: true, default: [] },
        field: { type: "boolean", default: false },
        part: { type: "string", default: "1/1" },
        lanes: { type: "string", default: "1" },
        security: { type: "string" },
        list: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return usage(error.message);
  }
}

const given = flags();
const [, part, parts] = /^(\d+)\/(\d+)$/.exec(given.part)?.map(Number) ?? usage(`--part ${given.part} is not of the form 2/5`);
if (part < 1 || part > parts) usage(`--part ${given.part}: the first number is one of 1 to ${parts}`);
const lanes = Number(given.lanes);
if (!Number.isInteger(lanes) || lanes < 1) usage(`--lanes ${given.lanes} is no number of runs side by side`);
const unknown = given.only.filter((name) => !plantedFaults.some((fault) => fault.name === name));
if (unknown.length > 0) usage(`there is no planted fault ${unknown.join(", ")}; see --list`);

const asked = plantedFaults.filter(({ name, field }) => (given.only.length === 0 || given.only.includes(name)) && (!given.field || field !== undefined));
const chosen = asked.filter((_, index) => index % parts === part - 1);
if (given.list) {
  for (const { name, rule, judges, breaks, field = [] } of chosen) console.log(`${name}  [${[judges, rule, ...field].join(", ")}]  ${breaks}`);
  process.exit(0);
}

const say = given.json ? console.error : console.log;
const scratch = mkdtempSync(join(tmpdir(), "muster-mutants-"));
const running = new Set();
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stopped = true;
    for (const child of running) child.kill("SIGKILL");
  });
}

/** The suite over one broken rule, in a process of its own. */
function suite({ name, role }) {
  const folder = mkdtempSync(join(scratch, "run-"));
  const target = join(folder, "target.yaml");
  writeFileSync(target, JSON.stringify({ name: `planted ${name}`, timing: "lab", plants: { [role]: [name] } }));
  const args = [main, "run", "--functional", "--seed", "1", "--json", "--target", target, "--out", join(folder, "reports"), ...(given.security === undefined ? [] : ["--security", given.security])];
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, args, { timeout: runLimitMs, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      running.delete(child);
      rmSync(folder, { recursive: true, force: true });
      if (stdout.trim() === "") reject(new Error(`the run gave no result: ${error?.message ?? ""} ${stderr.trim().split("\n").at(-1) ?? ""}`));
      else resolve(resultSchema.parse(JSON.parse(stdout)));
    });
    running.add(child);
  });
}

async function judged(fault) {
  const began = performance.now();
  const look = async () => {
    const result = await suite(fault);
    const judgement = judgePlanted(result, fault);
    return result.interrupted || result.error !== undefined ? { ...judgement, wrong: [...judgement.wrong, `the run did not come to its end: ${result.error ?? "interrupted"}`] } : judgement;
  };
  let judgement = await look().catch((error) => ({ found: [], wrong: [error.message] }));
  // On a machine that is busy a check of time may go wrong once: what looks wrong is looked at again.
  if (judgement.wrong.length > 0 && !stopped) judgement = await look().catch((error) => ({ found: [], wrong: [error.message] }));
  return { name: fault.name, rule: fault.rule, judges: fault.judges, field: fault.field ?? [], ...judgement, seconds: Math.round((performance.now() - began) / 1000) };
}

const began = performance.now();
const results = [];
const waiting = [...chosen];
async function lane() {
  for (let fault = waiting.shift(); fault !== undefined && !stopped; fault = waiting.shift()) {
    const one = await judged(fault);
    if (stopped) return;
    results.push(one);
    const verdict = one.wrong.length === 0 ? `found by ${one.found.length}` : one.found.length > 0 ? `found by ${one.found.length}, BUT` : "NOT FOUND";
    say(`[${results.length}/${chosen.length}] ${one.name} (${[one.rule, ...one.field].join(", ")}): ${verdict}, ${one.seconds} s`);
    for (const sentence of one.wrong) say(`    ${sentence}`);
  }
}
try {
  await Promise.all(Array.from({ length: lanes }, lane));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const wrong = results.filter((one) => one.wrong.length > 0);
if (given.json) console.log(JSON.stringify({ schema: "muster-mutants/1", complete: results.length === chosen.length, faults: results }));
say(`${results.length - wrong.length} of ${chosen.length} planted faults found with nothing else blamed, in ${Math.round((performance.now() - began) / 1000)} s${stopped ? "; stopped" : ""}`);
process.exitCode = wrong.length === 0 && results.length === chosen.length ? 0 : 1;
