import type { BindOptions, Clock, DatagramHandler, DatagramSocket, Log, Network, Ports, Random, Secrets, Address } from "../../src/ports/index.js";

/** Whether datagrams reach the device now: a sleeping or silent one loses what is sent to it. */
export interface Receiver {
  readonly deaf: boolean;
}

class RadioHandler implements DatagramHandler {
  constructor(
    readonly receiver: Receiver,
    readonly inner: DatagramHandler,
  ) {}

  onDatagram(datagram: Buffer, from: Address): void {
    if (!this.receiver.deaf) this.inner.onDatagram(datagram, from);
  }

  onSocketError(error: Error & { code?: string }): void {
    if (!this.receiver.deaf) this.inner.onSocketError(error);
  }
}

/** The ports of one device: the thread's, with a receiver that can be off and chance of its own: the device is the same whichever thread runs it. */
export class Radio implements Ports, Network {
  constructor(
    readonly ports: Ports,
    readonly receiver: Receiver,
    readonly random: Random,
  ) {}

  get clock(): Clock {
    return this.ports.clock;
  }

  get secrets(): Secrets {
    return this.ports.secrets;
  }

  get log(): Log {
    return this.ports.log;
  }

  get network(): Network {
    return this;
  }

  bind(options: BindOptions, handler: DatagramHandler): Promise<DatagramSocket> {
    return this.ports.network.bind(options, new RadioHandler(this.receiver, handler));
  }
}
