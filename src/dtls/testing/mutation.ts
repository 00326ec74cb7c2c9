import type { Random } from "../../ports/index.js";
import { HANDSHAKE_HEADER_LENGTH } from "../codec/handshake.js";
import { ContentType, RECORD_HEADER_LENGTH } from "../codec/record.js";

const edges = [0, 1, 2, 0x0c, 0x16, 0x17, 0x7f, 0x80, 0xfd, 0xfe, 0xff];

export function pick<T>(random: Random, list: readonly T[]): T {
  const one = list[random.below(list.length)];
  if (one === undefined) throw new Error("an empty list");
  return one;
}

type Mutation = (random: Random, bytes: Buffer, corpus: readonly Buffer[]) => Buffer;

function overwrite(random: Random, bytes: Buffer, length: number): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 0, at = random.below(Math.max(1, bytes.length)); i < length && at + i < copy.length; i++) copy[at + i] = pick(random, edges);
  return copy;
}

/** Where the fields of a record's header and of a handshake message's behind it stand, and how long they are. */
const fields: readonly (readonly [at: number, length: number])[] = [
  [0, 1],
  [1, 2],
  [3, 2],
  [5, 6],
  [11, 2],
  [13, 1],
  [14, 3],
  [17, 2],
  [19, 3],
  [22, 3],
];

/** One field of the headers, as small or as large as it can be. */
function extreme(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const [at, length] = pick(random, fields);
  if (at + length > copy.length) return copy;
  copy.fill(random.next() < 0.5 ? 0xff : 0, at, at + length);
  copy.writeUInt8((copy.readUInt8(at + length - 1) + pick(random, [0, 0, 1, 2])) & 0xff, at + length - 1);
  return copy;
}

const mutations: readonly Mutation[] = [
  extreme,
  (random, bytes) => {
    const copy = Buffer.from(bytes);
    const at = random.below(Math.max(1, bytes.length));
    if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    return copy;
  },
  (random, bytes) => overwrite(random, bytes, 1),
  (random, bytes) => overwrite(random, bytes, 2),
  (random, bytes) => overwrite(random, bytes, 6),
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => Buffer.concat([bytes, random.bytes(1 + random.below(40))]),
  (random, bytes) => {
    const [from, length] = [random.below(bytes.length + 1), random.below(20)];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
  },
  (random, bytes) => {
    const [from, at] = [random.below(bytes.length + 1), random.below(bytes.length + 1)];
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + random.below(60)), bytes.subarray(at)]);
  },
  (random, bytes, corpus) => Buffer.concat(random.next() < 0.5 ? [bytes, pick(random, corpus)] : [pick(random, corpus), bytes]),
  (random, bytes, corpus) => {
    const other = pick(random, corpus);
    return Buffer.concat([bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1))]);
  },
];

/** Bytes of the corpus with one to four changes. */
export function mutated(random: Random, corpus: readonly Buffer[]): Buffer {
  let bytes = pick(random, corpus);
  for (let changes = 1 + random.below(4); changes > 0; changes--) bytes = pick(random, mutations)(random, bytes, corpus);
  return bytes;
}

/** A datagram whose first record, and handshake message in it, say their true lengths, so that what is wrong lies deeper. */
export function withTrueLengths(datagram: Buffer): Buffer {
  const length = datagram.length - RECORD_HEADER_LENGTH;
  if (length < 0 || length > 0xffff) return datagram;
  const copy = Buffer.from(datagram);
  copy.writeUInt16BE(length, 11);
  if (copy.readUInt8(0) !== ContentType.handshake || length < HANDSHAKE_HEADER_LENGTH || copy.readUInt16BE(3) !== 0) return copy;
  for (const at of [1, 9]) copy.writeUIntBE(length - HANDSHAKE_HEADER_LENGTH, RECORD_HEADER_LENGTH + at, 3);
  copy.writeUIntBE(0, RECORD_HEADER_LENGTH + 6, 3);
  return copy;
}

/** Something to send to an endpoint: noise one time in ten, else a datagram of the corpus that was changed, half of them with their lengths put right. */
export function hostileDatagram(random: Random, corpus: readonly Buffer[]): Buffer {
  if (random.next() < 0.1) return random.bytes(random.below(80));
  const datagram = mutated(random, corpus);
  return random.next() < 0.5 ? withTrueLengths(datagram) : datagram;
}

export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";

  constructor(what: string, input: Uint8Array, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? cause.message : String(cause)}; the last input was ${Buffer.from(input).toString("hex")}`, { cause });
  }
}

/** Names the input in whatever goes wrong with it. */
export function trying(what: string, input: Uint8Array, run: () => void): void {
  try {
    run();
  } catch (error) {
    throw new FuzzFailure(what, input, error);
  }
}
