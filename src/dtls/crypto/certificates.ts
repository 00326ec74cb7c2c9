import { X509Certificate, type KeyObject } from "node:crypto";
import { Alerts, type AlertDescription } from "../codec/alert.js";
import { DecodeError } from "../codec/errors.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import { sha256 } from "./primitives.js";
import { isAddress } from "../names.js";
import type { ServerTrust } from "../types.js";

/** Why a peer's certificates are not taken, and the alert that says so. */
export interface CertificateObjection {
  readonly alert: AlertDescription;
  readonly because: string;
}

export interface ChainDemands {
  /** Authorities, DER. A chain has to end in one of them, or in what one of them has certified. */
  readonly anchors: readonly Uint8Array[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** RFC 5280 §4.2.1.12: where the certificate names its uses, this has to be one. */
  readonly purpose: "client" | "server";
}

/** Deeper than any path in use, and few enough to check. */
const MAX_CHAIN = 8;
/** anyExtendedKeyUsage. */
const anyUse = "2.5.29.37.0";
const extendedKeyUsage = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

/** Authorities are few and stay, and reading one takes longer than checking a signature. By the array that holds the bytes. */
const knownAuthorities = new WeakMap<Uint8Array, X509Certificate>();

function authority(der: Uint8Array): X509Certificate {
  let known = knownAuthorities.get(der);
  if (known === undefined) {
    known = new X509Certificate(der);
    knownAuthorities.set(der, known);
  }
  return known;
}

/** What a handshake reads once for its key and once for its path. */
const readLately = new WeakMap<Uint8Array, X509Certificate>();

/** Throws DecodeError (bad_certificate) for what is none. */
function parsed(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw new DecodeError("a certificate that is none", Alerts.bad_certificate);
  }
}

/** For what a handshake lets go of at its end: what was read stays as long as the bytes do, and takes ten times their memory. */
function certificate(der: Uint8Array): X509Certificate {
  const read = readLately.get(der) ?? parsed(der);
  readLately.set(der, read);
  return read;
}

/** The key of a certificate, on secp256r1. Throws DecodeError (bad_certificate, unsupported_certificate). */
function signatureKey(one: X509Certificate): KeyObject {
  let key: KeyObject;
  try {
    key = one.publicKey;
  } catch {
    throw new DecodeError("a certificate whose key is none", Alerts.bad_certificate);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new DecodeError("a certificate whose key is not on secp256r1", Alerts.unsupported_certificate);
  return key;
}

const objection = (alert: AlertDescription, because: string): CertificateObjection => ({ alert, because });

function outOfDate(one: X509Certificate, now: number): CertificateObjection | undefined {
  if (now < Date.parse(one.validFrom)) return objection(Alerts.certificate_expired, `the certificate of ${nameOf(one)} is not valid yet`);
  if (now > Date.parse(one.validTo)) return objection(Alerts.certificate_expired, `the certificate of ${nameOf(one)} has expired`);
  return undefined;
}

const nameOf = ({ subject }: X509Certificate): string => JSON.stringify(subject.replaceAll("\n", ", "));

const hasIssued = (issuer: X509Certificate, one: X509Certificate): boolean => issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey);

/**
 * RFC 5280 §6 as far as small networks use it: signatures, dates, who may certify, what for. No revocation lists, name constraints, policies or path
 * lengths. `through` has to be one of the authorities in the path, when it is given.
 */
function pathObjection(chain: readonly X509Certificate[], { anchors, now, purpose }: ChainDemands, through?: X509Certificate): CertificateObjection | undefined {
  const [leaf] = chain;
  if (leaf === undefined) return objection(Alerts.bad_certificate, "no certificate");
  if (chain.length > MAX_CHAIN) return objection(Alerts.bad_certificate, `a chain of ${chain.length} certificates`);
  // Node calls the extended key usage so.
  const uses = leaf.keyUsage as readonly string[] | undefined;
  if (uses !== undefined && !uses.includes(anyUse) && !uses.includes(extendedKeyUsage[purpose])) return objection(Alerts.unsupported_certificate, `the certificate of ${nameOf(leaf)} is not for a ${purpose}`);
  const known = anchors.map(authority);
  let one = leaf;
  const path = [leaf];
  for (let depth = 0; ; depth++) {
    const late = outOfDate(one, now);
    if (late !== undefined) return late;
    const anchor = known.find((each) => samePublicBytes(each.raw, one.raw) || hasIssued(each, one));
    if (anchor !== undefined) {
      path.push(anchor);
      const lateAnchor = outOfDate(anchor, now);
      if (lateAnchor !== undefined) return lateAnchor;
      break;
    }
    const issuer = chain[depth + 1];
    if (issuer === undefined) return objection(Alerts.unknown_ca, `nobody who is trusted has certified ${nameOf(one)}`);
    if (!hasIssued(issuer, one)) return objection(Alerts.bad_certificate, `the certificate of ${nameOf(one)} is not signed by the next in the chain`);
    path.push(issuer);
    one = issuer;
  }
  // An anchor below the authority ends the path before it comes there.
  if (through === undefined || path.some(({ raw }) => samePublicBytes(raw, through.raw))) return undefined;
  const lateAuthority = outOfDate(through, now);
  if (lateAuthority !== undefined) return lateAuthority;
  if (!hasIssued(through, path.at(-1) ?? leaf)) return objection(Alerts.unknown_ca, `the path does not go through ${nameOf(through)}`);
  return undefined;
}

