import { describe, expect, it } from "vitest";
import { ContentType, readRecord, type DtlsRecord } from "../codec/record.js";
import { AeadProtection } from "../crypto/aead.js";
import { plain } from "../testing/handmade.js";
import { RecordLayer } from "./record-layer.js";

const keys = (byte: number) => new AeadProtection({ macKey: Buffer.alloc(0), key: Buffer.alloc(16, byte), iv: Buffer.alloc(4, byte) }, "aes-128-ccm", 8);
const read = (bytes: Buffer): DtlsRecord => {
  const record = readRecord(bytes, 0);
  if (record === undefined) throw new Error("no record");
  return record;
};
const hello = Buffer.from("hello");

function pair(): { readonly ours: RecordLayer; readonly theirs: RecordLayer } {
  const [ours, theirs] = [new RecordLayer(), new RecordLayer()];
  ours.install(keys(1), keys(2));
  theirs.install(keys(2), keys(1));
  return { ours, theirs };
}

describe("the record layer", () => {
  it("numbers the records of each epoch on its own, those in the clear from where it is told", () => {
    const layer = new RecordLayer(7);
    layer.install(keys(1), keys(2));
    const numbers = ([0, 0, 1, 0, 1] as const).map((epoch) => read(layer.seal(ContentType.handshake, epoch, hello))).map(({ epoch, sequence }) => [epoch, sequence]);
    expect(numbers).toEqual([
      [0, 7],
      [0, 8],
      [1, 0],
      [0, 9],
      [1, 1],
    ]);
  });

  it("opens a protected record once, in any order", () => {
    const { ours, theirs } = pair();
    const records = Array.from({ length: 5 }, () => read(ours.seal(ContentType.applicationData, 1, hello)));
    for (const i of [3, 0, 4, 1, 2]) expect(theirs.open(records[i] ?? read(hello))).toMatchObject({ type: ContentType.applicationData, plaintext: hello });
    for (const record of records) expect(theirs.open(record)).toBe("replayed");
  });

  it("moves its window for records that authenticate, and for no others", () => {
    const { ours, theirs } = pair();
    const record = read(ours.seal(ContentType.applicationData, 1, hello));
    expect(theirs.open({ ...record, sequence: 2 ** 48 - 1 })).toBe("bad");
    expect(theirs.open(record)).toMatchObject({ plaintext: hello, isNewest: true });
  });

  it("says what is the matter with a record that it does not open", () => {
    const { ours, theirs } = pair();
    const record = read(ours.seal(ContentType.applicationData, 1, hello));
    expect(new RecordLayer().open(record)).toBe("no-keys");
    expect(theirs.open({ ...record, epoch: 2 })).toBe("no-epoch");
    expect(theirs.open({ ...record, version: 0xfeff })).toBe("bad");
    expect(ours.open(record)).toBe("bad");
  });

  it("opens records in the clear as often as they come: nothing vouches for their numbers", () => {
    const record = read(plain(ContentType.handshake, hello, 5));
    const layer = new RecordLayer();
    expect([layer.open(record), layer.open(record)]).toMatchObject([{ plaintext: hello, isNewest: false }, { plaintext: hello, isNewest: false }]);
  });

  it("takes the type from behind the plaintext, before any padding, where records carry an id (RFC 9146 §4)", () => {
    const ids = { own: Buffer.from("id"), peer: Buffer.alloc(0) };
    const withId = (byte: number) => new AeadProtection({ macKey: Buffer.alloc(0), key: Buffer.alloc(16, byte), iv: Buffer.alloc(4, byte), connectionId: ids.own }, "aes-128-ccm", 8);
    const layer = new RecordLayer();
    layer.install(withId(1), keys(2), ids);
    const open = (sequence: number, inner: string) => {
      const record = readRecord(withId(1).seal(ContentType.connectionId, 1, sequence, Buffer.from(inner, "hex")), 0, 2);
      return record === undefined ? undefined : layer.open(record);
    };
    expect(open(0, "616217")).toMatchObject({ type: ContentType.applicationData, plaintext: Buffer.from("ab") });
    expect(open(1, "61620015000000")).toMatchObject({ type: ContentType.alert, plaintext: Buffer.from("6162000000".slice(0, 6), "hex") });
    expect(open(2, "17")).toMatchObject({ type: ContentType.applicationData, plaintext: Buffer.alloc(0) });
    for (const [index, inner] of ["", "00", "000000", "616219", "6162ff"].entries()) expect(open(3 + index, inner), inner).toBe("bad");
    const without = read(keys(1).seal(ContentType.applicationData, 1, 20, hello));
    expect(layer.open(without)).toBe("bad");
  });

  it("seals nothing under keys that it does not have", () => {
    expect(() => new RecordLayer().seal(ContentType.handshake, 1, hello)).toThrow("epoch 1 has no keys yet");
    expect(new RecordLayer().overhead).toBe(0);
    expect(pair().ours.overhead).toBe(16);
  });
});
