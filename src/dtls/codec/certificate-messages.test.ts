import { describe, expect, it } from "vitest";
import { Reader, Writer } from "../../wire/index.js";
import { asksFor, readCertificate, readCertificateRequest, readSignature, requestFor, writeCertificate, writeCertificateRequest, writeSignature } from "./certificate-messages.js";
import { CertificateType } from "./extensions.js";

const { x509, rawPublicKey } = CertificateType;
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const chain = [Buffer.from("leaf"), Buffer.from("authority")];

describe("a Certificate message", () => {
  it("holds a list of certificates, each with its length", () => {
    const body = hex("000013" + "000004" + "6c656166" + "000009" + "617574686f72697479");
    expect(writeCertificate(chain, x509)).toEqual(body);
    expect(readCertificate(body, x509)).toEqual(chain);
  });

  it("holds one public key without a length of its own where raw public keys are agreed on", () => {
    const body = hex("000004" + "6c656166");
    expect(writeCertificate(chain.slice(0, 1), rawPublicKey)).toEqual(body);
    expect(readCertificate(body, rawPublicKey)).toEqual(chain.slice(0, 1));
  });

  it.each([x509, rawPublicKey])("may be empty (type %i)", (type) => {
    expect(writeCertificate([], type)).toEqual(hex("000000"));
    expect(readCertificate(hex("000000"), type)).toEqual([]);
  });

  it.each([
    ["bytes behind it", "00000000", "bytes behind the certificates"],
    ["a list longer than itself", "000005000000", "certificates: 5 bytes wanted, 3 left"],
    ["a certificate longer than the list", "00000400000561", "certificate: 5 bytes wanted, 1 left"],
    ["a piece of a length", "0000020000", "certificate length"],
  ])("is refused with %s", (_name, bytes, problem) => {
    expect(() => readCertificate(hex(bytes), x509)).toThrow(problem);
  });

  it("is refused with more certificates than any path has", () => {
    expect(() => readCertificate(writeCertificate(Array.from({ length: 9 }, () => Buffer.from("one")), x509), x509)).toThrow("more than 8 certificates");
  });
});

describe("a CertificateRequest", () => {
  it("names kinds of keys, algorithms, and authorities that nobody needs", () => {
    expect(writeCertificateRequest(requestFor(0x0403))).toEqual(hex("0140" + "00020403" + "0000"));
    // As OpenSSL 3 words it.
    const body = hex("03010240" + "001604030503060308070808080908060401050106010303" + "000e" + "000c" + "300a31083006" + "060355040300");
    expect(readCertificateRequest(body)).toMatchObject({ certificateTypes: [1, 2, 64] });
    expect(asksFor(readCertificateRequest(body), 0x0403)).toBe(true);
  });

  it("asks for something else without the kind of key or the algorithm", () => {
    expect(asksFor({ certificateTypes: [1], signatureAlgorithms: [0x0403] }, 0x0403)).toBe(false);
    expect(asksFor({ certificateTypes: [64], signatureAlgorithms: [0x0401] }, 0x0403)).toBe(false);
  });

  it("is refused with bytes behind it", () => {
    expect(() => readCertificateRequest(hex("0140000204030000ff"))).toThrow("bytes behind the CertificateRequest");
  });
});

describe("a signature", () => {
  it("has its algorithm in front", () => {
    const bytes = hex("0403" + "0003" + "010203");
    expect(writeSignature(new Writer(), 0x0403, hex("010203")).finish()).toEqual(bytes);
    expect(readSignature(new Reader(bytes))).toEqual({ algorithm: 0x0403, bytes: hex("010203") });
    expect(() => readSignature(new Reader(hex("0403000101ff")))).toThrow("bytes behind the signature");
  });
});
