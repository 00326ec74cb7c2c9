import type { Carrier, Channel, CoapEndpoint, Peer } from "../coap/index.js";
import { DtlsClient, newDtlsCounters, type ClientHandler, type CloseReason, type DatagramSink, type DtlsCounters, type Resumption, type SessionInfo } from "../dtls/index.js";
import type { Address, DatagramHandler, DatagramSocket, Ports } from "../ports/index.js";
import { addDtlsCounters } from "./dtls-counters.js";
import type { RecordTap, SecureEndpointOptions, SessionEnd, SessionListener } from "./types.js";

/** ICMP may answer what was sent before a server came up: a handshake is given up the second time, as a CON is. */
const refusalsBelieved = 2;

/** Between the socket of a secured client and its endpoint: one DTLS client after the other. */
export class SecureLink implements Carrier, Channel, DatagramHandler, ClientHandler {
  recordTap: RecordTap | undefined = undefined;
  resumption: Resumption | undefined;
  lastEnd: SessionEnd | undefined = undefined;
  session: SessionInfo | undefined = undefined;
  #client: DtlsClient | undefined = undefined;
  #socket: DatagramSocket | undefined = undefined;
  #endpoint: CoapEndpoint | undefined = undefined;
  #peer: Peer | undefined = undefined;
  /** Of the clients before this one. */
  #counted: DtlsCounters | undefined = undefined;
  #beganAt = 0;
  #refusals = 0;
  /** The client is being let go: what it still wants to say is not said, and nobody hears of its end. */
  #dropping = false;
  readonly #sink: DatagramSink = (datagram) => this.#transmit(datagram);

  constructor(
    readonly ports: Ports,
    readonly options: SecureEndpointOptions,
    readonly listener: SessionListener,
  ) {
    this.resumption = options.resume;
  }

  async bind(): Promise<DatagramSocket> {
    return (this.#socket = await this.ports.network.bind(this.options, this));
  }

  /** Goes on from another port; what was on its way to the old one is lost. */
  async rebind(): Promise<void> {
    const old = this.#socket;
    if (old === undefined) return;
    const next = await this.ports.network.bind({ ...this.options, port: 0 }, this);
    // Closed, or moved by somebody else meanwhile.
    const unwanted = this.#socket === old ? old : next;
    if (unwanted === old) this.#socket = next;
    await unwanted.close();
  }

  attach(endpoint: CoapEndpoint, peer: Peer): void {
    this.#endpoint = endpoint;
    this.#peer = peer;
  }

  get local(): Address {
    if (this.#socket === undefined) throw new Error("a secured endpoint without its socket");
    return this.#socket.local;
  }

  get state(): "idle" | "handshaking" | "connected" {
    if (this.#client === undefined) return "idle";
    return this.session === undefined ? "handshaking" : "connected";
  }

  get counters(): DtlsCounters {
    const sum = newDtlsCounters();
    if (this.#counted !== undefined) addDtlsCounters(sum, this.#counted);
    if (this.#client !== undefined) addDtlsCounters(sum, this.#client.counters);
    return sum;
  }

  // What the endpoint asks for

  send(datagram: Uint8Array): void {
    if (this.session !== undefined) this.#client?.send(datagram);
  }

  connect(): void {
    if (this.#client !== undefined || this.#socket === undefined) return;
    const { connect, credential, settings } = this.options;
    const { resumption } = this;
    this.#refusals = 0;
    this.#beganAt = this.ports.clock.now();
    this.#client = new DtlsClient(this.ports, this.#sink, connect, credential, this, resumption === undefined ? settings : { ...settings, resume: resumption });
    this.#client.connect();
  }

  /** Lets the client go without a word, and fails what was under way. */
  drop(): void {
    if (this.#client === undefined) return;
    const reason = this.session === undefined ? "handshake" : "unreachable";
    this.#discard();
    this.#lost(reason);
  }

  /** close_notify. */
  disconnect(): void {
    if (this.session === undefined) this.drop();
    else this.#client?.close();
  }

  close(): Promise<void> {
    if (this.session === undefined) this.#discard();
    else this.#client?.close();
    const socket = this.#socket;
    this.#socket = undefined;
    return socket?.close() ?? Promise.resolve();
  }

  #transmit(datagram: Uint8Array): void {
    if (this.#dropping) return;
    if (this.recordTap !== undefined) this.recordTap.onRecords("out", datagram, this.options.connect);
    this.#socket?.send(datagram);
  }

  #discard(): void {
    this.#dropping = true;
    this.#client?.close();
    this.#dropping = false;
    this.#letGo();
  }

  #letGo(): void {
    if (this.#client !== undefined) addDtlsCounters((this.#counted ??= newDtlsCounters()), this.#client.counters);
    this.#client = undefined;
    this.session = undefined;
  }

  #lost(reason: "handshake" | "unreachable"): void {
    if (this.#peer !== undefined) this.#endpoint?.lost(this.#peer, reason, "pending");
  }

  // What the client tells

  onConnected(session: SessionInfo): void {
    this.session = session;
    this.resumption = session.resumption;
    if (this.#peer !== undefined) {
      this.recordTap?.onSession(this.#peer);
      this.#endpoint?.opened(this.#peer);
    }
    this.listener.onSession(session, this.ports.clock.now() - this.#beganAt);
  }

  onData(plaintext: Buffer): void {
    if (this.#peer !== undefined) this.#endpoint?.receiveFrom(this.#peer, plaintext);
  }

  onClosed(reason: CloseReason): void {
    if (this.#dropping) return;
    const alert = "alert" in reason ? reason.alert.description : undefined;
    this.#ended({ why: reason.why, ...(alert === undefined ? {} : { alert }), ...("because" in reason ? { because: reason.because } : {}) });
  }

  #ended(how: Omit<SessionEnd, "during">): void {
    const { why, alert } = how;
    const during = this.session === undefined ? "handshake" : "session";
    // RFC 5246 §7.2.2: a fatal alert takes the session id with it; and what could not be resumed is not offered again.
    if (during === "handshake" || alert !== undefined) this.resumption = undefined;
    this.lastEnd = { during, ...how };
    this.#letGo();
    this.#lost(during === "handshake" && why !== "unreachable" ? "handshake" : "unreachable");
    this.listener.onSessionEnd(this.lastEnd);
  }

  // What the socket tells

  onDatagram(datagram: Buffer): void {
    // A closed socket may still hand over what it had.
    if (this.#socket === undefined) return;
    if (this.recordTap !== undefined) this.recordTap.onRecords("in", datagram, this.options.connect);
    this.#client?.receive(datagram);
  }

  onSocketError(error: Error & { code?: string }): void {
    if (error.code !== "ECONNREFUSED") {
      this.ports.log.warn({ error: error.message, local: this.#socket?.local }, "socket error");
    } else if (this.session !== undefined) {
      if (this.#peer !== undefined) this.#endpoint?.refusedBy(this.#peer);
    } else if (this.#client !== undefined && ++this.#refusals >= refusalsBelieved) {
      this.#dropping = true;
      this.#client.close();
      this.#dropping = false;
      this.#ended({ why: "unreachable" });
    }
  }
}
