import { Alerts, type AlertDescription } from "../codec/alert.js";
import { CertificateType, ExtensionType, refusesUncompressed, UNCOMPRESSED_POINTS, readConnectionId, readNumber, writeConnectionId, writeNumbers16, writeNumbers8, writeServerName, type Extensions } from "../codec/extensions.js";
import { EMPTY_RENEGOTIATION_INFO_SCSV, nullCompression, type ClientHello, type ServerHello } from "../codec/messages.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import { DTLS_1_2 } from "../codec/record.js";
import type { Group } from "../crypto/groups.js";
import type { Randoms } from "../crypto/key-schedule.js";
import { ECDSA_P256_SHA256, type KeyObject } from "../crypto/keys.js";
import { kept } from "../crypto/primitives.js";
import type { CipherSuite } from "../crypto/suites.js";
import type { ClientCredential, Resumption } from "../types.js";
import type { ConnectionIds } from "../record/record-layer.js";
import { fragmentLengths, MAX_RECORD_SIZE_LIMIT, MIN_RECORD_SIZE_LIMIT, type RecordLimits } from "./record-limits.js";
import type { HandshakeContext } from "./steps.js";

export interface ClientContext extends HandshakeContext {
  readonly suites: readonly CipherSuite[];
  readonly groups: readonly Group[];
  readonly credential: ClientCredential;
  /** Of a raw public key or a certificate. */
  readonly privateKey: KeyObject | undefined;
  readonly serverName?: string | undefined;
  readonly resume?: Resumption | undefined;
  readonly extendedMasterSecret: "offer" | "require" | "never";
  readonly recordSizeLimit?: number | undefined;
  readonly maxFragmentLength?: number | undefined;
  /** Undefined: connection ids are not offered. */
  readonly connectionId?: Buffer | undefined;
  /** Milliseconds since 1970, for the dates of certificates. */
  readonly now: () => number;
}

/** What the hellos settled. */
export interface Negotiated {
  readonly suite: CipherSuite;
  readonly randoms: Randoms;
  readonly sessionId: Uint8Array;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  readonly limits: RecordLimits;
  readonly connectionIds: ConnectionIds | undefined;
}

export interface Objection {
  readonly alert: AlertDescription;
  readonly because: string;
}

const nothing = new Uint8Array();
/** RFC 5746 §3.4: no earlier handshake to bind to. */
const emptyRenegotiationInfo = Uint8Array.of(0);

/** RFC 7250: what the client has, and what it takes. X.509 is what is meant where nothing is said. */
export const certificateTypeOf = (credential: ClientCredential): number => (credential.mode === "rpk" ? CertificateType.rawPublicKey : CertificateType.x509);

export function offer(context: ClientContext, random: Uint8Array): ClientHello {
  return {
    version: DTLS_1_2,
    random,
    sessionId: mayResume(context) ? (context.resume?.sessionId ?? nothing) : nothing,
    cookie: nothing,
    suites: [...context.suites.map((suite) => suite.id), EMPTY_RENEGOTIATION_INFO_SCSV],
    compressions: nullCompression,
    extensions: offeredExtensions(context),
  };
}

function offeredExtensions({ serverName, extendedMasterSecret, suites, groups, credential, recordSizeLimit, maxFragmentLength, connectionId }: ClientContext): Extensions {
  const extensions = new Map<number, Uint8Array>();
  if (serverName !== undefined) extensions.set(ExtensionType.serverName, writeServerName(serverName));
  if (maxFragmentLength !== undefined) extensions.set(ExtensionType.maxFragmentLength, Uint8Array.of(fragmentLengths.indexOf(maxFragmentLength)));
  if (suites.some(({ keyExchange }) => keyExchange !== "psk")) {
    extensions.set(ExtensionType.supportedGroups, writeNumbers16(groups.map(({ id }) => id)));
    extensions.set(ExtensionType.ecPointFormats, writeNumbers8([UNCOMPRESSED_POINTS]));
  }
  if (suites.some(({ keyExchange }) => keyExchange === "ecdhe_ecdsa")) {
    extensions.set(ExtensionType.signatureAlgorithms, writeNumbers16([ECDSA_P256_SHA256]));
    if (credential.mode === "rpk") {
      for (const type of [ExtensionType.clientCertificateType, ExtensionType.serverCertificateType]) extensions.set(type, writeNumbers8([CertificateType.rawPublicKey]));
    }
  }
  if (extendedMasterSecret !== "never") extensions.set(ExtensionType.extendedMasterSecret, nothing);
  if (suites.some((suite) => suite.isBlockCipher)) extensions.set(ExtensionType.encryptThenMac, nothing);
  if (recordSizeLimit !== undefined) extensions.set(ExtensionType.recordSizeLimit, Uint8Array.of(recordSizeLimit >> 8, recordSizeLimit & 0xff));
  if (connectionId !== undefined) extensions.set(ExtensionType.connectionId, writeConnectionId(connectionId));
  return extensions;
}

