import { createCipheriv, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContentType, MAX_PLAINTEXT, readRecord, RECORD_HEADER_LENGTH, writePlainRecord, type DtlsRecord } from "../codec/record.js";
import { CbcProtection, EncryptThenMacProtection } from "./cbc.js";
import { AeadProtection } from "./aead.js";
import { additionalData, type DirectionKeys, type Protection } from "./protection.js";

const keys: DirectionKeys = { macKey: Buffer.alloc(32, 3), key: Buffer.alloc(16, 4), iv: Buffer.alloc(4, 5) };
const iv = Buffer.alloc(16, 6);
const protections: readonly (readonly [string, Protection])[] = [
  ["CCM", new AeadProtection(keys, "aes-128-ccm", 8)],
  ["CBC, MAC then encrypt", new CbcProtection(keys, () => iv)],
  ["CBC, encrypt then MAC", new EncryptThenMacProtection(keys, () => iv)],
];

function read(bytes: Buffer): DtlsRecord {
  const record = readRecord(bytes, 0);
  if (record === undefined) throw new Error("no record");
  return record;
}
const record = (fragment: Uint8Array): DtlsRecord => read(writePlainRecord(ContentType.applicationData, 1, 7, fragment));
const flip = (bytes: Buffer, bit: number): Buffer => {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return flipped;
};

const connectionId = Buffer.from("c0ffee", "hex");
const withId: DirectionKeys = { ...keys, connectionId };
const underId: readonly (readonly [string, Protection, Protection])[] = [
  ["CCM", new AeadProtection(withId, "aes-128-ccm", 8), new AeadProtection(keys, "aes-128-ccm", 8)],
  ["GCM", new AeadProtection(withId, "aes-128-gcm", 16), new AeadProtection(keys, "aes-128-gcm", 16)],
  ["CBC, MAC then encrypt", new CbcProtection(withId, () => iv), new CbcProtection(keys, () => iv)],
  ["CBC, encrypt then MAC", new EncryptThenMacProtection(withId, () => iv), new EncryptThenMacProtection(keys, () => iv)],
];

describe.each(underId)("%s under a connection id", (_name, protection, bare) => {
  const seal = (plaintext: Buffer): Buffer => protection.seal(ContentType.connectionId, 1, 7, plaintext);

  it("has the id in the header of its records, and opens them at every length", () => {
    for (const length of [1, 2, 15, 16, 17, 31, 32, 1_000, MAX_PLAINTEXT + 1]) {
      const sealed = seal(Buffer.alloc(length, length));
      expect(sealed.subarray(11, 14)).toEqual(connectionId);
      expect(sealed.length).toBeLessThanOrEqual(RECORD_HEADER_LENGTH + length + protection.overhead);
      const record = readRecord(sealed, 0, connectionId.length);
      expect(record).toMatchObject({ type: 25, epoch: 1, sequence: 7, connectionId });
      expect(record === undefined ? undefined : protection.open(record)).toEqual(Buffer.alloc(length, length));
    }
  });

  it("opens nothing in which one bit is different, that of the id included", () => {
    const sealed = seal(Buffer.from("sixteen and more bytes"));
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const altered = readRecord(flip(sealed, bit), 0, connectionId.length);
      // The id is in the record as the receiver asked for it; whose it is is looked at before anything is opened.
      if (altered !== undefined && altered.connectionId?.equals(connectionId) === true) expect(protection.open(altered)).toBeUndefined();
    }
  });

  it("is not what the same keys make without an id", () => {
    const record = readRecord(seal(Buffer.from("hello")), 0, connectionId.length);
    if (record !== undefined) expect(bare.open(record)).toBeUndefined();
    expect(protection.open(read(bare.seal(ContentType.applicationData, 1, 7, Buffer.from("hello"))))).toBeUndefined();
  });
});

it("what is authenticated under a connection id stands as RFC 9146 §5 has it", () => {
  const expected = "ffffffffffffffff" + "19" + "03" + "19" + "fefd" + "0001" + "000000000007" + "c0ffee" + "0005";
  expect(additionalData(ContentType.connectionId, 1, 7, 0xfefd, 5, connectionId).toString("hex")).toBe(expected);
});

