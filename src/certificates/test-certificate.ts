import { createHash, createPrivateKey } from "node:crypto";
import { bitString, integer, objectIdentifier, octetString, ownMemory, partsOf, sequence, setOf, tagged, utf8String, yes } from "./der.js";
import type { KeyPair } from "./key-pair.js";
import { repeatableSignature } from "./repeatable-signature.js";

/** An authority with its key, as plain data: a shard of a fleet issues the certificates of its own devices. */
export interface AuthorityKeys {
  /** DER. */
  readonly certificate: Uint8Array;
  /** PKCS #8, DER. Secret. */
  readonly privateKey: Uint8Array;
}

/** What is read of an authority once. */
interface Issuer {
  readonly scalar: Buffer;
  /** Name and Validity as they are in its certificate. */
  readonly name: Buffer;
  readonly validity: Buffer;
}

const known = new WeakMap<Uint8Array, Issuer>();

const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));
const version3 = tagged(0, integer(Buffer.from([2])));
const extension = (id: string, value: Uint8Array, critical: boolean): Buffer => sequence(objectIdentifier(id), ...(critical ? [yes] : []), octetString(value));

const basicConstraints = "2.5.29.19";
const keyUsage = "2.5.29.15";
const extendedKeyUsage = "2.5.29.37";
/** digitalSignature; id-kp-clientAuth. */
const deviceExtensions = [extension(keyUsage, bitString(Buffer.from([0x80]), 7), true), extension(extendedKeyUsage, sequence(objectIdentifier("1.3.6.1.5.5.7.3.2")), false)];
/** keyCertSign. */
const authorityExtensions = [extension(basicConstraints, sequence(yes), true), extension(keyUsage, bitString(Buffer.from([0x04]), 2), true)];

const commonName = (text: string): Buffer => sequence(setOf(sequence(objectIdentifier("2.5.4.3"), utf8String(text))));

/** Positive, 20 octets at most (RFC 5280 §4.1.2.2), and the same for the same holder. */
function serialNumber(subject: Buffer, publicKey: Uint8Array): Buffer {
  const digest = createHash("sha256").update(subject).update(publicKey).digest();
  return integer(Buffer.concat([Buffer.from("M"), digest.subarray(0, 15)]));
}

function issue({ scalar, name, validity }: Issuer, subject: Buffer, publicKey: Uint8Array, extensions: readonly Buffer[]): Buffer {
  const content = sequence(version3, serialNumber(subject, publicKey), ecdsaWithSha256, name, validity, subject, publicKey, tagged(3, sequence(...extensions)));
  return ownMemory(sequence(content, ecdsaWithSha256, bitString(repeatableSignature(scalar, content))));
}

const scalarOf = (privateKey: Uint8Array): Buffer =>
  Buffer.from(createPrivateKey({ key: Buffer.from(privateKey), format: "der", type: "pkcs8" }).export({ format: "jwk" }).d ?? "", "base64url");

/** TBSCertificate begins with the version, the serial number, the algorithm, the issuer, the validity and the subject (RFC 5280 §4.1). */
function issuerOf({ certificate, privateKey }: AuthorityKeys): Issuer {
  let issuer = known.get(certificate);
  if (issuer === undefined) {
    const [content = Buffer.alloc(0)] = partsOf(certificate);
    const [, , , , validity, name] = partsOf(content);
    if (validity === undefined || name === undefined) throw new RangeError("the certificate of the authority is none");
    // Copies, because the authority may be part of something larger that came from another thread.
    known.set(certificate, (issuer = { scalar: scalarOf(privateKey), name: Buffer.from(name), validity: Buffer.from(validity) }));
  }
  return issuer;
}

/**
 * The certificate of a test device, DER: made out to its name, valid as long as the authority, and the same bytes wherever it is issued, so that a device
 * of a fleet is the same one whichever thread runs it. Throws RangeError for an authority that is none.
 */
export const testCertificate = (authority: AuthorityKeys, publicKey: Uint8Array, name: string): Buffer => issue(issuerOf(authority), commonName(name), publicKey, deviceExtensions);

/** RFC 5280 §4.1.2.5: UTCTime, from the first second of a simulated clock to the last year that it has. */
const utcTime = (text: string): Buffer => Buffer.concat([Buffer.from([0x17, text.length]), Buffer.from(text)]);
const longValidity = sequence(utcTime("700101000000Z"), utcTime("491231235959Z"));

/** An authority for test devices, the same for the same key and name; its certificate is signed by itself. */
export function testAuthority({ publicKey, privateKey }: KeyPair, name: string): AuthorityKeys {
  const subject = commonName(name);
  return { certificate: issue({ scalar: scalarOf(privateKey), name: subject, validity: longValidity }, subject, publicKey, authorityExtensions), privateKey };
}
