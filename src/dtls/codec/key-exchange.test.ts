import { describe, expect, it } from "vitest";
import { ecdheParameters, readClientShare, readHintedKeyExchange, readIdentifiedShare, readSignedKeyExchange, writeClientShare, writeHintedKeyExchange, writeIdentifiedShare, writeSignedKeyExchange } from "./key-exchange.js";

const hex = (text: string): Buffer => Buffer.from(text, "hex");
const point = Buffer.from("point");
const parameters = hex("03" + "0017" + "05" + "706f696e74");

describe("the server's key exchange", () => {
  it("names its curve and gives its share", () => {
    expect(ecdheParameters(23, point)).toEqual(parameters);
  });

  it("is signed, with the algorithm in front of the signature", () => {
    const body = Buffer.concat([parameters, hex("0403" + "0002" + "abcd")]);
    expect(writeSignedKeyExchange(parameters, 0x0403, hex("abcd"))).toEqual(body);
    expect(readSignedKeyExchange(body)).toEqual({ parameters: { group: 23, publicKey: point, raw: parameters }, signature: { algorithm: 0x0403, bytes: hex("abcd") } });
  });

  it("comes behind an identity hint with ECDHE_PSK", () => {
    expect(writeHintedKeyExchange(parameters)).toEqual(Buffer.concat([hex("0000"), parameters]));
    expect(readHintedKeyExchange(Buffer.concat([hex("000468696e74"), parameters]))).toEqual({ group: 23, publicKey: point, raw: parameters });
  });

  it("is refused with a curve in numbers, and with bytes behind it", () => {
    expect(() => readSignedKeyExchange(hex("0100170070"))).toThrow("curve type 1");
    expect(() => readHintedKeyExchange(Buffer.concat([hex("0000"), parameters, hex("00")]))).toThrow("bytes behind the key exchange");
    expect(() => readSignedKeyExchange(Buffer.concat([parameters, hex("04030000ff")]))).toThrow("bytes behind the signature");
  });
});

describe("the client's key exchange", () => {
  it("is its share, behind the identity with ECDHE_PSK", () => {
    expect(writeClientShare(point)).toEqual(hex("05706f696e74"));
    expect(readClientShare(hex("05706f696e74"))).toEqual(point);
    const body = hex("00046e616d65" + "05706f696e74");
    expect(writeIdentifiedShare(Buffer.from("name"), point)).toEqual(body);
    expect(readIdentifiedShare(body)).toEqual({ identity: Buffer.from("name"), publicKey: point });
  });

  it("is refused with bytes behind it", () => {
    expect(() => readClientShare(hex("0161ff"))).toThrow("bytes behind the key exchange");
    expect(() => readIdentifiedShare(hex("00000161ff"))).toThrow("bytes behind the key exchange");
  });
});
