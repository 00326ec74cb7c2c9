import { formatAddress, type Address } from "../../ports/index.js";
import { Reader, WireError } from "../../wire/index.js";
import { Alerts, type AlertDescription } from "../codec/alert.js";
import { ExtensionType } from "../codec/extensions.js";
import { handshakeMessage, HandshakeType, readFragment, type HandshakeMessage } from "../codec/handshake.js";
import { MAX_SESSION_ID_LENGTH, RANDOM_LENGTH, readClientHello, writeHelloVerifyRequest, type ClientHello } from "../codec/messages.js";
import { samePublicBytes } from "../codec/public-bytes.js";
import { ContentType, writePlainRecord, type DtlsRecord } from "../codec/record.js";
import { randomIvs } from "../crypto/cbc.js";
import { certifies } from "../crypto/certificates.js";
import { importPrivateKey, publicKeyBytes } from "../crypto/keys.js";
import { kept } from "../crypto/primitives.js";
import { cipherSuites, suiteNamed, suitesNamed, type CipherSuite } from "../crypto/suites.js";
import { DtlsStateError, type AssociationHost } from "../association/association.js";
import { readSavedSession, type SavedSession } from "../association/saved-session.js";
import { recordsOf } from "../association/incoming.js";
import type { ServerContext, SigningKeys } from "../handshake/server-machine.js";
import type { SessionSecrets } from "../handshake/steps.js";
import { defaultServerLimits, newServerCounters, resolveSettings } from "../settings.js";
import type { CloseReason, DatagramSink, DtlsPorts, Identity, KeyAnswer, PeerAnswer, PeerClaim, ServerCounters, ServerHandler, ServerKeys, ServerLimits, ServerSession, ServerSettings, SessionInfo } from "../types.js";
import { Cookies } from "./cookies.js";
import { ResumptionCache } from "./resumption-cache.js";
import { readSavedServer, writeSavedServer } from "./saved-server.js";
import { ServerAssociation, type ServerCore } from "./server-association.js";

/** The answer counts on from the numbers of the ClientHello; one that begins near their end would leave it none. */
const MAX_HELLO_SEQUENCE = 2 ** 32;
const MAX_HELLO_MESSAGE_SEQ = 255;
/** What a half-open handshake keeps of it to hash. */
const MAX_HELLO_LENGTH = 4_096;
/** A handshake that needs room does not pay for a walk over every session there is. */
const MAX_SPARED = 256;
/** Short ids may be used up. */
const MAX_ID_DRAWS = 8;

interface FirstFlight {
  readonly message: HandshakeMessage;
  readonly hello: ClientHello;
}