/** Whether `name` stands in the certificate: a DNS name or an IP address (RFC 6125, RFC 5280 §4.2.1.6); the common name counts where there is no alternative name. */
const isFor = (one: X509Certificate, name: string): boolean => (isAddress(name) ? one.checkIP(name) : one.checkHost(name)) !== undefined;

/** Why a chain (DER, the holder's own certificate first) does not lead to one of the anchors today; undefined when it does. Throws nothing for whatever a peer may have shown. */
export function verifyChain(chain: readonly Uint8Array[], demands: ChainDemands): CertificateObjection | undefined {
  try {
    return pathObjection(chain.map(certificate), demands);
  } catch (error) {
    if (error instanceof DecodeError) return objection(error.alert, error.message);
    throw error;
  }
}

/** Throws RangeError when an authority to be trusted is no certificate. */
export function checkTrust({ usage, certificate: given, trustStore = [] }: ServerTrust): void {
  for (const der of usage === 0 || usage === 2 ? [given, ...trustStore] : trustStore) {
    try {
      authority(der);
    } catch {
      throw new RangeError("a certificate to be trusted is none in DER");
    }
  }
}

/** What came of a server's certificates: its key, or why they are not taken. */
export type ServerVerdict = { readonly publicKey: KeyObject } | CertificateObjection;

/** Whether a client takes these certificates for its server's. Throws DecodeError for what is no certificate, or has a key on another curve. */
export function verifyServer(chain: readonly Uint8Array[], trust: ServerTrust, now: number): ServerVerdict {
  const certificates = chain.map(certificate);
  const [leaf] = certificates;
  if (leaf === undefined) return objection(Alerts.bad_certificate, "the server shows no certificate");
  return trustObjection(certificates, leaf, trust, now) ?? { publicKey: signatureKey(leaf) };
}

function trustObjection(chain: readonly X509Certificate[], leaf: X509Certificate, { usage, certificate: given, trustStore = [], name }: ServerTrust, now: number): CertificateObjection | undefined {
  const isGiven = samePublicBytes(leaf.raw, given);
  const demands = { now, purpose: "server" } as const;
  switch (usage) {
    case 3:
      return isGiven ? undefined : objection(Alerts.bad_certificate, "the server's certificate is not the one of the account");
    case 1:
      if (!isGiven) return objection(Alerts.bad_certificate, "the server's certificate is not the one of the account");
      return pathObjection(chain, { ...demands, anchors: trustStore });
    case 0:
    case 2: {
      const wrong = usage === 2 ? pathObjection(chain, { ...demands, anchors: [given] }) : pathObjection(chain, { ...demands, anchors: trustStore }, authority(given));
      if (wrong !== undefined) return wrong;
      return isGiven || isFor(leaf, name) ? undefined : objection(Alerts.bad_certificate, `the server's certificate is not for ${name}`);
    }
  }
}

/** The key of the first certificate of a chain. Throws DecodeError. */
export function chainKey(chain: readonly Uint8Array[]): KeyObject {
  const [leaf] = chain;
  if (leaf === undefined) throw new DecodeError("no certificate", Alerts.handshake_failure);
  return signatureKey(certificate(leaf));
}

/** Whether the first certificate of a chain is for this key (SubjectPublicKeyInfo, DER). Throws RangeError when it is none. */
export function certifies([leaf]: readonly Uint8Array[], publicKey: Uint8Array): boolean {
  if (leaf === undefined) return false;
  try {
    return samePublicBytes(certificate(leaf).publicKey.export({ format: "der", type: "spki" }), publicKey);
  } catch {
    throw new RangeError("the first certificate of the chain is none in DER");
  }
}

/** The common name of a certificate's subject, or its whole subject. Throws DecodeError for what is no certificate. */
export function subjectName(der: Uint8Array): string {
  const { subject } = parsed(der);
  // OpenSSL puts a backslash before what has a meaning in a name written as text.
  const commonName = /^CN=(.+)$/m.exec(subject)?.[1];
  return (commonName ?? subject.replaceAll("\n", ", ")).replaceAll(/\\(.)/g, "$1");
}

/** Something to call a public key, or a certificate, by. */
export const fingerprint = (der: Uint8Array): string => `sha256:${sha256(der).toString("hex")}`;
