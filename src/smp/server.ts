import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { PeerConfig } from "../config/index.js";
import type { Clock, Log, Secrets, Trace } from "../ports/index.js";
import { bootstrapServerCalls, type Call, type CallResult, lwm2mServerCalls } from "./call.js";
import type { BootstrapServerHandlers, CallContext, Caller, LwM2mServerHandlers } from "./handlers.js";
import { operationIds } from "./contract.js";
import { IdempotencyKeys } from "./idempotency.js";
import { endpointIn, member } from "./about.js";
import { blankProblem, ProblemError } from "./problem.js";
import { redact } from "./redact.js";
import { bodyLimit, bootstrapServerRoutes, lwm2mServerRoutes, type Route, smpPrefix } from "./routes.js";
import type { Problem } from "./types.js";
import { answerFault, parseBody, prepareValidation, validRequest } from "./validation.js";

/** What a fault makes of an answer; delays and holds are over when this is returned. */
export type AnswerFault =
  | { readonly kind: "refuse"; readonly status?: number | undefined }
  | { readonly kind: "silence" }
  | { readonly kind: "wrong-code"; readonly code: string }
  | { readonly kind: "reset-connection" }
  | { readonly kind: "lose-answer" };

export interface SmpApiOptions {
  readonly peers: readonly PeerConfig[];
  readonly secrets: Pick<Secrets, "equal" | "digest">;
  readonly clock: Clock;
  readonly log: Log;
  readonly trace?: Trace;
  /** Asked before each call; `operation` is a fault name such as `smp.activation.put`. */
  readonly fault?: (operation: string, endpoint: string | undefined) => Promise<AnswerFault | undefined> | undefined;
  /** Seconds until the peer may call again; undefined lets the call pass. */
  readonly rate?: (caller: Caller) => number | undefined;
}

/** The BS-API under `/smp/v1`. */
export const bootstrapServerApi = (handlers: BootstrapServerHandlers, options: SmpApiOptions): FastifyPluginAsync =>
  smpApi(bootstrapServerRoutes, bootstrapServerCalls(handlers), options);

/** The SV-API under `/smp/v1`. */
export const lwm2mServerApi = (handlers: LwM2mServerHandlers, options: SmpApiOptions): FastifyPluginAsync =>
  smpApi(lwm2mServerRoutes, lwm2mServerCalls(handlers), options);

function smpApi<Name extends string>(routes: Readonly<Record<Name, Route>>, calls: Readonly<Record<Name, Call>>, options: SmpApiOptions): FastifyPluginAsync {
  const plugin: FastifyPluginAsync = (app) => {
    const service = new SmpService(options);
    // Compiled before the first call, whose answer a device's bootstrap may wait for.
    prepareValidation(operationIds.filter((id) => id in routes));
    // The body stays bytes: they are the fingerprint of an idempotent request, and are parsed with a bound on their depth.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, bytes, done) => done(null, bytes));
    app.addHook("onRequest", (request, _reply, done) => {
      if (request.headers["content-encoding"] === undefined) done();
      else done(new UnsupportedMedia("bodies are not accepted compressed; leave Content-Encoding out"));
    });
    app.setErrorHandler((error, request, reply) => service.sendProblem(request, reply, error));
    const paths = methodsByPath(Object.values<Route>(routes));
    app.setNotFoundHandler((request, reply) => {
      const allowed = paths.find(({ pattern }) => pattern.test(pathOnly(request)))?.methods;
      if (allowed !== undefined) return service.sendMethods(request, reply, allowed);
      return service.sendProblem(request, reply, new ProblemError("not-found", `there is no ${request.method} ${pathOnly(request)}`));
    });
    for (const name of Object.keys(routes) as Name[]) serve(app, service, name, routes[name], calls[name]);
    return Promise.resolve();
  };
  return async (app) => {
    await app.register(plugin, { prefix: smpPrefix });
  };
}

function serve(app: FastifyInstance, service: SmpService, name: string, route: Route, call: Call): void {
  app.route({
    method: route.method,
    // find-my-way reads `:name` as a parameter and `::` as a colon.
    url: route.path.replaceAll(":", "::").replace(/\{(\w+)\}/g, ":$1"),
    bodyLimit: route.maxBodyBytes ?? bodyLimit,
    // Before the body is read: whoever has no token makes this server hold nothing.
    onRequest: (request, reply, done) => done(service.refusal(request, reply)),
    handler: (request, reply) => service.handle(name, route, call, request, reply),
  });
}

/** Most calls never ask whether their caller is still there: the signal, and the error that comes with its end, are made for those that do. */
class Context implements CallContext {
  #gone: AbortController | undefined;

