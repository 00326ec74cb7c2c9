import type { Address, Clock, Log, Secrets } from "../ports/index.js";
import type { AlertDescription, AlertLevel } from "./codec/alert.js";
import type { GroupName } from "./crypto/groups.js";
import type { CipherSuiteName } from "./crypto/suites.js";

/** What both ends need of the world. Randoms, cookies and session ids come from `secrets`. */
export interface DtlsPorts {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly log: Log;
}

/** Where datagrams go. A client's socket is connected and needs no address. */
export type DatagramSink = (datagram: Uint8Array, to: Address) => void;

/** RFC 4279: identity to 128 bytes, key to 64 at least (RFC 7925 §4.2 as LwM2M asks for it). */
export interface PskCredential {
  readonly mode?: "psk";
  readonly identity: Uint8Array;
  readonly key: Uint8Array;
}

/** RFC 7250. Keys are on secp256r1: public ones as SubjectPublicKeyInfo, private ones as PKCS #8, all DER. */
export interface RawPublicKeyCredential {
  readonly mode: "rpk";
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
  /** The only key that the server may have. */
  readonly serverPublicKey: Uint8Array;
}

/** A certificate with its private key (PKCS #8, DER) on secp256r1. */
export interface CertificateCredential {
  readonly mode: "x509";
  /** DER, the client's own first, each certified by the next; the authority need not be there. */
  readonly chain: readonly Uint8Array[];
  readonly privateKey: Uint8Array;
  readonly server: ServerTrust;
}

export type ClientCredential = PskCredential | RawPublicKeyCredential | CertificateCredential;

/** RFC 6698 §2.1.1 as `/0/x/15` has it: what `certificate` is to the server's chain. */
export type CertificateUsage =
  /** An authority that has to be in the path, which has to end in the trust store. */
  | 0
  /** The server's own certificate, whose path has to end in the trust store. */
  | 1
  /** The trust anchor. */
  | 2
  /** The server's own certificate, and nothing else is asked of it. */
  | 3;

/** What a client takes for its server's certificate. A server's own certificate that equals `certificate` is not asked for a name. */
export interface ServerTrust {
  readonly usage: CertificateUsage;
  /** DER: `/0/x/4`. */
  readonly certificate: Uint8Array;
  /** Authorities the client knows from elsewhere, DER; usages 0 and 1 need them. */
  readonly trustStore?: readonly Uint8Array[];
  /** DNS name or IP address that has to stand in the certificate: the server name indicated, else the host of its URI. */
  readonly name: string;
}

export type AuthenticationMode = "psk" | "rpk" | "x509";

/** Whom a session rests on: the client's PSK identity, its public key (SubjectPublicKeyInfo, DER) or its own certificate (DER). */
export interface Identity {
  readonly mode: AuthenticationMode;
  readonly bytes: Buffer;
}

/** What a client shows of itself in a full handshake without PSK; it has proved by then to hold the private key. */
export type PeerClaim =
  | { readonly mode: "rpk"; readonly publicKey: Buffer }
  /** As it came: nobody has asked yet who issued it, and whether it is valid today. `verifyChain` does. */
  | { readonly mode: "x509"; readonly chain: readonly Buffer[] };

/** What a server proves itself with to clients with raw public keys or certificates: a private key on secp256r1 (PKCS #8, DER), and the certificates that go with it. */
export interface ServerKeys {
  readonly privateKey: Uint8Array;
  /** DER, the server's own first. Without it clients have to take the raw public key. */
  readonly chain?: readonly Uint8Array[];
}

/** RFC 6347 §4.2.4.1, milliseconds: the first wait, doubling up to the longest; the handshake is given up after `giveUpMs`. */
export interface RetransmissionTiming {
  readonly initialMs: number;
  readonly maximumMs: number;
  readonly giveUpMs: number;
}

