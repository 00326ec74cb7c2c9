import { isSuccess } from "./codes.js";
import type { Core } from "./core.js";
import type { IncomingExchange } from "./incoming-exchange.js";
import type { PeerState } from "./peer.js";
import { blocksOf } from "./server-blocks.js";
import { Phase, Transmission } from "./transmission.js";
import { Type, type Observer, type Response } from "./types.js";
import { writeResponse } from "./write.js";

export type ObserverEnd = "cancelled" | "reset" | "timeout" | "closed";

interface State {
  readonly response: Response;
  readonly confirmable: boolean;
}

/** RFC 7641 §4.5: at least this often a notification is confirmable, to learn whether anybody still listens. */
const CONFIRM_EVERY_MS = 24 * 3_600_000;

/** A peer that observes a resource of ours. It is its own notification: one at most is under way, and the newest state takes the place of an older one. */
export class ServerObserver extends Transmission implements Observer {
  override confirmable = true;
  readonly #onEnd: (why: ObserverEnd) => void;
  /** What the notification under way says. */
  #current: State | undefined;
  /** What it will say next. */
  #next: State | undefined;
  #ended = false;
  #confirmedAt: number;
  /** Ids of notifications that an RST may still name: the one superseded, the last NON. */
  #olderId = -1;
  #nonId = -1;

  constructor(
    core: Core,
    peer: PeerState,
    readonly request: IncomingExchange,
    onEnd: (why: ObserverEnd) => void,
  ) {
    super(core, peer);
    this.#onEnd = onEnd;
    this.#confirmedAt = core.clock.now();
  }

  override get timerName(): string {
    return "notification retransmit";
  }

  get token(): Uint8Array {
    return this.request.token;
  }

  /** Joins the peer's observers, in place of one with the same token (RFC 7641 §4.1). */
  register(): void {
    findObserver(this.peer, this.token)?.cancel();
    (this.peer.observers ??= []).push(this);
  }

  notify(response: Response, options: { readonly confirmable?: boolean } = {}): void {
    if (this.#ended) return;
    const now = this.core.clock.now();
    const confirmable = (options.confirmable ?? this.request.confirmable) || now - this.#confirmedAt >= CONFIRM_EVERY_MS;
    const state: State = { response, confirmable };
    if (this.phase !== Phase.Idle) {
      // RFC 7641 §4.5.2: it waits for the end of the transmission, or takes its place when that has to be repeated.
      this.#next = state;
    } else if (confirmable) {
      this.#current = state;
      this.core.messages.submit(this);
    } else {
      this.#nonId = this.peer.ids.force(now);
      this.core.transmit(this.peer, this.#encode(Type.NON, this.#nonId, state));
      if (!isSuccess(response.code)) this.end();
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.core.messages.finish(this);
    const { observers } = this.peer;
    const at = observers?.indexOf(this) ?? -1;
    if (at >= 0) observers?.splice(at, 1);
  }

  cancel(): void {
    this.#finish("cancelled");
  }

  /** Whether an RST with this message id rejects one of its notifications. */
  sent(messageId: number): boolean {
    return messageId === this.#olderId || messageId === this.#nonId;
  }

  override write(messageId: number): Buffer {
    this.#current = this.#next ?? this.#current;
    this.#next = undefined;
    if (this.#current === undefined) throw new Error("a notification without a state");
    return this.#encode(Type.CON, messageId, this.#current);
  }

  override retransmit(): void {
    if (this.#next !== undefined) {
      this.#olderId = this.messageId;
      this.messageId = this.peer.ids.force(this.core.clock.now());
      this.datagram = this.write(this.messageId);
    }
    super.retransmit();
  }

  override acknowledged(): void {
    this.core.messages.finish(this);
    this.#confirmedAt = this.core.clock.now();
    const next = this.#next;
    this.#next = undefined;
    // RFC 7641 §4.2: an error ends the observation.
    if (this.#current !== undefined && !isSuccess(this.#current.response.code)) this.end();
    else if (next !== undefined) this.notify(next.response, { confirmable: next.confirmable });
  }

  override rejected(): void {
    this.#finish("reset");
  }

  override gaveUp(): void {
    this.#finish("timeout");
  }

  override abandoned(): void {
    this.#finish("closed");
  }

  #finish(why: ObserverEnd): void {
    if (this.#ended) return;
    this.end();
    this.#onEnd(why);
  }

  #encode(type: Type, messageId: number, { response }: State): Buffer {
    const sequence = isSuccess(response.code) ? this.core.newSequence() : undefined;
    return writeResponse(type, messageId, this.token, response, sequence, blocksOf(this.request, response));
  }
}

export function findObserver(peer: PeerState, token: Uint8Array): ServerObserver | undefined {
  return peer.observers?.find((observer) => Buffer.compare(observer.token, token) === 0);
}
