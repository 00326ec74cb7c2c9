import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ContentType, readRecord, RECORD_HEADER_LENGTH } from "../codec/record.js";
import { AeadProtection } from "./aead.js";

const key = Buffer.from("404142434445464748494a4b4c4d4e4f", "hex");
const salt = Buffer.from("10111213", "hex");
const protection = () => new AeadProtection({ macKey: Buffer.alloc(0), key, iv: salt }, "aes-128-ccm", 8);
const read = (bytes: Buffer) => {
  const record = readRecord(bytes, 0);
  if (record === undefined) throw new Error("no record");
  return record;
};

/** RFC 3610 §2 from AES alone: what a node:crypto cipher is checked against. */
function tagFromBlocks(nonce: Buffer, additional: Buffer, message: Buffer): Buffer {
  const block = (input: Uint8Array): Buffer => {
    const cipher = createCipheriv("aes-128-ecb", key, null);
    cipher.setAutoPadding(false);
    return cipher.update(input);
  };
  const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((16 - (bytes.length % 16)) % 16)]);
  const flags = 0x40 | (((8 - 2) / 2) << 3) | 2;
  const input = Buffer.concat([Buffer.from([flags]), nonce, Buffer.from([0, 0, message.length]), padded(Buffer.concat([Buffer.from([0, additional.length]), additional])), padded(message)]);
  let mac: Buffer = Buffer.alloc(16);
  for (let at = 0; at < input.length; at += 16) mac = block(xor(mac, input.subarray(at, at + 16)));
  return xor(mac, block(Buffer.concat([Buffer.from([2]), nonce, Buffer.alloc(3)]))).subarray(0, 8);
}

describe("AES-128-CCM-8 on records", () => {
  it.each([0, 1, 15, 16, 17, 200])("makes the tag that RFC 3610 makes of %i bytes", (length) => {
    const message = Buffer.alloc(length, 7);
    const record = protection().seal(ContentType.applicationData, 1, 5, message);
    const explicitNonce = Buffer.from("0001000000000005", "hex");
    const additional = Buffer.concat([explicitNonce, Buffer.from([23, 0xfe, 0xfd, length >> 8, length & 0xff])]);
    expect(record.subarray(RECORD_HEADER_LENGTH, RECORD_HEADER_LENGTH + 8)).toEqual(explicitNonce);
    expect(record.subarray(-8)).toEqual(tagFromBlocks(Buffer.concat([salt, explicitNonce]), additional, message));
  });

  it("takes nothing for content, wherever it lies", () => {
    const nothings = [Buffer.alloc(0), new Uint8Array(0), Buffer.from([]), Buffer.from("abc").subarray(1, 1), Buffer.concat([]).subarray(0, 10), Buffer.from("")];
    const [first, ...others] = nothings.map((content) => protection().seal(ContentType.applicationData, 1, 5, content).toString("hex"));
    expect(new Set(others)).toEqual(new Set([first]));
  });

  it("opens a record without content, and none of a wrong tag", () => {
    const record = protection().seal(ContentType.applicationData, 1, 5, Buffer.alloc(0));
    expect(protection().open(read(record))).toEqual(Buffer.alloc(0));
    for (let bit = 0; bit < 64; bit++) {
      const forged = Buffer.from(record);
      const at = record.length - 1 - (bit >> 3);
      forged.writeUInt8(record.readUInt8(at) ^ (1 << (bit & 7)), at);
      expect(protection().open(read(forged))).toBeUndefined();
    }
  });
});
