import { createPrivateKey, verify, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../ports/simulated/index.js";
import { CertificateAuthority, isMadeOutTo, newKeyPair, readCertificate, testAuthority, testCertificate } from "./index.js";
import { repeatableSignature } from "./repeatable-signature.js";

const drawn = (seed: number) => newKeyPair(simulatedPorts(seed).secrets);
const authority = testAuthority(drawn(1), "Muster test authority");
const device = drawn(2);

describe("a signature that can be repeated", () => {
  it("is the one of RFC 6979, A.2.5", () => {
    const scalar = Buffer.from("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", "hex");
    const [r, s] = ["efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716", "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"];
    expect(repeatableSignature(scalar, Buffer.from("sample")).toString("hex")).toBe(`3046022100${r}022100${s}`);
  });

  it("verifies, whatever is signed", () => {
    const key = drawn(3);
    const scalar = Buffer.from(createPrivateKey({ key: key.privateKey, format: "der", type: "pkcs8" }).export({ format: "jwk" }).d ?? "", "base64url");
    for (let length = 0; length < 50; length++) {
      const content = Buffer.alloc(length, length);
      expect(verify("sha256", content, { key: key.publicKey, format: "der", type: "spki" }, repeatableSignature(scalar, content))).toBe(true);
    }
  });
});

describe("the certificate of a test device", () => {
  it("is issued by its authority, for a client, and made out to the device", () => {
    for (const name of ["muster-00000001", "urn:imei:000000000000001", "#a,b=c+d\\\"é", "x".repeat(300)]) {
      const der = testCertificate(authority, device.publicKey, name);
      const certificate = new X509Certificate(der);
      const issuer = new X509Certificate(authority.certificate);
      expect([certificate.checkIssued(issuer), certificate.verify(issuer.publicKey), issuer.verify(issuer.publicKey), issuer.ca]).toEqual([true, true, true, true]);
      expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
      expect(isMadeOutTo(readCertificate(der), name)).toBe(true);
      expect(readCertificate(der)).toMatchObject({ publicKey: device.publicKey, isAuthority: false });
    }
  });

  it("is the same bytes each time, and another for another device or authority", () => {
    const issued = [
      testCertificate(authority, device.publicKey, "a"),
      testCertificate(authority, device.publicKey, "b"),
      testCertificate(authority, drawn(3).publicKey, "a"),
      testCertificate(testAuthority(drawn(4), "Muster test authority"), device.publicKey, "a"),
    ].map((der) => der.toString("hex"));
    expect(new Set(issued).size).toBe(4);
    expect(testCertificate(testAuthority(drawn(1), "Muster test authority"), drawn(2).publicKey, "a").toString("hex")).toBe(issued[0]);
  });

  it("comes from an authority of a run as well, and is valid as long as that one", async () => {
    const ports = simulatedPorts(5);
    const keys = newKeyPair(ports.secrets);
    const { certificate } = await CertificateAuthority.create(ports, "an authority, with \"marks\"", keys);
    const der = testCertificate({ certificate, privateKey: keys.privateKey }, device.publicKey, "dev-1");
    const [issued, issuer] = [new X509Certificate(der), new X509Certificate(certificate)];
    expect([issued.checkIssued(issuer), issued.verify(issuer.publicKey)]).toEqual([true, true]);
    expect([issued.validFrom, issued.validTo]).toEqual([issuer.validFrom, issuer.validTo]);
  });

  it("cannot be had of an authority that is none", () => {
    for (const hex of ["", "30", "3003020101", "30820100", "300180"]) expect(() => testCertificate({ certificate: Buffer.from(hex, "hex"), privateKey: device.privateKey }, device.publicKey, "a")).toThrow(RangeError);
  });
});
