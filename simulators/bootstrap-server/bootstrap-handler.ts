import { Codes, formatCode, parseCode } from "../../src/coap/index.js";
import type { Code, IncomingRequest, RequestHandler } from "../../src/coap/index.js";
import { RequestError, isBootstrapPath, parseBootstrapRequest } from "../../src/lwm2m/index.js";
import type { FaultOutcome, SessionView } from "../../src/operator/index.js";
import type { BootstrapCredentials } from "./bootstrap-credentials.js";
import { BootstrapSession } from "./bootstrap-session.js";
import type { Assignment, EndedSession, SessionContext } from "./session-context.js";
import { SessionLimit } from "./session-limit.js";
import { WaitingRoom } from "./waiting-room.js";

/** Who decides which endpoints there are and what each of them gets. */
export interface Assignments {
  /** False: the endpoint is unknown, and its request is answered 4.00. */
  knows(endpoint: string): boolean;
  /** A Bootstrap-Request of the endpoint came. Its session begins now, or when it is its turn. */
  requested(endpoint: string): void;
  /** The device stopped asking before it was its turn. */
  gaveUp(endpoint: string): void;
  /** A Bootstrap-Request was accepted: what its session shall bring about. */
  assign(endpoint: string, sessionId: number): Assignment;
}

/** Who comes over DTLS, and who may come without it. */
export type Clients = Pick<BootstrapCredentials, "holderOf" | "admitsUnsecured">;

/** Sessions that are over and still shown to the operator. */
const keptSessions = 2000;

/** Told of every answer to a Bootstrap-Request and of every session that ended. */
export interface BootstrapCounters {
  request(code: string): void;
  session(view: SessionView): void;
}

/** The Bootstrap Server's side of CoAP: answers Bootstrap-Requests and runs one session for each endpoint at a time. */
export class BootstrapHandler implements RequestHandler {
  readonly #sessions = new Map<string, BootstrapSession>();
  readonly #ended: SessionView[] = [];
  #nextEnded = 0;
  #lastSessionId: number;
  #context: SessionContext | undefined;
  #waiting: WaitingRoom | undefined;
  #limit: SessionLimit | undefined;
  /** Sessions whose device has not answered for some time: they take no strength, and no other device's turn. */
  #stalled = 0;

  constructor(
    private readonly assignments: Assignments,
    private readonly counters: BootstrapCounters,
    private readonly clients: Clients,
    epoch: number,
  ) {
    // Grows for an endpoint even when the server was restarted in between (ORD-5).
    this.#lastSessionId = Math.floor(epoch);
  }

