import type { Endpoint, EndpointLimits, Peer, PeerIdentity, TransmissionParameters } from "../coap/index.js";
import type { AlertDescription, ClientCredential, CloseReason, DtlsCounters, DtlsSettings, Identity, KeyAnswer, PeerAnswer, PeerClaim, Resumption, ServerCounters, ServerSession, ServerSettings, SessionInfo } from "../dtls/index.js";
import type { Address } from "../ports/index.js";

/** Hears what passes on the wire of a DTLS port; the messages inside are heard by the endpoint's `tap`. */
export interface RecordTap {
  /** One datagram of records. */
  onRecords(direction: "in" | "out", datagram: Uint8Array, peer: Address): void;
  /** From here on the records of the peer's address are this peer's, and those of the handshake just before were. */
  onSession(peer: Peer): void;
}

interface CommonOptions {
  /** Bytes wanted of the kernel for each socket; what it granted is in `receiveBuffer`. */
  readonly receiveBuffer?: number;
  readonly transmission: TransmissionParameters;
  readonly limits?: Partial<EndpointLimits>;
}

export interface UdpEndpointOptions extends CommonOptions {
  readonly host: string;
  /** Absent or 0: any free port. */
  readonly port?: number;
  /** The only peer: the socket is connected to it, which saves two thirds of the cost of sending. */
  readonly connect?: Address;
}

export interface UdpEndpoint extends Endpoint {
  /** Bytes the kernel granted, read back; undefined where it cannot be known. */
  readonly receiveBuffer: number | undefined;
}

/** What a server does about identities, and what it hears of sessions. `Context` is what it knows of an identity: its credential record, say. */
export interface SessionDirectory<Context> {
  /** The key of an identity, asked in each full handshake; or the alert or silence that one without a key gets. */
  findKey(identity: Buffer, from: Address): KeyAnswer<Context> | Promise<KeyAnswer<Context>>;
  /** The same for clients with raw public keys or certificates, which have proved by then to hold the private key. Absent: nobody comes in with them. */
  findPeer?(claim: PeerClaim, from: Address): PeerAnswer<Context> | Promise<PeerAnswer<Context>>;
  /** False makes a resumption a full handshake. */
  mayResume(identity: Identity, context: Context, from: Address): boolean;
  /** A session was made; `peer` is new and lives as long as it. */
  onSession?(peer: Peer, session: ServerSession<Context>): void;
  /** The session goes on from another address (RFC 9146): `peer.address` by now. */
  onSessionMoved?(peer: Peer, before: Address): void;
  /** What is to be saved of a context beside its session, 65,535 bytes at most. Without `takeUp` no session outlives a restart. */
  putAway?(context: Context): Uint8Array;
  /** The context that `putAway` wrote so; undefined where its session is not to go on, as when its credential is over by now. */
  takeUp?(saved: Buffer, identity: Identity): Context | undefined;
  /** A session that was saved goes on; `peer` is new, and no handshake was made. */
  onSessionRestored?(peer: Peer, session: ServerSession<Context>): void;
  /** What was under way with the peer has failed by now. */
  onSessionEnd?(peer: Peer, reason: CloseReason): void;
  /** A handshake came to nothing; `identity` once the client has named it. */
  onHandshakeFailed?(from: Address, reason: CloseReason, identity: PeerIdentity | undefined): void;
}

export interface SecurePort<Context> extends Address {
  readonly directory: SessionDirectory<Context>;
  readonly settings?: ServerSettings;
}

/** A server's ports: NoSec, DTLS, or both behind one endpoint. */
export interface ServerEndpointOptions<Context> extends CommonOptions {
  readonly coap?: Address;
  readonly coaps?: SecurePort<Context>;
}

/**
 * The CoAP endpoint of a server on its NoSec and DTLS port at once. `peer(address)` is a NoSec peer; a session is a peer of its own
 * (`secured`, with `identity`), known from the requests that come in it.
 */
export interface ServerEndpoint<Context = never> extends UdpEndpoint {
  /** The NoSec port's address, or the DTLS port's when there is no other. */
  readonly local: Address;
  /** Undefined without a DTLS port. */
  readonly secureLocal: Address | undefined;
  readonly dtls: Readonly<ServerCounters> | undefined;
  recordTap: RecordTap | undefined;
  /** The session that a peer is; undefined for a NoSec peer, and once the session is over. */
  sessionOf(peer: Peer): ServerSession<Context> | undefined;
  /** The live session on an address as a peer. */
  securePeer(address: Address): Peer | undefined;
  /** Closes the sessions for which `which` holds, with close_notify or this alert, and forgets them for resumption. */
  revoke(which: (identity: Identity, context: Context) => boolean, alert?: AlertDescription): number;
  /**
   * Closes the DTLS port without a word to anybody and opens it again where it was; with `keep`, sessions are saved before and gone on with. What was under way
   * in them has failed. Resolves with how many sessions there were, and how many go on; rejects when the port cannot be had again.
   */
  restartSecurePort(keep: boolean): Promise<{ readonly sessions: number; readonly restored: number }>;
  /** Sessions are gone without a word, as after a restart; `keepResumable` leaves what a session cache on disk would. */
  forgetSessions(keepResumable?: boolean): void;
}

/** How a session, or the attempt to make one, ended. */
export interface SessionEnd {
  readonly during: "handshake" | "session";
  /** `unreachable`: nobody listens there (ICMP). */
  readonly why: CloseReason["why"] | "unreachable";
  /** The alert received or sent, when one ended it. */
  readonly alert?: AlertDescription;
  /** What this end found wrong, when the alert is its own. */
  readonly because?: string;
}

/** What the owner of a secured client endpoint hears. */
export interface SessionListener {
  onSession(session: SessionInfo, handshakeMs: number): void;
  /** Requests that were under way or waited have failed by now, with `handshake` or `unreachable`. */
  onSessionEnd(end: SessionEnd): void;
}

export interface SecureEndpointOptions extends CommonOptions {
  readonly host: string;
  readonly port?: number;
  /** The only peer. */
  readonly connect: Address;
  readonly credential: ClientCredential;
  readonly settings?: DtlsSettings & { readonly serverName?: string };
  /** A session to resume in the first handshake. */
  readonly resume?: Resumption | undefined;
}

/**
 * A CoAP endpoint with one peer in a DTLS session, on a connected socket. Requests wait for the session, which is made by `connect` or for the first
 * of them; in a new session nothing of an earlier one is known.
 */
export interface SecureEndpoint extends UdpEndpoint {
  readonly state: "idle" | "handshaking" | "connected";
  /** The session that is there now. */
  readonly session: SessionInfo | undefined;
  /** What the next handshake will offer to resume. Treat it like a key. */
  readonly resumption: Resumption | undefined;
  readonly lastEnd: SessionEnd | undefined;
  /** Over all sessions of this endpoint. */
  readonly dtls: Readonly<DtlsCounters>;
  recordTap: RecordTap | undefined;
  /** Begins a handshake when none is under way and there is no session; with `full`, without an offer to resume. */
  connect(how?: "full"): void;
  /** Gives up the session without a word, as after silence, and begins another handshake; with `full`, without an offer to resume. */
  reconnect(how?: "full"): void;
  /**
   * Goes on from another port of its host, as behind a NAT that gave the old one to somebody else: session, handshake and exchanges stay, `local` changes.
   * Rejects when no port is to be had, and then stays where it is.
   */
  rebind(): Promise<void>;
  /** Forgets session or handshake without a word to anybody. */
  drop(): void;
  /** Ends the session with close_notify; the socket stays, and the next request begins a handshake. */
  disconnect(): void;
}
