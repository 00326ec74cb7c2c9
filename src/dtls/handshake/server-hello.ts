import { Alerts, type AlertDescription } from "../codec/alert.js";
import { CertificateType, ExtensionType, refusesUncompressed, UNCOMPRESSED_POINTS, readConnectionId, readNumber, readNumbers16, readNumbers8, readServerName, writeConnectionId, writeNumbers8, type Extensions } from "../codec/extensions.js";
import { EMPTY_RENEGOTIATION_INFO_SCSV, offersNullCompression, writeServerHello, type ClientHello } from "../codec/messages.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import { DTLS_1_2 } from "../codec/record.js";
import { SECP256R1, type Group } from "../crypto/groups.js";
import type { Randoms } from "../crypto/key-schedule.js";
import { ECDSA_P256_SHA256, type KeyObject } from "../crypto/keys.js";
import { kept } from "../crypto/primitives.js";
import type { CipherSuite } from "../crypto/suites.js";
import type { ConnectionIds } from "../record/record-layer.js";
import { fragmentLengths, MAX_RECORD_SIZE_LIMIT, MIN_RECORD_SIZE_LIMIT, type RecordLimits } from "./record-limits.js";
import type { HandshakeContext } from "./steps.js";

/** A server's private key with what can be shown of it. */
export interface SigningKeys {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly chain: readonly Uint8Array[] | undefined;
}

export interface ServerContext extends HandshakeContext {
  readonly suites: readonly CipherSuite[];
  readonly groups: readonly Group[];
  readonly extendedMasterSecret: "offer" | "require" | "never";
  /** Undefined: nobody comes in with raw public keys or certificates. */
  readonly keys: SigningKeys | undefined;
  /** In the place of `keys` for a client that names one of these. */
  readonly keysByName: ReadonlyMap<string, SigningKeys>;
  readonly recordSizeLimit: number | undefined;
  readonly skipCertificateRequest: boolean;
}

/** Of each kind of certificate, the type that the client takes, or has (RFC 7250). */
export interface CertificateTypes {
  readonly server: CertificateType;
  readonly client: CertificateType;
}

/** What a ClientHello comes to in a full handshake. */
export interface Choice {
  readonly suite: CipherSuite;
  /** With ECDHE. */
  readonly group: Group | undefined;
  /** With certificates or raw public keys. */
  readonly types: CertificateTypes | undefined;
}

export interface Negotiated {
  readonly suite: CipherSuite;
  readonly randoms: Randoms;
  readonly sessionId: Uint8Array;
  readonly serverName: string | undefined;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  readonly types: CertificateTypes | undefined;
  readonly limits: RecordLimits;
  readonly connectionIds: ConnectionIds | undefined;
}

export interface Objection {
  readonly alert: AlertDescription;
  readonly because: string;
}

/** Below are the versions of TLS. */
const OLDEST_FUTURE = 0xfe00;
const nothing = new Uint8Array();
const emptyRenegotiationInfo = Uint8Array.of(0);

/** Why a ClientHello cannot be answered, or undefined. */
export function objectionTo(context: ServerContext, hello: ClientHello): Objection | undefined {
  // Versions count downwards: a smaller number is a newer one, and such a client takes 1.2 too.
  if (hello.version > DTLS_1_2 || hello.version < OLDEST_FUTURE) return { alert: Alerts.protocol_version, because: `the client speaks version 0x${hello.version.toString(16)}` };
  if (!offersNullCompression(hello)) return { alert: Alerts.illegal_parameter, because: "the client insists on a compression" };
  const renegotiation = hello.extensions.get(ExtensionType.renegotiationInfo);
  if (renegotiation !== undefined && !samePublicBytes(renegotiation, emptyRenegotiationInfo)) return { alert: Alerts.handshake_failure, because: "renegotiation_info names an earlier handshake" };
  const blockExtensions = [ExtensionType.extendedMasterSecret, ExtensionType.encryptThenMac].find((type) => (hello.extensions.get(type)?.length ?? 0) > 0);
  if (blockExtensions !== undefined) return { alert: Alerts.decode_error, because: `extension ${blockExtensions} has content` };
  if (refusesUncompressed(hello.extensions)) return { alert: Alerts.illegal_parameter, because: "the client takes no uncompressed points" };
  if (context.extendedMasterSecret === "require" && !hello.extensions.has(ExtensionType.extendedMasterSecret)) return { alert: Alerts.handshake_failure, because: "the client does not do extended master secret" };
  return undefined;
}

/** Whether this client has a curve: it takes every one where it names none (RFC 8422 §4). */
function curvesTaken(extensions: Extensions): (id: number) => boolean {
  const offered = extensions.get(ExtensionType.supportedGroups);
  if (offered === undefined) return () => true;
  const theirs = readNumbers16(offered, "supported groups");
  return (id) => theirs.includes(id);
}

/** Small clients (tinydtls) leave the list out and mean SHA-256 all the same, whatever RFC 5246 §7.4.1.4.1 says of an absent one. */
function takesOurSignature(extensions: Extensions): boolean {
  const offered = extensions.get(ExtensionType.signatureAlgorithms);
  return offered === undefined || readNumbers16(offered, "signature algorithms").includes(ECDSA_P256_SHA256);
}

