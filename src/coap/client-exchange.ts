import { ClientBlocks } from "./client-blocks.js";
import type { Core } from "./core.js";
import type { PeerState } from "./peer.js";
import type { IncomingResponse } from "./read.js";
import { Phase, Transmission } from "./transmission.js";
import { Type, type AbandonReason, type Exchange, type FailureReason, type Request, type Response, type ResponseHandler } from "./types.js";
import { writeRequest } from "./write.js";

/** A request of ours until its response is complete: sent, acknowledged, answered piggybacked or separately, in blocks or whole (RFC 7252 §5.2). */
export class ClientExchange extends Transmission implements Exchange {
  blocks: ClientBlocks | undefined;
  done = false;

  constructor(
    core: Core,
    peer: PeerState,
    readonly request: Request,
    readonly handler: ResponseHandler,
    readonly token: number,
    blocks: ClientBlocks | undefined,
  ) {
    super(core, peer);
    this.blocks = blocks;
  }

  override get timerName(): string {
    return this.phase === Phase.Waiting ? "separate response" : "CON retransmit";
  }

  override get confirmable(): boolean {
    return this.request.confirmable !== false;
  }

  override write(messageId: number): Buffer {
    return writeRequest(this.confirmable ? Type.CON : Type.NON, messageId, this.token, this.request, this.blocks);
  }

  override acknowledged(): void {
    this.#awaitSeparate();
  }

  override rejected(): void {
    this.#fail("reset");
  }

  override gaveUp(reason: "timeout" | "unreachable"): void {
    this.#fail(reason);
  }

  override abandoned(reason: AbandonReason): void {
    this.#fail(reason);
  }

  override fire(): void {
    if (this.phase === Phase.Slot && this.confirmable) {
      this.core.messages.expire(this);
    } else if (this.phase === Phase.Slot) {
      // A NON request holds its slot no longer than an ACK would take; its response may still come.
      this.#awaitSeparate();
    } else {
      this.core.counters.timeouts++;
      this.#fail("timeout");
    }
  }

  cancel(): void {
    if (!this.done) this.#fail("cancelled");
  }

  /** A response with our token; `response` is undefined when it has options that must not be accepted. */
  receive(response: IncomingResponse | undefined): void {
    if (response === undefined) {
      this.#fail("malformed-response");
      return;
    }
    const blocks = (this.blocks ??= ClientBlocks.forResponse(this.request, response, this.core.limits));
    if (blocks === undefined) {
      this.#succeed(response);
      return;
    }
    const step = blocks.receive(response);
    if (step === "next") this.core.messages.proceed(this);
    else if (step === "failed") this.#fail("block-transfer");
    else this.#succeed(step);
  }

  /** Notifications with the same token are not for an exchange that collects the further blocks of the first answer, or that deregisters. */
  get refusesNotifications(): boolean {
    return this.request.observe === 1 || (this.request.observe === 0 && this.blocks !== undefined && !this.blocks.withObserve);
  }

  #awaitSeparate(): void {
    this.core.messages.wait(this);
    this.core.clock.start(this, this.core.parameters.responseTimeoutMs);
  }

  #succeed(response: Response): void {
    this.#end();
    this.handler.onResponse(response, this.peer);
  }

  #fail(reason: FailureReason): void {
    this.#end();
    this.handler.onFailure(reason, this.peer);
  }

  #end(): void {
    this.done = true;
    if (this.core.tokens.get(this.token) === this) this.core.tokens.delete(this.token);
    this.core.messages.finish(this);
  }
}
