import { Codes, formatCode, isSuccess } from "../../src/coap/index.js";
import type { Exchange, FailureReason, Peer, Request, Response, ResponseHandler } from "../../src/coap/index.js";
import { ContentError, bootstrapDiscover, bootstrapFinish, bootstrapRead, definitionFor, parseBootstrapList, parsePath, pathSegments } from "../../src/lwm2m/index.js";
import type { ExtraOperation } from "../../src/config/index.js";
import type { SessionView } from "../../src/operator/index.js";
import { Timer, formatAddress } from "../../src/ports/index.js";
import type { AccessRecord } from "./access-control.js";
import { encodeAccessRecords } from "./account-objects.js";
import { recordsOf, readObject, viewOf, withServers } from "./device-view.js";
import { planSession, readsNeeded } from "./plan.js";
import type { DeviceView, Plan, Step, Wish } from "./plan.js";
import { describeFailure } from "./session-context.js";
import type { Assignment, SessionContext } from "./session-context.js";
import { isOver, nextSession } from "./session.js";
import type { SessionFailure, SessionInput, SessionState, Workload } from "./session.js";

/** Of the time a session has left, what activation may take: the rest is for Deletes, Writes and Finish. */
const activationShare = 0.85;

type Operation = "discover" | "read" | "delete" | "write" | "finish";

/** An answer to Delete that leaves nothing to be done: deleted, or not there any more. */
const isGone = (code: number): boolean => isSuccess(code) || code === Codes.NotFound;

const creatable = (object: number): boolean => definitionFor(object, "1.1")?.multiple ?? true;

/**
 * Carries out one bootstrap session: takes the state machine's decisions to the device and the device's answers to the machine. It is its
 * own timer, for the request under way and for the session as a whole, and the handler of its one outstanding exchange.
 */
export class BootstrapSession extends Timer implements ResponseHandler {
  override readonly timerName = "bootstrap session";
  state: SessionState = { at: "requested" };
  readonly startedAt: number;
  endedAt: number | undefined;

  readonly #context: SessionContext;
  readonly #assignment: Assignment;
  readonly #until: number;
  /** Milliseconds from a request to its answer, the longest of the session so far. */
  slowestAnswerMs = 0;
  /** When the request under way was sent; 0 while there is none. */
  #sentAt = 0;
  #stalled = false;
  #exchange: Exchange | undefined;
  #operation: Operation = "discover";
  #requestPath = "/";
  #view: DeviceView | undefined;
  #reads: readonly ("1" | "2")[] = [];
  #records: readonly AccessRecord[] = [];
  #recordsUnreadable = false;
  #plan: Plan | undefined;
  /** What the plan was made from: the same again makes the same plan. */
  #plannedFrom: { readonly view: DeviceView; readonly wish: Wish } | undefined;
  #sent: Step | undefined;
  #refused: Step | undefined;
  #finishUnanswered = false;
  readonly #touched = new Set<number>();
  readonly #operations: string[] = [];

  constructor(
    context: SessionContext,
    readonly id: number,
    readonly endpointName: string,
    readonly peer: Peer,
    assignment: Assignment,
  ) {
    super();
    this.#context = context;
    this.#assignment = assignment;
    this.startedAt = context.clock.epoch();
    this.#until = context.clock.now() + context.timing.sessionTimeoutMs;
  }

