/** A growing big-endian writer. */
export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(capacity = 128) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#at;
  }

  #room(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, at + length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#at = at + length;
    return at;
  }

  u8(value: number): this {
    this.#bytes.writeUInt8(value, this.#room(1));
    return this;
  }

  u16(value: number): this {
    this.#bytes.writeUInt16BE(value, this.#room(2));
    return this;
  }

  u24(value: number): this {
    this.#bytes.writeUIntBE(value, this.#room(3), 3);
    return this;
  }

  u32(value: number): this {
    this.#bytes.writeUInt32BE(value, this.#room(4));
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#room(value.length));
    return this;
  }

  utf8(value: string): this {
    return this.bytes(Buffer.from(value, "utf8"));
  }

  /** The written bytes, owned by the caller; the writer is spent. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}
