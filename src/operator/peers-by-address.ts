import type { Peer } from "../coap/index.js";
import { formatAddress, type Address } from "../ports/index.js";

/** The last session of each address, bounded: the one that came first goes first. */
export class PeersByAddress {
  readonly #peers = new Map<string, Peer>();

  constructor(readonly limit = 50_000) {}

  put(peer: Peer): void {
    const at = formatAddress(peer.address);
    this.#peers.delete(at);
    this.#peers.set(at, peer);
    if (this.#peers.size <= this.limit) return;
    const [first] = this.#peers.keys();
    if (first !== undefined) this.#peers.delete(first);
  }

  get(address: Address): Peer | undefined {
    return this.#peers.get(formatAddress(address));
  }
}
