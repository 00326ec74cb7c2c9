import { formatAddress, type Address, type BindOptions, type DatagramHandler, type DatagramSocket, type Network } from "../network.js";
import { Timer, type Clock } from "../clock.js";
import type { Random } from "../random.js";

export interface Impairment {
  /** Probability that a datagram is lost. */
  readonly loss?: number;
  /** Probability that a datagram arrives twice. */
  readonly duplicate?: number;
  /** Milliseconds a datagram takes, uniformly distributed; default 1 to 1. */
  readonly delayMs?: readonly [min: number, max: number];
  /** Probability that a datagram is held back so that later ones overtake it; the others keep their order. */
  readonly reorder?: number;
}

export interface DatagramInFlight {
  readonly from: Address;
  readonly to: Address;
  readonly bytes: Buffer;
}

/** Forwards the datagram (or other bytes) by calling `forward` any number of times; not calling it loses the datagram. */
export type Interceptor = (datagram: DatagramInFlight, forward: (bytes?: Uint8Array) => void) => void;

class Arrival extends Timer {
  override readonly timerName = "datagram in flight";

  constructor(
    readonly network: SimulatedNetwork,
    readonly datagram: DatagramInFlight,
    readonly sender: SimulatedSocket,
  ) {
    super();
  }

  override fire(): void {
    this.network.arrive(this.datagram, this.sender);
  }
}

class SimulatedSocket implements DatagramSocket {
  readonly receiveBuffer: number | undefined;
  open = true;

  constructor(
    readonly network: SimulatedNetwork,
    readonly local: Address,
    readonly remote: Address | undefined,
    readonly handler: DatagramHandler,
    receiveBuffer: number | undefined,
  ) {
    this.receiveBuffer = receiveBuffer;
  }

  send(datagram: Uint8Array, to?: Address): void {
    const destination = this.remote ?? to;
    if (!this.open || destination === undefined) return;
    this.network.transmit({ from: this.local, to: destination, bytes: Buffer.from(datagram) }, this);
  }

  close(): Promise<void> {
    this.open = false;
    this.network.unbind(this);
    return Promise.resolve();
  }
}

const FIRST_FREE_PORT = 49_152;

/** UDP in memory, on a clock: every loss, delay, duplicate and overtaking is drawn from the seed. */
export class SimulatedNetwork implements Network {
  readonly #sockets = new Map<string, SimulatedSocket>();
  readonly #interceptors = new Set<Interceptor>();
  readonly #partitions = new Set<(from: Address, to: Address) => boolean>();
  /** When the last datagram of a flow arrives, by `from > to`. */
  readonly #lastArrival = new Map<string, number>();
  #nextPort = FIRST_FREE_PORT;
  /** May be changed at any time; holds for datagrams sent from then on. */
  impairment: Impairment;
  readonly counters = { sent: 0, lost: 0, duplicated: 0, reordered: 0, delivered: 0, unreachable: 0 };

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    impairment: Impairment = {},
  ) {
    this.impairment = impairment;
  }

  bind(options: BindOptions, handler: DatagramHandler): Promise<DatagramSocket> {
    const local = { host: options.host, port: options.port === undefined || options.port === 0 ? this.#freePort(options.host) : options.port };
    const key = formatAddress(local);
    if (this.#sockets.has(key)) {
      return Promise.reject(Object.assign(new Error(`bind EADDRINUSE ${key}`), { code: "EADDRINUSE" }));
    }
    const socket = new SimulatedSocket(this, local, options.connect, handler, options.receiveBuffer);
    this.#sockets.set(key, socket);
    return Promise.resolve(socket);
  }

  /** Sees every datagram before the impairments, newest interceptor first. Returns what removes it again. */
  intercept(interceptor: Interceptor): () => void {
    this.#interceptors.add(interceptor);
    return () => this.#interceptors.delete(interceptor);
  }

  /** Loses what `separates` says, silently. Returns what heals it. */
  partition(separates: (from: Address, to: Address) => boolean): () => void {
    this.#partitions.add(separates);
    return () => this.#partitions.delete(separates);
  }

  /** @internal */
  transmit(datagram: DatagramInFlight, sender: SimulatedSocket): void {
    this.counters.sent++;
    this.#pass([...this.#interceptors].reverse(), datagram, sender);
  }

  /** @internal */
  arrive(datagram: DatagramInFlight, sender: SimulatedSocket): void {
    const socket = this.#sockets.get(formatAddress(datagram.to));
    const accepts = socket?.remote === undefined || (socket.remote.host === datagram.from.host && socket.remote.port === datagram.from.port);
    if (socket !== undefined && accepts) {
      this.counters.delivered++;
      socket.handler.onDatagram(Buffer.from(datagram.bytes), datagram.from);
      return;
    }
    this.counters.unreachable++;
    // As ICMP port unreachable: only a connected socket hears of it.
    if (sender.open && sender.remote !== undefined) {
      sender.handler.onSocketError(Object.assign(new Error(`recvmsg ECONNREFUSED ${formatAddress(datagram.to)}`), { code: "ECONNREFUSED" }));
    }
  }

  /** @internal */
  unbind(socket: SimulatedSocket): void {
    const key = formatAddress(socket.local);
    if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
  }

  #freePort(host: string): number {
    while (this.#sockets.has(formatAddress({ host, port: this.#nextPort }))) this.#nextPort = this.#nextPort === 65_535 ? 1_024 : this.#nextPort + 1;
    const port = this.#nextPort;
    this.#nextPort = port === 65_535 ? 1_024 : port + 1;
    return port;
  }

  #pass(interceptors: readonly Interceptor[], datagram: DatagramInFlight, sender: SimulatedSocket): void {
    const [first, ...rest] = interceptors;
    if (first === undefined) {
      this.#impair(datagram, sender);
      return;
    }
    first(datagram, (bytes) => this.#pass(rest, bytes === undefined ? datagram : { ...datagram, bytes: Buffer.from(bytes) }, sender));
  }

  #impair(datagram: DatagramInFlight, sender: SimulatedSocket): void {
    const { loss = 0, duplicate = 0 } = this.impairment;
    for (const separates of this.#partitions) {
      if (!separates(datagram.from, datagram.to)) continue;
      this.counters.lost++;
      return;
    }
    if (loss > 0 && this.random.next() < loss) {
      this.counters.lost++;
      return;
    }
    this.#deliver(datagram, sender);
    if (duplicate > 0 && this.random.next() < duplicate) {
      this.counters.duplicated++;
      this.#deliver(datagram, sender);
    }
  }

  #deliver(datagram: DatagramInFlight, sender: SimulatedSocket): void {
    const { delayMs: [min, max] = [1, 1], reorder = 0 } = this.impairment;
    const now = this.clock.now();
    const flow = `${formatAddress(datagram.from)} > ${formatAddress(datagram.to)}`;
    let at = now + min + (max > min ? this.random.next() * (max - min) : 0);
    if (reorder > 0 && this.random.next() < reorder) {
      this.counters.reordered++;
      at += Math.max(1, max) * (1 + this.random.next());
    } else {
      at = Math.max(at, this.#lastArrival.get(flow) ?? 0);
      this.#lastArrival.set(flow, at);
    }
    this.clock.start(new Arrival(this, datagram, sender), at - now);
  }
}
