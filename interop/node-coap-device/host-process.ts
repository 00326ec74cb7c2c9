import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { z } from "zod";

/** The host said no; nothing was sent. */
export class RefusedByHost extends Error {
  /** The stack cannot do it, as opposed to a request that was wrong. */
  readonly unsupported: boolean;

  constructor(reason: string) {
    super(reason);
    this.unsupported = reason.startsWith("unsupported:");
  }
}

const first = z.union([z.object({ ready: z.literal(true), stack: z.string() }), z.object({ ready: z.literal(false), why: z.string() })]);
const reply = z.object({ id: z.int().nullable(), result: z.unknown().optional(), refused: z.string().optional() });

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const patienceMs = 5_000;

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A running host of devices (`host.js`), spoken to in JSON lines. */
export class HostProcess {
  /** `node-coap 1.5.0`. */
  stack = "";
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<unknown>;
  #ended: string | undefined;
  #last = 0;

  private constructor(
    command: string,
    args: readonly string[],
    private readonly what: string,
  ) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.on("error", (error) => this.#end(`the process of the ${what} devices could not be started: ${error.message}`));
    this.#exited = once(this.#child, "close").catch(() => undefined).finally(() => this.#end(`the process of the ${what} devices has ended`));
    this.#child.stdin.on("error", (error) => this.#end(error.message));
  }

  /** Starts the process; rejects with the reason where its stack is not installed. */
  static start(script: string, ...args: readonly string[]): Promise<HostProcess> {
    return HostProcess.launch(process.execPath, [script, ...args], "node-coap");
  }

  /** Any program that speaks the same lines. */
  static async launch(command: string, args: readonly string[], what: string): Promise<HostProcess> {
    const host = new HostProcess(command, args, what);
    const lines = createInterface({ input: host.#child.stdout });
    const [line] = (await Promise.race([once(lines, "line"), host.#exited.then(() => [host.#ended])])) as [unknown];
    const ready = first.safeParse(typeof line === "string" ? jsonOf(line) : undefined);
    if (ready.data?.ready !== true) {
      host.#child.kill();
      throw new Error(ready.data?.why ?? `the ${what} devices did not start`);
    }
    host.stack = ready.data.stack;
    lines.on("line", (text) => host.#hear(text));
    return host;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends a request and resolves with its result; rejects with `RefusedByHost`. */
  send<T>(request: Readonly<Record<string, unknown>>, result: z.ZodType<T>): Promise<T> {
    if (this.#ended !== undefined) return Promise.reject(new Error(this.#ended));
    const id = ++this.#last;
    const answered = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.stdin.write(`${JSON.stringify({ ...request, id })}\n`);
    return answered.then((value) => result.parse(value));
  }

  #hear(text: string): void {
    const line = reply.safeParse(jsonOf(text));
    if (!line.success) {
      this.#end(`the process of the ${this.what} devices wrote what is no reply: ${text.slice(0, 200)}`);
      return;
    }
    const { id, result, refused } = line.data;
    const waiting = id === null ? undefined : this.#waiting.get(id);
    if (id === null || waiting === undefined) return;
    this.#waiting.delete(id);
    if (refused === undefined) waiting.resolve(result);
    else waiting.reject(new RefusedByHost(refused));
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  /** Its devices leave without a word, and the process with them. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), patienceMs);
    await this.#exited;
    clearTimeout(timer);
  }
}
