import type { Address, BindOptions, DatagramHandler, DatagramSocket, Network, Random } from "../ports/index.js";

/** A network that loses datagrams on purpose, and counts them: what it lost is nobody's fault. */
export interface LossyNetwork extends Network {
  readonly lost: number;
}

/** Loses a share (0 to 1) of the datagrams that pass through its sockets, drawn from `random` for each, in either direction. */
export function lossyNetwork(network: Network, random: Random, share: number): LossyNetwork {
  return new Lossy(network, random, share);
}

class Lossy implements LossyNetwork {
  lost = 0;

  constructor(
    readonly network: Network,
    readonly random: Random,
    readonly share: number,
  ) {}

  async bind(options: BindOptions, handler: DatagramHandler): Promise<DatagramSocket> {
    return new LossySocket(this, await this.network.bind(options, new LossyHandler(this, handler)));
  }

  /** Whether the next datagram is lost. */
  loses(): boolean {
    if (this.random.next() >= this.share) return false;
    this.lost++;
    return true;
  }
}

class LossyHandler implements DatagramHandler {
  constructor(
    readonly on: Lossy,
    readonly handler: DatagramHandler,
  ) {}

  onDatagram(datagram: Buffer, from: Address): void {
    if (!this.on.loses()) this.handler.onDatagram(datagram, from);
  }

  onSocketError(error: Error & { code?: string }): void {
    this.handler.onSocketError(error);
  }
}

class LossySocket implements DatagramSocket {
  constructor(
    readonly on: Lossy,
    readonly socket: DatagramSocket,
  ) {}

  get local(): Address {
    return this.socket.local;
  }

  get remote(): Address | undefined {
    return this.socket.remote;
  }

  get receiveBuffer(): number | undefined {
    return this.socket.receiveBuffer;
  }

  send(datagram: Uint8Array, to?: Address): void {
    if (!this.on.loses()) this.socket.send(datagram, to);
  }

  close(): Promise<void> {
    return this.socket.close();
  }
}
