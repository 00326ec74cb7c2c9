import { blockNumber, blockSzx, NO_BLOCK, RESERVED_SZX } from "./block.js";
import { ClientExchange } from "./client-exchange.js";
import { Codes, isRequest } from "./codes.js";
import type { Core } from "./core.js";
import { CoapFormatError } from "./errors.js";
import { Frame } from "./frame.js";
import { IncomingExchange } from "./incoming-exchange.js";
import type { PeerState } from "./peer.js";
import { readRequestOptions, readResponse, type OptionProblem } from "./read.js";
import { ServerTransfers } from "./server-blocks.js";
import { findObserver } from "./server-observer.js";
import { Type, type RequestHandler } from "./types.js";
import { writeAck, writeReset } from "./write.js";

/** One per thread: what is needed of a datagram is taken out of it before anything else can be read. */
const frame = new Frame();

/** Methods beyond iPATCH are not assigned. */
const LAST_METHOD = Codes.IPATCH;

/**
 * Whether a kept reply can be one to this message. A message sent again is the same to the byte, so another token is another client: one that got the
 * source port of a former one, and would hear that one's replies until they are too old. Empty replies have no token and fit all.
 */
function repliesTo(reply: Buffer, { code, bytes, tokenEnd, tokenLength }: Frame): boolean {
  if (reply[1] === Codes.Empty || !isRequest(code)) return true;
  return (reply.readUInt8(0) & 15) === tokenLength && bytes.compare(reply, 4, tokenEnd, 4, tokenEnd) === 0;
}

/** Decides what a datagram is and whom it is for (RFC 7252 §4, §5). */
export class Receiver {
  constructor(
    readonly core: Core,
    readonly handler: RequestHandler,
  ) {}

  receive(datagram: Buffer, peer: PeerState): void {
    try {
      frame.read(datagram);
    } catch (error) {
      if (!(error instanceof CoapFormatError)) throw error;
      this.#malformed(error, peer);
      return;
    }
    const { type, code } = frame;
    if (code === Codes.Empty) this.#empty(peer, type, frame.messageId);
    else if (type === Type.RST || (type === Type.ACK && isRequest(code))) this.core.counters.malformed++;
    else if (isRequest(code)) this.#request(peer);
    else if (type === Type.ACK) this.#piggybacked(peer);
    else this.#separate(peer);
  }

