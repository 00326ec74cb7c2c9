#!/usr/bin/env node
import { processTerminal } from "./terminal.js";

/** Worker threads or sockets that should be gone by now do not keep the program: its exit code stands. */
const graceMs = 3000;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`muster: Node.js ${process.versions.node} is too old; install 20.19 or newer\n`);
  process.exit(2);
}

const { failed, main } = await import("./program.js");
const terminal = processTerminal();
const args = process.argv.slice(2);

process.on("uncaughtException", (error) => {
  // While steps run, Cucumber listens as well and makes it the failure of a step.
  if (process.listenerCount("uncaughtException") === 1) process.exit(failed(error, args, terminal));
});

process.exitCode = await main(args, terminal);
setTimeout(() => process.exit(), graceMs).unref();
