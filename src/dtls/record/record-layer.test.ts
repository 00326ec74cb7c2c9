import { describe, expect, it } from "vitest";
import { ContentType, readRecord, type DtlsRecord } from "../codec/record.js";
import { CcmProtection } from "../crypto/ccm.js";
import { plain } from "../testing/handmade.js";
import { RecordLayer } from "./record-layer.js";

const keys = (byte: number) => new CcmProtection({ macKey: Buffer.alloc(0), key: Buffer.alloc(16, byte), iv: Buffer.alloc(4, byte) }, 8);
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
    for (const i of [3, 0, 4, 1, 2]) expect(theirs.open(records[i] ?? read(hello))).toEqual({ plaintext: hello });
    for (const record of records) expect(theirs.open(record)).toBe("replayed");
  });

  it("moves its window for records that authenticate, and for no others", () => {
    const { ours, theirs } = pair();
    const record = read(ours.seal(ContentType.applicationData, 1, hello));
    expect(theirs.open({ ...record, sequence: 2 ** 48 - 1 })).toBe("bad");
    expect(theirs.open(record)).toEqual({ plaintext: hello });
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
    expect([layer.open(record), layer.open(record)]).toEqual([{ plaintext: hello }, { plaintext: hello }]);
  });

  it("seals nothing under keys that it does not have", () => {
    expect(() => new RecordLayer().seal(ContentType.handshake, 1, hello)).toThrow("epoch 1 has no keys yet");
    expect(new RecordLayer().overhead).toBe(0);
    expect(pair().ours.overhead).toBe(16);
  });
});