  #malformed(error: CoapFormatError, peer: PeerState): void {
    this.core.counters.malformed++;
    // RFC 7252 §4.2: a CON that cannot be processed is rejected; anything else is ignored (§4.3).
    if (error.type === Type.CON && error.messageId !== undefined) this.core.transmit(peer, writeReset(error.messageId));
  }

  #empty(peer: PeerState, type: Type, messageId: number): void {
    const { core } = this;
    if (type === Type.CON) {
      core.transmit(peer, writeReset(messageId));
    } else if (type === Type.NON) {
      core.counters.malformed++;
    } else {
      if (type === Type.RST) core.counters.resets++;
      const transmission = core.messages.find(peer, messageId);
      if (type === Type.ACK) transmission?.acknowledged();
      else if (transmission !== undefined) transmission.rejected();
      else peer.observers?.find((observer) => observer.sent(messageId))?.rejected();
    }
  }

  /** True when the message came before; its reply, if it got one, goes out again. */
  #isDuplicate(peer: PeerState, messageId: number, now: number): boolean {
    const { replies } = peer;
    const place = replies === undefined ? -1 : replies.find(messageId, now);
    if (place < 0) return false;
    const reply = replies?.reply(place);
    if (reply !== undefined && !repliesTo(reply, frame)) return false;
    this.core.counters.duplicates++;
    if (reply !== undefined) this.core.transmit(peer, reply);
    return true;
  }

  #remember(peer: PeerState, messageId: number, reply: Uint8Array | undefined, confirmable: boolean, now: number): void {
    const { parameters, limits } = this.core;
    peer.remember(messageId, reply, now, confirmable ? parameters.exchangeLifetimeMs : parameters.nonLifetimeMs, limits.deduplicationPerPeer);
  }

  #piggybacked(peer: PeerState): void {
    const owner = this.core.tokens.get(frame.token32());
    if (owner instanceof ClientExchange && owner.peer === peer && owner.messageId === frame.messageId) owner.receive(readResponse(frame, owner.request.options));
    else this.core.counters.strayResponses++;
  }

  #separate(peer: PeerState): void {
    const { core } = this;
    const { messageId } = frame;
    const confirmable = frame.type === Type.CON;
    const now = core.clock.now();
    if (this.#isDuplicate(peer, messageId, now)) return;
    const owner = core.tokens.get(frame.token32());
    const response = readResponse(frame, owner?.request.options);
    if (owner?.peer !== peer) {
      // RFC 7252 §4.2, §4.3; RFC 7641 §3.6: this is also how an observation is ended that nobody remembers.
      core.counters.strayResponses++;
      this.#reply(peer, messageId, writeReset(messageId), confirmable, now);
      return;
    }
    if (owner instanceof ClientExchange && owner.refusesNotifications && response?.observe !== undefined) return;
    if (confirmable) this.#reply(peer, messageId, response === undefined ? writeReset(messageId) : writeAck(messageId), true, now);
    else this.#remember(peer, messageId, undefined, false, now);
    owner.receive(response);
  }

  #reply(peer: PeerState, messageId: number, reply: Buffer, confirmable: boolean, now: number): void {
    this.#remember(peer, messageId, reply, confirmable, now);
    this.core.transmit(peer, reply);
  }

  #request(peer: PeerState): void {
    const { core } = this;
    const { messageId } = frame;
    const now = core.clock.now();
    if (this.#isDuplicate(peer, messageId, now)) return;
    if (peer.beingServed(messageId) !== undefined) {
      core.counters.duplicates++;
      return;
    }
    const confirmable = frame.type === Type.CON;
    const exchange = new IncomingExchange(core, peer, frame.code, confirmable, messageId, frame.token(), frame.payload(), now);
    const problem = readRequestOptions(frame, exchange);
    if (problem !== undefined) this.#refuse(exchange, problem);
    else if (!this.#answeredHere(exchange)) this.#hand(exchange);
  }

  #refuse(exchange: IncomingExchange, problem: OptionProblem): void {
    // RFC 7252 §5.4.1: a NON with a critical option that is not understood is rejected, and that silently.
    if (exchange.confirmable || problem.code !== Codes.BadOption) exchange.respond({ code: problem.code, payload: Buffer.from(`option ${problem.number}`) });
    else exchange.ignore();
  }

  /** What needs no handler: unknown methods, wrong block options, all but the last block of a body, further blocks of a response. */
  #answeredHere(exchange: IncomingExchange): boolean {
    const { core } = this;
    const { code, block1, block2, peer } = exchange;
    if (code > LAST_METHOD) {
      exchange.respond({ code: Codes.MethodNotAllowed });
      return true;
    }
    if (block1 === NO_BLOCK && block2 === NO_BLOCK) {
      if (exchange.payload.length <= core.limits.maxBodyBytes) return false;
      // As the answer to a transfer, so that it names the limit (Size1).
      exchange.block1 = 0;
      exchange.respond({ code: Codes.RequestEntityTooLarge });
      return true;
    }
    if (block2 !== NO_BLOCK && blockSzx(block2) === RESERVED_SZX) {
      exchange.block2 = NO_BLOCK;
      exchange.respond({ code: Codes.BadRequest });
      return true;
    }
    if (block1 !== NO_BLOCK) {
      peer.transfers ??= new ServerTransfers(core);
      return peer.transfers.upload(exchange);
    }
    if (blockNumber(block2) === 0) return false;
    if (peer.transfers?.download(exchange) === true) return true;
    // A GET can be served anew and cut where asked; the effect of another method cannot be had twice.
    if (code === Codes.GET) return false;
    exchange.block2 = NO_BLOCK;
    exchange.respond({ code: Codes.RequestEntityIncomplete });
    return true;
  }

  #hand(exchange: IncomingExchange): void {
    if (exchange.observe === 1) findObserver(exchange.peer, exchange.token)?.cancel();
    try {
      this.handler.onRequest(exchange);
    } catch (error) {
      this.core.log.error({ error, path: exchange.path.join("/"), peer: exchange.peer.label }, "a request handler failed");
      if (exchange.isOpen) exchange.respond({ code: Codes.InternalServerError });
      return;
    }
    if (exchange.isOpen) exchange.waits();
  }
}
