import "reflect-metadata";
import { generateKeyPairSync, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { CertificateCredential, CertificateUsage, RawPublicKeyCredential, ServerKeys } from "../types.js";

/** When the simulated clock begins. */
export const EPOCH = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 24 * 3_600_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface TestKeys {
  /** PKCS #8, DER. */
  readonly privateKey: Buffer;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
}

export function newKeys(curve: "prime256v1" | "secp384r1" = "prime256v1"): TestKeys {
  const pair = generateKeyPairSync("ec", { namedCurve: curve });
  return { privateKey: pair.privateKey.export({ format: "der", type: "pkcs8" }), publicKey: pair.publicKey.export({ format: "der", type: "spki" }) };
}

export interface CertificateWishes {
  readonly keys?: TestKeys;
  /** DNS name or IP address. */
  readonly name?: string;
  readonly from?: number;
  readonly until?: number;
  readonly isAuthority?: boolean;
  /** Object identifiers of extended key usages. */
  readonly uses?: readonly string[];
  readonly curve?: "P-256" | "P-384";
}

export interface TestCertificate extends TestKeys {
  readonly certificate: Buffer;
}

/** An authority that certifies whatever a test wants. */
export class TestAuthority {
  private constructor(
    readonly name: string,
    readonly keys: TestKeys,
    readonly certificate: Buffer,
  ) {}

  static async create(name: string, wishes: CertificateWishes = {}, issuer?: TestAuthority): Promise<TestAuthority> {
    const { certificate, ...keys } = await issue(name, { ...wishes, isAuthority: wishes.isAuthority ?? true }, issuer);
    return new TestAuthority(name, keys, certificate);
  }

  issue(subject: string, wishes: CertificateWishes = {}): Promise<TestCertificate> {
    return issue(subject, wishes, this);
  }
}

const imported = async (keys: TestKeys, curve: string): Promise<CryptoKeyPair> => ({
  privateKey: await webcrypto.subtle.importKey("pkcs8", keys.privateKey, { ...algorithm, namedCurve: curve }, true, ["sign"]),
  publicKey: await webcrypto.subtle.importKey("spki", keys.publicKey, { ...algorithm, namedCurve: curve }, true, ["verify"]),
});

type CryptoKeyPair = webcrypto.CryptoKeyPair;

async function issue(subject: string, wishes: CertificateWishes, issuer: TestAuthority | undefined): Promise<TestCertificate> {
  x509.cryptoProvider.set(webcrypto);
  const { curve = "P-256", name, from = EPOCH - YEAR_MS, until = EPOCH + 100 * YEAR_MS, isAuthority = false, uses } = wishes;
  const keys = wishes.keys ?? newKeys(curve === "P-384" ? "secp384r1" : "prime256v1");
  const pair = await imported(keys, curve);
  const extensions: x509.Extension[] = [new x509.BasicConstraintsExtension(isAuthority, undefined, true)];
  if (name !== undefined) extensions.push(new x509.SubjectAlternativeNameExtension([{ type: /^[\d.]+$/.test(name) ? "ip" : "dns", value: name }]));
  if (uses !== undefined) extensions.push(new x509.ExtendedKeyUsageExtension([...uses]));
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${subject}`,
    issuer: `CN=${issuer?.name ?? subject}`,
    notBefore: new Date(from),
    notAfter: new Date(until),
    publicKey: pair.publicKey,
    signingKey: issuer === undefined ? pair.privateKey : (await imported(issuer.keys, "P-256")).privateKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  return { ...keys, certificate: Buffer.from(certificate.rawData) };
}

export const serverName = "server.example.com";

/** Everything two ends need for raw public keys and for certificates. */
export interface TestIdentities {
  readonly authority: TestAuthority;
  readonly server: TestCertificate;
  readonly device: TestCertificate;
  readonly keys: ServerKeys;
  readonly rpk: RawPublicKeyCredential;
  readonly x509: (usage?: CertificateUsage) => CertificateCredential;
}

let made: Promise<TestIdentities> | undefined;

/** Made once for each test file. */
export function identities(): Promise<TestIdentities> {
  return (made ??= makeIdentities());
}

async function makeIdentities(): Promise<TestIdentities> {
  const authority = await TestAuthority.create("authority");
  const server = await authority.issue("server", { name: serverName });
  const device = await authority.issue("device-1");
  const chain = [server.certificate];
  return {
    authority,
    server,
    device,
    keys: { privateKey: server.privateKey, chain },
    rpk: { mode: "rpk", publicKey: device.publicKey, privateKey: device.privateKey, serverPublicKey: server.publicKey },
    x509: (usage = 2) => ({
      mode: "x509",
      chain: [device.certificate],
      privateKey: device.privateKey,
      server: { usage, certificate: usage === 0 || usage === 2 ? authority.certificate : server.certificate, trustStore: [authority.certificate], name: serverName },
    }),
  };
}
