import { parseCode } from "../../src/coap/index.js";

/** What may happen to an outgoing datagram. Plain data, so that it crosses threads. */
export type Mutation =
  | { readonly kind: "drop" }
  | { readonly kind: "duplicate" }
  /** Cuts bytes off the end. */
  | { readonly kind: "truncate"; readonly bytes: number }
  /** A negative offset counts from the end. */
  | { readonly kind: "xor"; readonly at: number; readonly mask: number }
  | { readonly kind: "append"; readonly hex: string }
  | { readonly kind: "replace"; readonly hex: string }
  /** Another code in the header: `4.06`, `0.02`. */
  | { readonly kind: "code"; readonly code: string }
  /** A token that nobody asked with; a message without one gets one of a byte. */
  | { readonly kind: "token" }
  /** Another message id. */
  | { readonly kind: "message-id"; readonly by: number };

const headerLength = 4;

/** The datagrams to send in its place. */
export function mutate(datagram: Uint8Array, mutation: Mutation): readonly Uint8Array[] {
  switch (mutation.kind) {
    case "drop":
      return [];
    case "duplicate":
      return [datagram, datagram];
    case "truncate":
      return [datagram.subarray(0, Math.max(0, datagram.length - mutation.bytes))];
    case "xor":
      return [withByte(datagram, mutation.at < 0 ? datagram.length + mutation.at : mutation.at, (byte) => byte ^ mutation.mask)];
    case "append":
      return [Buffer.concat([datagram, Buffer.from(mutation.hex, "hex")])];
    case "replace":
      return [Buffer.from(mutation.hex, "hex")];
    case "code":
      return [withByte(datagram, 1, () => parseCode(mutation.code))];
    case "token":
      return [withOtherToken(datagram)];
    case "message-id":
      return [withMessageId(datagram, mutation.by)];
  }
}

function withByte(datagram: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const copy = Buffer.from(datagram);
  const byte = copy[at];
  if (byte !== undefined) copy[at] = change(byte) & 0xff;
  return copy;
}

function withOtherToken(datagram: Uint8Array): Uint8Array {
  const first = datagram[0];
  if (first === undefined || datagram.length < headerLength) return datagram;
  if ((first & 0x0f) > 0) return withByte(datagram, headerLength, (byte) => byte ^ 0xff);
  return Buffer.concat([Buffer.from([first | 1]), datagram.subarray(1, headerLength), Buffer.from([0xa5]), datagram.subarray(headerLength)]);
}

function withMessageId(datagram: Uint8Array, by: number): Uint8Array {
  if (datagram.length < headerLength) return datagram;
  const copy = Buffer.from(datagram);
  copy.writeUInt16BE((copy.readUInt16BE(2) + by) & 0xffff, 2);
  return copy;
}
