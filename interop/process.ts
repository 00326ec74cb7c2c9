import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { recordProgram } from "./evidence.js";

export interface RunningProcess {
  readonly pid: number;
  /** Everything it printed on either stream so far. */
  readonly output: () => string;
  /** Resolves with the exit code; `null` when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** To its standard input, which is open only when it was started with `input`. */
  write(text: string): void;
  endInput(): void;
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Keeps its standard input open. */
  readonly input?: boolean;
  /** Polled until true; the process is stopped when it never becomes so. */
  readonly ready?: (output: string) => boolean | Promise<boolean>;
  readonly readyWithinMs?: number;
}

/** Starts a peer and waits until it is ready. Whoever starts it stops it, by its process id. */
export async function start(command: string, args: readonly string[], options: StartOptions = {}): Promise<RunningProcess> {
  const child: ChildProcess = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: [options.input === true ? "pipe" : "ignore", "pipe", "pipe"] });
  // What is written to a process that has just ended is lost, and no reason to end this one.
  child.stdin?.on("error", () => {});
  let printed = "";
  child.stdout?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  recordProgram(command, () => printed, () => child.exitCode !== null || child.signalCode !== null);
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  await Promise.race([once(child, "spawn"), once(child, "error").then(([error]) => Promise.reject(error as Error))]);
  const running: RunningProcess = {
    pid: child.pid ?? 0,
    output: () => printed,
    exited,
    write: (text) => void child.stdin?.write(text),
    endInput: () => void child.stdin?.end(),
    signal: (name) => void child.kill(name),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      const gone = await Promise.race([exited.then(() => true), sleep(3_000).then(() => false)]);
      if (!gone) child.kill("SIGKILL");
      await exited;
    },
  };
  if (options.ready !== undefined) await becomesReady(running, child, options.ready, options.readyWithinMs ?? 20_000, [command, ...args].join(" "));
  return running;
}

async function becomesReady(running: RunningProcess, child: ChildProcess, ready: NonNullable<StartOptions["ready"]>, withinMs: number, name: string): Promise<void> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} before it was ready:\n${running.output()}`);
    if (await ready(running.output())) return;
    await sleep(50);
  }
  await running.stop();
  throw new Error(`${name} was not ready within ${withinMs} ms:\n${running.output()}`);
}

/** Waits until it has printed something that matches, and gives the match. Rejects with what it printed instead, when it ends or the time is over. */
export async function printed(running: RunningProcess, pattern: RegExp, withinMs = 10_000): Promise<RegExpExecArray> {
  let over = false;
  void running.exited.then(() => (over = true));
  const found = await eventually(withinMs, () => pattern.exec(running.output()) ?? (over ? "over" : undefined));
  // What it printed last may arrive with the news of its end.
  const match = found === undefined || found === "over" ? pattern.exec(running.output()) : found;
  if (match === null) throw new Error(`nothing like ${String(pattern)} in:\n${running.output()}`);
  return match;
}

/** The lines it printed that are JSON objects, as our own small programs print them. */
export function events(running: RunningProcess): Readonly<Record<string, unknown>>[] {
  return running
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The first event for which `which` holds, once its line has come through the pipe. */
export async function eventFrom(running: RunningProcess, which: (event: Readonly<Record<string, unknown>>) => boolean, withinMs = 5_000): Promise<Readonly<Record<string, unknown>>> {
  const found = await eventually(withinMs, () => events(running).find(which));
  if (found === undefined) throw new Error(`no such event in:\n${running.output()}`);
  return found;
}

/** Polls until `probe` gives something; undefined when the time is over. */
export async function eventually<T>(withinMs: number, probe: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    const found = await probe();
    if (found !== undefined) return found;
    await sleep(50);
  }
  return undefined;
}

export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  const bound = await new Promise<boolean>((resolve) => {
    socket.once("error", () => resolve(false));
    socket.bind({ port, address: "127.0.0.1", exclusive: true }, () => resolve(true));
  });
  socket.close();
  return bound;
}

/** A free UDP port whose neighbour above is free as well, below the ports that the kernel gives out on its own. */
export async function freeUdpPortPair(): Promise<number> {
  for (;;) {
    const port = 12_000 + 2 * Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

export async function freeTcpPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
