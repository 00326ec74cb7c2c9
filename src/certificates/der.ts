/** As much of DER (X.690) as a certificate takes. */
const Tag = { integer: 0x02, bitString: 0x03, octetString: 0x04, objectIdentifier: 0x06, utf8String: 0x0c, sequence: 0x30, set: 0x31, boolean: 0x01 } as const;

const contextTag = (number: number): number => 0xa0 | number;

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  return Buffer.from([0x82, length >> 8, length & 0xff]);
}

function element(tag: number, content: Uint8Array): Buffer {
  if (content.length > 0xffff) throw new RangeError(`${content.length} bytes in one element`);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(Tag.sequence, Buffer.concat(parts));
export const setOf = (part: Uint8Array): Buffer => element(Tag.set, part);
export const tagged = (number: number, content: Uint8Array): Buffer => element(contextTag(number), content);
export const octetString = (content: Uint8Array): Buffer => element(Tag.octetString, content);
export const utf8String = (text: string): Buffer => element(Tag.utf8String, Buffer.from(text));
export const yes: Buffer = element(Tag.boolean, Buffer.from([0xff]));

/** Of whole bytes, or with the last bits of the last byte unused. */
export const bitString = (content: Uint8Array, unusedBits = 0): Buffer => element(Tag.bitString, Buffer.concat([Buffer.from([unusedBits]), content]));

/** A number that is not negative, as big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const digits = bytes.subarray(from);
  return element(Tag.integer, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift(0x80 | (left & 0x7f));
    bytes.push(...groups);
  }
  return element(Tag.objectIdentifier, Buffer.from(bytes));
}

/** A copy that keeps no page of memory with it that others were put together in. */
export function ownMemory(bytes: Uint8Array): Buffer {
  const own = Buffer.alloc(bytes.length);
  own.set(bytes);
  return own;
}

/** The elements inside a constructed element, whole. Throws RangeError for bytes that are no DER of that kind. */
export function partsOf(constructed: Uint8Array): Buffer[] {
  const { from, to } = bounds(constructed, 0);
  const parts: Buffer[] = [];
  for (let at = from; at < to; ) {
    const part = bounds(constructed, at);
    if (part.to > to) throw new RangeError("an element that is longer than what it is in");
    parts.push(Buffer.from(constructed.buffer, constructed.byteOffset + at, part.to - at));
    at = part.to;
  }
  return parts;
}

/** Where the content of the element at `at` begins and ends. */
function bounds(bytes: Uint8Array, at: number): { readonly from: number; readonly to: number } {
  const first = bytes[at + 1];
  if (first === undefined) throw new RangeError("an element without its length");
  const octets = first < 0x80 ? 0 : first & 0x7f;
  if (octets > 3 || (first >= 0x80 && octets === 0)) throw new RangeError("a length of another kind than DER has");
  let length = octets === 0 ? first : 0;
  for (let octet = 0; octet < octets; octet++) length = length * 0x100 + (bytes[at + 2 + octet] ?? 0);
  const from = at + 2 + octets;
  if (from + length > bytes.length) throw new RangeError("an element that ends before its length");
  return { from, to: from + length };
}
