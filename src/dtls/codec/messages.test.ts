import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../../wire/index.js";
import { bytes, clientHellos, serverHellos } from "../testing/arbitraries.js";
import { helloOf, serverHelloOf } from "../testing/handmade.js";
import { offersNullCompression, readClientHello, readHelloVerifyRequest, readOpaque16, readServerHello, readServerHelloDone, writeClientHello, writeHelloVerifyRequest, writeOpaque16, writeServerHello } from "./messages.js";

const readers: readonly ((body: Uint8Array) => unknown)[] = [readClientHello, readServerHello, readHelloVerifyRequest, readServerHelloDone, (body) => readOpaque16(body, "value")];

describe("handshake message bodies", () => {
  it("are read as they were written", () => {
    fc.assert(fc.property(clientHellos, (hello) => {
      expect(readClientHello(writeClientHello(hello))).toEqual(hello);
    }));
    fc.assert(fc.property(serverHellos, (hello) => {
      expect(readServerHello(writeServerHello(hello))).toEqual(hello);
    }));
    fc.assert(fc.property(bytes(255), (cookie) => {
      expect(readHelloVerifyRequest(writeHelloVerifyRequest(0xfeff, cookie)).cookie).toEqual(cookie);
    }));
    fc.assert(fc.property(bytes(600), (value) => {
      expect(readOpaque16(writeOpaque16(value), "value")).toEqual(value);
    }));
  });

  it("are refused with a WireError when cut short anywhere", () => {
    // A hello may end before its extensions: then it has none.
    const withoutExtensions = writeClientHello(helloOf({ extensions: new Map() })).length;
    const whole = writeClientHello(helloOf());
    for (let length = 0; length < whole.length; length++) {
      if (length !== withoutExtensions) expect(() => readClientHello(whole.subarray(0, length)), `${length}`).toThrow(WireError);
    }
    const answer = writeServerHello(serverHelloOf());
    for (let length = 0; length < answer.length; length++) expect(() => readServerHello(answer.subarray(0, length))).toThrow(WireError);
    const request = writeHelloVerifyRequest(0xfeff, Buffer.alloc(8));
    for (let length = 0; length < request.length; length++) expect(() => readHelloVerifyRequest(request.subarray(0, length))).toThrow(WireError);
  });

  it("are refused when bytes stand behind them", () => {
    const more = (body: Buffer): Buffer => Buffer.concat([body, Buffer.from([0])]);
    expect(() => readClientHello(more(writeClientHello(helloOf())))).toThrow("bytes behind the extensions");
    expect(() => readHelloVerifyRequest(more(writeHelloVerifyRequest(0xfeff, Buffer.alloc(8))))).toThrow("bytes behind the HelloVerifyRequest");
    expect(() => readOpaque16(more(writeOpaque16(Buffer.from("hint"))), "identity hint")).toThrow("bytes behind the identity hint");
    expect(() => readServerHelloDone(Buffer.from([0]))).toThrow("a ServerHelloDone with content");
  });

  it("are refused with a session id of 33 bytes, or half a cipher suite", () => {
    const body = writeClientHello(helloOf());
    body.writeUInt8(33, 34);
    expect(() => readClientHello(body)).toThrow("a session id of 33 bytes");
    const odd = writeClientHello(helloOf({ extensions: new Map() }));
    odd.writeUInt16BE(3, 36);
    expect(() => readClientHello(odd)).toThrow(WireError);
  });

  it("are read from any bytes, or refused with a WireError", () => {
    fc.assert(
      fc.property(bytes(120), fc.constantFrom(...readers), (body, read) => {
        try {
          read(body);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });

  it("offer null compression when it stands anywhere in the list", () => {
    expect(offersNullCompression(helloOf({ compressions: Buffer.from([1, 64, 0]) }))).toBe(true);
    expect(offersNullCompression(helloOf({ compressions: Buffer.from([1]) }))).toBe(false);
  });
});
