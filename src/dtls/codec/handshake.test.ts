import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Reader, WireError } from "../../wire/index.js";
import { bytes } from "../testing/arbitraries.js";
import { fragmentsOf, HANDSHAKE_HEADER_LENGTH, handshakeMessage, handshakeName, HandshakeType, readFragment } from "./handshake.js";

describe("a handshake message", () => {
  it("has its fields where RFC 6347 §4.2.2 puts them", () => {
    expect(handshakeMessage(HandshakeType.clientKeyExchange, 2, Buffer.from([0, 1, 97])).raw.toString("hex")).toBe("10000003" + "0002" + "000000" + "000003" + "000161");
  });

  it("is cut into pieces that fit, whose bytes are the message again", () => {
    fc.assert(
      fc.property(bytes(400), fc.nat(255), fc.nat(65_535), fc.integer({ min: 0, max: 200 }), (body, type, messageSeq, maxLength) => {
        const { raw } = handshakeMessage(type, messageSeq, body);
        const pieces = fragmentsOf(raw, maxLength);
        let at = 0;
        for (const piece of pieces) {
          const fragment = readFragment(new Reader(piece));
          expect(fragment).toMatchObject({ type, messageSeq, length: body.length, offset: at });
          if (pieces.length > 1) expect(piece.length).toBeLessThanOrEqual(Math.max(maxLength, HANDSHAKE_HEADER_LENGTH + 1));
          expect(fragment.body).toEqual(body.subarray(at, at + fragment.body.length));
          at += fragment.body.length;
        }
        expect(at).toBe(body.length);
      }),
    );
  });

  it("is read from any bytes as far as they go, or refused with a WireError", () => {
    fc.assert(
      fc.property(bytes(60), (record) => {
        const reader = new Reader(record);
        try {
          while (reader.remaining > 0) readFragment(reader);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });

  it("has a name for every type, known or not", () => {
    expect(handshakeName(HandshakeType.helloVerifyRequest)).toBe("helloVerifyRequest");
    expect(handshakeName(99)).toBe("handshake message 99");
  });
});
