import { createCipheriv, createHmac } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ContentType, DTLS_1_2, type DtlsRecord } from "../codec/record.js";
import { CbcProtection } from "./cbc.js";
import { additionalData, type DirectionKeys } from "./protection.js";

/** How many blocks SHA-256 has hashed: its time, with nothing of a machine's in it. */
const work = vi.hoisted(() => ({ blocks: 0 }));

vi.mock("./primitives.js", async (original) => {
  const actual = await original<typeof import("./primitives.js")>();
  const blocksOf = (length: number): number => Math.ceil((length + 9) / 64);
  const lengthOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);
  return {
    ...actual,
    sha256: (bytes: Uint8Array) => ((work.blocks += blocksOf(bytes.length)), actual.sha256(bytes)),
    // RFC 2104: a block of key before the text, and the same again before the hash of it.
    hmac: (key: Uint8Array, ...parts: readonly Uint8Array[]) => ((work.blocks += blocksOf(64 + lengthOf(parts)) + blocksOf(64 + 32)), actual.hmac(key, ...parts)),
  };
});

const keys: DirectionKeys = { macKey: Buffer.alloc(32, 3), key: Buffer.alloc(16, 4), iv: Buffer.alloc(0) };
const iv = Buffer.alloc(16, 6);
const protection = new CbcProtection(keys, () => iv);
const header = { type: ContentType.applicationData, version: DTLS_1_2, epoch: 1, sequence: 7, connectionId: undefined } as const;

/** A record of exactly these blocks, as somebody might have encrypted them. */
function recordOf(blocks: Uint8Array): DtlsRecord {
  const cipher = createCipheriv("aes-128-cbc", keys.key, iv);
  cipher.setAutoPadding(false);
  return { ...header, fragment: Buffer.concat([iv, cipher.update(blocks), cipher.final()]) };
}

const total = 512;

/** Content, its MAC, and `padding` bytes before the last one, which says how many they are. */
function blocks(padding: number, change: (content: Buffer) => void = () => {}): Buffer {
  const content = Buffer.alloc(total - 32 - padding - 1, 0x55);
  const data = additionalData(header.type, header.epoch, header.sequence, header.version, content.length);
  const mac = createHmac("sha256", keys.macKey).update(data).update(content).digest();
  const all = Buffer.concat([content, mac, Buffer.alloc(padding + 1, padding)]);
  change(all);
  return all;
}

/** The blocks that are hashed to open a record, and whether it opened. */
function opening(content: Buffer): { readonly opens: boolean; readonly hashed: number } {
  const record = recordOf(content);
  work.blocks = 0;
  const opens = protection.open(record) !== undefined;
  return { opens, hashed: work.blocks };
}

describe("a record with CBC and the MAC inside", () => {
  beforeEach(() => (work.blocks = 0));

  it("is hashed in as many blocks with good padding of any length, with bad padding and with a bad MAC (RFC 5246 §6.2.3.2)", () => {
    const paddings = Array.from({ length: 256 }, (_, padding) => padding);
    const good = paddings.map((padding) => opening(blocks(padding)));
    const badMac = paddings.map((padding) => opening(blocks(padding, (content) => content.fill(0xaa, 0, 16))));
    const badPadding = paddings.slice(1).map((padding) => opening(blocks(padding, (content) => content.writeUInt8(padding ^ 1, total - 2))));
    expect(new Set(good.map(({ opens }) => opens))).toEqual(new Set([true]));
    expect(new Set([...badMac, ...badPadding].map(({ opens }) => opens))).toEqual(new Set([false]));
    expect(new Set([...good, ...badMac, ...badPadding].map(({ hashed }) => hashed)).size).toBe(1);
  });
});
