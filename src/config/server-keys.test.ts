import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CertificateAuthority, newKeyPair } from "../certificates/index.js";
import { simulatedPorts } from "../ports/simulated/index.js";
import { bootstrapServerConfig, ConfigError, lwm2mServerConfig } from "./index.js";

const ports = simulatedPorts(1);
const authority = await CertificateAuthority.create(ports, "Authority");
const keys = newKeyPair(ports.secrets);
const certificate = await authority.issue(keys.publicKey, { commonName: "server" });
const operatorToken = "operator-token-of-a-test";

const keyObject = createPrivateKey({ key: keys.privateKey, format: "der", type: "pkcs8" });
const pemOf = (der: Uint8Array): string => new X509Certificate(der).toString();
const forms = {
  "PKCS #8 in PEM": keyObject.export({ format: "pem", type: "pkcs8" }),
  "SEC 1 in PEM": keyObject.export({ format: "pem", type: "sec1" }),
  "PKCS #8 in DER": keys.privateKey,
  "SEC 1 in DER": keyObject.export({ format: "der", type: "sec1" }),
};

const resolved = (files: Readonly<Record<string, string | Uint8Array>>, named: { readonly serverKey?: string; readonly serverCertificate?: string } = { serverKey: "key", serverCertificate: "certificate" }) =>
  lwm2mServerConfig({ operatorToken, ...named }, undefined, undefined, new Map(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)]))).serverKeys;

const problemOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return error instanceof ConfigError ? error.problems.map(({ key, message, fix }) => `${key} ${message}; ${fix}`).join() : error;
  }
};

describe("the key and the certificates of a served role", () => {
  it.each(Object.entries(forms))("may be %s", (_form, key) => {
    expect(resolved({ key }, { serverKey: "key" })).toEqual({ privateKey: keys.privateKey });
  });

  it("are read as a chain, the role's own certificate first", () => {
    expect(resolved({ key: keys.privateKey, certificate: pemOf(certificate) + pemOf(authority.certificate) })).toEqual({ privateKey: keys.privateKey, chain: [certificate, authority.certificate] });
    expect(resolved({ key: keys.privateKey, certificate })?.chain).toEqual([certificate]);
  });

  it("are made at the start where none are given", () => {
    expect(bootstrapServerConfig({ operatorToken }).serverKeys).toBeUndefined();
  });

  it("have to fit each other, and to be what they are to be: nothing of them is repeated", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey.export({ format: "pem", type: "pkcs8" });
    const wrong = (files: Readonly<Record<string, string | Uint8Array>>) => problemOf(() => resolved({ key: keys.privateKey, certificate, ...files }));
    expect(wrong({ certificate: authority.certificate })).toBe("serverCertificate certificate is not the certificate of key; put the server's own certificate first in the file");
    expect(wrong({ key: other })).toBe("serverKey key has a key on another curve; use a key on secp256r1 (P-256)");
    expect(wrong({ key: "canary" })).toBe("serverKey key holds no private key without a passphrase; give PKCS #8 or SEC 1, in PEM or DER");
    expect(wrong({ certificate: "canary" })).toBe("serverCertificate certificate is no certificate; give an X.509 certificate in DER");
    expect(wrong({ certificate: "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----" })).toBe("serverCertificate certificate holds a certificate that cannot be read; give one in DER, or one or more in PEM");
    expect(problemOf(() => resolved({ certificate }, { serverCertificate: "certificate" }))).toBe("serverKey is missing; give the private key of the certificate");
  });
});

describe("clients with public keys and certificates", () => {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const clientsOf = (...clients: Parameters<typeof bootstrapServerConfig>[0]["clients"] & object) => bootstrapServerConfig({ operatorToken, clients }).clients;

  it("are given in PEM or base64", () => {
    const { publicKeys, certificates, authorities } = clientsOf(
      { endpoint: "a", rpk: { publicKey: base64(keys.publicKey) } },
      { endpoint: "b", x509: { certificate: pemOf(certificate) } },
      { names: "c-*", x509: { authority: authority.certificate.toString("base64url") } },
    );
    expect(publicKeys.map(({ endpoint, publicKey }) => [endpoint, base64(publicKey)])).toEqual([["a", base64(keys.publicKey)]]);
    expect(certificates.map(({ certificate: der }) => base64(der))).toEqual([base64(certificate)]);
    expect(authorities.map(({ names, certificate: der }) => [names, base64(der)])).toEqual([["c-*", base64(authority.certificate)]]);
    expect(bootstrapServerConfig({ operatorToken, clients: [{ names: "c-*", x509: { authority: base64(authority.certificate) } }] }).nosec).toBe("never");
  });

  it("are told apart: two devices have no key in common", () => {
    const rpk = { publicKey: base64(keys.publicKey) };
    expect(problemOf(() => clientsOf({ endpoint: "a", rpk }, { endpoint: "b", rpk }))).toContain('"a" and "b" have one identity');
  });

  it("of a seed have to be numbered where they come with public keys, which say no name", () => {
    expect(clientsOf({ testDevices: { seed: 7, pattern: "t-{index:03d}", devices: 2, mode: "rpk" } }).publicKeys.map(({ endpoint }) => endpoint)).toEqual(["t-000", "t-001", "t-002"]);
    for (const testDevices of [{ seed: 7, pattern: "t-*", mode: "rpk" }, { seed: 7, pattern: "t-{index}", mode: "rpk" }] as const) expect(() => clientsOf({ testDevices })).toThrow("leaves open whose public keys are meant");
    expect(clientsOf({ testDevices: { seed: 7, pattern: "t-*", mode: "x509" } }).authorities).toHaveLength(1);
  });
});
