import type { Address } from "../../ports/index.js";

/** What may be sent to an address that has not been seen to hear us, for each byte that came from there (RFC 9146 §6 leaves the measure open). */
const AMPLIFICATION = 3;

interface Candidate {
  readonly address: Address;
  received: number;
  sent: number;
}

const isSame = (a: Address, b: Address): boolean => a.port === b.port && a.host === b.host;

/** Where the peer of a session with a connection id is: its address may change, and whoever copies its datagrams must not be able to change it (RFC 9146 §6). */
export class Path {
  #candidate: Candidate | undefined = undefined;

  constructor(public peer: Address) {}

  /** To be told of each record that authenticated with a number above every one before. True when the peer has another address from here on. */
  heard(from: Address, bytes: number): boolean {
    if (isSame(from, this.peer)) {
      this.#candidate = undefined;
      return false;
    }
    const candidate = this.#candidate;
    if (candidate === undefined || !isSame(from, candidate.address)) {
      this.#candidate = { address: from, received: bytes, sent: 0 };
      return false;
    }
    candidate.received += bytes;
    // What came after something was sent there comes from somebody who hears us.
    if (candidate.sent === 0) return false;
    this.peer = candidate.address;
    this.#candidate = undefined;
    return true;
  }

  /** Where the next datagram goes. */
  to(bytes: number): Address {
    const candidate = this.#candidate;
    if (candidate === undefined || candidate.sent + bytes > AMPLIFICATION * candidate.received) return this.peer;
    candidate.sent += bytes;
    return candidate.address;
  }
}
