/** Bytes of a record before its reply: message id, length, expiry. */
const HEAD = 8;
const FIRST_CAPACITY = 128;
/** Bytes for each record that may be kept: half of them fit when replies are as long as a Register's. */
const BYTES_PER_RECORD = 16;
const MAX_CAPACITY = 64 * 1024;
/** So many records are worth growing beyond the usual capacity. */
const MIN_RECORDS = 8;

/**
 * The message ids a peer used lately, each with the encoded reply that a duplicate gets again (RFC 7252 §4.2, §4.5); no reply means silence.
 * Records lie one behind the other in one buffer, so that a peer costs a
 * kilobyte at most, however many small messages it sent. The oldest give way.
 */
export class ReplyRing {
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #head = 0;
  #tail = 0;
  #count = 0;

  readonly #usualCapacity: number;

  constructor(readonly maxRecords: number) {
    this.#usualCapacity = Math.min(MAX_CAPACITY, Math.max(FIRST_CAPACITY, maxRecords * BYTES_PER_RECORD));
  }

  get size(): number {
    return this.#count;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** Place of the newest record of this message id, -1 when it is unknown or too old. */
  find(messageId: number, now: number): number {
    const bytes = this.#bytes;
    const low = messageId & 0xff;
    const high = messageId >> 8;
    let found = -1;
    for (let at = this.#head; at < this.#tail; at += this.#span(at)) {
      if (bytes[at] === low && bytes[at + 1] === high && !this.#isOver(at, now)) found = at;
    }
    return found;
  }

  /** A copy of the reply kept at `place`; undefined when the duplicate is to be met with silence. */
  reply(place: number): Buffer | undefined {
    const length = this.#span(place) - HEAD;
    return length === 0 ? undefined : Buffer.from(this.#bytes.subarray(place + HEAD, place + HEAD + length));
  }

  /** Remembers a message id for `lifetimeMs`. */
  put(messageId: number, reply: Uint8Array | undefined, now: number, lifetimeMs: number): void {
    const length = reply === undefined || reply.length > MAX_CAPACITY - HEAD ? 0 : reply.length;
    this.#makeRoom(HEAD + length, now);
    const bytes = this.#bytes;
    const expiry = Math.ceil(now + lifetimeMs) >>> 0;
    let at = this.#tail;
    bytes[at++] = messageId;
    bytes[at++] = messageId >> 8;
    bytes[at++] = length;
    bytes[at++] = length >> 8;
    bytes[at++] = expiry;
    bytes[at++] = expiry >> 8;
    bytes[at++] = expiry >> 16;
    bytes[at++] = expiry >> 24;
    if (reply !== undefined) for (let i = 0; i < length; i++) bytes[at + i] = reply[i] ?? 0;
    this.#tail = at + length;
    this.#count++;
  }

  #span(at: number): number {
    return HEAD + ((this.#bytes[at + 2] ?? 0) | ((this.#bytes[at + 3] ?? 0) << 8));
  }

  /** Expiries are milliseconds modulo 2^32; the difference tells before from after. */
  #isOver(at: number, now: number): boolean {
    return ((this.#bytes.readUInt32LE(at + 4) - Math.floor(now)) | 0) <= 0;
  }

  #dropOldest(): void {
    this.#head += this.#span(this.#head);
    this.#count--;
  }

  #makeRoom(length: number, now: number): void {
    while (this.#count > 0 && (this.#count >= this.maxRecords || this.#isOver(this.#head, now))) this.#dropOldest();
    if (this.#tail + length <= this.#bytes.length) return;
    const fits = (capacity: number): boolean => this.#tail - this.#head + length <= capacity;
    let capacity = this.#bytes.length;
    // In one step, so that a peer's memory settles after its first few messages.
    if (!fits(capacity) && capacity < this.#usualCapacity) capacity = this.#usualCapacity;
    while (!fits(capacity) && this.#count > MIN_RECORDS) this.#dropOldest();
    while (!fits(capacity) && capacity < MAX_CAPACITY) capacity = Math.min(MAX_CAPACITY, 2 * capacity);
    while (!fits(capacity)) this.#dropOldest();
    if (capacity === this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#head, this.#tail);
    } else {
      const larger = Buffer.allocUnsafeSlow(capacity);
      this.#bytes.copy(larger, 0, this.#head, this.#tail);
      this.#bytes = larger;
    }
    this.#tail -= this.#head;
    this.#head = 0;
  }
}
