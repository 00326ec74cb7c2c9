import { DtlsClient, DtlsServer, type ClientCredential, type ClientSettings, type CloseReason, type DtlsCounters, type PeerAnswer, type PeerClaim, type ServerCounters, type ServerSession, type ServerSettings, type SessionInfo } from "../../../src/dtls/index.js";
import { realPorts } from "../../../src/ports/real/index.js";
import type { Address, DatagramSocket } from "../../../src/ports/index.js";
import { nowOnTheWire, recordedWire, type Tapped } from "../../evidence.js";
import { eventually } from "../../process.js";
import { IDENTITY, KEY } from "./keys.js";

export const ports = realPorts("dtls-interop");
export const LOOPBACK = "127.0.0.1";

/** Makes a handshake hard: of the datagrams of our flights the first is lost and the second comes through, `copies` times, and so on for `flights`; what follows passes. */
export function lossy(flights: number, copies: 1 | 2): { readonly alterDatagram: (datagram: Uint8Array) => readonly Uint8Array[] } {
  let sent = 0;
  return {
    alterDatagram: (datagram) => {
      if (sent >= 2 * flights) return [datagram];
      return sent++ % 2 === 0 ? [] : Array.from({ length: copies }, () => datagram);
    },
  };
}

/** What the peer sees in return for what it sent. */
export const echoOf = (text: string): string => `echo: ${text}`;

export interface OurServer {
  readonly port: number;
  readonly counters: Readonly<ServerCounters>;
  readonly wire: readonly Tapped[];
  /** Finished handshakes, in order. */
  readonly sessions: readonly ServerSession<string>[];
  readonly received: readonly string[];
  readonly ends: readonly CloseReason[];
  readonly failures: readonly CloseReason[];
  close(): Promise<void>;
}

export interface OurServerOptions extends ServerSettings {
  readonly identity?: string;
  /** Who comes in with a raw public key or a certificate. */
  readonly findPeer?: (claim: PeerClaim) => PeerAnswer<string>;
  readonly onData?: (session: ServerSession<string>, plaintext: Buffer) => void;
}

/** Our DTLS server on a socket of its own. It knows one identity with its key, and gives back every message, or hands it to `onData`. */
export async function ourServer(options: OurServerOptions = {}): Promise<OurServer> {
  const { identity = IDENTITY, findPeer, onData, ...settings } = options;
  const wire = recordedWire();
  const sessions: ServerSession<string>[] = [];
  const received: string[] = [];
  const ends: CloseReason[] = [];
  const failures: CloseReason[] = [];
  const made: { server?: DtlsServer<string> } = {};
  const socket = await ports.network.bind(
    { host: LOOPBACK },
    {
      onDatagram: (datagram, from) => {
        wire.push({ at: nowOnTheWire(), from, to: socket.local, payload: Buffer.from(datagram) });
        made.server?.receive(datagram, from);
      },
      onSocketError: () => {},
    },
  );
  const send = (datagram: Uint8Array, to: Address): void => {
    wire.push({ at: nowOnTheWire(), from: socket.local, to, payload: Buffer.from(datagram) });
    socket.send(datagram, to);
  };
  const server = new DtlsServer<string>(
    ports,
    send,
    {
      findKey: (asked) => (asked.toString() === identity ? { key: KEY, context: identity } : { refuse: "silence" }),
      ...(findPeer === undefined ? {} : { findPeer }),
      mayResume: () => true,
      onSession: (session) => void sessions.push(session),
      onData: (session, plaintext) => {
        received.push(plaintext.toString());
        if (onData === undefined) session.send(Buffer.from(echoOf(plaintext.toString())));
        else onData(session, plaintext);
      },
      onClosed: (_, reason) => void ends.push(reason),
      onFailed: (_, reason) => void failures.push(reason),
    },
    settings,
  );
  made.server = server;
  const close = async (): Promise<void> => {
    server.close();
    await socket.close();
  };
  return { port: socket.local.port, counters: server.counters, wire, sessions, received, ends, failures, close };
}

