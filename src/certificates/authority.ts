import "reflect-metadata";
import { webcrypto } from "node:crypto";
import type { Clock, Secrets } from "../ports/index.js";
import { newKeyPair, type KeyPair } from "./key-pair.js";

export interface AuthorityPorts {
  readonly clock: Pick<Clock, "epoch">;
  readonly secrets: Pick<Secrets, "bytes">;
}

/** Whom a certificate is made out to. Times are milliseconds since 1970. */
export interface Subject {
  readonly commonName: string;
  /** Attribute 2.5.4.5: tells certificates of one holder apart. */
  readonly serialNumber?: string;
  /** DNS names and IP addresses, of a server. */
  readonly hosts?: readonly string[];
  readonly notBefore?: number;
  readonly notAfter?: number;
}

const day = 86_400_000;
/** A clock of a device may be behind by so much. */
const backdatedMs = 3_600_000;
const certificateMs = 365 * day;
const authorityMs = 10 * certificateMs;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Loaded when the first authority is made: most runs have none. */
const library = () => import("@peculiar/x509");
type Library = Awaited<ReturnType<typeof library>>;

/** RFC 5280 §4.1.2.2: positive, 20 octets at most. */
const certificateNumber = (secrets: Pick<Secrets, "bytes">): string => `4d${secrets.bytes(15).toString("hex")}`;

const publicKey = (der: Uint8Array) => webcrypto.subtle.importKey("spki", der, algorithm, true, ["verify"]);

const named = ({ Name }: Library, commonName: string, serialNumber?: string) => new Name([{ CN: [{ utf8String: commonName }] }, ...(serialNumber === undefined ? [] : [{ "2.5.4.5": [{ printableString: serialNumber }] }])]);

const isAddress = (host: string): boolean => /^[0-9.]+$/.test(host) || host.includes(":");

export const authorityName = (role: string): string => `Test authority of ${role}`;

/** An authority that is made when it is asked for first. */
export function lateAuthority(ports: AuthorityPorts, commonName: string): () => Promise<CertificateAuthority> {
  let made: Promise<CertificateAuthority> | undefined;
  return () => (made ??= CertificateAuthority.create(ports, commonName));
}

/** A test certificate authority: made for one run, kept in memory, and trusted by those who are told of it. */
export class CertificateAuthority {
  private constructor(
    private readonly ports: AuthorityPorts,
    private readonly x509: Library,
    private readonly commonName: string,
    private readonly signingKey: webcrypto.CryptoKey,
    /** Its own certificate, DER. */
    readonly certificate: Buffer,
  ) {}

  /** `keys` makes it the same authority again, as far as who trusts it can tell. */
  static async create(ports: AuthorityPorts, commonName: string, keys: KeyPair = newKeyPair(ports.secrets)): Promise<CertificateAuthority> {
    const x509 = await library();
    const signingKey = await webcrypto.subtle.importKey("pkcs8", keys.privateKey, algorithm, false, ["sign"]);
    const now = ports.clock.epoch();
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: certificateNumber(ports.secrets),
        subject: named(x509, commonName),
        issuer: named(x509, commonName),
        notBefore: new Date(now - backdatedMs),
        notAfter: new Date(now + authorityMs),
        signingAlgorithm: algorithm,
        signingKey,
        publicKey: await publicKey(keys.publicKey),
        extensions: [new x509.BasicConstraintsExtension(true, undefined, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)],
      },
      webcrypto,
    );
    return new CertificateAuthority(ports, x509, commonName, signingKey, Buffer.from(certificate.rawData));
  }

  /** A certificate for a public key (SubjectPublicKeyInfo, DER), in DER; valid from an hour ago and for a year where the subject does not say. */
  async issue(key: Uint8Array, subject: Subject): Promise<Buffer> {
    const { clock, secrets } = this.ports;
    const { x509 } = this;
    const { commonName, serialNumber, hosts = [], notBefore = clock.epoch() - backdatedMs, notAfter = clock.epoch() + certificateMs } = subject;
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: certificateNumber(secrets),
        subject: named(x509, commonName, serialNumber),
        issuer: named(x509, this.commonName),
        notBefore: new Date(notBefore),
        notAfter: new Date(notAfter),
        signingAlgorithm: algorithm,
        signingKey: this.signingKey,
        publicKey: await publicKey(key),
        extensions: [
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          ...(hosts.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isAddress(value) ? "ip" : "dns", value })))]),
        ],
      },
      webcrypto,
    );
    return Buffer.from(certificate.rawData);
  }
}
