import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ActionResult, DeviceAction, DeviceSnapshot, DeviceSpec } from "../../../simulators/device/index.js";
import type { TraceEvent } from "../../../src/ports/index.js";

interface Line {
  readonly ready?: boolean;
  readonly stack?: string;
  readonly id?: number | null;
  readonly result?: unknown;
  readonly refused?: string;
}

/** Speaks with a host of devices as the harness does. */
export class HostClient {
  readonly #waiting = new Map<number | null, (line: Line) => void>();
  /** The first line. */
  readonly ready: Promise<Line>;
  #last = 0;

  constructor(
    private readonly input: Writable,
    output: Readable,
  ) {
    this.ready = this.#reply(0);
    createInterface({ input: output }).on("line", (text) => {
      const line = JSON.parse(text) as Line;
      const key = line.ready === undefined ? (line.id ?? null) : 0;
      this.#waiting.get(key)?.(line);
      this.#waiting.delete(key);
    });
  }

  #reply(key: number | null): Promise<Line> {
    return new Promise((resolve) => this.#waiting.set(key, resolve));
  }

  /** Bytes as they are, answered without an id. */
  raw(text: string): Promise<Line> {
    const reply = this.#reply(null);
    this.input.write(text);
    return reply;
  }

  send(request: object): Promise<Line> {
    const id = ++this.#last;
    const reply = this.#reply(id);
    this.input.write(`${JSON.stringify({ id, ...request })}\n`);
    return reply;
  }

  async #result<T>(request: object): Promise<T> {
    const { result, refused } = await this.send(request);
    if (refused !== undefined) throw new Error(refused);
    return result as T;
  }

  create = (spec: DeviceSpec, start = true): Promise<null> => this.#result({ type: "create", spec, start });
  act = (endpoint: string, action: DeviceAction): Promise<ActionResult> => this.#result({ type: "act", endpoint, action });
  inspect = (endpoint: string): Promise<DeviceSnapshot> => this.#result({ type: "inspect", endpoint });
  remove = (endpoint: string, deregister: boolean): Promise<boolean> => this.#result({ type: "remove", endpoint, deregister });
  trace = async (endpoint: string): Promise<readonly TraceEvent[]> => (await this.#result<{ events: readonly TraceEvent[] }>({ type: "trace", endpoint, after: 0, limit: 5_000 })).events;
}
