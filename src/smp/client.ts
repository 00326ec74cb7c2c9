import { Pool } from "undici";
import type { Clock, Trace } from "../ports/index.js";
import { endpointIn } from "./about.js";
import { type ProblemType, problemTypeOf } from "./problem.js";
import { redact } from "./redact.js";
import { bootstrapServerRoutes, lwm2mServerRoutes, pathOf, type Route } from "./routes.js";
import type {
  Account, AccountPage, Activation, BatchRequest, BatchResult, Capabilities, Client, Credential, CredentialPage, CredentialState, EventPage, Item, ItemPage, ItemState, JwkSet,
  NewAccount, NewConfirmation, NewCredential, NewOrder, NewTrigger, Order, OrderPage, OrderStatus, OrderType, Problem, Reachability, Trigger,
} from "./types.js";
import { type AnsweredOperation, type Answers, readAnswer, readProblem } from "./validation.js";

export interface SmpClientOptions {
  /** `http://127.0.0.1:8080`; `/smp/v1` is added. */
  readonly base: string;
  readonly token: string;
  /** The peer's name, for traces. */
  readonly peer: string;
  /** One call from first byte to last, milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
  readonly connections?: number;
  readonly trace?: Trace;
  readonly clock: Clock;
  /** Makes an Idempotency-Key for each new POST. */
  readonly newKey: () => string;
}

/** The server answered 4.xx or 5.xx. */
export class SmpCallError extends Error {
  override readonly name = "SmpCallError";
  /** The profile's problem type; undefined for problems that HTTP alone describes. */
  readonly type: ProblemType | undefined;

  constructor(
    readonly operation: string,
    readonly status: number,
    readonly problem: Problem | undefined,
    /** Seconds of a Retry-After header. */
    readonly retryAfter: number | undefined,
  ) {
    super(`${operation}: ${status} ${problem?.title ?? ""}${problem?.detail === undefined ? "" : `: ${problem.detail}`}`);
    this.type = problemTypeOf(problem?.type);
  }
}

/** No answer: refused, reset, or too late. Whether the call had its effect is not known. */
export class SmpUnreachableError extends Error {
  override readonly name = "SmpUnreachableError";

  constructor(
    readonly operation: string,
    readonly why: "timeout" | "connection",
    cause: unknown,
  ) {
    super(`${operation}: ${why === "timeout" ? "no answer in time" : "the connection failed"}`, { cause });
  }
}

/** The answer does not fit the profile: the other side's fault. */
export class SmpAnswerError extends Error {
  override readonly name = "SmpAnswerError";

  constructor(
    readonly operation: string,
    readonly status: number,
    readonly wrong: string,
  ) {
    super(`${operation}: the answer (${status}) does not fit the profile: ${wrong}`);
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, the text where it is none, undefined where there is nothing. */
  readonly body: unknown;
}

/** An answer with what its headers say. */
export interface SmpAnswer<T> {
  readonly status: number;
  readonly value: T;
  readonly etag?: string;
  readonly location?: string;
  /** The Idempotency-Key that was sent; give it again to repeat the call. */
  readonly key?: string;
}

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

interface Parts {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly ifMatch?: string;
  readonly options?: CallOptions | undefined;
}

interface PageOptions {
  readonly cursor?: string;
  readonly limit?: number;
}

const routes = { ...bootstrapServerRoutes, ...lwm2mServerRoutes } as const satisfies Readonly<Record<string, Route>>;

/** Both APIs of the profile as methods. Calls are not repeated: that is the caller's policy. */
export class SmpClient {
  readonly #pool: Pool;