/** What a peer can be made to do wrong, for tests of the other end. Plain functions on bytes. */
export interface DtlsFaults {
  /** Answers a record that does not authenticate with alert 20, which RFC 6347 §4.1.2.7 advises against. */
  readonly alertOnBadRecord?: boolean;
  /** Replaces a handshake message (header of 12 bytes and body) before it is hashed and sent; undefined sends nothing. */
  readonly alterHandshake?: (message: Uint8Array) => Uint8Array | undefined;
  /** Replaces an outgoing datagram, after protection: the same, another, several, or none. */
  readonly alterDatagram?: (datagram: Uint8Array) => Uint8Array | readonly Uint8Array[] | undefined;
  /** A server that asks no client for a certificate: `findPeer` then gets an empty chain. */
  readonly skipCertificateRequest?: boolean;
}

export interface DtlsSettings {
  /** In order of preference. A client offers the AEAD suites of its credential's mode unless told otherwise (CCM_8 alone with PSK); a server takes every suite it has. */
  readonly suites?: readonly CipherSuiteName[];
  readonly retransmission?: Partial<RetransmissionTiming>;
  /** Largest datagram of a handshake flight, bytes. Default 1,200. */
  readonly maxDatagram?: number;
  /** Curves of ECDHE in order of preference. Default secp256r1, x25519. A client with raw public keys or certificates has to offer secp256r1, which those are on. */
  readonly groups?: readonly GroupName[];
  /** RFC 8449: bytes of plaintext in a record that this end wants to receive at most, 64 to 16,384. Absent: not offered by a client, and answered with the most there is by a server. */
  readonly recordSizeLimit?: number;
  /**
   * RFC 9146: length of the connection id under which this end wants to receive records, 0 to 16 bytes; 0 asks the peer for its own and needs none itself.
   * Absent: the extension is neither offered nor answered.
   */
  readonly connectionIdLength?: number;
  /** RFC 7627. Default `offer`: use it when the peer does. */
  readonly extendedMasterSecret?: "offer" | "require" | "never";
  /** Takes one line of an NSS key log for each session. Whoever sets it has to say so where the user reads. */
  readonly keyLog?: (line: string) => void;
  readonly faults?: DtlsFaults;
}

export interface ClientSettings extends DtlsSettings {
  /** RFC 6066 §3: sent when it is a name and not an address. */
  readonly serverName?: string;
  /** A session to resume: `session.resumption` of an earlier client. */
  readonly resume?: Resumption;
  /** RFC 6066 §4, offered instead of a record size limit: for servers that know no other. */
  readonly maxFragmentLength?: 512 | 1024 | 2048 | 4096;
}

export interface ServerSettings extends DtlsSettings {
  /** Absent: PSK alone. */
  readonly keys?: ServerKeys;
  /** Other keys for clients that ask for one of these names (RFC 6066 §3). */
  readonly keysByName?: Readonly<Record<string, ServerKeys>>;
  readonly limits?: Partial<ServerLimits>;
}

export interface ServerLimits {
  /** Handshakes past their cookie that are not finished. When full, further ClientHellos are dropped. */
  readonly maxHalfOpen: number;
  /** Live associations; the one unused longest gives way. */
  readonly maxSessions: number;
  /** Sessions kept for resumption by id, and for how long. */
  readonly maxResumable: number;
  readonly resumableMs: number;
}

/** What resumption needs (RFC 5246 §7.3). Secret: treat it like a key. */
export interface Resumption {
  readonly sessionId: Uint8Array;
  readonly masterSecret: Uint8Array;
  readonly suite: CipherSuiteName;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
}

/** What a finished handshake agreed on. */
export interface SessionInfo {
  readonly suite: CipherSuiteName;
  readonly resumed: boolean;
  readonly extendedMasterSecret: boolean;
  readonly encryptThenMac: boolean;
  /** At both ends the client's. */
  readonly identity: Identity;
  readonly serverName: string | undefined;
  /** RFC 9146; undefined when an end did not want them. */
  readonly connectionIds: { readonly own: Buffer; readonly peer: Buffer } | undefined;
  /** Undefined when the server gave no session id. */
  readonly resumption: Resumption | undefined;
}