/** The ClientHello that makes up the whole record, or undefined: what is cut in pieces before its cookie is dropped, and so is what no client needs. */
function clientHelloIn(record: DtlsRecord): FirstFlight | undefined {
  try {
    const reader = new Reader(record.fragment);
    const { type, length, messageSeq, offset, body } = readFragment(reader);
    if (type !== HandshakeType.clientHello || offset !== 0 || body.length !== length || reader.remaining > 0) return undefined;
    if (length > MAX_HELLO_LENGTH || messageSeq > MAX_HELLO_MESSAGE_SEQ || record.sequence > MAX_HELLO_SEQUENCE) return undefined;
    const message = handshakeMessage(type, messageSeq, body);
    return { message, hello: readClientHello(message.body) };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

const isClientHello = (record: DtlsRecord): boolean => record.epoch === 0 && record.type === ContentType.handshake && record.fragment.length > 0 && record.fragment.readUInt8(0) === HandshakeType.clientHello;

/** Without keys of its own, and somebody to ask about clients that come with theirs, a server has PSK alone. */
function suitesFor({ keys, suites }: ServerSettings, asksForPeers: boolean): readonly CipherSuite[] {
  const all = suites === undefined ? cipherSuites : suitesNamed(suites);
  return keys !== undefined && asksForPeers ? all : all.filter(({ keyExchange }) => keyExchange !== "ecdhe_ecdsa");
}

/** Throws RangeError for a private key that is none, or is not the one of the first certificate. */
function signingKeys({ privateKey: der, chain }: ServerKeys): SigningKeys {
  const privateKey = importPrivateKey(der);
  const publicKey = publicKeyBytes(privateKey);
  if (chain !== undefined && !certifies(chain, publicKey)) throw new RangeError("the first certificate of the server is not for its private key");
  return { privateKey, publicKey, chain };
}

const idKey = (id: Buffer): string => `id ${id.toString("latin1")}`;
const hasId = ({ info }: { readonly info: SessionInfo }): boolean => (info.connectionIds?.own.length ?? 0) > 0;
const keyOf = (association: ServerAssociation<unknown>): string => (association.connectionId !== undefined && hasId(association) ? idKey(association.connectionId) : formatAddress(association.peer));

/** A gateway may give the address of one client to another; a session with an id is known wherever it is. The same client at the same address has begun anew. */
function isApart(before: ServerAssociation<unknown>, next: ServerAssociation<unknown>): boolean {
  const [theirs, other] = [before.info.identity, next.info.identity];
  return hasId(before) && (theirs.mode !== other.mode || !samePublicBytes(theirs.bytes, other.bytes));
}

/** The DTLS server behind one socket: every association of every address, within bounds. */
export class DtlsServer<Context> implements ServerCore<Context> {
  readonly counters: ServerCounters = newServerCounters();
  readonly host: AssociationHost;
  readonly context: ServerContext;
  readonly #limits: ServerLimits;
  readonly #cookies: Cookies;
  readonly #resumable: ResumptionCache<Context>;
  /** By address, or by connection id where there is one; whoever was spared or came last is last. */
  readonly #live = new Map<string, ServerAssociation<Context>>();
  /** By address, which may have one besides a live one (RFC 6347 §4.2.8). */
  readonly #pending = new Map<string, ServerAssociation<Context>>();
  /** By the id that their records carry: live ones, and those that may come to be. */
  readonly #byId = new Map<string, ServerAssociation<Context>>();
  /** Live ones with a connection id by the address that they were seen at last. */
  readonly #byAddress = new Map<string, ServerAssociation<Context>>();
  #isClosed = false;

  /** Throws RangeError for a setting out of bounds. */
  constructor(
    readonly ports: DtlsPorts,
    readonly sink: DatagramSink,
    readonly handler: ServerHandler<Context>,
    settings: ServerSettings = {},
  ) {
    const resolved = resolveSettings(settings);
    const randomIv = randomIvs(ports.secrets);
    this.host = { role: "server", clock: ports.clock, sink, settings: resolved, counters: this.counters, randomIv };
    this.context = {
      suites: suitesFor(settings, handler.findPeer !== undefined),
      groups: resolved.groups,
      keys: settings.keys === undefined || handler.findPeer === undefined ? undefined : signingKeys(settings.keys),
      keysByName: new Map(Object.entries(settings.keysByName ?? {}).map(([name, keys]) => [name, signingKeys(keys)])),
      recordSizeLimit: resolved.recordSizeLimit,
      skipCertificateRequest: settings.faults?.skipCertificateRequest ?? false,
      extendedMasterSecret: resolved.extendedMasterSecret,
      randomIv,
      alterHandshake: resolved.alterHandshake,
    };
    this.#limits = { ...defaultServerLimits, ...settings.limits };
    this.#cookies = new Cookies(ports.clock, ports.secrets);
    this.#resumable = new ResumptionCache(ports.clock, this.#limits.maxResumable, this.#limits.resumableMs);
  }

  /** Live sessions and handshakes past their cookie. */
  get size(): { readonly live: number; readonly halfOpen: number } {
    return { live: this.#live.size, halfOpen: this.#pending.size };
  }

  /** A datagram from anybody; it is the server's to keep. Whatever it holds, nothing is thrown. */
  receive(datagram: Buffer, from: Address): void {
    if (this.#isClosed) return;
    const key = formatAddress(from);
    for (const record of recordsOf(datagram, this.counters, this.host.settings.connectionIdLength)) {
      if (isClientHello(record)) this.#hello(record, key, from);
      else if (record.connectionId !== undefined) this.#routeById(record, record.connectionId, from);
      else this.#route(record, key);
    }
  }

  /** The live session at an address; where several are, the one that came last. */
  session(peer: Address): ServerSession<Context> | undefined {
    return this.#at(formatAddress(peer));
  }

  #at(address: string): ServerAssociation<Context> | undefined {
    return this.#live.get(address) ?? this.#byAddress.get(address);
  }

  sessions(): IterableIterator<ServerSession<Context>> {
    return this.#live.values();
  }

  /**
   * Closes the sessions for which `which` holds, with close_notify or this alert, and forgets them for resumption. Returns how many were live. Handshakes
   * whose key is known already end with them; a key still being looked up is for the handler to withhold.
   */
  revoke(which: (identity: Identity, context: Context) => boolean, alert?: AlertDescription): number {
    this.#resumable.forget(({ session, context }) => which(session.identity, context));
    const revoked = [...this.sessions()].filter((session) => which(session.info.identity, session.context));
    const underWay = [...this.#pending.values()].filter(({ keyed }) => keyed !== undefined && which(keyed.identity, keyed.context));
    for (const session of [...revoked, ...underWay]) session.close(alert);
    return revoked.length;
  }

  /**
   * Goes on with a session that was saved, as after a restart with what a disk has of it; `onSession` tells of it. Throws WireError for bytes that are no saved
   * session of a server, RangeError for one with ids of another length than this server's, DtlsStateError for one that is here already. A session is restored
   * once: two would use the same numbers for different records.
   */
  restore(saved: Uint8Array, peer: Address, context: Context): ServerSession<Context> {
    const found = readSavedSession(saved, "server");
    this.#checkPlaceFor(found);
    return this.#goOn(found, peer, context);
  }

  /** Every live session, for `restoreAll`; as secret as their keys. `write` gives of each context what `restoreAll` is to have of it, 65,535 bytes at most. */
  save(write: (context: Context) => Uint8Array): Buffer {
    const saved = [...this.#live.values()].map((session) => ({ peer: session.peer, context: write(session.context), session: session.save() }));
    return writeSavedServer(saved);
  }

  /**
   * Goes on with the sessions of a server that was saved, but for those whose context `read` no longer knows. Throws as `restore` does, before any of them is
   * here. What could only be resumed is not among them.
   */
  restoreAll(saved: Uint8Array, read: (context: Buffer, identity: Identity) => Context | undefined): readonly ServerSession<Context>[] {
    const all = readSavedServer(saved).map(({ peer, context, session }) => ({ peer, context: kept(context), found: readSavedSession(session, "server") }));
    for (const { found } of all) this.#checkPlaceFor(found);
    return all.flatMap(({ peer, context: bytes, found }) => {
      const context = read(bytes, found.info.identity);
      return context === undefined ? [] : [this.#goOn(found, peer, context)];
    });
  }

  #checkPlaceFor({ info }: SavedSession): void {
    if (this.#isClosed) throw new DtlsStateError("nothing can be restored at a server that is closed");
    const own = info.connectionIds?.own;
    if (own === undefined || own.length === 0) return;
    const { connectionIdLength = 0 } = this.host.settings;
    if (own.length !== connectionIdLength) throw new RangeError(`a saved session with a connection id of ${own.length} bytes at a server with ids of ${connectionIdLength}`);
    if (this.#byId.has(idKey(own))) throw new DtlsStateError("a session with this connection id is here already");
  }

  #goOn(found: SavedSession, peer: Address, context: Context): ServerSession<Context> {
    const id = found.info.connectionIds?.own;
    const association = new ServerAssociation<Context>(this, peer, { saved: found, context }, id);
    if (id !== undefined && id.length > 0) this.#byId.set(idKey(id), association);
    this.#admit(association);
    const { resumption } = found.info;
    if (resumption !== undefined) this.#resumable.put({ ...found.info, suite: suiteNamed(resumption.suite), sessionId: resumption.sessionId, master: kept(resumption.masterSecret) }, context);
    this.handler.onSession(association);
    return association;
  }

  /** As after a restart: associations are gone without a word to anybody; `keepResumable` leaves what a session cache on disk would. */
  forgetAll(keepResumable = false): void {
    if (!keepResumable) this.#resumable.forget(() => true);
    for (const association of [...this.#pending.values(), ...this.#live.values()]) association.end({ why: "closed" });
  }

  close(): void {
    if (this.#isClosed) return;
    for (const handshake of [...this.#pending.values()]) handshake.end({ why: "closed" });
    for (const session of [...this.#live.values()]) session.close();
    this.#isClosed = true;
  }

  findKey(identity: Buffer, from: Address): KeyAnswer<Context> | Promise<KeyAnswer<Context>> {
    return this.handler.findKey(identity, from);
  }

  findPeer(claim: PeerClaim, from: Address): PeerAnswer<Context> | Promise<PeerAnswer<Context>> {
    return this.handler.findPeer?.(claim, from) ?? { refuse: Alerts.access_denied };
  }

  connected(association: ServerAssociation<Context>, session: SessionSecrets): void {
    const key = formatAddress(association.peer);
    if (this.#pending.get(key) !== association) return;
    this.#pending.delete(key);
    // An id that the client did not agree to leads nowhere.
    if (session.connectionIds === undefined && association.connectionId !== undefined) this.#byId.delete(idKey(association.connectionId));
    this.#admit(association);
    // A session resumed keeps its place: the life of its secrets counts from the full handshake.
    if (!session.resumed) this.#resumable.put(session, association.context);
    this.handler.onSession(association);
  }

  #admit(association: ServerAssociation<Context>): void {
    const address = formatAddress(association.peer);
    for (const before of [this.#live.get(address), this.#byAddress.get(address)]) if (before !== undefined && !isApart(before, association)) before.end({ why: "replaced" });
    this.#makeRoom();
    this.#live.set(keyOf(association), association);
    if (hasId(association)) this.#byAddress.set(address, association);
  }

  moved(association: ServerAssociation<Context>, before: Address): void {
    this.counters.addressChanges++;
    const left = formatAddress(before);
    if (this.#byAddress.get(left) === association) this.#byAddress.delete(left);
    this.#byAddress.set(formatAddress(association.peer), association);
    this.handler.onMoved?.(association, before);
  }

  data(association: ServerAssociation<Context>, plaintext: Buffer): void {
    association.wasUsed = true;
    this.handler.onData(association, plaintext);
  }

  closed(association: ServerAssociation<Context>, reason: CloseReason, established: boolean): void {
    const key = formatAddress(association.peer);
    for (const associations of [this.#live, this.#pending, this.#byAddress]) if (associations.get(key) === association) associations.delete(key);
    const { connectionId } = association;
    if (connectionId !== undefined && this.#byId.get(idKey(connectionId)) === association) {
      this.#byId.delete(idKey(connectionId));
      this.#live.delete(idKey(connectionId));
    }
    if (!established) {
      this.handler.onFailed?.(association.peer, reason, association.identity);
      return;
    }
    // RFC 5246 §7.2.2: what ended in a fatal alert is not resumed. Nobody without its keys can end a session so.
    const { resumption } = association.info;
    if (resumption !== undefined && (reason.why === "alert-received" || reason.why === "alert-sent")) this.#resumable.delete(resumption.sessionId);
    this.handler.onClosed(association, reason);
  }

  /** Both may hold keys of epoch 1; only the right ones open the record. */
  #route(record: DtlsRecord, key: string): void {
    const live = this.#at(key);
    const pending = this.#pending.get(key);
    if (pending === undefined && live === undefined) this.counters.discarded++;
    else if (pending === undefined) live?.receive(record);
    else if (record.epoch === 0 || live === undefined || !live.receive(record, false)) pending.receive(record);
  }

  #routeById(record: DtlsRecord, id: Buffer, from: Address): void {
    const association = this.#byId.get(idKey(id));
    if (association === undefined) this.counters.discarded++;
    else association.receive(record, true, from);
  }

  /** An id that no other association has; undefined where none are used, or none is left. */
  #newId(): Buffer | undefined {
    const length = this.host.settings.connectionIdLength;
    if (length === undefined) return undefined;
    for (let attempt = 0; attempt < MAX_ID_DRAWS; attempt++) {
      const id = kept(this.ports.secrets.bytes(length));
      if (length === 0 || !this.#byId.has(idKey(id))) return id;
    }
    return undefined;
  }

  #hello(record: DtlsRecord, key: string, from: Address): void {
    const first = clientHelloIn(record);
    if (first === undefined) {
      this.counters.discarded++;
      return;
    }
    const { message, hello } = first;
    if (!this.#cookies.areGood(from, hello)) {
      this.#askForCookie(record, message, hello, from);
      return;
    }
    const pending = this.#pending.get(key);
    const same = [pending, this.#at(key)].find((one) => one !== undefined && samePublicBytes(one.clientRandom, hello.random));
    if (same !== undefined) {
      same.repeat();
      return;
    }
    if (pending === undefined && this.#pending.size >= this.#limits.maxHalfOpen) {
      this.counters.turnedAway++;
      return;
    }
    pending?.end({ why: "replaced" });
    const id = hello.extensions.has(ExtensionType.connectionId) ? this.#newId() : undefined;
    const association = new ServerAssociation<Context>(this, from, { record, message, hello }, id);
    this.#pending.set(key, association);
    if (id !== undefined && id.length > 0) this.#byId.set(idKey(id), association);
    const cached = this.#resumable.find(hello.sessionId);
    const mayResume = cached !== undefined && this.handler.mayResume(cached.session.identity, cached.context, from);
    const sessionId = this.#limits.maxResumable === 0 ? new Uint8Array() : this.ports.secrets.bytes(MAX_SESSION_ID_LENGTH);
    association.begin(message, hello, this.ports.secrets.bytes(RANDOM_LENGTH), sessionId, mayResume ? cached : undefined);
  }

  /**
   * RFC 6347 §4.2.1: the answer carries the numbers of what it answers, and no state stays. It speaks the version of the record it answers:
   * small clients (tinydtls) take no other.
   */
  #askForCookie(record: DtlsRecord, message: HandshakeMessage, hello: ClientHello, from: Address): void {
    this.counters.cookiesSent++;
    this.counters.recordsOut++;
    const { raw } = handshakeMessage(HandshakeType.helloVerifyRequest, message.messageSeq, writeHelloVerifyRequest(record.version, this.#cookies.make(from, hello)));
    this.sink(writePlainRecord(ContentType.handshake, 0, record.sequence, raw, record.version), from);
  }

  #makeRoom(): void {
    let spared = 0;
    for (const [key, session] of this.#live) {
      if (this.#live.size < this.#limits.maxSessions) return;
      if (session.wasUsed && spared < MAX_SPARED) {
        spared++;
        session.wasUsed = false;
        this.#live.delete(key);
        this.#live.set(key, session);
      } else session.end({ why: "evicted" });
    }
  }
}