  constructor(
    private readonly reply: FastifyReply,
    readonly ifMatch: string,
  ) {}

  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      const gone = new AbortController();
      this.#gone = gone;
      if (this.reply.raw.closed) gone.abort();
      else this.reply.raw.once("close", () => gone.abort());
    }
    return this.#gone.signal;
  }
}

class UnsupportedMedia extends Error {
  readonly statusCode = 415;
}

/** Which methods each path of the API knows, for the answer to any other. */
function methodsByPath(routes: readonly Route[]): readonly { readonly pattern: RegExp; readonly methods: readonly string[] }[] {
  return [...new Set(routes.map(({ path }) => path))].map((path) => ({
    pattern: new RegExp(`^${smpPrefix}${path.replace(/\{\w+\}/g, "[^/]+")}$`),
    methods: routes.filter((route) => route.path === path).map(({ method }) => method),
  }));
}

class SmpService {
  readonly #tokens: readonly { readonly token: Buffer; readonly caller: Caller }[];
  readonly #idempotency: IdempotencyKeys;
  readonly #callers = new WeakMap<FastifyRequest, Caller>();

  constructor(private readonly options: SmpApiOptions) {
    this.#tokens = options.peers.map((peer) => ({ token: Buffer.from(peer.token), caller: { peerId: peer.id, tenant: peer.tenant } }));
    this.#idempotency = new IdempotencyKeys(options.clock);
  }

  async handle(name: string, route: Route, call: Call, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const caller = this.#callers.get(request);
    if (caller === undefined) throw unauthenticated();
    const bytes = Buffer.isBuffer(request.body) ? request.body : undefined;
    const body = parseBody(bytes);
    const endpoint = endpointOf(request, body);
    this.#record(request, endpoint, caller, { body });
    try {
      return await this.#answer(name, route, call, request, reply, { caller, endpoint, bytes, body });
    } catch (error) {
      return this.sendProblem(request, reply, error, caller, endpoint);
    }
  }

