import { CoapEndpoint, type Peer, type RequestHandler } from "../coap/index.js";
import type { DtlsCounters, Resumption, SessionInfo } from "../dtls/index.js";
import type { Ports } from "../ports/index.js";
import { SecureLink } from "./secure-link.js";
import type { RecordTap, SecureEndpoint, SecureEndpointOptions, SessionEnd, SessionListener } from "./types.js";

class SecureCoapEndpoint extends CoapEndpoint implements SecureEndpoint {
  readonly #link: SecureLink;
  readonly #server: Peer;

  constructor(
    ports: Ports,
    link: SecureLink,
    handler: RequestHandler,
    readonly receiveBuffer: number | undefined,
  ) {
    super(ports, link, handler, link.options);
    this.#link = link;
    this.#server = this.admit(link.options.connect, link, undefined, "pending");
    link.attach(this, this.#server);
  }

  /** There is one peer at the other end of a connected socket. */
  override peer(): Peer {
    return this.#server;
  }

  get state(): "idle" | "handshaking" | "connected" {
    return this.#link.state;
  }

  get session(): SessionInfo | undefined {
    return this.#link.session;
  }

  get resumption(): Resumption | undefined {
    return this.#link.resumption;
  }

  get lastEnd(): SessionEnd | undefined {
    return this.#link.lastEnd;
  }

  get dtls(): Readonly<DtlsCounters> {
    return this.#link.counters;
  }

  get recordTap(): RecordTap | undefined {
    return this.#link.recordTap;
  }

  set recordTap(tap: RecordTap | undefined) {
    this.#link.recordTap = tap;
  }

  connect(how?: "full"): void {
    if (how === "full") this.#link.resumption = undefined;
    if (!this.closed) this.#link.connect();
  }

  reconnect(how?: "full"): void {
    this.#link.drop();
    this.connect(how);
  }

  rebind(): Promise<void> {
    return this.#link.rebind();
  }

  drop(): void {
    this.#link.drop();
  }

  disconnect(): void {
    this.#link.disconnect();
  }
}

/** A CoAP endpoint whose only peer is a DTLS server. No handshake is begun yet. Rejects when the address cannot be bound. */
export async function secureEndpoint(ports: Ports, options: SecureEndpointOptions, handler: RequestHandler, listener: SessionListener): Promise<SecureEndpoint> {
  const link = new SecureLink(ports, options, listener);
  const { receiveBuffer } = await link.bind();
  return new SecureCoapEndpoint(ports, link, handler, receiveBuffer);
}
