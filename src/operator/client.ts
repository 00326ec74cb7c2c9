import { Pool } from "undici";
import type { Dispatcher } from "undici";
import type { z } from "zod";
import { findings, keyOf, shownBootstrapSchema } from "../config/index.js";
import type { PlainBootstrap, PlainBootstrapInput } from "../config/index.js";
import { droppedSchema, faultStatusSchema, faultsSchema, forgottenSchema, handshakePageSchema, healthSchema, operationResultSchema, problemSchema, registrationPageSchema, registrationSchema, relayAnswerSchema, restartedSchema, roleEventSchema, secureSessionsSchema, serverKeysSchema, sessionsSchema, tracePageSchema } from "./answers.js";
import type { FaultSpec, FaultStatus } from "./faults.js";
import { EventStreamReader } from "./sse.js";
import type { TracePage } from "./trace-log.js";
import type { DeviceOperation, Forgetting, Forgotten, HandshakePage, JsonAttributes, OperationResult, RegistrationPage, RegistrationView, RelayAnswer, RelayRequest, Restarted, Restarting, RoleEvent, RoleHealth, SecureSessionView, ServerKeysView, SessionView } from "./types.js";

export interface OperatorClientOptions {
  /** Where the role serves HTTP: `http://127.0.0.1:8081`. */
  readonly baseUrl: string;
  readonly token: string;
  /** Longest wait for an answer, milliseconds; operations on sleeping devices take that long. */
  readonly timeoutMs?: number;
  readonly connections?: number;
}

/** The role could not be reached, or refused. Never holds the token. */
export class OperatorError extends Error {
  constructor(
    message: string,
    /** HTTP status; absent when no answer came. */
    readonly status?: number,
    /** The field a wrong request is wrong in. */
    readonly field?: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = "OperatorError";
  }
}

/** Largest answer read; a trace page of 10,000 full datagrams stays below it. */
const largestAnswer = 64 * 1024 * 1024;

/** The operator API from outside: what actors and `muster doctor` use, for our references and for anybody who offers the same API. */
export class OperatorClient {
  readonly #pool: Pool;
  readonly #root: string;
  readonly #base: string;
  readonly #timeoutMs: number;

  constructor(private readonly options: OperatorClientOptions) {
    const url = new URL(options.baseUrl);
    this.#root = url.pathname.replace(/\/+$/, "");
    this.#base = `${this.#root}/operator/v1`;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#pool = new Pool(url.origin, { connections: options.connections ?? 8, keepAliveTimeout: 10_000, headersTimeout: this.#timeoutMs, bodyTimeout: this.#timeoutMs, connectTimeout: Math.min(this.#timeoutMs, 10_000) });
  }

  health(): Promise<RoleHealth> {
    return this.#call(healthSchema, "GET", "/health");
  }

  /** Undefined where the role has no DTLS port. */
  serverKeys(): Promise<ServerKeysView | undefined> {
    return this.#find(serverKeysSchema, "GET", "/server-keys");
  }

  trace(query: { readonly after?: number; readonly limit?: number; readonly endpoints?: readonly string[] } = {}): Promise<TracePage> {
    return this.#call(tracePageSchema, "GET", `/trace${queryOf([["after", query.after], ["limit", query.limit], ...(query.endpoints ?? []).map((endpoint) => ["endpoint", endpoint] as const)])}`);
  }

