export interface Address {
  readonly host: string;
  readonly port: number;
}

export const formatAddress = (address: Address): string =>
  address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;

export interface DatagramHandler {
  /** `datagram` is the handler's to keep; `from` is the sender, for a connected socket always the same peer. */
  onDatagram(datagram: Buffer, from: Address): void;
  /** ICMP errors and the like; the socket lives on. */
  onSocketError(error: Error & { code?: string }): void;
}

/** A bound UDP socket, or its twin on the simulated network. */
export interface DatagramSocket {
  readonly local: Address;
  /** Set when the socket is connected: it then sends there only, and `send` needs no address. */
  readonly remote: Address | undefined;
  /** Bytes the kernel granted, read back; undefined where it cannot be known. */
  readonly receiveBuffer: number | undefined;
  send(datagram: Uint8Array, to?: Address): void;
  close(): Promise<void>;
}

export interface BindOptions {
  readonly host: string;
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Connects the socket: a third of the cost per datagram (one simulated device = one connected socket). */
  readonly connect?: Address;
  readonly receiveBuffer?: number;
}

export interface Network {
  bind(options: BindOptions, handler: DatagramHandler): Promise<DatagramSocket>;
}