export interface OurClient {
  /** As it is now. */
  readonly localPort: number;
  readonly info: SessionInfo;
  readonly counters: Readonly<DtlsCounters>;
  readonly wire: readonly Tapped[];
  readonly ends: readonly CloseReason[];
  send(plaintext: Uint8Array): void;
  /** The next message that has not been given yet. */
  next(): Promise<string>;
  /** Goes on from another port. */
  rebind(): Promise<void>;
  /** The session as it stands, to be gone on with by another client. */
  save(): Buffer;
  /** With close_notify; again it does nothing. */
  close(): Promise<void>;
}

export interface OurClientOptions extends ClientSettings {
  readonly identity?: string;
  /** In place of the identity with its key. */
  readonly credential?: ClientCredential;
  /** Any free one unless given. */
  readonly localPort?: number;
  /** Takes what comes in place of `next`. */
  readonly onData?: (plaintext: Buffer) => void;
}

/** Our DTLS client on a connected socket, once its handshake is finished. Rejects with why it failed. */
export async function ourClient(port: number, options: OurClientOptions = {}): Promise<OurClient> {
  const { identity = IDENTITY, credential = { identity: Buffer.from(identity), key: KEY }, localPort = 0, onData, ...settings } = options;
  const server = { host: LOOPBACK, port };
  const wire = recordedWire();
  const ends: CloseReason[] = [];
  const waiting: string[] = [];
  const made: { client?: DtlsClient } = {};
  const bind = (port: number): Promise<DatagramSocket> =>
    ports.network.bind(
      { host: LOOPBACK, port, connect: server },
      {
        onDatagram: (datagram, from) => {
          wire.push({ at: nowOnTheWire(), from, to: socket.local, payload: Buffer.from(datagram) });
          made.client?.receive(datagram);
        },
        onSocketError: () => {},
      },
    );
  let socket = await bind(localPort);
  const send = (datagram: Uint8Array): void => {
    wire.push({ at: nowOnTheWire(), from: socket.local, to: server, payload: Buffer.from(datagram) });
    socket.send(datagram);
  };
  let connected: (info: SessionInfo) => void = () => {};
  let failed: (error: Error) => void = () => {};
  const handshake = new Promise<SessionInfo>((resolve, reject) => {
    connected = resolve;
    failed = reject;
  });
  const client = new DtlsClient(
    ports,
    send,
    server,
    credential,
    {
      onConnected: (info) => connected(info),
      onData: (plaintext) => (onData === undefined ? void waiting.push(plaintext.toString()) : onData(plaintext)),
      onClosed: (reason) => {
        ends.push(reason);
        failed(new Error(`the handshake came to nothing: ${JSON.stringify(reason)}`));
      },
    },
    { retransmission: { initialMs: 300, giveUpMs: 8_000 }, ...settings },
  );
  made.client = client;
  client.connect();
  const info = await handshake.catch(async (error: unknown) => {
    await socket.close();
    throw error;
  });
  const next = async (): Promise<string> => {
    const message = await eventually(5_000, () => waiting.shift());
    if (message === undefined) throw new Error("nothing came");
    return message;
  };
  const rebind = async (): Promise<void> => {
    const before = socket;
    socket = await bind(0);
    await before.close();
  };
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    client.close();
    await socket.close();
  };
  return {
    get localPort() {
      return socket.local.port;
    },
    info,
    counters: client.counters,
    wire,
    ends,
    send: (plaintext) => client.send(plaintext),
    next,
    rebind,
    save: () => client.save(),
    close,
  };
}

/** The first finished handshake, or the `index`-th. */
export async function sessionOf(server: OurServer, index = 0): Promise<SessionInfo> {
  const session = await eventually(10_000, () => server.sessions[index]);
  if (session === undefined) throw new Error(`there was no session ${index}; failures: ${JSON.stringify(server.failures)}`);
  return session.info;
}
