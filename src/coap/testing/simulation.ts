import type { Address, DatagramSocket } from "../../ports/index.js";
import { simulatedPorts, type Impairment, type SimulatedPorts } from "../../ports/simulated/index.js";
import { udpEndpoint, type UdpEndpoint } from "../../transport/index.js";
import { Codes, decode, encode, rfcTransmission, Type, type EndpointLimits, type IncomingRequest, type Message, type Option, type Peer, type Response, type TransmissionParameters } from "../index.js";

export const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

/** The RFC's parameters without chance in the first timeout. */
export const exact: TransmissionParameters = { ...rfcTransmission, ackRandomFactor: 1 };

export interface Setup {
  readonly seed?: number | string;
  readonly impairment?: Impairment;
  readonly transmission?: TransmissionParameters;
  readonly clientLimits?: Partial<EndpointLimits>;
  readonly serverLimits?: Partial<EndpointLimits>;
}

/** A client and a server endpoint on one simulated network. */
export interface Pair {
  readonly ports: SimulatedPorts;
  readonly client: UdpEndpoint;
  readonly server: UdpEndpoint;
  /** The server as the client sees it. */
  readonly peer: Peer;
  /** Requests the server's handler got. */
  readonly requests: IncomingRequest[];
}

export async function pair(onRequest: (request: IncomingRequest) => void, setup: Setup = {}): Promise<Pair> {
  const ports = simulatedPorts(setup.seed ?? 1, setup.impairment);
  const transmission = setup.transmission ?? exact;
  const requests: IncomingRequest[] = [];
  const server = await udpEndpoint(ports, { host: "10.0.0.2", port: 5683, transmission, ...(setup.serverLimits === undefined ? {} : { limits: setup.serverLimits }) }, {
    onRequest: (request) => {
      requests.push(request);
      onRequest(request);
    },
  });
  const client = await udpEndpoint(
    ports,
    { host: "10.0.0.1", connect: server.local, transmission, ...(setup.clientLimits === undefined ? {} : { limits: setup.clientLimits }) },
    { onRequest: (request) => request.respond({ code: Codes.NotFound }) },
  );
  return { ports, client, server, peer: client.peer(server.local), requests };
}

/** A peer that says exactly what the test says, and keeps all it hears with the time. */
export class Lockstep {
  private constructor(
    readonly ports: SimulatedPorts,
    readonly socket: DatagramSocket,
    readonly other: Address,
    readonly heard: (Message & { readonly at: number })[],
  ) {}

  static async at(ports: SimulatedPorts, local: Address, other: Address): Promise<Lockstep> {
    const heard: Lockstep["heard"] = [];
    const socket = await ports.network.bind(local, { onDatagram: (datagram) => heard.push({ ...decode(datagram), at: ports.clock.now() }), onSocketError: () => {} });
    return new Lockstep(ports, socket, other, heard);
  }

  /** Sends and lets it arrive. */
  async say(message: Partial<Message> | Buffer): Promise<void> {
    const bytes = Buffer.isBuffer(message) ? message : encode({ type: Type.CON, code: Codes.GET, messageId: 1, token: Buffer.alloc(0), options: [], payload: Buffer.alloc(0), ...message });
    this.socket.send(bytes, this.other);
    await this.ports.clock.advance(5);
  }

  get last(): Message & { readonly at: number } {
    const last = this.heard.at(-1);
    if (last === undefined) throw new Error("nothing was heard");
    return last;
  }

  option(number: number): Option | undefined {
    return this.last.options.find((option) => option.number === number);
  }
}

/** A lockstep peer at 10.0.0.9:5683 and the endpoint under test at 10.0.0.1, connected to nothing. */
export async function alone(onRequest: (request: IncomingRequest) => void, setup: Setup = {}): Promise<{ ports: SimulatedPorts; endpoint: UdpEndpoint; lockstep: Lockstep; peer: Peer }> {
  const ports = simulatedPorts(setup.seed ?? 1, setup.impairment);
  const endpoint = await udpEndpoint(
    ports,
    { host: "10.0.0.1", port: 5683, transmission: setup.transmission ?? exact, ...(setup.serverLimits === undefined ? {} : { limits: setup.serverLimits }) },
    { onRequest },
  );
  const lockstep = await Lockstep.at(ports, { host: "10.0.0.9", port: 5683 }, endpoint.local);
  return { ports, endpoint, lockstep, peer: endpoint.peer(lockstep.socket.local) };
}

/** What became of a request: its response, or the reason there is none. */
export class Outcome {
  response: Response | undefined;
  failure: string | undefined;
  at: number | undefined;

  constructor(readonly ports: SimulatedPorts) {}

  onResponse(response: Response): void {
    if (this.at !== undefined) throw new Error("a second outcome");
    this.response = response;
    this.at = this.ports.clock.now();
  }

  onFailure(reason: string): void {
    if (this.at !== undefined) throw new Error("a second outcome");
    this.failure = reason;
    this.at = this.ports.clock.now();
  }
}
