import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Programs, ProgramSpec, RunningProgram } from "../processes.js";

const pollMs = 100;
const patienceMs = 5_000;
/** Characters of output that are kept, from its beginning (where readiness is told) and from its end. */
const keptOutput = 64 * 1024;

const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(url, (response) => {
      response.resume();
      resolve((response.statusCode ?? 0) >= 200 && (response.statusCode ?? 0) < 300);
    });
    request.setTimeout(2_000, () => request.destroy());
    request.on("error", () => resolve(false));
  });

/** Programs of the operating system, each known by its process id. */
export const realPrograms: Programs = {
  async start(program: ProgramSpec, onEnd: (reason: string) => void): Promise<RunningProgram> {
    const [command = "", ...args] = program.command;
    const own = program.folder === undefined ? await mkdtemp(join(tmpdir(), "muster-program-")) : undefined;
    const child: ChildProcess = spawn(command, args, { cwd: program.folder ?? own, env: { ...process.env, ...program.environment }, stdio: ["ignore", "pipe", "pipe"] });
    let head = "";
    let tail = "";
    const hear = (chunk: Buffer): void => {
      const text = chunk.toString();
      if (head.length < keptOutput) head += text;
      tail = (tail + text).slice(-keptOutput);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    const state = { ended: false };
    const over = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(`${command} could not be started: ${error.message}`));
      child.once("exit", (code, signal) => resolve(`${command} ended with ${code ?? signal ?? "no code"}`));
    });
    void over.then(() => (state.ended = true));
    const lastLines = (): string => tail.trim().split("\n").slice(-8).join("\n");
    const stop = async (): Promise<void> => {
      if (!state.ended) {
        child.kill("SIGTERM");
        const gone = await Promise.race([over.then(() => true), sleep(patienceMs, false)]);
        if (!gone) child.kill("SIGKILL");
        await over;
      }
      if (own !== undefined) await rm(own, { recursive: true, force: true });
    };

    const until = performance.now() + program.withinMs;
    const { ready } = program;
    const isReady = (): Promise<boolean> => ("url" in ready ? answers(ready.url) : Promise.resolve(head.includes(ready.output)));
    await Promise.race([once(child, "spawn").catch(() => undefined), over]);
    while (!(await isReady())) {
      if (state.ended) {
        await stop();
        throw new Error(`${await over} before it was ready: ${lastLines()}`);
      }
      if (performance.now() > until) {
        await stop();
        throw new Error(`${command} was not ready within ${program.withinMs} ms: ${lastLines()}`);
      }
      await sleep(pollMs);
    }
    let stopping = false;
    void over.then((reason) => {
      if (!stopping) onEnd(`${reason}: ${lastLines()}`);
    });
    return {
      pid: child.pid ?? 0,
      tail: () => tail,
      stop() {
        stopping = true;
        return stop();
      },
    };
  },
};