/** A session is offered with its suite (RFC 5246 §7.4.1.2) and with its kind of master secret (RFC 7627 §5.3). */
function mayResume({ resume, suites, extendedMasterSecret }: ClientContext): boolean {
  if (resume === undefined || !suites.some((suite) => suite.name === resume.suite)) return false;
  // RFC 7627 §5.3: a session without an extended master secret is not offered by a client that does it, nor the other way round.
  return resume.extendedMasterSecret === (extendedMasterSecret !== "never");
}

/** Why a ServerHello may not be what it is, or undefined. */
function objectionTo(context: ClientContext, offered: ClientHello, hello: ServerHello): Objection | undefined {
  const { extensions } = hello;
  if (hello.version !== DTLS_1_2) return { alert: Alerts.protocol_version, because: `the server wants version 0x${hello.version.toString(16)}` };
  if (hello.compression !== 0) return { alert: Alerts.illegal_parameter, because: "the server chose a compression" };
  for (const type of extensions.keys()) {
    // renegotiation_info answers the signalling suite (RFC 5746 §3.6).
    if (type !== ExtensionType.renegotiationInfo && !offered.extensions.has(type)) return { alert: Alerts.unsupported_extension, because: `the server answers extension ${type}, which was not offered` };
  }
  for (const type of [ExtensionType.serverName, ExtensionType.extendedMasterSecret, ExtensionType.encryptThenMac]) {
    if ((extensions.get(type)?.length ?? 0) > 0) return { alert: Alerts.decode_error, because: `extension ${type} has content` };
  }
  const renegotiation = extensions.get(ExtensionType.renegotiationInfo);
  if (renegotiation !== undefined && !samePublicBytes(renegotiation, emptyRenegotiationInfo)) return { alert: Alerts.handshake_failure, because: "renegotiation_info names an earlier handshake" };
  if (refusesUncompressed(extensions)) return { alert: Alerts.illegal_parameter, because: "the server takes no uncompressed points" };
  return certificateTypeObjection(context, extensions);
}

/** RFC 7250 §4.2: one type was offered, and a server that does not answer means X.509. */
function certificateTypeObjection({ credential }: ClientContext, extensions: Extensions): Objection | undefined {
  if (credential.mode !== "rpk") return undefined;
  for (const type of [ExtensionType.clientCertificateType, ExtensionType.serverCertificateType]) {
    const answer = extensions.get(type);
    if (answer !== undefined && readNumber(answer, 1, "certificate type") !== CertificateType.rawPublicKey) return { alert: Alerts.illegal_parameter, because: "the server chose a certificate type that was not offered" };
  }
  return undefined;
}

/** What the hellos settle, or why they do not. */
export function agree(context: ClientContext, offered: ClientHello, hello: ServerHello): Negotiated | Objection {
  const wrong = objectionTo(context, offered, hello);
  if (wrong !== undefined) return wrong;
  const suite = context.suites.find((one) => one.id === hello.suite);
  if (suite === undefined) return { alert: Alerts.illegal_parameter, because: `the server chose suite 0x${hello.suite.toString(16)}, which was not offered` };
  const encryptThenMac = hello.extensions.has(ExtensionType.encryptThenMac);
  if (encryptThenMac && !suite.isBlockCipher) return { alert: Alerts.illegal_parameter, because: "encrypt-then-mac for a suite that needs none" };
  const limits = limitsFrom(context, hello.extensions);
  if ("alert" in limits) return limits;
  return {
    suite,
    randoms: { client: offered.random, server: hello.random },
    sessionId: hello.sessionId,
    extendedMasterSecret: hello.extensions.has(ExtensionType.extendedMasterSecret),
    encryptThenMac,
    limits,
    connectionIds: idsFrom(context, hello.extensions),
  };
}

function idsFrom({ connectionId: own }: ClientContext, extensions: Extensions): ConnectionIds | undefined {
  const theirs = extensions.get(ExtensionType.connectionId);
  return own === undefined || theirs === undefined ? undefined : { own, peer: kept(readConnectionId(theirs)) };
}

function limitsFrom({ recordSizeLimit, maxFragmentLength }: ClientContext, extensions: Extensions): RecordLimits | Objection {
  const theirs = extensions.get(ExtensionType.recordSizeLimit);
  const fragments = extensions.get(ExtensionType.maxFragmentLength);
  // RFC 8449 §5: never both.
  if (theirs !== undefined && fragments !== undefined) return { alert: Alerts.illegal_parameter, because: "the server limits records in two ways" };
  if (theirs !== undefined) {
    const send = readNumber(theirs, 2, "record size limit");
    return send < MIN_RECORD_SIZE_LIMIT ? { alert: Alerts.illegal_parameter, because: `a record size limit of ${send}` } : { send: Math.min(send, MAX_RECORD_SIZE_LIMIT), receive: recordSizeLimit };
  }
  if (fragments === undefined || maxFragmentLength === undefined) return { send: undefined, receive: undefined };
  if (fragmentLengths[readNumber(fragments, 1, "maximum fragment length")] !== maxFragmentLength) return { alert: Alerts.illegal_parameter, because: "the server chose another maximum fragment length" };
  return { send: maxFragmentLength, receive: maxFragmentLength };
}
