import type { Address } from "../../ports/index.js";
import { Association, type AssociationHost, type AssociationOwner } from "../association/association.js";
import { writeSavedSession, type SavedSession } from "../association/saved-session.js";
import { sessionInfo } from "../association/session-info.js";
import { Alerts, type AlertDescription } from "../codec/alert.js";
import type { HandshakeMessage } from "../codec/handshake.js";
import type { ClientHello } from "../codec/messages.js";
import type { DtlsRecord } from "../codec/record.js";
import { kept } from "../crypto/primitives.js";
import { Reassembly } from "../handshake/reassembly.js";
import { RunningMachine } from "../handshake/running-machine.js";
import { nextServer, type ServerContext, type ServerInput, type ServerState } from "../handshake/server-machine.js";
import type { SessionSecrets } from "../handshake/steps.js";
import type { CloseReason, Identity, KeyAnswer, PeerAnswer, PeerClaim, ServerSession, SessionInfo } from "../types.js";
import type { CachedSession } from "./resumption-cache.js";

/** The server as one of its associations sees it. */
export interface ServerCore<Context> {
  readonly host: AssociationHost;
  readonly context: ServerContext;
  findKey(identity: Buffer, from: Address): KeyAnswer<Context> | Promise<KeyAnswer<Context>>;
  findPeer(claim: PeerClaim, from: Address): PeerAnswer<Context> | Promise<PeerAnswer<Context>>;
  connected(association: ServerAssociation<Context>, session: SessionSecrets): void;
  moved(association: ServerAssociation<Context>, before: Address): void;
  data(association: ServerAssociation<Context>, plaintext: Buffer): void;
  closed(association: ServerAssociation<Context>, reason: CloseReason, established: boolean): void;
}

/** A handshake from its ClientHello on, or a session that was saved. */
export type ServerStart<Context> = { readonly record: DtlsRecord; readonly message: HandshakeMessage; readonly hello: ClientHello } | { readonly saved: SavedSession; readonly context: Context };

type Answer<Context> = KeyAnswer<Context> | PeerAnswer<Context>;

/** One handshake from its good cookie on, and the session that comes of it. */
export class ServerAssociation<Context> implements AssociationOwner, ServerSession<Context> {
  /** Second chance in the search for one to evict. */
  wasUsed = false;
  identity: Identity | undefined = undefined;
  readonly clientRandom: Buffer;
  readonly #core: ServerCore<Context>;
  readonly #association: Association;
  #machine: RunningMachine<ServerState, ServerInput> | undefined;
  #info: SessionInfo | undefined = undefined;
  #found: { readonly context: Context } | undefined = undefined;
  /** The identity of the session that is resumed, until its peer has proved to know it. */
  #resumed: Identity | undefined = undefined;

  /** `connectionId`: what it is known by from any address, if the client agrees (RFC 9146); empty or undefined for none. */
  constructor(core: ServerCore<Context>, peer: Address, start: ServerStart<Context>, readonly connectionId: Buffer | undefined) {
    this.#core = core;
    if ("saved" in start) {
      const { saved, context } = start;
      this.clientRandom = Buffer.alloc(0);
      this.#machine = undefined;
      this.identity = saved.info.identity;
      this.#found = { context };
      this.#info = saved.info;
      this.#association = new Association(core.host, peer, this, start);
      return;
    }
    const { record, message, hello } = start;
    this.clientRandom = kept(hello.random);
    const machine = new RunningMachine<ServerState, ServerInput>((state, input) => nextServer(core.context, state, input), { at: "idle" });
    this.#machine = machine;
    // Both ends count on from the ClientHello: its message_seq and the number of its record (RFC 6347 §4.2.1, §4.2.2).
    this.#association = new Association(core.host, peer, this, { machine, reassembly: new Reassembly(message.messageSeq + 1), firstSequence: record.sequence });
  }

  /** Answers the ClientHello. To be called once, after the server knows the association. */
  begin(message: HandshakeMessage, hello: ClientHello, random: Uint8Array, sessionId: Uint8Array, cached: CachedSession<Context> | undefined): void {
    if (cached !== undefined) {
      this.#found = { context: cached.context };
      this.#resumed = cached.session.identity;
    }
    const machine = this.#machine;
    if (machine !== undefined) this.#association.advance(() => machine.next({ in: "hello", message, hello, random, sessionId, connectionId: this.connectionId, resumable: cached?.session }));
  }

  get peer(): Address {
    return this.#association.peer;
  }

  get info(): SessionInfo {
    if (this.#info === undefined) throw new Error("the handshake is not over");
    return this.#info;
  }

  get context(): Context {
    if (this.#found === undefined) throw new Error("the key is not known");
    return this.#found.context;
  }

  /** What a handshake under way rests on, once that is known. */
  get keyed(): { readonly identity: Identity; readonly context: Context } | undefined {
    const identity = this.identity ?? this.#resumed;
    return identity === undefined || this.#found === undefined ? undefined : { identity, context: this.#found.context };
  }

  get open(): boolean {
    return this.#association.state === "connected";
  }

  receive(record: DtlsRecord, isLast = true, from?: Address): boolean {
    return this.#association.receive(record, isLast, from);
  }

  /** Throws DtlsStateError unless the session is open. */
  save(): Buffer {
    return writeSavedSession(this.#association.save(this.info));
  }

  repeat(): void {
    this.#association.repeat();
  }

  send(plaintext: Uint8Array): void {
    this.#association.send(plaintext);
  }

  close(alert?: AlertDescription): void {
    this.#association.close(alert);
  }

  /** Without a word to the peer. */
  end(reason: CloseReason): void {
    this.#association.end(reason);
  }

  onKeyWanted(_association: Association, identity: Buffer): void {
    this.identity = { mode: "psk", bytes: identity };
    this.#await(this.#core.findKey(identity, this.peer));
  }

  onPeerClaimed(_association: Association, claim: PeerClaim): void {
    this.identity = claim.mode === "rpk" ? { mode: "rpk", bytes: claim.publicKey } : { mode: "x509", bytes: kept(claim.chain[0] ?? new Uint8Array()) };
    this.#await(this.#core.findPeer(claim, this.peer));
  }

  onConnected(_association: Association, session: SessionSecrets): void {
    this.identity = session.identity;
    this.#machine = undefined;
    this.#info = sessionInfo(session);
    this.#core.connected(this, session);
  }

  onMoved(_association: Association, before: Address): void {
    this.#core.moved(this, before);
  }

  onData(_association: Association, plaintext: Buffer): void {
    this.#core.data(this, plaintext);
  }

  onClosed(_association: Association, reason: CloseReason): void {
    this.#machine = undefined;
    this.#core.closed(this, reason, this.#info !== undefined);
  }

  #await(answer: Answer<Context> | Promise<Answer<Context>>): void {
    this.#found = undefined;
    if (answer instanceof Promise) {
      answer.then(
        (found) => this.#answered(found),
        () => this.#answered({ refuse: Alerts.internal_error }),
      );
    } else this.#answered(answer);
  }

  #answered(answer: Answer<Context>): void {
    const machine = this.#machine;
    if (machine === undefined) return;
    if ("refuse" in answer) {
      this.#association.advance(() => machine.next({ in: "refused", alert: answer.refuse }));
      return;
    }
    this.#found = { context: answer.context };
    this.#association.advance(() => machine.next("key" in answer ? { in: "key-found", key: answer.key } : { in: "peer-accepted" }));
  }
}