describe.each(protections)("%s", (_name, protection) => {
  it("opens what it sealed, at every length", () => {
    for (const length of [...Array.from({ length: 70 }, (_, i) => i), 255, 256, 1_000, MAX_PLAINTEXT]) {
      const plaintext = Buffer.alloc(length, length);
      const sealed = protection.seal(ContentType.applicationData, 1, 7, plaintext);
      expect(sealed.length).toBeLessThanOrEqual(RECORD_HEADER_LENGTH + length + protection.overhead);
      expect(protection.open(read(sealed))).toEqual(plaintext);
    }
  });

  it("opens nothing in which one bit is different, the header included", () => {
    const sealed = protection.seal(ContentType.applicationData, 1, 7, Buffer.from("sixteen and more bytes"));
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const altered = readRecord(flip(sealed, bit), 0);
      if (altered !== undefined) expect(protection.open(altered)).toBeUndefined();
    }
  });

  it("opens nothing of another direction", () => {
    const other = { macKey: Buffer.alloc(32, 13), key: Buffer.alloc(16, 14), iv: Buffer.alloc(4, 15) };
    const [theirs] = [new AeadProtection(other, "aes-128-ccm", 8), new CbcProtection(other, () => iv), new EncryptThenMacProtection(other, () => iv)].filter((one) => one.constructor === protection.constructor);
    expect(theirs?.open(read(protection.seal(ContentType.applicationData, 1, 7, Buffer.from("hello"))))).toBeUndefined();
  });

  it("opens no fragment of any length that was not sealed", () => {
    for (let length = 0; length < 200; length++) expect(protection.open(record(Buffer.alloc(length, length)))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => protection.open(record(bytes)) === undefined));
  });

  it("opens no record cut short or lengthened", () => {
    const sealed = protection.seal(ContentType.applicationData, 1, 7, Buffer.alloc(40));
    const fragment = sealed.subarray(RECORD_HEADER_LENGTH);
    for (let length = 0; length < fragment.length; length++) expect(protection.open(record(fragment.subarray(0, length)))).toBeUndefined();
    for (const more of [1, 8, 16, 32]) expect(protection.open(record(Buffer.concat([fragment, Buffer.alloc(more)])))).toBeUndefined();
  });
});

/** A CBC record (MAC then encrypt) with this MAC and padding, right or wrong. */
function macThenEncrypt(plaintext: Buffer, padding: Buffer, spoilMac = false): DtlsRecord {
  const mac = createHmac("sha256", keys.macKey).update(additionalData(ContentType.applicationData, 1, 7, 0xfefd, plaintext.length)).update(plaintext).digest();
  if (spoilMac) mac.writeUInt8(mac.readUInt8(31) ^ 1, 31);
  return encrypted(Buffer.concat([plaintext, mac, padding]));
}
function encrypted(content: Buffer): DtlsRecord {
  const cipher = createCipheriv("aes-128-cbc", keys.key, iv);
  cipher.setAutoPadding(false);
  return record(Buffer.concat([iv, cipher.update(content)]));
}
/** The same with encrypt-then-MAC, the MAC right. */
function encryptThenMac(content: Buffer): DtlsRecord {
  const { fragment } = encrypted(content);
  const mac = createHmac("sha256", keys.macKey).update(additionalData(ContentType.applicationData, 1, 7, 0xfefd, fragment.length)).update(fragment).digest();
  return record(Buffer.concat([fragment, mac]));
}
const padding = (bytes: number): Buffer => Buffer.alloc(bytes, bytes - 1);

describe("padding of CBC records", () => {
  const protection = new CbcProtection(keys, () => iv);
  const late = new EncryptThenMacProtection(keys, () => iv);

  it("may be as long as 256 bytes", () => {
    for (let bytes = 8; bytes <= 256; bytes += 16) {
      expect(protection.open(macThenEncrypt(Buffer.alloc(8, 1), padding(bytes)))).toEqual(Buffer.alloc(8, 1));
      expect(late.open(encryptThenMac(Buffer.concat([Buffer.alloc(8, 1), padding(bytes)])))).toEqual(Buffer.alloc(8, 1));
    }
  });

  it("is looked at in each of its bytes", () => {
    for (const bytes of [8, 24, 248]) {
      for (let at = 0; at < bytes; at++) {
        const wrong = padding(bytes);
        wrong.writeUInt8(wrong.readUInt8(at) ^ 0x40, at);
        expect(protection.open(macThenEncrypt(Buffer.alloc(8), wrong))).toBeUndefined();
        expect(late.open(encryptThenMac(Buffer.concat([Buffer.alloc(8), wrong])))).toBeUndefined();
      }
    }
  });

  it("is refused when it leaves no room for a MAC, or is longer than the record", () => {
    const blocks = (bytes: number, last: number): Buffer => Buffer.alloc(bytes, last);
    expect(protection.open(encrypted(blocks(48, 47)))).toBeUndefined();
    expect(protection.open(encrypted(blocks(48, 16)))).toBeUndefined();
    expect(protection.open(encrypted(blocks(48, 255)))).toBeUndefined();
    expect(late.open(encryptThenMac(blocks(16, 16)))).toBeUndefined();
    expect(late.open(encryptThenMac(blocks(16, 15)))).toEqual(Buffer.alloc(0));
  });

  it("may not be left out, although the MAC is right then", () => {
    for (let fill = 0; fill < 20; fill++) expect(protection.open(macThenEncrypt(Buffer.alloc(16, fill), Buffer.alloc(0)))).toBeUndefined();
  });

  it("does not make up for a wrong MAC", () => {
    for (let bytes = 8; bytes <= 256; bytes += 16) expect(protection.open(macThenEncrypt(Buffer.alloc(8), padding(bytes), true))).toBeUndefined();
  });
});