  async #answer(
    name: string, route: Route, call: Call, request: FastifyRequest, reply: FastifyReply,
    { caller, endpoint, bytes, body }: { readonly caller: Caller; readonly endpoint: string | undefined; readonly bytes: Buffer | undefined; readonly body: unknown },
  ): Promise<FastifyReply> {
    const wait = this.options.rate?.(caller);
    if (wait !== undefined) throw new ProblemError("rate", `call again in ${wait} s`, { retryAfter: wait });

    const fault = await this.options.fault?.(route.fault, endpoint);
    if (fault?.kind === "silence") return reply.hijack();
    if (fault?.kind === "reset-connection") return cutOff(request, reply);
    if (fault?.kind === "refuse") return this.#send(request, reply, endpoint, caller, { status: fault.status ?? 500, body: blankProblem(fault.status ?? 500) });

    const context = new Context(reply, route.conditional === true ? ifMatchOf(request) : "*");
    const valid = validRequest(name, { path: request.params, query: request.query, body });
    const act = async (): Promise<CallResult> => this.#checked(name, await call(caller, valid, context));
    const result = route.method === "POST" ? await this.#once(caller, request, bytes, act) : await act();

    if (fault?.kind === "lose-answer") return cutOff(request, reply);
    return this.#send(request, reply, endpoint, caller, fault?.kind === "wrong-code" ? { ...result, status: statusOf(fault.code) } : result);
  }

  /** Why a request is not let in: it has no peer's token. What is left of its body is then not waited for. */
  refusal(request: FastifyRequest, reply: FastifyReply): ProblemError | undefined {
    const given = Buffer.from(/^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "");
    let found: Caller | undefined;
    // Every token is compared, so that time tells nothing of which peer it might be.
    for (const { token, caller } of this.#tokens) if (this.options.secrets.equal(given, token)) found = caller;
    if (found !== undefined) {
      this.#callers.set(request, found);
      return undefined;
    }
    if (request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined) void reply.header("connection", "close");
    return unauthenticated();
  }

  /** POST has one effect per Idempotency-Key; problems of a handler are answers too and are given again. */
  async #once(caller: Caller, request: FastifyRequest, bytes: Buffer | undefined, act: () => Promise<CallResult>): Promise<CallResult> {
    const key = request.headers["idempotency-key"];
    if (typeof key !== "string" || !/^[\x21-\x7e]{1,128}$/.test(key)) {
      throw new ProblemError("schema", "every POST needs the header Idempotency-Key: 1 to 128 visible ASCII characters, new for each new request", { field: "Idempotency-Key" });
    }
    const outcome = await this.#idempotency.once(caller.peerId, key, `${request.url}\n${this.options.secrets.digest(bytes ?? noBytes)}`, async () => {
      const { status, body, headers } = await act().catch((error: unknown): CallResult => {
        if (!(error instanceof ProblemError) || error.status === 503 || error.status === 429) throw error;
        return { status: error.status, body: error.toProblem() };
      });
      return { status, body, headers: headers ?? {} };
    });
    if (outcome === "mismatch") throw new ProblemError("idempotency-mismatch", "this Idempotency-Key was used with another request; take a new one", { field: "Idempotency-Key" });
    return outcome.answer;
  }

  /** A role's answer must fit the schema too: what does not is our own fault, and none of it leaves. */
  #checked(name: string, result: CallResult): CallResult {
    const wrong = answerFault(name, result.status, result.body);
    if (wrong === undefined) return result;
    this.options.log.error({ operation: name, status: result.status, wrong }, "answer does not fit the schema");
    return { status: 500, body: blankProblem(500, "the server's own answer did not fit the schema") };
  }

  #send(request: FastifyRequest, reply: FastifyReply, endpoint: string | undefined, caller: Caller | undefined, result: CallResult): FastifyReply {
    this.#record(request, endpoint, caller, { status: result.status, body: result.body });
    void reply.code(result.status).headers(result.headers ?? {});
    if (result.body === undefined) return reply.send();
    return reply.type(result.status >= 400 ? "application/problem+json" : "application/json").send(JSON.stringify(result.body));
  }

  /** `caller` and `endpoint` are what is known of the request when it fails. */
  sendProblem(request: FastifyRequest, reply: FastifyReply, error: unknown, caller?: Caller, endpoint?: string): FastifyReply {
    const problem = this.#problemOf(request, error);
    if (problem.status === 429 || problem.status === 503) void reply.header("retry-after", String(Math.ceil((error instanceof ProblemError ? error.retryAfter : undefined) ?? 1)));
    if (problem.status === 401) void reply.header("www-authenticate", "Bearer");
    return this.#send(request, reply, endpoint, caller, { status: problem.status, body: problem });
  }

  /** The path is there, the method is not (RFC 9110 §15.5.6). */
  sendMethods(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): FastifyReply {
    void reply.header("allow", allowed.join(", "));
    return this.#send(request, reply, undefined, undefined, { status: 405, body: blankProblem(405, `use ${allowed.join(", ")}`) });
  }

  #problemOf(request: FastifyRequest, error: unknown): Problem {
    if (error instanceof ProblemError) return error.toProblem();
    const status = statusMember(error);
    if (status === 413) return new ProblemError("too-large", "the body is larger than capabilities.limits allows", { field: "body" }).toProblem();
    if (status === 415) return blankProblem(415, error instanceof UnsupportedMedia ? error.message : "send the body as application/json");
    if (status !== undefined && status < 500) return new ProblemError("schema", "the request is not well-formed HTTP", { field: "body" }).toProblem();
    this.options.log.error({ error, url: pathOnly(request) }, "an SMP request failed");
    return blankProblem(500);
  }

  #record(request: FastifyRequest, endpoint: string | undefined, caller: Caller | undefined, seen: { readonly status?: number; readonly body?: unknown }): void {
    this.options.trace?.record(
      {
        kind: "http",
        direction: seen.status === undefined ? "in" : "out",
        peer: caller?.peerId ?? "unauthenticated",
        method: request.method,
        url: request.url,
        ...(seen.status === undefined ? {} : { status: seen.status }),
        ...(seen.body === undefined ? {} : { body: redact(seen.body) }),
      },
      endpoint,
    );
  }
}

const unauthenticated = (): ProblemError => new ProblemError("unauthenticated", "give the peer's token as Authorization: Bearer", { field: "Authorization" });

const noBytes = Buffer.alloc(0);

/** Closes the connection at once, as a server that dies does. */
function cutOff(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.hijack();
  request.raw.socket.resetAndDestroy();
  return reply;
}

function ifMatchOf(request: FastifyRequest): string {
  const given = request.headers["if-match"];
  if (given === undefined) throw new ProblemError("precondition-required", "give the ETag of the version you mean as If-Match", { field: "If-Match" });
  return given.trim();
}

/** The device a call is about: from the path, else from the body. */
function endpointOf(request: FastifyRequest, body: unknown): string | undefined {
  const ep = member(request.params, "ep");
  return typeof ep === "string" ? ep : endpointIn(body);
}

function statusMember(error: unknown): number | undefined {
  const status = member(error, "statusCode");
  return typeof status === "number" ? status : undefined;
}

/** A fault's code may be written as an HTTP status or in CoAP's manner. */
function statusOf(code: string): number {
  const status = Number(code.replace(".", ""));
  return Number.isInteger(status) && status >= 200 && status <= 599 ? status : 500;
}

const pathOnly = (request: FastifyRequest): string => request.url.split("?", 1)[0] ?? "";
