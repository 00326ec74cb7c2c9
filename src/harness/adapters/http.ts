import { Pool } from "undici";
import { AdapterError } from "./adapter.js";

export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Parsed where it is JSON, else undefined. */
  readonly body: unknown;
}

export interface HttpCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query, below the base URL's path. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON. */
  readonly body?: unknown;
}

/** A device that sleeps or is slow is waited for by the system, not by us. */
const timeoutMs = 60_000;
const largestAnswer = 64 * 1024 * 1024;

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? `${error.message} (${code})`.trim() : error.message;
};

/** HTTP towards the interface of a system under test. Errors name the call and never a header or a body. */
export class AdapterHttp {
  readonly #pool: Pool;
  readonly #prefix: string;

  constructor(
    readonly base: string,
    private readonly headers: Readonly<Record<string, string>> = {},
    connections = 16,
  ) {
    const url = new URL(base);
    this.#prefix = url.pathname.replace(/\/+$/, "");
    this.#pool = new Pool(url.origin, { connections, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connectTimeout: 10_000 });
  }

  async call({ method, path, headers = {}, body }: HttpCall): Promise<HttpAnswer> {
    const json = body !== undefined && typeof body !== "string";
    try {
      const answer = await this.#pool.request({
        method,
        path: this.#prefix + path,
        headers: { ...(json ? { "content-type": "application/json" } : {}), ...this.headers, ...headers },
        ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : body }),
      });
      const text = await limitedText(answer.body);
      return { status: answer.statusCode, headers: flat(answer.headers), text, body: jsonOf(text) };
    } catch (error) {
      throw new AdapterError(`${this.base} did not answer ${method} ${pathOnly(path)}: ${reasonOf(error)}`);
    }
  }

  /** The bytes of an answer as they come. */
  async *stream(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { statusCode, body } = await this.#pool.request({ method: "GET", path: this.#prefix + path, headers: { ...this.headers, ...headers }, bodyTimeout: 0, signal });
    if (statusCode !== 200) throw new AdapterError(`GET ${pathOnly(path)} was answered ${statusCode}`);
    for await (const piece of body) {
      const bytes: unknown = piece;
      yield bytes instanceof Uint8Array ? bytes : Buffer.from(String(bytes));
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

const pathOnly = (path: string): string => path.split("?")[0] ?? path;

async function limitedText(body: AsyncIterable<unknown>): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    const bytes = piece instanceof Uint8Array ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) : Buffer.from(String(piece));
    size += bytes.length;
    if (size > largestAnswer) throw new Error(`the answer exceeds ${largestAnswer} bytes`);
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value] as const])));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The first 200 characters of what a system says of an error: enough to repair it by, too little for a dump of its state. */
export const saidOf = (answer: HttpAnswer): string => {
  const text = answer.text.replaceAll(/\s+/g, " ").trim();
  return text === "" ? String(answer.status) : `${answer.status} ${text.slice(0, 200)}`;
};