  /** The endpoint needs its handler to be made, so the handler learns of it afterwards. */
  attach(context: Omit<SessionContext, "sessionEnded" | "sessionStalled">): void {
    const { clock, timing } = context;
    this.#context = {
      ...context,
      sessionEnded: (session) => this.#sessionEnded(session),
      sessionStalled: (stalled) => {
        this.#stalled += stalled ? 1 : -1;
        this.#admit();
      },
    };
    this.#waiting = new WaitingRoom(clock, timing.sessionTimeoutMs, (endpoint) => this.assignments.gaveUp(endpoint));
    this.#limit = new SessionLimit(timing.sessionTimeoutMs / 40, timing.sessionTimeoutMs / 12);
  }

  get openSessions(): number {
    return this.#sessions.size;
  }

  get waitingRequests(): number {
    return this.#waiting?.size ?? 0;
  }

  session(endpoint: string): BootstrapSession | undefined {
    return this.#sessions.get(endpoint);
  }

  /** The newest ones, oldest first. */
  views(query: { readonly endpoint?: string | undefined; readonly limit: number }): readonly SessionView[] {
    const all = [...this.#ended, ...[...this.#sessions.values()].map((session) => session.view())];
    const fitting = query.endpoint === undefined ? all : all.filter(({ endpoint }) => endpoint === query.endpoint);
    return fitting.sort((a, b) => a.startedAt - b.startedAt || a.id - b.id).slice(-query.limit);
  }

  stop(): void {
    this.#waiting?.close();
    for (const session of [...this.#sessions.values()]) session.abandon();
  }

  onRequest(request: IncomingRequest): void {
    const context = this.#context;
    if (context === undefined) return request.ignore();
    if (!isBootstrapPath(request)) {
      // Bootstrap-Pack is not offered: 5.01 tells the client to send a Bootstrap-Request instead.
      if (request.path.length === 1 && request.path[0] === "bspack" && request.code === Codes.GET) return request.respond({ code: Codes.NotImplemented });
      return request.respond({ code: Codes.NotFound });
    }
    if (request.code !== Codes.POST) return request.respond({ code: Codes.MethodNotAllowed });
    let endpoint: string;
    try {
      endpoint = this.#endpointOf(request, context);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return this.#refuse(request, error.code, context);
    }
    request.peer.label = endpoint;
    const fault = context.faults.empty ? undefined : context.faults.match("bootstrap-request", endpoint);
    if (fault === undefined) return this.#bootstrap(request, endpoint, context);
    void context.faults.carryOut(fault, endpoint).then((outcome) => this.#withFault(request, endpoint, context, outcome));
  }

  /** The name that the session's key is bound to, else the one that is given; throws `RequestError` when both are there and differ, or neither may be believed. */
  #endpointOf(request: IncomingRequest, { plants }: SessionContext): string {
    const { identity, secured } = request.peer;
    const asked = plants.has("unwritten-format-accepted") ? { code: request.code, path: request.path, query: request.query.filter((parameter) => !parameter.startsWith("pct=")) } : request;
    if (identity === undefined) {
      const { endpoint } = parseBootstrapRequest(asked);
      if (secured === true || !this.clients.admitsUnsecured(endpoint)) throw new RequestError(Codes.BadRequest, "this device has to come over DTLS");
      return endpoint;
    }
    const holder = this.clients.holderOf(identity);
    if (holder === undefined) throw new RequestError(Codes.BadRequest, "the identity of the session is known no more");
    return parseBootstrapRequest(asked, plants.has("endpoint-not-bound") ? {} : { identity: holder.endpoint }).endpoint;
  }

  #withFault(request: IncomingRequest, endpoint: string, context: SessionContext, outcome: FaultOutcome | undefined): void {
    switch (outcome?.kind) {
      case "silence":
      case "reset-connection":
        return request.ignore();
      case "refuse":
        return request.respond({ code: outcome.code === undefined ? Codes.InternalServerError : parseCode(outcome.code) });
      case "wrong-code":
        return this.#bootstrap(request, endpoint, context, parseCode(outcome.code));
      case "lose-answer":
        return this.#bootstrap(request, endpoint, context, "none");
      case undefined:
        return this.#bootstrap(request, endpoint, context);
    }
  }

  #refuse(request: IncomingRequest, code: Code, context: SessionContext): void {
    const answered = code === Codes.BadRequest && context.plants.has("wrong-code-of-a-table") ? Codes.NotFound : code;
    this.counters.request(formatCode(answered));
    request.respond({ code: answered });
  }

  #bootstrap(request: IncomingRequest, endpoint: string, context: SessionContext, answer: Code | "none" = Codes.Changed): void {
    if (!this.assignments.knows(endpoint) && !context.plants.has("unknown-endpoint-accepted")) {
      context.trace.record({ kind: "state", machine: "session", id: "-", from: "requested", to: "failed", input: "refused", detail: { code: "4.00" } }, endpoint);
      return this.#refuse(request, Codes.BadRequest, context);
    }
    this.assignments.requested(endpoint);
    const older = this.#sessions.get(endpoint);
    if (older === undefined && this.#isFull && this.#waiting !== undefined) {
      return this.#waiting.add(endpoint, request, () => this.#begin(request, endpoint, context, answer, undefined));
    }
    this.#begin(request, endpoint, context, answer, older);
  }

  #begin(request: IncomingRequest, endpoint: string, context: SessionContext, answer: Code | "none", older: BootstrapSession | undefined): void {
    const stale = context.plants.has("displaced-session-activates");
    if (!stale) older?.displace();
    this.#lastSessionId = stale && older !== undefined ? older.id : Math.max(this.#lastSessionId + 1, Math.floor(context.clock.epoch()));
    const session = new BootstrapSession(context, this.#lastSessionId, endpoint, request.peer, this.assignments.assign(endpoint, this.#lastSessionId));
    this.#sessions.set(endpoint, session);
    if (answer === "none") request.ignore();
    // A device that has given its request up meanwhile is not there for the session either.
    else request.respond({ code: answer }, () => session.abandon());
    this.counters.request(answer === "none" ? "none" : formatCode(answer));
    session.start();
  }

  get #isFull(): boolean {
    return this.#sessions.size - this.#stalled >= (this.#limit?.value ?? 1);
  }

  #admit(): void {
    while (!this.#isFull && this.#waiting?.admit() === true);
  }

  #sessionEnded(session: EndedSession): void {
    if (this.#sessions.get(session.endpointName) === session) this.#sessions.delete(session.endpointName);
    const view = session.view();
    this.counters.session(view);
    this.#ended[this.#nextEnded] = view;
    this.#nextEnded = (this.#nextEnded + 1) % keptSessions;
    if (session.state.at === "finished") this.#limit?.note(session.slowestAnswerMs);
    this.#admit();
  }
}
