import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../ports/real/index.js";

const main = join(packageRoot, "dist/src/cli/main.js");

export interface Ended {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly pid: number;
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves with the first match in standard output; rejects when the process ends or the time is over. */
  until(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  signal(name: "SIGINT" | "SIGTERM"): void;
  readonly ended: Promise<Ended>;
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Killed when it takes longer. */
  readonly limitMs?: number;
}

/** Starts the built command line as a process of its own. It is killed at its limit at the latest. */
export function start(args: readonly string[], { env = {}, cwd, limitMs = 90_000 }: Options = {}): Started {
  if (!existsSync(main)) throw new Error(`${main} is not there: npm run build`);
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { PATH: process.env["PATH"], ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  const waiting = new Set<() => void>();
  const wake = (): void => waiting.forEach((look) => look());
  child.stdout.on("data", (piece: Buffer) => {
    out += piece.toString();
    wake();
  });
  child.stderr.on("data", (piece: Buffer) => (err += piece.toString()));
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code) => {
      clearTimeout(limit);
      resolve({ code, out, err });
    }),
  );
  return {
    pid: child.pid ?? 0,
    out: () => out,
    err: () => err,
    ended,
    signal: (name) => void child.kill(name),
    until: (pattern, withinMs = 60_000) =>
      new Promise((resolve, reject) => {
        const settle = (action: () => void): void => {
          clearTimeout(timer);
          waiting.delete(look);
          action();
        };
        const look = (): void => {
          const match = pattern.exec(out);
          if (match !== null) settle(() => resolve(match));
        };
        const timer = setTimeout(() => settle(() => reject(new Error(`${String(pattern)} did not come within ${withinMs} ms:\n${out}\n${err}`))), withinMs);
        waiting.add(look);
        void ended.then(({ code }) => settle(() => reject(new Error(`ended with ${String(code)} before ${String(pattern)}:\n${out}\n${err}`))));
        look();
      }),
  };
}

export const muster = (args: readonly string[], options?: Options): Promise<Ended> => start(args, options).ended;
