import { DecodeError } from "../codec/errors.js";
import { handshakeMessage, type HandshakeFragment, type HandshakeMessage } from "../codec/handshake.js";

/** Messages ahead of the next one that are kept. */
const MAX_AHEAD = 8;
/** Bytes of one message; nothing in a PSK handshake comes near it. */
export const MAX_MESSAGE = 8_192;
/** Bytes of the messages ahead together: their headers alone reserve the room. */
const MAX_BYTES_AHEAD = 8_192;
/** Pieces of one message that do not touch. */
const MAX_GAPS = 32;

interface Piece {
  start: number;
  end: number;
}

/** One message of which pieces are here. */
class Partial {
  readonly body: Buffer;
  #pieces: Piece[] = [];

  constructor(
    readonly type: number,
    readonly length: number,
  ) {
    this.body = Buffer.alloc(length);
  }

  get isWhole(): boolean {
    const [first] = this.#pieces;
    return this.length === 0 || (first !== undefined && first.start === 0 && first.end === this.length);
  }

  /** Bytes that came twice stay as they came first. */
  add(offset: number, bytes: Buffer): void {
    const merged: Piece = { start: offset, end: offset + bytes.length };
    const apart: Piece[] = [];
    let at = offset;
    for (const piece of this.#pieces) {
      if (piece.end < merged.start || piece.start > merged.end) {
        apart.push(piece);
        continue;
      }
      if (at < piece.start) bytes.copy(this.body, at, at - offset, piece.start - offset);
      at = Math.max(at, piece.end);
      merged.start = Math.min(merged.start, piece.start);
      merged.end = Math.max(merged.end, piece.end);
    }
    if (at < offset + bytes.length) bytes.copy(this.body, at, at - offset);
    apart.push(merged);
    if (apart.length > MAX_GAPS) return;
    this.#pieces = apart.sort((a, b) => a.start - b.start);
  }
}

/** Whole handshake messages in order, out of fragments in any (RFC 6347 §4.2.3), within bounds. */
export class Reassembly {
  readonly #partials = new Map<number, Partial>();
  #bytes = 0;

  constructor(public nextSeq = 0) {}

  /** `old` is a fragment of a message that was taken already: the peer sends its flight again. Throws DecodeError. */
  add(fragment: HandshakeFragment): "kept" | "old" | "too-far-ahead" {
    const { type, length, messageSeq, offset, body } = fragment;
    if (messageSeq < this.nextSeq) return "old";
    if (messageSeq > this.nextSeq + MAX_AHEAD) return "too-far-ahead";
    if (length > MAX_MESSAGE) throw new DecodeError(`a handshake message of ${length} bytes`);
    if (offset + body.length > length) throw new DecodeError("a fragment that reaches beyond its message");
    let partial = this.#partials.get(messageSeq);
    if (partial === undefined) {
      if (messageSeq > this.nextSeq && this.#bytes + length > MAX_BYTES_AHEAD) return "too-far-ahead";
      this.#bytes += length;
      partial = new Partial(type, length);
      this.#partials.set(messageSeq, partial);
    }
    if (partial.type !== type || partial.length !== length) throw new DecodeError("fragments of one message that disagree");
    partial.add(offset, body);
    return "kept";
  }

  /** Bytes held for messages of which pieces are here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Forgets what came ahead of the next message. */
  clear(): void {
    this.#partials.clear();
    this.#bytes = 0;
  }

  /** The next message, once it is whole. */
  take(): HandshakeMessage | undefined {
    const partial = this.#partials.get(this.nextSeq);
    if (partial?.isWhole !== true) return undefined;
    this.#partials.delete(this.nextSeq);
    this.#bytes -= partial.length;
    return handshakeMessage(partial.type, this.nextSeq++, partial.body);
  }
}