  /** The request was answered 2.04: goes on to what the endpoint is to get. */
  start(): void {
    this.#context.clock.start(this, this.#context.timing.sessionTimeoutMs);
    this.#input({ in: "accepted" });
    if (this.#assignment.empty) return this.#input({ in: "nothing-configured" });
    if (this.#context.plants.has("discover-skipped") && this.#isForOneAccount()) return this.#assumeFactoryDevice();
    this.#input({ in: "begin", extras: this.#assignment.extras?.before.length ?? 0 });
  }

  /** Another Bootstrap-Request of the endpoint came: this session does nothing more. */
  displace(): void {
    this.#input({ in: "displaced" });
  }

  /** The server stops, or the device does not want this session any more. */
  abandon(): void {
    if (!isOver(this.state)) this.#input({ in: "timeout" });
  }

  override fire(): void {
    if (isOver(this.state)) return;
    const { clock, timing } = this.#context;
    const now = clock.now();
    if (now >= this.#until) return this.#input({ in: "timeout" });
    // Nothing is asked of the device now: the session waits for a Server.
    if (this.#sentAt === 0) return clock.start(this, this.#until - now);
    if (now >= this.#sentAt + timing.requestTimeoutMs) return this.onFailure("timeout");
    this.#setStalled(true);
    clock.start(this, Math.max(1, Math.min(this.#sentAt + timing.requestTimeoutMs, this.#until) - now));
  }

  view(): SessionView {
    const { state } = this;
    return {
      id: this.id,
      endpoint: this.endpointName,
      address: formatAddress(this.peer.address),
      state: state.at,
      ...(state.at === "failed" ? { reason: describeFailure(state.failure) } : {}),
      startedAt: this.startedAt,
      ...(this.endedAt === undefined ? {} : { endedAt: this.endedAt }),
      operations: this.#operations,
    };
  }

  onResponse(response: Response): void {
    this.#exchange = undefined;
    if (isOver(this.state)) return;
    this.slowestAnswerMs = Math.max(this.slowestAnswerMs, this.#context.clock.now() - this.#sentAt);
    this.#sentAt = 0;
    this.#setStalled(false);
    this.#note(formatCode(response.code));
    if (this.state.at === "preparing" || this.state.at === "asking") return this.#input({ in: "answered" });
    switch (this.#operation) {
      case "discover":
        return this.#discovered(response);
      case "read":
        return this.#read(response);
      case "delete":
      case "write":
        return this.#stepAnswered(response);
      case "finish":
        if (isSuccess(response.code)) return this.#input({ in: "answered" });
        if (response.code === Codes.NotAcceptable && this.#context.plants.has("finish-repeated-uncorrected")) return this.#send("finish", "/bs", bootstrapFinish());
        if (response.code === Codes.NotAcceptable) return this.#input({ in: "not-acceptable" });
        return this.#fail({ reason: "finish-failed", code: formatCode(response.code) });
    }
  }

  onFailure(reason: FailureReason): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (isOver(this.state) || reason === "cancelled") return;
    exchange?.cancel();
    this.#note(reason);
    if (this.#operation === "finish") {
      if (this.#context.plants.has("unanswered-finish-applied")) return this.#input({ in: "answered" });
      this.#finishUnanswered = reason !== "reset";
      return this.#fail({ reason: "finish-failed" });
    }
    this.#refused = this.#sent;
    this.#fail({ reason: "request-failed", operation: this.#operation, path: this.#requestPath });
  }

  #setStalled(stalled: boolean): void {
    if (this.#stalled === stalled) return;
    this.#stalled = stalled;
    this.#context.sessionStalled(stalled);
  }

  #input(input: SessionInput): void {
    const from = this.state;
    const next = nextSession(from, input);
    if (next === undefined) return;
    this.state = next;
    this.#context.trace.record({ kind: "state", machine: "session", id: String(this.id), from: from.at, to: next.at, input: input.in }, this.endpointName);
    this.#enter(next);
  }

  #enter(state: SessionState): void {
    switch (state.at) {
      case "requested":
      case "authorised":
        return;
      case "preparing":
        return this.#extra(this.#assignment.extras?.before[state.done]);
      case "asking":
        return this.#extra(this.#assignment.extras?.after[state.done]);
      case "discovering":
        return this.#send("discover", "/", bootstrapDiscover());
      case "reading": {
        const object = this.#reads[state.done];
        if (object === undefined) return this.#planned();
        return this.#send("read", `/${object}`, bootstrapRead({ object: Number(object) }));
      }
      case "staging":
        return void this.#stage();
      case "activating":
        return void this.#activate(state.corrections);
      case "deleting":
        return this.#step("delete", this.#plan?.deletes[state.done], { code: Codes.DELETE });
      case "writing":
        return this.#step("write", this.#plan?.writes[state.done], { code: Codes.PUT });
      case "committing":
        return void this.#commit(state.corrections);
      case "finishing":
        if (this.#plan !== undefined) this.#assignment.delivered(this.#plan);
        return this.#send("finish", "/bs", bootstrapFinish());
      case "finished":
      case "failed":
      case "displaced":
      case "timed-out":
        return this.#end(state);
    }
  }

  /** Of the configuration: what the device answers is for whoever watches. */
  #extra(extra: ExtraOperation | undefined): void {
    if (extra === undefined) return;
    const at = parsePath(extra.path);
    const requests = { discover: () => bootstrapDiscover(at.object), read: () => bootstrapRead(at), delete: () => ({ code: Codes.DELETE, path: pathSegments(at) }) };
    this.#send(extra.operation, extra.path, requests[extra.operation]());
  }

  #step(operation: "delete" | "write", step: Step | undefined, method: { readonly code: number }): void {
    if (step === undefined) return;
    this.#sent = step;
    this.#send(operation, `/${step.path.join("/")}`, {
      ...method,
      path: step.path,
      ...(step.payload === undefined ? {} : { payload: step.payload }),
      ...(step.contentFormat === undefined ? {} : { contentFormat: step.contentFormat }),
    });
  }

  #stepAnswered(response: Response): void {
    const step = this.#sent;
    this.#sent = undefined;
    const done = this.#operation === "delete" ? isGone(response.code) : isSuccess(response.code) || this.#context.plants.has("write-refusal-ignored");
    if (!done) {
      this.#refused = step;
      return this.#fail({ reason: "request-failed", operation: this.#operation === "delete" ? "delete" : "write", path: this.#requestPath, code: formatCode(response.code) });
    }
    if (step?.ssid !== undefined) this.#touched.add(step.ssid);
    this.#input({ in: "answered" });
  }

  #discovered(response: Response): void {
    if (!isSuccess(response.code)) return this.#fail({ reason: "request-failed", operation: "discover", path: "/", code: formatCode(response.code) });
    try {
      this.#view = viewOf(parseBootstrapList(response.payload ?? new Uint8Array()));
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      return this.#fail({ reason: "request-failed", operation: "discover", path: "/", code: formatCode(response.code) });
    }
    this.#records = [];
    this.#reads = readsNeeded(this.#view, this.#wish());
    // Bootstrap-Read came with 1.1: what a 1.0 client holds in object 2 is replaced as a whole.
    this.#recordsUnreadable = this.#view.version === "1.0" && this.#reads.includes("2");
    if (this.#view.version === "1.0") this.#reads = [];
    if (this.#reads.length > 0) return this.#input({ in: "discovered", reads: this.#reads.length });
    this.#planned();
  }

  #read(response: Response): void {
    const object = this.#requestPath === "/1" ? 1 : 2;
    const instances = isSuccess(response.code) ? readObject(object, response, this.#view?.version) : undefined;
    if (instances !== undefined && object === 1 && this.#view !== undefined) this.#view = withServers(this.#view, instances);
    if (instances !== undefined && object === 2) this.#records = recordsOf(instances);
    if (object === 2 && instances === undefined) {
      return this.#fail({ reason: "request-failed", operation: "read", path: "/2", code: formatCode(response.code) });
    }
    this.#input({ in: "read" });
  }

  get #corrections(): number {
    return "corrections" in this.state ? this.state.corrections : 0;
  }

  #wish(): Wish {
    return this.#assignment.wish(this.#corrections > 0);
  }

  #makePlan(view: DeviceView): Plan {
    const wish = this.#wish();
    if (this.#plan !== undefined && this.#plannedFrom?.view === view && this.#plannedFrom.wish === wish) return this.#plan;
    this.#plannedFrom = { view, wish };
    const plan = planSession({
      view: this.#recordsUnreadable ? { ...view, accessControls: [] } : view,
      wish,
      records: this.#records,
      creatable,
      encodeRecords: encodeAccessRecords,
    });
    const made = this.#context.plants.has("access-control-not-written") ? { ...plan, writes: plan.writes.filter(({ path }) => path[0] !== "2") } : plan;
    const replaced = this.#recordsUnreadable && made.writes.some(({ path }) => path[0] === "2") ? { ...made, deletes: [...made.deletes, { path: ["2"] }] } : made;
    this.#plan = replaced;
    return replaced;
  }

  #planned(): void {
    if (this.#view === undefined) return;
    const plan = this.#makePlan(this.#view);
    const { stage, activate, commit } = this.#assignment.needs(plan);
    // A planted fault may send Finish without waiting for what must come first.
    const early = this.#isEarly;
    if (early && activate) void this.#assignment.activate(plan, this.id, this.#context.timing.sm3BudgetMs);
    this.#input({ in: "planned", stage, activate: activate && !early, work: this.#workOf(plan, commit && !early) });
  }

  async #stage(): Promise<void> {
    if (this.#plan === undefined) return;
    await this.#assignment.stage(this.#plan);
    if (this.state.at !== "staging" || this.#view === undefined) return;
    const plan = this.#makePlan(this.#view);
    const { activate, commit } = this.#assignment.needs(plan);
    this.#input({ in: "staged", activate, work: this.#workOf(plan, commit && !this.#isEarly) });
  }

  #workOf(plan: Plan, commit: boolean): Workload {
    return { deletes: plan.deletes.length, writes: plan.writes.length, questions: this.#assignment.extras?.after.length ?? 0, commit };
  }

  get #isEarly(): boolean {
    return this.#context.plants.has("finish-before-activation");
  }

  async #activate(corrections: number): Promise<void> {
    if (this.#plan === undefined) return;
    const left = this.#until - this.#context.clock.now();
    await this.#assignment.activate(this.#plan, this.id, left * activationShare);
    if (this.state.at !== "activating" || this.state.corrections !== corrections || this.#view === undefined) return;
    const plan = this.#makePlan(this.#view);
    this.#input({ in: "activated", work: this.#workOf(plan, this.#assignment.needs(plan).commit) });
  }

  async #commit(corrections: number): Promise<void> {
    if (this.#plan === undefined) return;
    const left = this.#until - this.#context.clock.now();
    const active = await this.#assignment.commit(this.#plan, this.id, left * activationShare);
    if (this.state.at !== "committing" || this.state.corrections !== corrections) return;
    if (active) this.#input({ in: "committed" });
    else this.#fail({ reason: "activation-refused" });
  }

  /** Planted fault: the last write once more, after Finish. */
  #writeAfterFinish(): void {
    const last = this.#plan?.writes.at(-1);
    if (last !== undefined) this.#context.endpoint.send(this.peer, { code: Codes.PUT, ...last }, { onResponse: () => {}, onFailure: () => {} });
  }

  /** Planted fault: writes to the instances a factory-new device would have free, without asking. */
  /** With a second account, guessed instance ids would break far more than the rule that is planted. */
  #isForOneAccount(): boolean {
    const { accounts, remove } = this.#assignment.wish(false);
    return accounts.length === 1 && remove.size === 0;
  }

  #assumeFactoryDevice(): void {
    this.#view = { version: "1.1", security: [{ instance: 0 }], servers: [], accessControls: [], objects: new Map() };
    this.state = { at: "discovering", corrections: 0 };
    this.#planned();
  }

  #send(operation: Operation, path: string, request: Request): void {
    this.#operation = operation;
    this.#requestPath = path;
    const { clock, faults, stallMs } = this.#context;
    this.#sentAt = clock.now();
    clock.start(this, Math.max(1, Math.min(stallMs, this.#until - this.#sentAt)));
    const fault = faults.empty ? undefined : faults.match(`bootstrap-${operation}`, this.endpointName);
    if (fault === undefined) return this.#transmit(request);
    const before = this.state;
    void faults.carryOut(fault, this.endpointName).then((outcome) => {
      // Refused and silent come to the same here: the request does not leave.
      if (this.state === before && (outcome === undefined || outcome.kind === "wrong-code" || outcome.kind === "lose-answer")) this.#transmit(request);
    });
  }

  #transmit(request: Request): void {
    this.#exchange = this.#context.endpoint.send(this.peer, request, this);
  }

  #note(answer: string): void {
    const { method } = operationTexts[this.#operation];
    this.#operations.push(`${method} ${this.#requestPath} ${answer}`);
  }

  #fail(failure: SessionFailure): void {
    this.#input({ in: "failed", failure });
  }

  #end(state: SessionState): void {
    const { clock } = this.#context;
    clock.stop(this);
    this.#setStalled(false);
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.cancel();
    if (state.at === "timed-out" && state.during === "finishing") this.#finishUnanswered = true;
    if (state.at === "finished" && this.#context.plants.has("finish-too-early")) this.#writeAfterFinish();
    this.endedAt = clock.epoch();
    this.#assignment.ended({ state, plan: this.#plan, touched: this.#touched, refused: this.#refused, finishUnanswered: this.#finishUnanswered });
    this.#context.sessionEnded(this);
    this.#view = undefined;
    this.#plan = undefined;
    this.#records = [];
  }
}

/** How an operation shows in a session.s list. */
const operationTexts: Readonly<Record<Operation, { readonly method: string }>> = {
  discover: { method: "GET" },
  read: { method: "GET" },
  delete: { method: "DELETE" },
  write: { method: "PUT" },
  finish: { method: "POST" },
};