  constructor(private readonly options: SmpClientOptions) {
    this.#pool = new Pool(options.base, { connections: options.connections ?? 8, pipelining: 1, keepAliveTimeout: 10_000, headersTimeout: 0, bodyTimeout: 0 });
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  // BS-API
  capabilities = (options?: CallOptions): Promise<SmpAnswer<Capabilities>> => this.#call("getCapabilities", { options });
  jwks = (options?: CallOptions): Promise<SmpAnswer<JwkSet>> => this.#call("getJwks", { options });
  createAccount = (body: NewAccount, options?: CallOptions): Promise<SmpAnswer<Account>> => this.#call("createAccount", { body, options });
  listAccounts = (query: PageOptions = {}, options?: CallOptions): Promise<SmpAnswer<AccountPage>> => this.#call("listAccounts", { query: { ...query }, options });
  getAccount = (accountId: string, options?: CallOptions): Promise<SmpAnswer<Account>> => this.#call("getAccount", { path: { accountId }, options });
  replaceAccount = (accountId: string, body: NewAccount, ifMatch: string, options?: CallOptions): Promise<SmpAnswer<Account>> =>
    this.#call("replaceAccount", { path: { accountId }, body, ifMatch, options });
  deleteAccount = (accountId: string, ifMatch: string, options?: CallOptions): Promise<SmpAnswer<undefined>> => this.#call("deleteAccount", { path: { accountId }, ifMatch, options });
  createOrder = (body: NewOrder, options?: CallOptions): Promise<SmpAnswer<Order>> => this.#call("createOrder", { body, options });
  listOrders = (query: PageOptions & { readonly status?: OrderStatus; readonly type?: OrderType; readonly accountId?: string } = {}, options?: CallOptions): Promise<SmpAnswer<OrderPage>> =>
    this.#call("listOrders", { query: { ...query }, options });
  getOrder = (orderId: string, options?: CallOptions): Promise<SmpAnswer<Order>> => this.#call("getOrder", { path: { orderId }, options });
  cancelOrder = (orderId: string, ifMatch: string, options?: CallOptions): Promise<SmpAnswer<Order>> => this.#call("cancelOrder", { path: { orderId }, ifMatch, options });
  listItems = (orderId: string, query: PageOptions & { readonly state?: ItemState } = {}, options?: CallOptions): Promise<SmpAnswer<ItemPage>> =>
    this.#call("listItems", { path: { orderId }, query: { ...query }, options });
  getItem = (orderId: string, ep: string, options?: CallOptions): Promise<SmpAnswer<Item>> => this.#call("getItem", { path: { orderId, ep }, options });
  getClient = (ep: string, options?: CallOptions): Promise<SmpAnswer<Client>> => this.#call("getClient", { path: { ep }, options });
  createConfirmation = (body: NewConfirmation, options?: CallOptions): Promise<SmpAnswer<undefined>> => this.#call("createConfirmation", { body, options });

  // SV-API
  createTrigger = (body: NewTrigger, options?: CallOptions): Promise<SmpAnswer<Trigger>> => this.#call("createTrigger", { body, options });
  getTrigger = (triggerId: string, options?: CallOptions): Promise<SmpAnswer<Trigger>> => this.#call("getTrigger", { path: { triggerId }, options });
  withdrawTrigger = (triggerId: string, options?: CallOptions): Promise<SmpAnswer<Trigger>> => this.#call("withdrawTrigger", { path: { triggerId }, options });
  getReachability = (ep: string, options?: CallOptions): Promise<SmpAnswer<Reachability>> => this.#call("getReachability", { path: { ep }, options });
  stageCredential = (ep: string, credentialId: string, body: NewCredential, options?: CallOptions): Promise<SmpAnswer<Credential>> =>
    this.#call("stageCredential", { path: { ep, credentialId }, body, options });
  getCredential = (ep: string, credentialId: string, options?: CallOptions): Promise<SmpAnswer<Credential>> => this.#call("getCredential", { path: { ep, credentialId }, options });
  revokeCredential = (ep: string, credentialId: string, version: number, options?: CallOptions): Promise<SmpAnswer<undefined>> =>
    this.#call("revokeCredential", { path: { ep, credentialId }, query: { version }, options });
  activateCredential = (ep: string, credentialId: string, body: Activation, options?: CallOptions): Promise<SmpAnswer<undefined>> =>
    this.#call("activateCredential", { path: { ep, credentialId }, body, options });
  rollBackActivation = (ep: string, credentialId: string, version: number, sessionId?: number, options?: CallOptions): Promise<SmpAnswer<undefined>> =>
    this.#call("rollBackActivation", { path: { ep, credentialId }, query: { version, sessionId }, options });
  listCredentials = (query: PageOptions & { readonly state?: CredentialState; readonly ssid?: number } = {}, options?: CallOptions): Promise<SmpAnswer<CredentialPage>> =>
    this.#call("listCredentials", { query: { ...query }, options });
  batchCredentials = (body: BatchRequest, options?: CallOptions): Promise<SmpAnswer<BatchResult>> => this.#call("batchCredentials", { body, options });

  // Both
  listEvents = (query: { readonly after?: string; readonly wait?: number; readonly limit?: number } = {}, options?: CallOptions): Promise<SmpAnswer<EventPage>> =>
    this.#call("listEvents", { query: { ...query }, options: { timeoutMs: (this.options.timeoutMs ?? 5_000) + (query.wait ?? 0) * 1000, ...options } });

  /** Any request, with the peer's token unless the headers say otherwise; for callers that must send what no well-behaved peer would. */
  async raw(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}, options: CallOptions = {}): Promise<RawAnswer> {
    const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
    return this.#send(method, path, text, body, headers, `${method} ${path}`, undefined, options);
  }

