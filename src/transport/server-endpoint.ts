import { CoapEndpoint, type Carrier, type Peer, type RequestHandler } from "../coap/index.js";
import { Alerts, DtlsServer, type AlertDescription, type CloseReason, type DatagramSink, type Identity, type KeyAnswer, type PeerAnswer, type PeerClaim, type ServerCounters, type ServerHandler, type ServerSession } from "../dtls/index.js";
import type { Address, DatagramHandler, DatagramSocket, Ports } from "../ports/index.js";
import { addServerCounters } from "./dtls-counters.js";
import { peerIdentity } from "./peer-identity.js";
import type { RecordTap, SecurePort, ServerEndpoint, ServerEndpointOptions, SessionDirectory } from "./types.js";

const nothing = new Uint8Array();

/** One of a server's sockets; bound before there is anybody to hear it. */
class Port implements DatagramHandler {
  socket: DatagramSocket | undefined = undefined;
  receive: ((datagram: Buffer, from: Address) => void) | undefined = undefined;

  constructor(
    readonly ports: Ports,
    readonly wantedBuffer: number | undefined,
  ) {}

  async bind({ host, port }: Address): Promise<void> {
    this.socket = await this.ports.network.bind({ host, port, ...(this.wantedBuffer === undefined ? {} : { receiveBuffer: this.wantedBuffer }) }, this);
  }

  /** Closed, and bound again to the same address. */
  async reopen(): Promise<void> {
    const { socket } = this;
    if (socket === undefined) return;
    await this.close();
    await this.bind(socket.local);
  }

  send(datagram: Uint8Array, to: Address): void {
    this.socket?.send(datagram, to);
  }

  close(): Promise<void> {
    const { socket } = this;
    this.socket = undefined;
    return socket?.close() ?? Promise.resolve();
  }

  onDatagram(datagram: Buffer, from: Address): void {
    this.receive?.(datagram, from);
  }

  onSocketError(error: Error): void {
    this.ports.log.warn({ error: error.message, local: this.socket?.local }, "socket error");
  }
}

/** Both sockets of a server; what has no session goes out on the NoSec one, if there is one. */
class ServerCarrier implements Carrier {
  readonly local: Address;
  beforeClose: (() => void) | undefined = undefined;

  constructor(
    readonly plain: Port,
    readonly secure: Port,
  ) {
    const local = (plain.socket ?? secure.socket)?.local;
    if (local === undefined) throw new Error("a server needs a port: coap, coaps or both");
    this.local = local;
  }

  send(datagram: Uint8Array, peer: Peer): void {
    this.plain.send(datagram, peer.address);
  }

  async close(): Promise<void> {
    this.beforeClose?.();
    await Promise.all([this.plain.close(), this.secure.close()]);
  }
}

class CoapServer<Context> extends CoapEndpoint implements ServerEndpoint<Context>, ServerHandler<Context> {
  recordTap: RecordTap | undefined = undefined;
  readonly receiveBuffer: number | undefined;
  readonly secureLocal: Address | undefined;
  readonly #newDtls: (() => DtlsServer<Context>) | undefined;
  #dtls: DtlsServer<Context> | undefined;
  /** Sessions that come now were saved. */
  #restoring = false;
  readonly #directory: SessionDirectory<Context> | undefined;
  readonly #peers = new Map<ServerSession<Context>, Peer>();
  /** The other way round: several sessions may be at one address. */
  readonly #sessions = new WeakMap<Peer, ServerSession<Context>>();

  constructor(ports: Ports, override readonly carrier: ServerCarrier, secured: SecurePort<Context> | undefined, handler: RequestHandler, options: ServerEndpointOptions<Context>) {
    super(ports, carrier, handler, options);
    const { plain, secure } = carrier;
    this.receiveBuffer = smaller(plain.socket?.receiveBuffer, secure.socket?.receiveBuffer);
    this.secureLocal = secure.socket?.local;
    this.#directory = secured?.directory;
    if (secured === undefined || secure.socket === undefined) return;
    const send: DatagramSink = (datagram, to) => {
      if (this.recordTap !== undefined) this.recordTap.onRecords("out", datagram, to);
      secure.send(datagram, to);
    };
    this.#newDtls = () => new DtlsServer<Context>(ports, send, this, secured.settings);
    this.#dtls = this.#newDtls();
    carrier.beforeClose = () => this.#dtls?.close();
  }

  get dtls(): Readonly<ServerCounters> | undefined {
    return this.#dtls?.counters;
  }

  receiveRecords(datagram: Buffer, from: Address): void {
    if (this.closed) return;
    if (this.recordTap !== undefined) this.recordTap.onRecords("in", datagram, from);
    this.#dtls?.receive(datagram, from);
  }

