import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, records } from "../testing/arbitraries.js";
import { ContentType, readRecord, RECORD_HEADER_LENGTH, writePlainRecord } from "./record.js";

describe("a record", () => {
  it("is read as it was written, wherever it stands in a datagram", () => {
    fc.assert(
      fc.property(records, bytes(20), bytes(20), (record, before, after) => {
        const written = writePlainRecord(record.type, record.epoch, record.sequence, record.fragment, record.version);
        expect(readRecord(Buffer.concat([before, written, after]), before.length)).toEqual(record);
      }),
    );
  });

  it("has its fields where RFC 6347 §4.1 puts them", () => {
    expect(writePlainRecord(ContentType.handshake, 1, 0x0203_0405_0607, Buffer.from("ab"), 0xfeff).toString("hex")).toBe("16feff0001020304050607000261" + "62");
  });

  it.each([
    ["a header that is cut short", "16fefd0000000000000000000"],
    ["a body that is cut short", "16fefd000000000000000000050102"],
    ["content type 19", "13fefd000000000000000000020100"],
    ["content type 24", "18fefd000000000000000000020100"],
    ["a version of TLS", "1603030000000000000000000201ff"],
    ["a version that does not exist", "16fefc0000000000000000000201ff"],
    ["nothing", ""],
  ])("is not seen in %s", (_name, hex) => {
    expect(readRecord(Buffer.from(hex, "hex"), 0)).toBeUndefined();
  });

  it("is not seen in more than 2^14 + 2048 bytes", () => {
    const longest = writePlainRecord(ContentType.handshake, 0, 0, Buffer.alloc((1 << 14) + 2048));
    expect(readRecord(longest, 0)?.fragment).toHaveLength((1 << 14) + 2048);
    expect(readRecord(writePlainRecord(ContentType.handshake, 0, 0, Buffer.alloc((1 << 14) + 2049)), 0)).toBeUndefined();
  });

  it("is seen in any bytes or not, and never reaches beyond them", () => {
    fc.assert(
      fc.property(bytes(64), fc.nat(70), (datagram, offset) => {
        const record = readRecord(datagram, offset);
        if (record !== undefined) expect(offset + RECORD_HEADER_LENGTH + record.fragment.length).toBeLessThanOrEqual(datagram.length);
      }),
    );
  });
});