  async #call<K extends AnsweredOperation>(operation: K, parts: Parts): Promise<SmpAnswer<Answers[K]>> {
    const route: Route = routes[operation];
    const key = route.method === "POST" ? (parts.options?.idempotencyKey ?? this.options.newKey()) : undefined;
    const headers: Record<string, string> = {};
    if (key !== undefined) headers["idempotency-key"] = key;
    if (parts.ifMatch !== undefined) headers["if-match"] = parts.ifMatch;
    const text = parts.body === undefined ? undefined : JSON.stringify(parts.body);
    const path = pathOf(route, parts.path ?? {}) + queryOf(parts.query);
    const answer = await this.#send(route.method, path, text, parts.body, headers, operation, parts.path?.["ep"], parts.options ?? {});
    if (answer.status >= 400) {
      const retryAfter = Number(answer.headers["retry-after"]);
      throw new SmpCallError(operation, answer.status, readProblem(answer.body), Number.isFinite(retryAfter) ? retryAfter : undefined);
    }
    const read = readAnswer(operation, answer.status, answer.body);
    if ("wrong" in read) throw new SmpAnswerError(operation, answer.status, read.wrong);
    const { etag, location } = answer.headers;
    return { status: answer.status, value: read.value, ...(etag === undefined ? {} : { etag }), ...(location === undefined ? {} : { location }), ...(key === undefined ? {} : { key }) };
  }

  async #send(
    method: string, path: string, text: string | undefined, body: unknown, headers: Readonly<Record<string, string>>, operation: string, endpoint: string | undefined, options: CallOptions,
  ): Promise<RawAnswer> {
    const about = endpoint ?? endpointIn(body);
    this.#record("out", method, path, about, { body });
    // A share of a budget is rarely a whole number, and AbortSignal takes no other.
    const timeout = AbortSignal.timeout(Math.ceil(options.timeoutMs ?? this.options.timeoutMs ?? 5_000));
    const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
    try {
      const response = await this.#pool.request({
        method,
        path,
        headers: { authorization: `Bearer ${this.options.token}`, ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers },
        signal,
        ...(text === undefined ? {} : { body: text }),
      });
      const answered = await response.body.text();
      const answer: RawAnswer = { status: response.statusCode, headers: plainHeaders(response.headers), body: parsed(answered) };
      this.#record("in", method, path, about, { status: answer.status, body: answer.body });
      return answer;
    } catch (error) {
      throw new SmpUnreachableError(operation, timeout.aborted ? "timeout" : "connection", error);
    }
  }

  #record(direction: "in" | "out", method: string, url: string, endpoint: string | undefined, seen: { readonly status?: number; readonly body?: unknown }): void {
    this.options.trace?.record(
      { kind: "http", direction, peer: this.options.peer, method, url, ...(seen.status === undefined ? {} : { status: seen.status }), ...(seen.body === undefined ? {} : { body: redact(seen.body) }) },
      endpoint,
    );
  }
}

function queryOf(query: Parts["query"]): string {
  const given = Object.entries(query ?? {}).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
  return given.length === 0 ? "" : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

const plainHeaders = (headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]])));

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
