import type { PeerConfig } from "../../src/config/index.js";
import { mayActOn, ProblemError, type Caller } from "../../src/smp/index.js";
import type { PlantedFaults } from "./plants.js";

/** Which peer may act on which devices; what is another's does not exist. */
export class Tenancy {
  readonly #peers: ReadonlyMap<string, PeerConfig>;

  constructor(
    peers: readonly PeerConfig[],
    readonly plants: PlantedFaults,
  ) {
    this.#peers = new Map(peers.map((peer) => [peer.id, peer]));
  }

  peer(id: string): PeerConfig | undefined {
    return this.#peers.get(id);
  }

  mayActOn(caller: Caller, endpoint: string): boolean {
    if (this.plants.has("other-tenant-visible")) return true;
    const peer = this.#peers.get(caller.peerId);
    return peer !== undefined && mayActOn(peer, endpoint);
  }

  /** Throws `not-found`, as for a device that nobody knows. */
  check(caller: Caller, endpoint: string): void {
    if (!this.mayActOn(caller, endpoint)) throw new ProblemError("not-found", "there is no such client");
  }
}
