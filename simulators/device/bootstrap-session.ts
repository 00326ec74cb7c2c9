import { Codes, ContentFormat, formatCode, isSuccess, parseCode, type Endpoint, type Exchange, type FailureReason, type IncomingRequest, type Peer, type Response, type ResponseHandler } from "../../src/coap/index.js";
import { bootstrapRequest, classifyBootstrapOperation, formatPath, ObjectId, RequestError, type BootstrapOperation } from "../../src/lwm2m/index.js";
import { after } from "../../src/ports/index.js";
import type { SessionEnd } from "../../src/transport/index.js";
import type { ActionResult } from "./actions.js";
import { bootstrapOperation } from "./bootstrap-operations.js";
import type { Device } from "./device.js";
import { endInWords, type LinkFailure } from "./handshakes.js";
import { lingerMs } from "./lingering.js";
import type { Objects } from "./objects.js";
import type { WriteRefusal } from "./personalities.js";
import { bootstrapAccountOf, inconsistency, type BootstrapAccount } from "./server-accounts.js";
import { ServerLink, type LinkOwner } from "./server-link.js";

/** One bootstrap, from the Bootstrap-Request to the answer to the Finish. Its objects are a draft until then. */
export class BootstrapSession implements ResponseHandler, LinkOwner {
  readonly link: ServerLink;
  /** The objects as written so far. */
  draft: Objects;
  waiter: ((result: ActionResult) => void) | undefined = undefined;
  #exchange: Exchange | undefined = undefined;
  #finishes = 0;
  #refusals = 0;
  #over = false;
  #requested = false;

  constructor(
    readonly device: Device,
    { uri, security }: BootstrapAccount,
    /** `Clock.now()` when the request was meant to go out. */
    readonly since: number,
  ) {
    this.draft = device.objects;
    this.link = new ServerLink(device, "bootstrap", uri, security, this);
    this.link.resumption = device.bootstraps.resumptionFor(security);
  }

  get endpoint(): Endpoint | undefined {
    return this.link.endpoint;
  }

  get peer(): Peer | undefined {
    return this.link.peer;
  }

  get wantsLink(): boolean {
    return !this.#over;
  }

  open(): void {
    this.link.ensure();
  }

