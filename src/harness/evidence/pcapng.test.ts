import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../../wire/index.js";
import { CaptureError, decodeCapture, encodeCapture, type CapturedDatagram } from "./pcapng.js";

const register = Buffer.from("44021234deadbeefb27264", "hex");
const datagram: CapturedDatagram = {
  at: 1_700_000_000_123_456_789n,
  from: { host: "127.0.0.1", port: 40001 },
  to: { host: "127.0.0.2", port: 5683 },
  payload: register,
  comment: "device ab-1-c1: CON POST /rd",
};

describe("a capture", () => {
  it("gives back time to the nanosecond, addresses, payload and comment", () => {
    const second = { ...datagram, at: datagram.at + 1n, from: datagram.to, to: datagram.from };
    expect(decodeCapture(encodeCapture([datagram, second], "muster"))).toEqual([datagram, second]);
  });

  it("writes IPv6 for IPv6 addresses", () => {
    const six = { ...datagram, from: { host: "::1", port: 1 }, to: { host: "fe80::1:2", port: 2 } };
    const [back] = decodeCapture(encodeCapture([six], "muster"));
    expect(back).toMatchObject({ from: { host: "0:0:0:0:0:0:0:1", port: 1 }, to: { host: "fe80:0:0:0:0:0:1:2", port: 2 } });
  });

  it("has a valid IPv4 header checksum (RFC 1071: the sum over the header is all ones)", () => {
    const file = encodeCapture([{ ...datagram, payload: Buffer.alloc(3) }], "muster");
    const start = file.indexOf(Buffer.from("4500", "hex"));
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += file.readUInt16BE(start + at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(sum).toBe(0xffff);
  });

  it("refuses an address that is none", () => {
    expect(() => encodeCapture([{ ...datagram, from: { host: "localhost", port: 1 } }], "muster")).toThrow(CaptureError);
  });

  it("round-trips any payload", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.string(), (payload, comment) => {
        const [back] = decodeCapture(encodeCapture([{ ...datagram, payload, comment }], "muster"));
        expect(Buffer.from(back!.payload)).toEqual(Buffer.from(payload));
      }),
    );
  });

  it("throws a wire error and nothing else on any bytes", () => {
    const valid = encodeCapture([datagram], "muster");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(valid.length - 1), fc.nat(255), (bytes, at, value) => {
        const bent = Buffer.from(valid);
        bent[at] = value;
        for (const input of [bytes, bent]) {
          try {
            decodeCapture(input);
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