export interface Alert {
  readonly level: AlertLevel;
  readonly description: AlertDescription;
}

/** Why an association is over. */
export type CloseReason =
  /** `close()` here. */
  | { readonly why: "closed" }
  /** close_notify of the peer. */
  | { readonly why: "peer-closed" }
  | { readonly why: "alert-received"; readonly alert: Alert }
  | { readonly why: "alert-sent"; readonly alert: Alert; readonly because: string }
  /** Retransmissions are used up and the handshake is not finished. */
  | { readonly why: "timeout" }
  /** The same address finished a newer handshake (RFC 6347 §4.2.8), or room was needed. */
  | { readonly why: "replaced" | "evicted" };

export interface DtlsCounters {
  recordsIn: number;
  recordsOut: number;
  /** Dropped without an answer: MAC or padding wrong. */
  badRecords: number;
  replayed: number;
  /** Did not parse, wrong epoch, or not due in this state. */
  discarded: number;
  retransmissions: number;
  handshakesStarted: number;
  handshakesFinished: number;
  handshakesResumed: number;
  handshakesFailed: number;
  alertsIn: number;
  alertsOut: number;
}

export interface ServerCounters extends DtlsCounters {
  cookiesSent: number;
  /** Good cookies turned away for lack of room. */
  turnedAway: number;
  /** Sessions that went on from another address (RFC 9146 §6). */
  addressChanges: number;
}

/** What a client tells its owner. */
export interface ClientHandler {
  onConnected(session: SessionInfo): void;
  onData(plaintext: Buffer): void;
  /** Once, also for a handshake that failed. */
  onClosed(reason: CloseReason): void;
}

/** The key of an identity, or what to do about an identity without one. `context` comes back on the session. */
export type KeyAnswer<Context> = { readonly key: Uint8Array; readonly context: Context } | { readonly refuse: AlertDescription | "silence" };

/** What to do about a client that has proved to hold the private key of what it shows. */
export type PeerAnswer<Context> = { readonly context: Context } | { readonly refuse: AlertDescription | "silence" };

/** One finished handshake on one address, at the server. */
export interface ServerSession<Context> {
  readonly peer: Address;
  readonly info: SessionInfo;
  readonly context: Context;
  readonly open: boolean;
  send(plaintext: Uint8Array): void;
  /** The session as it stands, for `DtlsServer.restore`; as secret as a key. Throws DtlsStateError unless it is open. */
  save(): Buffer;
  /** Sends close_notify, or this alert, and forgets the association. */
  close(alert?: AlertDescription): void;
}

export interface ServerHandler<Context> {
  /** Asked once for each full handshake, after a good cookie. A rejected promise counts as `internal_error`. */
  findKey(identity: Buffer, from: Address): KeyAnswer<Context> | Promise<KeyAnswer<Context>>;
  /** Asked once for each full handshake with raw public keys or certificates. Absent: nobody comes in with them. */
  findPeer?(claim: PeerClaim, from: Address): PeerAnswer<Context> | Promise<PeerAnswer<Context>>;
  /** Asked before a session is resumed by id; false makes it a full handshake. */
  mayResume(identity: Identity, context: Context, from: Address): boolean;
  onSession(session: ServerSession<Context>): void;
  onData(session: ServerSession<Context>, plaintext: Buffer): void;
  /** Its records come from another address, which has been seen to hear us; `session.peer` is that address by now. */
  onMoved?(session: ServerSession<Context>, before: Address): void;
  onClosed(session: ServerSession<Context>, reason: CloseReason): void;
  /** A handshake that did not come to a session; `identity` once the peer has named it. */
  onFailed?(from: Address, reason: CloseReason, identity: Identity | undefined): void;
}