/** RFC 7250 §4.1: the client's lists are in its order of preference, and X.509 is meant where there is none. */
function certificateTypes(keys: SigningKeys, extensions: Extensions): CertificateTypes | undefined {
  const listed = (type: number): readonly number[] => {
    const data = extensions.get(type);
    return data === undefined ? [CertificateType.x509] : readNumbers8(data, "certificate types");
  };
  const server = listed(ExtensionType.serverCertificateType).find((type) => type === CertificateType.rawPublicKey || (type === CertificateType.x509 && keys.chain !== undefined));
  const client = listed(ExtensionType.clientCertificateType).find((type) => type === CertificateType.rawPublicKey || type === CertificateType.x509);
  return server === undefined || client === undefined ? undefined : { server, client };
}

/** The first suite of ours that this client has with everything that goes with it. */
export function choose(context: ServerContext, { suites, extensions }: ClientHello, keys: SigningKeys | undefined): Choice | Objection {
  const common = context.suites.filter(({ id }) => suites.includes(id));
  const takes = curvesTaken(extensions);
  const group = context.groups.find(({ id }) => takes(id));
  // RFC 8422 §5.3: the list holds for the server's public key as well, whatever curve the keys are agreed on over.
  const takesOurKey = takes(SECP256R1);
  const types = keys === undefined ? undefined : certificateTypes(keys, extensions);
  for (const suite of common) {
    if (suite.keyExchange === "psk") return { suite, group: undefined, types: undefined };
    if (group === undefined) continue;
    if (suite.keyExchange === "ecdhe_psk") return { suite, group, types: undefined };
    if (types !== undefined && takesOurKey && takesOurSignature(extensions)) return { suite, group, types };
  }
  // RFC 7250 §4.2.
  if (keys !== undefined && types === undefined && common.some(({ keyExchange }) => keyExchange === "ecdhe_ecdsa")) return { alert: Alerts.unsupported_certificate, because: "no type of certificate in common" };
  return { alert: Alerts.handshake_failure, because: common.length > 0 && (group === undefined || !takesOurKey) ? "no curve in common" : "no suite in common" };
}

/** Throws DecodeError, and answers with an objection to a limit that none may have. A client that knows newer versions too may take more than a record holds (RFC 8449 §4). */
export function limitsFor({ recordSizeLimit }: ServerContext, extensions: Extensions): RecordLimits | Objection {
  const limit = extensions.get(ExtensionType.recordSizeLimit);
  // RFC 8449 §5: where both are offered, the fragment length is not.
  if (limit !== undefined) {
    const send = readNumber(limit, 2, "record size limit");
    return send < MIN_RECORD_SIZE_LIMIT ? { alert: Alerts.illegal_parameter, because: `a record size limit of ${send}` } : { send: Math.min(send, MAX_RECORD_SIZE_LIMIT), receive: recordSizeLimit };
  }
  const fragments = extensions.get(ExtensionType.maxFragmentLength);
  if (fragments === undefined) return { send: undefined, receive: undefined };
  const length = fragmentLengths[readNumber(fragments, 1, "maximum fragment length")];
  return length === undefined ? { alert: Alerts.illegal_parameter, because: "a maximum fragment length that there is not" } : { send: length, receive: length };
}

/** RFC 9146 §3; `own` is undefined where this end takes no part. */
export function idsFor(own: Buffer | undefined, extensions: Extensions): ConnectionIds | undefined {
  const theirs = extensions.get(ExtensionType.connectionId);
  return own === undefined || theirs === undefined ? undefined : { own, peer: kept(readConnectionId(theirs)) };
}

export const keysFor = ({ keys, keysByName }: ServerContext, serverName: string | undefined): SigningKeys | undefined => (serverName === undefined ? undefined : keysByName.get(serverName)) ?? keys;

export function readName(extensions: Extensions): string | undefined {
  const data = extensions.get(ExtensionType.serverName);
  return data === undefined ? undefined : readServerName(data);
}

export function serverHello(context: ServerContext, { suites, extensions: offered }: ClientHello, negotiated: Negotiated): Buffer {
  const { suite, randoms, sessionId, types } = negotiated;
  const extensions = new Map<number, Uint8Array>();
  if (offered.has(ExtensionType.renegotiationInfo) || suites.includes(EMPTY_RENEGOTIATION_INFO_SCSV)) extensions.set(ExtensionType.renegotiationInfo, emptyRenegotiationInfo);
  if (negotiated.extendedMasterSecret) extensions.set(ExtensionType.extendedMasterSecret, nothing);
  if (negotiated.encryptThenMac) extensions.set(ExtensionType.encryptThenMac, nothing);
  if (suite.keyExchange !== "psk" && offered.has(ExtensionType.ecPointFormats)) extensions.set(ExtensionType.ecPointFormats, writeNumbers8([UNCOMPRESSED_POINTS]));
  if (types !== undefined) {
    if (offered.has(ExtensionType.serverCertificateType)) extensions.set(ExtensionType.serverCertificateType, Uint8Array.of(types.server));
    if (offered.has(ExtensionType.clientCertificateType) && !context.skipCertificateRequest) extensions.set(ExtensionType.clientCertificateType, Uint8Array.of(types.client));
  }
  if (negotiated.connectionIds !== undefined) extensions.set(ExtensionType.connectionId, writeConnectionId(negotiated.connectionIds.own));
  if (offered.has(ExtensionType.recordSizeLimit)) {
    const limit = context.recordSizeLimit ?? MAX_RECORD_SIZE_LIMIT;
    extensions.set(ExtensionType.recordSizeLimit, Uint8Array.of(limit >> 8, limit & 0xff));
  } else {
    const fragments = offered.get(ExtensionType.maxFragmentLength);
    if (fragments !== undefined) extensions.set(ExtensionType.maxFragmentLength, fragments);
  }
  return writeServerHello({ version: DTLS_1_2, random: randoms.server, sessionId, suite: suite.id, compression: 0, extensions });
}
