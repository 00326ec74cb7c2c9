import { blockMore, NO_BLOCK } from "./block.js";
import { ClientBlocks } from "./client-blocks.js";
import type { ClientExchange } from "./client-exchange.js";
import { isSuccess } from "./codes.js";
import type { Core } from "./core.js";
import type { PeerState } from "./peer.js";
import { responseBlocks, type IncomingResponse } from "./read.js";
import type { AbandonReason, FailureReason, Observation, ObservationHandler, Request, Response, ResponseHandler } from "./types.js";

/** RFC 7641 §3.4: after this long without a notification, any sequence number is fresh. */
const FRESHNESS_MS = 128_000;
const HALF_RANGE = 1 << 23;

/** Whether a notification is newer than the newest one seen (RFC 7641 §3.4). */
export function isFresher(sequence: number, at: number, newest: number, newestAt: number): boolean {
  return (newest < sequence && sequence - newest < HALF_RANGE) || (newest > sequence && newest - sequence > HALF_RANGE) || at > newestAt + FRESHNESS_MS;
}


/** An observation of ours: one token from the registration to its end. */
export class ClientObservation implements Observation, ResponseHandler {
  #state: "registering" | "observing" | "ended" = "registering";
  #exchange: ClientExchange;
  /** Fetches the further blocks of a notification. */
  #fetch: ClientExchange | undefined;
  #newest = 0;
  #newestAt = 0;

  constructor(
    readonly core: Core,
    readonly peer: PeerState,
    readonly request: Request,
    readonly handler: ObservationHandler,
    readonly token: number,
  ) {
    (peer.observations ??= new Set()).add(this);
    this.#exchange = core.exchange(peer, { ...request, observe: 0 }, this, token);
  }

  /** The answer to the registration. */
  onResponse(response: Response): void {
    if (!isSuccess(response.code) || response.observe === undefined) {
      this.#end("refused", response);
      return;
    }
    this.#state = "observing";
    this.core.tokens.set(this.token, this);
    this.#newest = response.observe;
    this.#newestAt = this.core.clock.now();
    this.handler.onNotification(response, this.peer);
  }

  onFailure(reason: FailureReason): void {
    this.#end(reason, undefined);
  }

  /** A response with our token after the first. */
  receive(response: IncomingResponse | undefined): void {
    if (response === undefined) {
      this.#end("malformed-response", undefined);
      return;
    }
    if (!isSuccess(response.code) || response.observe === undefined) {
      this.#end("ended", response);
      return;
    }
    const now = this.core.clock.now();
    if (!isFresher(response.observe, now, this.#newest, this.#newestAt)) return;
    this.#newest = response.observe;
    this.#newestAt = now;
    this.#fetch?.cancel();
    this.#fetch = undefined;
    if (responseBlocks.block2 !== NO_BLOCK && blockMore(responseBlocks.block2)) this.#fetchRest(response);
    else this.handler.onNotification(response, this.peer);
  }

  cancel(how: "reset" | "deregister"): Promise<Response | undefined> {
    if (this.#state === "ended") return Promise.resolve(undefined);
    if (this.#state === "registering") {
      this.#exchange.cancel();
      return Promise.resolve(undefined);
    }
    this.#end("cancelled", undefined);
    if (how === "reset") return Promise.resolve(undefined);
    return new Promise((resolve) => {
      // RFC 7641 §3.6: the same token names the observation to the server.
      this.core.exchange(this.peer, { ...this.request, observe: 1 }, { onResponse: resolve, onFailure: () => resolve(undefined) }, this.token);
    });
  }

  /** The endpoint closes or forgets the peer. */
  abandoned(reason: AbandonReason): void {
    if (this.#state === "observing") this.#end(reason, undefined);
  }

  #fetchRest(first: IncomingResponse): void {
    const { observe } = first;
    const blocks = ClientBlocks.forNotification(this.request, this.core.limits);
    const step = blocks.receive(first);
    if (step !== "next") return;
    this.#fetch = this.core.exchange(
      this.peer,
      this.request,
      {
        onResponse: (response) => {
          this.#fetch = undefined;
          if (this.#state !== "observing") return;
          if (isSuccess(response.code)) this.handler.onNotification({ ...response, ...(observe === undefined ? {} : { observe }) }, this.peer);
        },
        // The next notification brings the newest state again.
        onFailure: () => (this.#fetch = undefined),
      },
      this.core.newToken(),
      blocks,
    );
  }

  #end(reason: FailureReason | "refused" | "ended", response: Response | undefined): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.peer.observations?.delete(this);
    if (this.core.tokens.get(this.token) === this) this.core.tokens.delete(this.token);
    this.#fetch?.cancel();
    this.handler.onEnd(reason, response);
  }
}

