import type { Address, DatagramSocket } from "../../ports/index.js";
import { simulatedPorts, type Impairment, type SimulatedPorts } from "../../ports/simulated/index.js";
import { DtlsClient, DtlsServer, type ClientSettings, type CloseReason, type ClientCredential, type KeyAnswer, type PeerAnswer, type PeerClaim, type PskCredential, type ServerSession, type ServerSettings, type SessionInfo } from "../index.js";

export const credential: PskCredential = { identity: Buffer.from("device-1"), key: Buffer.from("0123456789abcdef") };
export const serverAddress: Address = { host: "10.0.0.2", port: 5684 };

/** A server on a simulated network, with everything its handler heard. */
export class TestServer {
  readonly sessions: ServerSession<string>[] = [];
  readonly received: string[] = [];
  readonly closed: CloseReason[] = [];
  readonly failed: { readonly reason: CloseReason; readonly identity: string | undefined }[] = [];
  readonly asked: string[] = [];
  mayResume = true;
  findPeer: (claim: PeerClaim) => PeerAnswer<string> | Promise<PeerAnswer<string>> = ({ mode }) => ({ context: mode });
  findKey: (identity: string) => KeyAnswer<string> | Promise<KeyAnswer<string>> = (identity) => ({ key: credential.key, context: identity });

  private constructor(
    readonly server: DtlsServer<string>,
    readonly socket: DatagramSocket,
  ) {}

  static async start(ports: SimulatedPorts, settings: ServerSettings = {}): Promise<TestServer> {
    let self: TestServer | undefined = undefined;
    const the = (): TestServer => {
      if (self === undefined) throw new Error("not started");
      return self;
    };
    const socket = await ports.network.bind(serverAddress, { onDatagram: (datagram, from) => the().server.receive(datagram, from), onSocketError: () => {} });
    const server = new DtlsServer<string>(
      ports,
      (datagram, to) => socket.send(datagram, to),
      {
        findKey: (identity) => {
          the().asked.push(identity.toString());
          return the().findKey(identity.toString());
        },
        findPeer: (claim) => the().findPeer(claim),
        mayResume: () => the().mayResume,
        onSession: (session) => the().sessions.push(session),
        onData: (session, plaintext) => {
          the().received.push(plaintext.toString());
          if (plaintext.toString().startsWith("echo ")) session.send(plaintext.subarray(5));
        },
        onClosed: (_session, reason) => the().closed.push(reason),
        onFailed: (_from, reason, identity) => the().failed.push({ reason, identity: identity?.bytes.toString() }),
      },
      settings,
    );
    self = new TestServer(server, socket);
    return self;
  }
}

export class TestClient {
  readonly received: string[] = [];
  readonly closed: CloseReason[] = [];
  connectedAs: SessionInfo | undefined = undefined;

  private constructor(
    readonly client: DtlsClient,
    readonly socket: DatagramSocket,
  ) {}

  /** Not connected yet. A `socket` of an earlier client stands for the same source port. */
  static async create(ports: SimulatedPorts, settings: ClientSettings = {}, with_: ClientCredential = credential, port?: number): Promise<TestClient> {
    let self: TestClient | undefined = undefined;
    const socket = await ports.network.bind({ host: "10.0.0.1", connect: serverAddress, ...(port === undefined ? {} : { port }) }, { onDatagram: (datagram) => self?.client.receive(datagram), onSocketError: () => {} });
    const client = new DtlsClient(
      ports,
      (datagram) => socket.send(datagram),
      serverAddress,
      with_,
      {
        onConnected: (session) => {
          if (self !== undefined) self.connectedAs = session;
        },
        onData: (plaintext) => self?.received.push(plaintext.toString()),
        onClosed: (reason) => self?.closed.push(reason),
      },
      settings,
    );
    self = new TestClient(client, socket);
    return self;
  }

  /** One that goes on with a saved session, on another socket. */
  static async restored(ports: SimulatedPorts, saved: Uint8Array, settings: ClientSettings = {}): Promise<TestClient> {
    let self: TestClient | undefined = undefined;
    const socket = await ports.network.bind({ host: "10.0.0.1", connect: serverAddress }, { onDatagram: (datagram) => self?.client.receive(datagram), onSocketError: () => {} });
    const client = DtlsClient.restore(
      ports,
      (datagram) => socket.send(datagram),
      serverAddress,
      saved,
      {
        onConnected: () => {},
        onData: (plaintext) => self?.received.push(plaintext.toString()),
        onClosed: (reason) => self?.closed.push(reason),
      },
      settings,
    );
    self = new TestClient(client, socket);
    self.connectedAs = client.session;
    return self;
  }

  get isOver(): boolean {
    return this.connectedAs !== undefined || this.closed.length > 0;
  }
}

export interface Pair {
  readonly ports: SimulatedPorts;
  readonly server: TestServer;
  readonly client: TestClient;
}

export interface Setup {
  readonly seed?: number | string;
  readonly impairment?: Impairment;
  readonly client?: ClientSettings;
  readonly server?: ServerSettings;
  readonly credential?: ClientCredential;
}

export async function pair(setup: Setup = {}): Promise<Pair> {
  const ports = simulatedPorts(setup.seed ?? 1, setup.impairment);
  const server = await TestServer.start(ports, setup.server);
  const client = await TestClient.create(ports, setup.client, setup.credential);
  return { ports, server, client };
}

/** Longer than any handshake may take with the RFC's timing. */
export const PATIENCE_MS = 300_000;

/** A pair whose handshake is over, one way or the other. */
export async function shaken(setup: Setup = {}): Promise<Pair> {
  const made = await pair(setup);
  made.client.client.connect();
  await made.ports.clock.advanceUntil(() => made.client.isOver, PATIENCE_MS);
  await made.ports.clock.advance(10);
  return made;
}
