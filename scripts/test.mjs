#!/usr/bin/env node
/**
 * What `npm test` runs: build, lint beside type check and import direction, then the tests in three lots. Goes on after a failure, so that one run shows
 * everything; the last line is `N passed, N failed`, test cases and each check counted alike.
 *
 *   node scripts/test.mjs [part...] [-- filter...]   only these parts: build lint types imports unit system interop; only test files whose path has a filter
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), "muster-test-"));
const minute = 60_000;

const tool = (name) => join(root, "node_modules", ".bin", name);

const checks = [
  { name: "build", title: "build", command: [tool("tsc"), "-p", "tsconfig.build.json"], limit: 5 * minute },
  { name: "lint", title: "lint", command: [tool("eslint"), "."], limit: 8 * minute },
  { name: "types", title: "type check", command: [tool("tsc"), "-p", "tsconfig.json"], limit: 5 * minute },
  { name: "imports", title: "import direction", command: [tool("depcruise"), "--config", ".dependency-cruiser.cjs", "--output-type", "err", "src", "simulators", "features"], limit: 5 * minute },
];
const without = (...folders) => folders.flatMap((folder) => ["--exclude", `${folder}/**`]);
/** Lots of test files: each is what the other lots leave (`--dir` would look for the patterns of vitest.config.ts below that folder, and find nothing). */
const lots = [
  { name: "unit", title: "unit, simulated network and socket tests", args: [...without("test", "interop", "**/node_modules", "dist"), "--maxWorkers=2"], limit: 15 * minute },
  { name: "system", title: "tests of whole runs", args: [...without("src", "simulators", "features", "interop"), "--no-file-parallelism"], folder: "test", limit: 25 * minute },
  { name: "interop", title: "interop tests", args: [...without("src", "simulators", "features", "test"), "--no-file-parallelism"], folder: "interop", limit: 15 * minute },
];

const words = process.argv.slice(2);
const dashes = words.indexOf("--");
const asked = dashes < 0 ? words : words.slice(0, dashes);
const filters = dashes < 0 ? [] : words.slice(dashes + 1);
const known = [...checks, ...lots].map(({ name }) => name);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(", ")}; the parts are ${known.join(", ")}`);
  process.exit(2);
}
const wanted = ({ name }) => asked.length === 0 || asked.includes(name);

const running = new Set();
let stoppedBy;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    stoppedBy = signal;
    for (const child of running) child.kill(signal);
  });
}

/** Runs a program with our own output; resolves with why it failed, undefined when it did not. */
function execute(command, limit) {
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, npm_config_loglevel: "error" } });
    running.add(child);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), 5_000).unref();
    }, limit);
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve(error.message);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      resolve(late ? `not done within ${limit / minute} minutes` : code === 0 ? undefined : signal === null ? `exit code ${code}` : `ended by ${signal}`);
    });
  });
}

const started = performance.now();
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const say = (text) => console.log(`\n== ${text}`);
const totals = { passed: 0, failed: 0 };
const summary = [];
const skipped = [];
const failed = [];

function finish(title, passed, failed, since, why) {
  totals.passed += passed;
  totals.failed += failed;
  const line = `${failed === 0 ? "ok    " : "FAILED"} ${title}: ${passed} passed, ${failed} failed, ${seconds(since)}${why === undefined ? "" : ` (${why})`}`;
  summary.push(line);
  say(line);
}

/** Does what is wanted of these, one after the other. */
async function inTurn(parts, how) {
  for (const part of parts.filter(wanted)) if (stoppedBy === undefined) await how(part);
}

async function check({ title, command, limit }) {
  say(title);
  const since = performance.now();
  const why = await execute(command, limit);
  finish(title, why === undefined ? 1 : 0, why === undefined ? 0 : 1, since, why);
}

/** Counts test cases out of vitest's JSON report. A file that could not be loaded counts as one failure. */
function count(report) {
  const counts = { passed: 0, failed: 0 };
  for (const file of report.testResults) {
    const path = relative(root, file.name);
    let failedHere = 0;
    for (const test of file.assertionResults) {
      if (test.status === "passed") counts.passed++;
      else if (test.status === "failed") {
        failedHere++;
        failed.push(`${path}: ${test.fullName}`);
      } else skipped.push(test.fullName);
    }
    const unloaded = failedHere === 0 && file.status === "failed";
    if (unloaded) failed.push(`${path}: could not be loaded`);
    counts.failed += unloaded ? 1 : failedHere;
  }
  return counts;
}

async function lot({ name, title, args, folder, limit }) {
  if (folder !== undefined && !existsSync(join(root, folder))) return;
  say(title);
  const since = performance.now();
  const output = join(scratch, `${name}.json`);
  const why = await execute([tool("vitest"), "run", ...(filters.length === 0 ? [] : ["--passWithNoTests"]), "--reporter=default", "--reporter=json", `--outputFile.json=${output}`, ...args, ...filters], limit);
  if (!existsSync(output)) {
    finish(title, 0, 1, since, why ?? "no report was written");
    return;
  }
  const counts = count(JSON.parse(readFileSync(output, "utf8")));
  // Errors outside any test (an unhandled rejection) fail the lot although every test passed.
  if (why !== undefined && counts.failed === 0) counts.failed = 1;
  finish(title, counts.passed, counts.failed, since, why);
}

try {
  const [build, lint, ...others] = checks;
  await inTurn([build], check);
  // Each uses one processor only.
  await Promise.all([inTurn([lint], check), inTurn(others, check)]);
  await inTurn(lots, lot);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

say(`all in ${seconds(started)}`);
for (const line of summary) console.log(line);
for (const name of failed) console.log(`failed: ${name}`);
if (skipped.length > 0) console.log(`not run: ${skipped.join("; ")}`);
if (stoppedBy !== undefined) {
  totals.failed++;
  console.log(`stopped by ${stoppedBy}`);
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
