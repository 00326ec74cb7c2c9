import type { CapturedDatagram } from "./pcapng.js";

/** Sessions whose secrets are kept, the oldest given up first. */
const maxSessions = 200_000;

/** Where a ClientHello has its random: behind the headers of record and message and the version (RFC 6347 §4.3). */
const randomAt = 13 + 12 + 2;
const randomLength = 32;
const handshakeRecord = 22;
const clientHello = 1;

/** NSS key log lines of the devices' DTLS sessions, by the random that each session begins with. */
export class KeyLog {
  readonly #byRandom = new Map<string, string>();

  /** `CLIENT_RANDOM <hex> <hex>`. */
  add(line: string): void {
    const random = line.split(" ")[1];
    if (random === undefined) return;
    for (const oldest of this.#byRandom.keys()) {
      if (this.#byRandom.size < maxSessions) break;
      this.#byRandom.delete(oldest);
    }
    this.#byRandom.set(random, line);
  }

  /** Every line, oldest first. */
  get lines(): readonly string[] {
    return [...this.#byRandom.values()];
  }

  /** The lines of the sessions that begin among these datagrams. */
  of(datagrams: readonly CapturedDatagram[]): readonly string[] {
    const randoms = new Set<string>();
    for (const { payload } of datagrams) {
      if (payload[0] !== handshakeRecord || payload[13] !== clientHello || payload.length < randomAt + randomLength) continue;
      randoms.add(Buffer.from(payload.subarray(randomAt, randomAt + randomLength)).toString("hex"));
    }
    return [...randoms].flatMap((random) => this.#byRandom.get(random) ?? []);
  }
}
