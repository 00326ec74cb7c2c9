import { after } from "../ports/index.js";
import type { Core } from "./core.js";
import { Link, type PeerState } from "./peer.js";
import { Phase, type Transmission } from "./transmission.js";

/** Retransmission and congestion control towards all peers of an endpoint (RFC 7252 §4.2, §4.3, §4.7). */
export class MessageLayer {
  constructor(readonly core: Core) {}

  /** Sends now, or when the peer's session is there and one of its NSTART slots and a message id are free. */
  submit(transmission: Transmission): void {
    const { peer } = transmission;
    if (!transmission.linked) this.#link(transmission);
    if (peer.link === Link.Open && peer.queueHead === undefined && peer.outstanding < this.core.parameters.nstart) {
      const id = this.#takeId(peer);
      if (id >= 0) {
        this.#start(transmission, id);
        return;
      }
    }
    this.core.clock.stop(transmission);
    transmission.phase = Phase.Queued;
    transmission.queueNext = undefined;
    if (peer.queueTail === undefined) peer.queueHead = transmission;
    else peer.queueTail.queueNext = transmission;
    peer.queueTail = transmission;
    if (peer.link === Link.Pending) peer.channel?.connect?.();
  }

  /** The peer's session is there: what waited for it goes out. */
  opened(peer: PeerState): void {
    this.#pump(peer);
  }

  /** The same exchange goes on with another message: it keeps its slot if it has one. */
  proceed(transmission: Transmission): void {
    if (transmission.phase === Phase.Slot) {
      const id = this.#takeId(transmission.peer);
      if (id >= 0) {
        transmission.peer.outstanding--;
        this.#start(transmission, id);
        return;
      }
      this.#leaveSlot(transmission);
    }
    this.submit(transmission);
  }

  /** Gives the slot back; the transmission stays linked to its peer and waits for something else. */
  wait(transmission: Transmission): void {
    this.#leaveSlot(transmission);
    transmission.phase = Phase.Waiting;
  }

  /** The end of a transmission. */
  finish(transmission: Transmission): void {
    this.core.clock.stop(transmission);
    if (transmission.linked) this.#unlink(transmission);
    if (transmission.phase === Phase.Slot) this.#leaveSlot(transmission);
    // One that is still queued is passed over when its turn comes.
    transmission.phase = Phase.Idle;
    transmission.datagram = undefined;
  }

  /** What an ACK or RST with this message id refers to. */
  find(peer: PeerState, messageId: number): Transmission | undefined {
    for (let transmission = peer.transmissions; transmission !== undefined; transmission = transmission.linkNext) {
      if (transmission.messageId === messageId && transmission.phase !== Phase.Queued) return transmission;
    }
    return undefined;
  }

  /** The transmission's time is over. */
  expire(transmission: Transmission): void {
    const { core } = this;
    if (transmission.retransmits >= core.parameters.maxRetransmit) {
      core.counters.timeouts++;
      this.finish(transmission);
      transmission.gaveUp(transmission.refusals > 0 ? "unreachable" : "timeout");
      return;
    }
    transmission.retransmits++;
    transmission.timeoutMs *= 2;
    core.counters.retransmissions++;
    core.clock.start(transmission, transmission.timeoutMs);
    transmission.retransmit();
  }

  /** ICMP says that nobody listens at the peer. Once may be a restart; a CON is given up the second time, a NON at once. */
  refused(peer: PeerState): void {
    for (const transmission of this.of(peer)) {
      if (transmission.phase !== Phase.Slot || ++transmission.refusals < (transmission.confirmable ? 2 : 1)) continue;
      this.finish(transmission);
      transmission.gaveUp("unreachable");
    }
  }

  /** A copy: whoever walks over it may end some. */
  of(peer: PeerState): Transmission[] {
    const all: Transmission[] = [];
    for (let transmission = peer.transmissions; transmission !== undefined; transmission = transmission.linkNext) all.push(transmission);
    return all;
  }

  #start(transmission: Transmission, id: number): void {
    const { core } = this;
    const { ackTimeoutMs, ackRandomFactor } = core.parameters;
    transmission.peer.outstanding++;
    transmission.phase = Phase.Slot;
    transmission.messageId = id;
    transmission.retransmits = 0;
    transmission.refusals = 0;
    transmission.timeoutMs = transmission.confirmable ? ackTimeoutMs * (1 + core.random.next() * (ackRandomFactor - 1)) : ackTimeoutMs;
    const datagram = transmission.write(id);
    transmission.datagram = transmission.confirmable ? datagram : undefined;
    core.clock.start(transmission, transmission.timeoutMs);
    core.transmit(transmission.peer, datagram);
  }

  #leaveSlot(transmission: Transmission): void {
    if (transmission.phase !== Phase.Slot) return;
    transmission.phase = Phase.Idle;
    transmission.datagram = undefined;
    transmission.peer.outstanding--;
    this.core.clock.stop(transmission);
    if (transmission.peer.queueHead !== undefined) this.#pump(transmission.peer);
  }

  #pump(peer: PeerState): void {
    while (peer.link === Link.Open && peer.queueHead !== undefined && peer.outstanding < this.core.parameters.nstart) {
      const next = peer.queueHead;
      if (next.phase !== Phase.Queued) {
        this.#dequeue(peer);
        continue;
      }
      const id = this.#takeId(peer);
      if (id < 0) return;
      this.#dequeue(peer);
      this.#start(next, id);
    }
  }

  #dequeue(peer: PeerState): void {
    const head = peer.queueHead;
    if (head === undefined) return;
    peer.queueHead = head.queueNext;
    head.queueNext = undefined;
    if (peer.queueHead === undefined) peer.queueTail = undefined;
  }

  /** A message id, or -1 when all are in use: the queue then moves on as soon as one is free. */
  #takeId(peer: PeerState): number {
    const { clock, parameters } = this.core;
    const now = clock.now();
    const id = peer.ids.take(now, parameters.exchangeLifetimeMs);
    if (id < 0) {
      peer.waitingForIds ??= after(clock, peer.ids.waitMs(now, parameters.exchangeLifetimeMs), "message ids used up", () => {
        peer.waitingForIds = undefined;
        this.#pump(peer);
      });
    }
    return id;
  }

  #link(transmission: Transmission): void {
    const { peer } = transmission;
    transmission.linked = true;
    transmission.linkNext = peer.transmissions;
    transmission.linkPrevious = undefined;
    if (peer.transmissions !== undefined) peer.transmissions.linkPrevious = transmission;
    peer.transmissions = transmission;
  }

  #unlink(transmission: Transmission): void {
    const { linkNext, linkPrevious } = transmission;
    if (linkPrevious === undefined) transmission.peer.transmissions = linkNext;
    else linkPrevious.linkNext = linkNext;
    if (linkNext !== undefined) linkNext.linkPrevious = linkPrevious;
    transmission.linked = false;
    transmission.linkNext = undefined;
    transmission.linkPrevious = undefined;
  }
}
