import { formatAddress, type Address, type Clock, type Secrets } from "../../ports/index.js";
import type { ClientHello } from "../codec/messages.js";
import { equalSecrets, hmac } from "../crypto/primitives.js";

const SECRET_LENGTH = 32;
/** A cookie serves for one to two of these. */
const ROTATION_MS = 60_000;

/** What both ClientHellos of one handshake have in common (RFC 6347 §4.2.1). */
function parameters(from: Address, hello: ClientHello): Buffer {
  const address = Buffer.from(formatAddress(from), "latin1");
  const numbers = Buffer.from(Uint16Array.of(hello.version, ...hello.suites).buffer);
  return Buffer.concat([Uint8Array.of(address.length), address, hello.random, Uint8Array.of(hello.sessionId.length), hello.sessionId, numbers, hello.compressions]);
}

/** Stateless cookies: a client that answers from its address has seen what was sent there. */
export class Cookies {
  #current: Buffer;
  #previous: Buffer | undefined = undefined;
  #rotatedAt: number;

  constructor(
    readonly clock: Clock,
    readonly secrets: Secrets,
  ) {
    this.#current = secrets.bytes(SECRET_LENGTH);
    this.#rotatedAt = clock.now();
  }

  make(from: Address, hello: ClientHello): Buffer {
    this.#rotate();
    return hmac(this.#current, parameters(from, hello));
  }

  areGood(from: Address, hello: ClientHello): boolean {
    this.#rotate();
    const wanted = parameters(from, hello);
    return equalSecrets(hmac(this.#current, wanted), hello.cookie) || (this.#previous !== undefined && equalSecrets(hmac(this.#previous, wanted), hello.cookie));
  }

  #rotate(): void {
    const periods = Math.floor((this.clock.now() - this.#rotatedAt) / ROTATION_MS);
    if (periods === 0) return;
    this.#previous = periods === 1 ? this.#current : undefined;
    this.#current = this.secrets.bytes(SECRET_LENGTH);
    this.#rotatedAt += periods * ROTATION_MS;
  }
}
