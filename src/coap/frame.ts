import { CoapFormatError } from "./errors.js";
import type { Code, Type } from "./types.js";

const EMPTY = Buffer.alloc(0);
const PAYLOAD_MARKER = 0xff;
const MAX_OPTION_NUMBER = 0xffff;

/** Reads a byte whose presence the caller has checked. */
const at = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0;

const toType = (bits: number): Type => (bits === 0 ? 0 : bits === 1 ? 1 : bits === 2 ? 2 : 3);

/**
 * Where the parts of a datagram lie. One frame serves an endpoint for all its datagrams, so reading a header allocates nothing; what is
 * kept longer than the datagram's handling must be taken out.
 */
export class Frame {
  bytes: Buffer = EMPTY;
  type: Type = 0;
  code: Code = 0;
  messageId = 0;
  tokenEnd = 4;
  optionCount = 0;
  readonly #numbers: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  payloadStart = 4;

  get tokenLength(): number {
    return this.tokenEnd - 4;
  }

  /** A view of the token. */
  token(): Buffer {
    return this.tokenEnd === 4 ? EMPTY : this.bytes.subarray(4, this.tokenEnd);
  }

  /** The token as a number when it has four bytes, else -1. */
  token32(): number {
    return this.tokenEnd === 8 ? this.bytes.readUInt32BE(4) : -1;
  }

  /** A view of the payload. */
  payload(): Buffer {
    return this.payloadStart === this.bytes.length ? EMPTY : this.bytes.subarray(this.payloadStart);
  }

  get payloadLength(): number {
    return this.bytes.length - this.payloadStart;
  }

  number(index: number): number {
    return this.#numbers[index] ?? 0;
  }

  length(index: number): number {
    return (this.#ends[index] ?? 0) - (this.#starts[index] ?? 0);
  }

  /** A view of an option's value. */
  value(index: number): Buffer {
    return this.bytes.subarray(this.#starts[index], this.#ends[index]);
  }

  /** An option's value as an unsigned integer; the length must be 6 at most. */
  uint(index: number): number {
    let value = 0;
    for (let i = this.#starts[index] ?? 0, end = this.#ends[index] ?? 0; i < end; i++) value = value * 256 + at(this.bytes, i);
    return value;
  }

  text(index: number): string {
    const start = this.#starts[index] ?? 0;
    const end = this.#ends[index] ?? 0;
    if (end - start > 24) return this.bytes.toString("utf8", start, end);
    // Short ASCII is built faster here than by a call into the runtime.
    let text = "";
    for (let i = start; i < end; i++) {
      const byte = at(this.bytes, i);
      if (byte > 0x7f) return this.bytes.toString("utf8", start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Reads header and option boundaries (RFC 7252 §3). Throws CoapFormatError, which has type and message id when those could be read. */
  read(bytes: Buffer): void {
    const length = bytes.length;
    if (length < 4) throw new CoapFormatError(`RFC 7252 §3: a message of ${length} bytes has no header`);
    const first = at(bytes, 0);
    if (first >> 6 !== 1) throw new CoapFormatError(`RFC 7252 §3: version ${first >> 6} is unknown`);
    this.bytes = bytes;
    this.type = toType((first >> 4) & 3);
    this.code = at(bytes, 1);
    this.messageId = (at(bytes, 2) << 8) | at(bytes, 3);
    this.optionCount = 0;
    const tokenLength = first & 15;
    if (tokenLength > 8) this.#fail(`RFC 7252 §3: token length ${tokenLength} is reserved`);
    const tokenEnd = 4 + tokenLength;
    if (tokenEnd > length) this.#fail(`token: ${tokenLength} bytes wanted, ${length - 4} left`);
    this.tokenEnd = tokenEnd;
    if (this.code === 0 && length > 4) this.#fail("RFC 7252 §4.1: an Empty message ends after its message id");
    const major = this.code >> 5;
    if (major === 1 || major > 5) this.#fail(`RFC 7252 §12.1: code class ${major} is reserved`);
    this.#readOptions(bytes, tokenEnd, length);
  }

  #readOptions(bytes: Buffer, start: number, length: number): void {
    let offset = start;
    let number = 0;
    let count = 0;
    while (offset < length) {
      const head = at(bytes, offset++);
      if (head === PAYLOAD_MARKER) {
        if (offset === length) this.#fail("RFC 7252 §3: payload marker without payload");
        this.optionCount = count;
        this.payloadStart = offset;
        return;
      }
      let delta = head >> 4;
      let size = head & 15;
      if (delta === 15 || size === 15) this.#fail("RFC 7252 §3.1: option delta or length 15 is reserved");
      if (delta > 12) {
        const wide = delta === 14;
        if (offset + (wide ? 2 : 1) > length) this.#fail("option delta: extension cut off");
        delta = wide ? 269 + ((at(bytes, offset) << 8) | at(bytes, offset + 1)) : 13 + at(bytes, offset);
        offset += wide ? 2 : 1;
      }
      if (size > 12) {
        const wide = size === 14;
        if (offset + (wide ? 2 : 1) > length) this.#fail("option length: extension cut off");
        size = wide ? 269 + ((at(bytes, offset) << 8) | at(bytes, offset + 1)) : 13 + at(bytes, offset);
        offset += wide ? 2 : 1;
      }
      number += delta;
      if (number > MAX_OPTION_NUMBER) this.#fail(`option number ${number} exceeds ${MAX_OPTION_NUMBER}`);
      if (offset + size > length) this.#fail(`option ${number}: ${size} bytes wanted, ${length - offset} left`);
      this.#numbers[count] = number;
      this.#starts[count] = offset;
      offset += size;
      this.#ends[count] = offset;
      count++;
    }
    this.optionCount = count;
    this.payloadStart = length;
  }

  #fail(problem: string): never {
    throw new CoapFormatError(problem, this.type, this.messageId);
  }
}
