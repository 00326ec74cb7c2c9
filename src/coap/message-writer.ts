import type { Code, Option, Type } from "./types.js";

const SLAB = 16 * 1024;
/** Longest header, token and option head; what is longer checks its room itself. */
const HEAD = 16;

/**
 * Writes messages one after another into a slab and hands out views of it: no copy, and one allocation for a few hundred messages. A slab is
 * left to its messages when it is full, never written twice.
 */
export class MessageWriter {
  #slab = Buffer.allocUnsafeSlow(SLAB);
  #start = 0;
  #at = 0;
  #lastOption = 0;

  /** Begins a message; the token follows. */
  begin(type: Type, code: Code, messageId: number, tokenLength: number): void {
    this.#room(HEAD);
    const slab = this.#slab;
    const at = this.#at;
    slab[at] = 0x40 | (type << 4) | tokenLength;
    slab[at + 1] = code;
    slab[at + 2] = messageId >> 8;
    slab[at + 3] = messageId;
    this.#at = at + 4;
    this.#lastOption = 0;
  }

  token(token: Uint8Array): void {
    this.#raw(token);
  }

  token32(token: number): void {
    const slab = this.#slab;
    const at = this.#at;
    slab[at] = token >>> 24;
    slab[at + 1] = token >>> 16;
    slab[at + 2] = token >>> 8;
    slab[at + 3] = token;
    this.#at = at + 4;
  }

  /** Options must come in ascending order. */
  opaque(number: number, value: Uint8Array): void {
    this.#head(number, value.length);
    this.#raw(value);
  }

  uint(number: number, value: number): void {
    const length = value === 0 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4;
    this.#head(number, length);
    const slab = this.#slab;
    for (let shift = (length - 1) * 8; shift >= 0; shift -= 8) slab[this.#at++] = value >>> shift;
  }

  text(number: number, value: string): void {
    const length = value.length;
    let ascii = true;
    for (let i = 0; i < length; i++) {
      if (value.charCodeAt(i) < 0x80) continue;
      ascii = false;
      break;
    }
    if (!ascii) {
      this.opaque(number, Buffer.from(value, "utf8"));
      return;
    }
    this.#head(number, length);
    const slab = this.#slab;
    let at = this.#at;
    for (let i = 0; i < length; i++) slab[at++] = value.charCodeAt(i);
    this.#at = at;
  }

  /** Options below `limit` of an ascending list, from `from` on; returns where it stopped. */
  options(options: readonly Option[], from: number, limit: number): number {
    let index = from;
    for (let option = options[index]; option !== undefined && option.number < limit; option = options[++index]) this.opaque(option.number, option.value);
    return index;
  }

  payload(payload: Uint8Array, start = 0, end = payload.length): void {
    if (end <= start) return;
    this.#room(end - start + 1);
    this.#slab[this.#at++] = 0xff;
    this.#raw(start === 0 && end === payload.length ? payload : payload.subarray(start, end));
  }

  /** The message. Its bytes stay as they are. */
  finish(): Buffer {
    const message = this.#slab.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return message;
  }

  #head(number: number, length: number): void {
    this.#room(HEAD + length);
    const delta = number - this.#lastOption;
    if (delta < 0) throw new RangeError(`option ${number} after option ${this.#lastOption}: options are written in ascending order`);
    this.#lastOption = number;
    const slab = this.#slab;
    let at = this.#at;
    const deltaNibble = delta < 13 ? delta : delta < 269 ? 13 : 14;
    const lengthNibble = length < 13 ? length : length < 269 ? 13 : 14;
    slab[at++] = (deltaNibble << 4) | lengthNibble;
    if (deltaNibble === 13) slab[at++] = delta - 13;
    else if (deltaNibble === 14) {
      slab[at++] = (delta - 269) >> 8;
      slab[at++] = delta - 269;
    }
    if (lengthNibble === 13) slab[at++] = length - 13;
    else if (lengthNibble === 14) {
      slab[at++] = (length - 269) >> 8;
      slab[at++] = length - 269;
    }
    this.#at = at;
  }

  #raw(bytes: Uint8Array): void {
    const length = bytes.length;
    this.#room(length);
    if (length > 48) this.#slab.set(bytes, this.#at);
    else for (let i = 0, slab = this.#slab, at = this.#at; i < length; i++) slab[at + i] = bytes[i] ?? 0;
    this.#at += length;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#slab.length) return;
    const begun = this.#at - this.#start;
    const fresh = Buffer.allocUnsafeSlow(Math.max(SLAB, 2 * begun + length));
    this.#slab.copy(fresh, 0, this.#start, this.#at);
    this.#slab = fresh;
    this.#start = 0;
    this.#at = begun;
  }
}
