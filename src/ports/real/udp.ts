import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";

import type { Address, BindOptions, DatagramHandler, DatagramSocket, Network } from "../network.js";

class UdpSocket implements DatagramSocket {
  readonly local: Address;

  constructor(
    readonly socket: Socket,
    readonly remote: Address | undefined,
    readonly receiveBuffer: number | undefined,
  ) {
    const bound = socket.address();
    this.local = { host: bound.address, port: bound.port };
  }

  send(datagram: Uint8Array, to?: Address): void {
    // Without a callback dgram drops send errors, as the network drops datagrams.
    if (this.remote !== undefined || to === undefined) this.socket.send(datagram);
    else this.socket.send(datagram, to.port, to.host);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      // A datagram to a named address leaves a moment after `send`: what was said last shall still go out.
      if (this.remote === undefined) setImmediate(() => this.socket.close(resolve));
      else this.socket.close(resolve);
    });
  }
}

/** The kernel's receive buffer in bytes, where it says so. */
function readReceiveBuffer(socket: Socket): number | undefined {
  try {
    return socket.getRecvBufferSize();
  } catch {
    return undefined;
  }
}

function opened(options: BindOptions, socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: options.host, port: options.port ?? 0, exclusive: true }, () => {
      const { connect } = options;
      if (connect === undefined) {
        socket.off("error", reject);
        resolve();
        return;
      }
      // A host without an address comes as an argument of this callback, not as an event; the types do not say so.
      socket.connect(connect.port, connect.host, (...[failed]: readonly unknown[]) => {
        socket.off("error", reject);
        if (failed === undefined) resolve();
        else reject(failed instanceof Error ? failed : new Error("the socket was not connected", { cause: failed }));
      });
    });
  });
}

/** Whether the name resolves, or is an address itself. */
export const hasAddress = (host: string): Promise<boolean> =>
  lookup(host).then(
    () => true,
    () => false,
  );

/** UDP over node:dgram. A connected socket costs a third per datagram: it sends without naming the address. */
export const udpNetwork: Network = {
  async bind(options: BindOptions, handler: DatagramHandler): Promise<DatagramSocket> {
    const socket = createSocket({ type: isIPv6(options.host) ? "udp6" : "udp4" });
    const { connect } = options;
    try {
      await opened(options, socket);
      // The kernel caps the size silently (net.core.rmem_max), so it is read back.
      if (options.receiveBuffer !== undefined) socket.setRecvBufferSize(options.receiveBuffer);
    } catch (error) {
      socket.close();
      throw error;
    }
    if (connect === undefined) {
      socket.on("message", (datagram, from) => handler.onDatagram(datagram, { host: from.address, port: from.port }));
    } else {
      const remote = { host: connect.host, port: connect.port };
      socket.on("message", (datagram) => handler.onDatagram(datagram, remote));
      socket.on("error", (error) => handler.onSocketError(error));
      return new UdpSocket(socket, remote, readReceiveBuffer(socket));
    }
    socket.on("error", (error) => handler.onSocketError(error));
    return new UdpSocket(socket, undefined, readReceiveBuffer(socket));
  },
};
