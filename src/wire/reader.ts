/** Bytes ended before the field they should hold. Everything a decoder throws about bytes is this or a class of its own layer derived from `WireError`. */
export class WireError extends Error {
  override readonly name: string = "WireError";
}

export class TruncatedError extends WireError {
  override readonly name = "TruncatedError";

  constructor(
    readonly field: string,
    readonly wanted: number,
    readonly available: number,
  ) {
    super(`${field}: ${wanted} bytes wanted, ${available} left`);
  }
}

/** A bounded big-endian reader: no read passes `end`, and each failure names the field. */
export class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  #take(length: number, field: string): number {
    if (length < 0 || length > this.#end - this.#at) throw new TruncatedError(field, length, this.#end - this.#at);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  u8(field: string): number {
    return this.#bytes.readUInt8(this.#take(1, field));
  }

  u16(field: string): number {
    return this.#bytes.readUInt16BE(this.#take(2, field));
  }

  u24(field: string): number {
    return this.#bytes.readUIntBE(this.#take(3, field), 3);
  }

  u32(field: string): number {
    return this.#bytes.readUInt32BE(this.#take(4, field));
  }

  /** An unsigned integer of 0 to 6 bytes; no bytes is 0, as CoAP's uint options have it. */
  uint(length: number, field: string): number {
    if (length > 6) throw new WireError(`${field}: an integer of ${length} bytes`);
    const at = this.#take(length, field);
    return length === 0 ? 0 : this.#bytes.readUIntBE(at, length);
  }

  /** A view on the next bytes: copy it before you keep it longer than the datagram. */
  bytes(length: number, field: string): Buffer {
    const at = this.#take(length, field);
    return this.#bytes.subarray(at, at + length);
  }

  rest(): Buffer {
    return this.bytes(this.remaining, "rest");
  }
}
