import { CoapEndpoint, type Carrier, type Peer, type RequestHandler } from "../coap/index.js";
import type { Address, DatagramHandler, DatagramSocket, Ports } from "../ports/index.js";
import type { UdpEndpoint, UdpEndpointOptions } from "./types.js";

/** Messages as they are on a datagram socket: NoSec. */
export class UdpCarrier implements Carrier {
  constructor(readonly socket: DatagramSocket) {}

  get local(): Address {
    return this.socket.local;
  }

  send(datagram: Uint8Array, peer: Peer): void {
    if (this.socket.remote === undefined) this.socket.send(datagram, peer.address);
    else this.socket.send(datagram);
  }

  close(): Promise<void> {
    return this.socket.close();
  }
}

class UdpCoapEndpoint extends CoapEndpoint implements UdpEndpoint {
  readonly receiveBuffer: number | undefined;

  constructor(ports: Ports, socket: DatagramSocket, handler: RequestHandler, options: UdpEndpointOptions) {
    super(ports, new UdpCarrier(socket), handler, options);
    this.receiveBuffer = socket.receiveBuffer;
  }
}

/** The socket has to be bound before the endpoint exists; what arrives in between is lost, as before the bind. */
class LateHandler implements DatagramHandler {
  endpoint: CoapEndpoint | undefined = undefined;

  constructor(
    readonly ports: Ports,
    readonly connect: Address | undefined,
  ) {}

  onDatagram(datagram: Buffer, from: Address): void {
    this.endpoint?.receive(datagram, from);
  }

  onSocketError(error: Error & { code?: string }): void {
    if (error.code === "ECONNREFUSED" && this.connect !== undefined) this.endpoint?.refused(this.connect);
    else this.ports.log.warn({ error: error.message, local: this.endpoint?.local }, "socket error");
  }
}

/** A CoAP endpoint on a UDP socket of its own. Rejects when the address cannot be bound. */
export async function udpEndpoint(ports: Ports, options: UdpEndpointOptions, handler: RequestHandler): Promise<UdpEndpoint> {
  const late = new LateHandler(ports, options.connect);
  const socket = await ports.network.bind(options, late);
  const endpoint = new UdpCoapEndpoint(ports, socket, handler, options);
  late.endpoint = endpoint;
  return endpoint;
}