  sessionOf(peer: Peer): ServerSession<Context> | undefined {
    const session = this.#sessions.get(peer);
    return session !== undefined && this.#peers.get(session) === peer ? session : undefined;
  }

  securePeer(address: Address): Peer | undefined {
    const session = this.#dtls?.session(address);
    return session === undefined ? undefined : this.#peers.get(session);
  }

  revoke(which: (identity: Identity, context: Context) => boolean, alert?: AlertDescription): number {
    return this.#dtls?.revoke(which, alert) ?? 0;
  }

  forgetSessions(keepResumable = false): void {
    this.#dtls?.forgetAll(keepResumable);
  }

  async restartSecurePort(keep: boolean): Promise<{ readonly sessions: number; readonly restored: number }> {
    const before = this.#dtls;
    if (before === undefined || this.#newDtls === undefined) return { sessions: 0, restored: 0 };
    const sessions = before.size.live;
    const saved = keep ? before.save((context) => this.#directory?.putAway?.(context) ?? nothing) : undefined;
    // As when a process ends: nobody is told, and nothing is heard until the next one is there.
    this.#dtls = undefined;
    before.forgetAll();
    await this.carrier.secure.reopen();
    if (this.closed) {
      await this.carrier.secure.close();
      return { sessions, restored: 0 };
    }
    const next = (this.#dtls = this.#newDtls());
    addServerCounters(next.counters, before.counters);
    if (saved === undefined) return { sessions, restored: 0 };
    this.#restoring = true;
    try {
      return { sessions, restored: next.restoreAll(saved, (context, identity) => this.#directory?.takeUp?.(context, identity)).length };
    } finally {
      this.#restoring = false;
    }
  }

  // What the DTLS server asks and tells

  findKey(identity: Buffer, from: Address): KeyAnswer<Context> | Promise<KeyAnswer<Context>> {
    return this.#directory?.findKey(identity, from) ?? { refuse: "silence" };
  }

  findPeer(claim: PeerClaim, from: Address): PeerAnswer<Context> | Promise<PeerAnswer<Context>> {
    return this.#directory?.findPeer?.(claim, from) ?? { refuse: Alerts.access_denied };
  }

  mayResume(identity: Identity, context: Context, from: Address): boolean {
    return this.#directory?.mayResume(identity, context, from) ?? false;
  }

  onSession(session: ServerSession<Context>): void {
    const peer = this.admit(session.peer, session, peerIdentity(session.info.identity));
    this.#peers.set(session, peer);
    this.#sessions.set(peer, session);
    this.recordTap?.onSession(peer);
    if (this.#restoring) this.#directory?.onSessionRestored?.(peer, session);
    else this.#directory?.onSession?.(peer, session);
  }

  onMoved(session: ServerSession<Context>, before: Address): void {
    const peer = this.#peers.get(session);
    if (peer === undefined) return;
    this.moved(peer, session.peer);
    this.#directory?.onSessionMoved?.(peer, before);
  }

  onData(session: ServerSession<Context>, plaintext: Buffer): void {
    const peer = this.#peers.get(session);
    if (peer !== undefined) this.receiveFrom(peer, plaintext);
  }

  onClosed(session: ServerSession<Context>, reason: CloseReason): void {
    const peer = this.#peers.get(session);
    if (peer === undefined) return;
    this.#peers.delete(session);
    this.lost(peer, "unreachable", "gone");
    this.#directory?.onSessionEnd?.(peer, reason);
  }

  onFailed(from: Address, reason: CloseReason, identity: Identity | undefined): void {
    this.#directory?.onHandshakeFailed?.(from, reason, identity === undefined ? undefined : peerIdentity(identity));
  }
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

/** The CoAP endpoint of a server, on the ports that the options name. Rejects when one cannot be bound, or none is named. */
export async function serverEndpoint<Context = never>(ports: Ports, options: ServerEndpointOptions<Context>, handler: RequestHandler): Promise<ServerEndpoint<Context>> {
  const plain = new Port(ports, options.receiveBuffer);
  const secure = new Port(ports, options.receiveBuffer);
  try {
    if (options.coap !== undefined) await plain.bind(options.coap);
    if (options.coaps !== undefined) await secure.bind(options.coaps);
    const server = new CoapServer<Context>(ports, new ServerCarrier(plain, secure), options.coaps, handler, options);
    plain.receive = (datagram, from) => server.receive(datagram, from);
    secure.receive = (datagram, from) => server.receiveRecords(datagram, from);
    return server;
  } catch (error) {
    await Promise.all([plain.close(), secure.close()]);
    throw error;
  }
}
