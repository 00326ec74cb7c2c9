import { Timer } from "../ports/index.js";
import { NO_BLOCK } from "./block.js";
import { Codes, isSuccess } from "./codes.js";
import type { Core } from "./core.js";
import type { PeerState } from "./peer.js";
import type { RequestFields } from "./read.js";
import { SeparateResponse } from "./separate-response.js";
import { blocksOf } from "./server-blocks.js";
import { ServerObserver, type ObserverEnd } from "./server-observer.js";
import { Type, type Code, type IncomingRequest, type Observer, type Option, type Response } from "./types.js";
import { writeAck, writeReset, writeResponse } from "./write.js";

const EMPTY = Buffer.alloc(0);

/** `open`: nothing went out; `acknowledged`: an empty ACK did, the response follows separately; `answered`; `abandoned`: nobody is there any more. */
type State = "open" | "acknowledged" | "answered" | "abandoned";

/** A request of a peer until it is answered. It is the timer that sends the empty ACK for a slow handler. */
export class IncomingExchange extends Timer implements IncomingRequest, RequestFields {
  path: string[] = [];
  query: string[] = [];
  accept?: number;
  contentFormat?: number;
  observe?: number;
  options?: Option[];
  payload: Uint8Array;
  block1 = NO_BLOCK;
  block2 = NO_BLOCK;
  size1: number | undefined = undefined;
  arrivedAt: number;
  #state: State = "open";

  constructor(
    readonly core: Core,
    readonly peer: PeerState,
    readonly code: Code,
    readonly confirmable: boolean,
    readonly messageId: number,
    readonly token: Uint8Array,
    payload: Uint8Array,
    now: number,
  ) {
    super();
    this.payload = payload;
    this.arrivedAt = now;
  }

  override get timerName(): string {
    return "empty ACK";
  }

  get isOpen(): boolean {
    return this.#state === "open" || this.#state === "acknowledged";
  }

  /** The handler is slow: the peer shall stop sending the request again (RFC 7252 §5.2.2). */
  override fire(): void {
    if (this.#state !== "open") return;
    this.#state = "acknowledged";
    const ack = writeAck(this.messageId);
    this.#remember(ack);
    this.core.transmit(this.peer, ack);
  }

  /** The handler has returned without an answer. */
  waits(): void {
    this.peer.serve(this)?.crowdedOut();
    if (this.confirmable) this.core.clock.start(this, this.core.parameters.processingDelayMs);
  }

  /** No longer among those that the peer waits for: what tells its duplicates apart, and stops them, comes now. */
  crowdedOut(): void {
    this.core.clock.stop(this);
    if (this.confirmable) this.fire();
    else this.#remember(undefined);
  }

  respond(response: Response, onReset?: () => void): void {
    this.answer(response, undefined, onReset);
  }

  reset(): void {
    if (!this.#close()) return;
    const reset = writeReset(this.messageId);
    this.#remember(reset);
    this.core.transmit(this.peer, reset);
  }

  ignore(): void {
    if (this.#close()) this.#remember(undefined);
  }

  observed(first: Response, onEnd: (why: ObserverEnd) => void): Observer {
    if (this.observe !== 0 || (this.code !== Codes.GET && this.code !== Codes.FETCH)) {
      throw new Error("only a GET or FETCH with Observe 0 makes an observer (RFC 7641 §2)");
    }
    const observer = new ServerObserver(this.core, this.peer, this, onEnd);
    if (this.isOpen && isSuccess(first.code)) {
      observer.register();
      this.answer(first, this.core.newSequence());
      // Kept as the observation's request; its body and its place in a transfer belong to the first answer only.
      this.payload = EMPTY;
      this.block1 = NO_BLOCK;
      if (this.block2 !== NO_BLOCK) this.block2 &= 7;
    } else {
      observer.end();
      this.answer(first, undefined);
    }
    return observer;
  }

  /** The peer is forgotten or the endpoint closes: an answer goes nowhere. */
  abandon(): void {
    this.#state = "abandoned";
    this.core.clock.stop(this);
  }

  /** @param observe sequence number when the answer makes the peer an observer */
  answer(response: Response, observe: number | undefined, onReset?: () => void): void {
    const separate = this.#state === "acknowledged";
    if (!this.#close()) return;
    const { core, peer, token } = this;
    const blocks = blocksOf(this, response);
    const beyond = blocks !== undefined && blocks.from > 0 && blocks.from >= blocks.to;
    const encode = (type: Type, messageId: number): Buffer =>
      beyond ? writeResponse(type, messageId, token, { code: Codes.BadRequest }, undefined, undefined) : writeResponse(type, messageId, token, response, observe, blocks);
    if (separate) {
      core.messages.submit(new SeparateResponse(core, peer, encode, onReset));
    } else if (this.confirmable) {
      const reply = encode(Type.ACK, this.messageId);
      this.#remember(reply);
      core.transmit(peer, reply);
    } else {
      this.#remember(undefined);
      core.transmit(peer, encode(Type.NON, peer.ids.force(core.clock.now())));
    }
  }

  /** False when there is nobody to answer any more. */
  #close(): boolean {
    if (this.#state === "answered") throw new Error(`request ${this.messageId} is answered already`);
    if (this.#state === "abandoned" || this.core.closed) return false;
    this.#state = "answered";
    if (this.running) this.core.clock.stop(this);
    this.peer.served(this);
    return true;
  }

  #remember(reply: Uint8Array | undefined): void {
    const { parameters, limits, clock } = this.core;
    this.peer.remember(this.messageId, reply, clock.now(), this.confirmable ? parameters.exchangeLifetimeMs : parameters.nonLifetimeMs, limits.deduplicationPerPeer);
  }
}
