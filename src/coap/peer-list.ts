import type { PeerState } from "./peer.js";

/** Peers in the order of last use. A peer is in one list at most, and its neighbours hang on the peer itself. */
export class PeerList {
  size = 0;
  oldest: PeerState | undefined = undefined;
  newest: PeerState | undefined = undefined;

  append(peer: PeerState): void {
    peer.older = this.newest;
    peer.newer = undefined;
    if (this.newest === undefined) this.oldest = peer;
    else this.newest.newer = peer;
    this.newest = peer;
    this.size++;
  }

  remove(peer: PeerState): void {
    if (peer.older === undefined) this.oldest = peer.newer;
    else peer.older.newer = peer.newer;
    if (peer.newer === undefined) this.newest = peer.older;
    else peer.newer.older = peer.older;
    this.size--;
  }

  /** It is the newest from now on. */
  touch(peer: PeerState): void {
    if (peer === this.newest) return;
    this.remove(peer);
    this.append(peer);
  }

  /** Whoever walks may remove the peer that came last. */
  *[Symbol.iterator](): Generator<PeerState> {
    for (let peer = this.oldest; peer !== undefined; ) {
      const { newer } = peer;
      yield peer;
      peer = newer;
    }
  }
}