  async faults(): Promise<readonly FaultStatus[]> {
    return (await this.#call(faultsSchema, "GET", "/faults")).faults;
  }

  fault(id: string): Promise<FaultStatus | undefined> {
    return this.#find(faultStatusSchema, "GET", `/faults/${encodeURIComponent(id)}`);
  }

  setFault(id: string, spec: FaultSpec): Promise<FaultStatus> {
    return this.#call(faultStatusSchema, "PUT", `/faults/${encodeURIComponent(id)}`, spec);
  }

  releaseFault(id: string): Promise<FaultStatus> {
    return this.#call(faultStatusSchema, "POST", `/faults/${encodeURIComponent(id)}/release`);
  }

  /** Also fine when there is none. */
  async clearFault(id: string): Promise<void> {
    await this.#gone(`/faults/${encodeURIComponent(id)}`);
  }

  async clearFaults(): Promise<void> {
    await this.#send("DELETE", "/faults");
  }

  registrations(query: { readonly after?: string; readonly limit?: number; readonly endpoint?: string } = {}): Promise<RegistrationPage> {
    return this.#call(registrationPageSchema, "GET", `/registrations${queryOf([["after", query.after], ["limit", query.limit], ["endpoint", query.endpoint]])}`);
  }

  registration(endpoint: string): Promise<RegistrationView | undefined> {
    return this.#find(registrationSchema, "GET", `/registrations/${encodeURIComponent(endpoint)}`);
  }

  operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult> {
    return this.#call(operationResultSchema, "POST", `/devices/${encodeURIComponent(endpoint)}/operations`, operation);
  }

  observe(endpoint: string, path: string, attributes?: JsonAttributes): Promise<OperationResult> {
    return this.#call(operationResultSchema, "PUT", `/devices/${encodeURIComponent(endpoint)}/observations${queryOf([["path", path]])}`, { attributes });
  }

  cancelObservation(endpoint: string, path: string, how: "reset" | "deregister" = "deregister"): Promise<OperationResult> {
    return this.#call(operationResultSchema, "DELETE", `/devices/${encodeURIComponent(endpoint)}/observations${queryOf([["path", path], ["how", how]])}`);
  }

  relay(request: RelayRequest): Promise<RelayAnswer> {
    return this.#call(relayAnswerSchema, "POST", "/smp/requests", request);
  }

  handshakes(query: { readonly after?: string; readonly limit?: number; readonly endpoint?: string } = {}): Promise<HandshakePage> {
    return this.#call(handshakePageSchema, "GET", `/handshakes${queryOf([["after", query.after], ["limit", query.limit], ["endpoint", query.endpoint]])}`);
  }

  secureSessions(query: { readonly endpoint?: string; readonly limit?: number } = {}): Promise<{ readonly total: number; readonly sessions: readonly SecureSessionView[] }> {
    return this.#call(secureSessionsSchema, "GET", `/secure-sessions${queryOf([["endpoint", query.endpoint], ["limit", query.limit]])}`);
  }

  forgetSessions(what: Partial<Forgetting> = {}): Promise<Forgotten> {
    return this.#call(forgottenSchema, "POST", "/secure-sessions/forget", what);
  }

  restart(how: Partial<Restarting> = {}): Promise<Restarted> {
    return this.#call(restartedSchema, "POST", "/restart", how);
  }

  bootstrap(endpoint: string): Promise<PlainBootstrap | undefined> {
    return this.#find(shownBootstrapSchema, "GET", `/bootstrap/${encodeURIComponent(endpoint)}`);
  }

  async setBootstrap(endpoint: string, configuration: PlainBootstrapInput): Promise<void> {
    await this.#send("PUT", `/bootstrap/${encodeURIComponent(endpoint)}`, configuration);
  }

  async removeBootstrap(endpoint: string): Promise<void> {
    await this.#gone(`/bootstrap/${encodeURIComponent(endpoint)}`);
  }

  async sessions(query: { readonly endpoint?: string; readonly limit?: number } = {}): Promise<readonly SessionView[]> {
    return (await this.#call(sessionsSchema, "GET", `/sessions${queryOf([["endpoint", query.endpoint], ["limit", query.limit]])}`)).sessions;
  }

  /**
   * The role's events as they happen, from `after` on (absent: from now). Ends when `signal` aborts; throws `OperatorError` when the
   * connection breaks, and the caller may go on from the last `seq`. A `dropped` event says how many this reader was too slow for.
   */
  async *events(options: { readonly after?: number; readonly signal?: AbortSignal } = {}): AsyncGenerator<RoleEvent | { readonly type: "dropped"; readonly dropped: number }> {
    const reader = new EventStreamReader();
    const decoder = new TextDecoder();
    try {
      const { statusCode, body } = await this.#pool.request({
        method: "GET",
        path: `${this.#base}/events${queryOf([["after", options.after]])}`,
        headers: { authorization: `Bearer ${this.options.token}`, accept: "text/event-stream" },
        bodyTimeout: 0,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      if (statusCode !== 200) throw refused("GET", "/events", statusCode, await limitedText(body));
      for await (const piece of body) {
        const bytes: unknown = piece;
        for (const { event, data } of reader.push(decoder.decode(bytes instanceof Uint8Array ? bytes : Buffer.from(String(bytes)), { stream: true }))) {
          const content: unknown = JSON.parse(data);
          if (event === "dropped") yield { type: "dropped", dropped: droppedSchema.parse(content).dropped };
          else yield roleEventSchema.parse(content);
        }
      }
    } catch (error) {
      if (options.signal?.aborted === true) return;
      throw error instanceof OperatorError ? error : new OperatorError(`the event stream of ${this.options.baseUrl} broke: ${reasonOf(error)}`, undefined, undefined, error);
    }
  }

  /** Whatever the role serves at a path (`/metrics`, `/operator/v1/trace?after=0`), as it travels. */
  async page(path: string): Promise<string> {
    return (await this.#request(this.#root, "GET", path)).text;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** Deletes what may not be there. */
  async #gone(path: string): Promise<void> {
    try {
      await this.#send("DELETE", path);
    } catch (error) {
      if (!(error instanceof OperatorError && error.status === 404)) throw error;
    }
  }

  async #find<S extends z.ZodType>(schema: S, method: Dispatcher.HttpMethod, path: string): Promise<z.output<S> | undefined> {
    try {
      return await this.#call(schema, method, path);
    } catch (error) {
      if (error instanceof OperatorError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #call<S extends z.ZodType>(schema: S, method: Dispatcher.HttpMethod, path: string, body?: unknown): Promise<z.output<S>> {
    const { status, text } = await this.#send(method, path, body);
    const answer = schema.safeParse(json(text));
    if (answer.success) return answer.data;
    const { path: at, message } = findings(answer.error.issues)[0] ?? { path: [], message: "is not what was asked for" };
    throw new OperatorError(`the answer to ${method} ${pathOf(path)} cannot be used: ${keyOf(at)} ${message}`, status);
  }

  #send(method: Dispatcher.HttpMethod, path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }> {
    return this.#request(this.#base, method, path, body);
  }

  async #request(base: string, method: Dispatcher.HttpMethod, path: string, body?: unknown): Promise<{ readonly status: number; readonly text: string }> {
    let status: number;
    let text: string;
    try {
      const answer = await this.#pool.request({
        method,
        path: base + path,
        headers: { authorization: `Bearer ${this.options.token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      status = answer.statusCode;
      text = await limitedText(answer.body);
    } catch (error) {
      throw new OperatorError(`${this.options.baseUrl} did not answer ${method} ${pathOf(path)}: ${reasonOf(error)}`, undefined, undefined, error);
    }
    if (status >= 400) throw refused(method, path, status, text);
    return { status, text };
  }
}

async function limitedText(body: AsyncIterable<unknown>): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    const bytes = piece instanceof Uint8Array ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) : Buffer.from(String(piece));
    size += bytes.length;
    if (size > largestAnswer) throw new OperatorError(`the answer exceeds ${largestAnswer} bytes`);
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Undefined for what is not JSON. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const pathOf = (path: string): string => path.split("?")[0] ?? path;

function refused(method: string, path: string, status: number, text: string): OperatorError {
  const problem = problemSchema.safeParse(json(text)).data;
  return new OperatorError(`${method} ${pathOf(path)} was answered ${status}: ${problem?.detail ?? problem?.title ?? "no reason given"}`, status, problem?.field);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? `${error.message} (${code})` : error.message;
}

function queryOf(entries: readonly (readonly [string, string | number | undefined])[]): string {
  const given = entries.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(String(value))}`]));
  return given.length === 0 ? "" : `?${given.join("&")}`;
}
