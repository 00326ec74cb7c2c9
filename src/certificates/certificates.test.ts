import { createECDH, createPrivateKey, generateKeyPairSync, sign, verify, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../ports/simulated/index.js";
import { CertificateAuthority, checkDates, checkPublicKey, isMadeOutTo, KeyMaterialError, newKeyPair, publicKeyOf, readCertificate, thumbprint } from "./index.js";

const ports = simulatedPorts(1);
const authority = await CertificateAuthority.create(ports, "Test authority");
const keys = newKeyPair(ports.secrets);

const fault = (act: () => unknown): string => {
  try {
    act();
    return "none";
  } catch (error) {
    if (error instanceof KeyMaterialError) return `${error.kind}: ${error.fault}`;
    throw error;
  }
};

describe("a key pair", () => {
  it("signs with the private key what the public key verifies", () => {
    const signature = sign("sha256", Buffer.from("text"), createPrivateKey({ key: keys.privateKey, format: "der", type: "pkcs8" }));
    expect(verify("sha256", Buffer.from("text"), { key: keys.publicKey, format: "der", type: "spki" }, signature)).toBe(true);
    expect(publicKeyOf(keys.privateKey)).toEqual(keys.publicKey);
  });

  it("follows from the generator that it is drawn from", () => {
    const drawn = (seed: number) => newKeyPair(simulatedPorts(seed).secrets);
    expect(drawn(7)).toEqual(drawn(7));
    expect(drawn(7).publicKey).not.toEqual(drawn(8).publicKey);
  });

  it("is drawn again where the bytes are no scalar of the curve", () => {
    const bytes = [Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.alloc(32, 5)];
    expect(newKeyPair({ bytes: () => bytes.shift() ?? Buffer.alloc(32) })).toEqual(newKeyPair({ bytes: () => Buffer.alloc(32, 5) }));
  });
});

describe("a test certificate authority", () => {
  it("certifies a device under its name, whatever characters that has, with attributes that tell versions apart", async () => {
    for (const commonName of ["urn:imei:000000000000001", "#hash", "a,b=c+d\\\"é", "x".repeat(200)]) {
      const der = await authority.issue(keys.publicKey, { commonName, serialNumber: "c1.2" });
      const certificate = new X509Certificate(der);
      expect(certificate.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
      expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
      expect(readCertificate(der)).toMatchObject({ commonName, serialNumber: "c1.2", isAuthority: false, publicKey: keys.publicKey });
      expect(isMadeOutTo(readCertificate(der), commonName)).toBe(true);
      expect(isMadeOutTo(readCertificate(der), `${commonName}x`)).toBe(false);
    }
    expect(readCertificate(authority.certificate)).toMatchObject({ commonName: "Test authority", isAuthority: true });
  });

  it("takes its dates from the clock port, or from the subject", async () => {
    const now = ports.clock.epoch();
    const { notBefore, notAfter } = readCertificate(await authority.issue(keys.publicKey, { commonName: "d" }));
    expect([notBefore, notAfter]).toEqual([now - 3_600_000, now + 365 * 86_400_000].map((time) => Math.floor(time / 1000) * 1000));
    const over = readCertificate(await authority.issue(keys.publicKey, { commonName: "d", notAfter: now - 1000 }));
    expect(fault(() => checkDates(over, now))).toContain("dates: expired at");
    const early = readCertificate(await authority.issue(keys.publicKey, { commonName: "d", notBefore: now + 5000 }));
    expect(fault(() => checkDates(early, now))).toContain("dates: is not valid before");
  });

  it("names the hosts of a server", async () => {
    const certificate = new X509Certificate(await authority.issue(keys.publicKey, { commonName: "server", hosts: ["127.0.0.1", "::1", "server.example"] }));
    expect(certificate.checkHost("server.example")).toBe("server.example");
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(readCertificate(certificate.raw).names).toEqual(["server.example"]);
  });
});

describe("what is no key, or no certificate", () => {
  const pemKey = Buffer.from(createPrivateKey({ key: keys.privateKey, format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }));
  it("is told apart: PEM, other bytes, bytes behind it, another curve", async () => {
    expect(fault(() => checkPublicKey(keys.publicKey))).toBe("none");
    expect(fault(() => checkPublicKey(pemKey))).toContain("unreadable: is a key in PEM");
    expect(fault(() => checkPublicKey(Buffer.from("nothing")))).toBe("unreadable: is no public key");
    expect(fault(() => checkPublicKey(Buffer.alloc(0)))).toBe("unreadable: is no public key");
    expect(fault(() => checkPublicKey(Buffer.concat([keys.publicKey, Buffer.from([0])])))).toMatch(/^unreadable/);
    for (const [type, options, name] of [["ec", { namedCurve: "secp384r1" }, "secp384r1"], ["ed25519", {}, "ed25519"]] as const) {
      const other = (generateKeyPairSync as (kind: string, how: object) => { publicKey: { export(how: object): Buffer } })(type, options).publicKey.export({ format: "der", type: "spki" });
      expect(fault(() => checkPublicKey(other))).toBe(`unsupported: has a key of ${name}`);
    }
    const der = await authority.issue(keys.publicKey, { commonName: "d" });
    expect(fault(() => readCertificate(Buffer.from(new X509Certificate(der).toString())))).toContain("unreadable: is a certificate in PEM");
    expect(fault(() => readCertificate(der.subarray(1)))).toBe("unreadable: is no certificate");
    expect(fault(() => readCertificate(Buffer.concat([der, der])))).toMatch(/^unreadable/);
    expect(fault(() => readCertificate(keys.publicKey))).toBe("unreadable: is no certificate");
  });

  it("has one encoding only: a compressed point would be another thumbprint of the same key", () => {
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(Buffer.alloc(32, 5));
    const compressed = Buffer.concat([Buffer.from("3039301306072a8648ce3d020106082a8648ce3d030107032200", "hex"), ecdh.getPublicKey(undefined, "compressed")]);
    expect(fault(() => checkPublicKey(compressed))).toMatch(/^unreadable/);
    expect(thumbprint(keys.publicKey)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});