  onLink(): void {
    const { device } = this;
    if (this.#over || device.silent || this.#requested) return;
    this.#requested = true;
    device.bootstraps.requested();
    this.#exchange = this.link.send(bootstrapRequest({ endpoint: device.endpoint, preferredFormat: ContentFormat.Tlv }, device.version), this);
  }

  onNoLink({ reason, handshake }: LinkFailure): void {
    if (this.#over) return;
    this.#tell({ ok: false, failure: handshake && reason !== "unreachable" ? "handshake" : "unreachable" });
    this.device.bootstraps.failed(`Bootstrap-Request: ${reason}`);
  }

  /** What the session was for cannot go on in another. */
  onSessionLost(end: SessionEnd): void {
    if (!this.#over) this.device.bootstraps.failed(`the Bootstrap Server ended the session: ${endInWords(end)}`);
  }

  /** Ends the session. With `linger` the socket stays long enough to answer the last message once more. */
  close(linger: boolean): void {
    this.#over = true;
    this.freeze();
    const { link, device } = this;
    const socket = link.release();
    device.bootstraps.keepResumption(link);
    if (socket === undefined) return;
    if (linger && !device.deaf) device.host.lingering.add(socket, lingerMs(device.spec.timing.coap));
    else device.host.closeSocket(socket);
  }

  /** Stops what it waits for, without a word to anybody. */
  freeze(): void {
    this.#exchange?.cancel();
    this.#exchange = undefined;
    this.link.freeze();
    this.#tell({ ok: false, failure: "cancelled" });
  }

  onResponse(response: Response): void {
    this.#exchange = undefined;
    const code = formatCode(response.code);
    this.#tell({ ok: isSuccess(response.code), code });
    if (isSuccess(response.code)) this.device.step({ in: "request-accepted" });
    else this.device.bootstraps.failed(`Bootstrap-Request answered ${code}`);
  }

  onFailure(reason: FailureReason): void {
    if (reason === "cancelled" || reason === "closed" || this.#over) return;
    this.#exchange = undefined;
    this.#tell({ ok: false, failure: reason });
    this.device.bootstraps.failed(`Bootstrap-Request: ${reason}`);
  }

  #tell(result: ActionResult): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.(result);
  }

  onRequest(request: IncomingRequest): void {
    const { device } = this;
    if (this.#over || device.silent || device.behaviour.deafInBootstrap) {
      request.ignore();
      return;
    }
    device.step({ in: "operation" });
    let operation: BootstrapOperation;
    try {
      operation = classifyBootstrapOperation(request, device.version);
      if (operation.operation === "finish") {
        this.#finish(request);
        return;
      }
      const refusal = this.#refusal(operation);
      if (refusal !== undefined) {
        this.#refusals++;
        request.respond({ code: parseCode(refusal) });
        return;
      }
      const { response, objects } = bootstrapOperation(this.draft, operation, { version: device.version, instances: device.host.instances, serverKeys: device.host.serverKeys, deletesOwnAccount: device.behaviour.flaws.includes("bootstrap-account-deletable") });
      this.draft = objects;
      if ((operation.operation === "write" || operation.operation === "delete") && (operation.path.object ?? ObjectId.Security) === ObjectId.Security) device.bootstraps.keysChanged(objects);
      this.#answer(request, response, this.#lateness(operation));
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      request.respond({ code: error.code, payload: Buffer.from(error.reason) });
    }
  }

  /** The code with which this device's personality refuses the operation; undefined when it does not. */
  #refusal(operation: Exclude<BootstrapOperation, { operation: "finish" }>): string | undefined {
    const { behaviour } = this.device;
    if (operation.operation === "discover") return behaviour.discover === "answers" ? undefined : behaviour.discover;
    if (operation.operation === "read") return undefined;
    const path = `${formatPath(operation.path)}/`;
    const among: readonly WriteRefusal[] = operation.operation === "write" ? behaviour.refuseWrites : behaviour.refuseDeletes;
    return among.find((refusal) => path.startsWith(refusal.path === "/" ? "/" : `${refusal.path}/`) && (refusal.times === undefined || this.#refusals < refusal.times))?.code;
  }

  /** How much later than at once this device's personality answers the operation, milliseconds. */
  #lateness(operation: Exclude<BootstrapOperation, { operation: "finish" }>): number {
    const { lateAnswers } = this.device.behaviour;
    if (lateAnswers.length === 0) return 0;
    const path = `${formatPath(operation.path)}/`;
    return lateAnswers.find((late) => late.to === operation.operation && (late.path === undefined || path.startsWith(`${late.path}/`)))?.ms ?? 0;
  }

  #answer(request: IncomingRequest, response: Response, lateMs: number): void {
    if (lateMs === 0) request.respond(response);
    else after(this.device.host.ports.clock, lateMs, "late answer in a bootstrap", () => (this.#over ? request.ignore() : request.respond(response)));
  }

  #finish(request: IncomingRequest): void {
    const { device } = this;
    const { finish, afterFinish } = device.behaviour;
    const reaction = finish[Math.min(this.#finishes++, finish.length - 1)] ?? "check";
    if (reaction === "silence") {
      request.ignore();
      return;
    }
    if (reaction !== "check") {
      request.respond({ code: parseCode(reaction) });
      return;
    }
    // A Bootstrap-Server account may be replaced, but not lost (LwM2M Core 1.1 §6.1.7).
    const fault = bootstrapAccountOf(this.draft) === undefined ? "no Bootstrap-Server account" : inconsistency(device.bootstraps.withoutLost(this.draft));
    if (fault !== undefined && !device.behaviour.flaws.includes("configuration-unchecked")) {
      request.respond({ code: Codes.NotAcceptable, payload: Buffer.from(fault) });
      return;
    }
    request.respond({ code: Codes.Changed });
    if (afterFinish === "silent") device.goSilent(lingerMs(device.spec.timing.coap));
    device.bootstraps.finished(this.draft);
  }
}
