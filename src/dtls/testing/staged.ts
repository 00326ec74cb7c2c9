import type { Address } from "../../ports/index.js";
import { simulatedPorts, type SimulatedPorts } from "../../ports/simulated/index.js";
import { HandshakeType } from "../codec/handshake.js";
import { readHelloVerifyRequest, type ClientHello } from "../codec/messages.js";
import { DtlsClient, DtlsServer, type ClientSettings, type CloseReason, type ClientCredential, type KeyAnswer, type PeerAnswer, type PeerClaim, type ServerSession, type ServerSettings, type SessionInfo } from "../index.js";
import { helloOf, helloRecord, messagesIn } from "./handmade.js";
import { credential, serverAddress } from "./pair.js";

export const clientAddress: Address = { host: "10.0.0.1", port: 40_000 };

/** A server without a network: the test hands it datagrams and sees what it sends. */
export class StagedServer {
  readonly ports: SimulatedPorts;
  readonly server: DtlsServer<string>;
  readonly sent: Buffer[] = [];
  readonly sessions: ServerSession<string>[] = [];
  readonly received: string[] = [];
  readonly closed: CloseReason[] = [];
  readonly keyLog: string[] = [];
  readonly failed: { readonly reason: CloseReason; readonly identity: string | undefined }[] = [];
  mayResume = true;
  /** Who has shown what, and what is to be done about it. */
  readonly claims: PeerClaim[] = [];
  findPeer: (claim: PeerClaim) => PeerAnswer<string> | Promise<PeerAnswer<string>> = ({ mode }) => ({ context: mode });
  findKey: (identity: string) => KeyAnswer<string> | Promise<KeyAnswer<string>> = (identity) => ({ key: credential.key, context: identity });

  constructor(settings: ServerSettings = {}, ports = simulatedPorts(1)) {
    this.ports = ports;
    this.server = new DtlsServer<string>(
      ports,
      (datagram) => this.sent.push(Buffer.from(datagram)),
      {
        findKey: (identity) => this.findKey(identity.toString()),
        findPeer: (claim) => {
          this.claims.push(claim);
          return this.findPeer(claim);
        },
        mayResume: () => this.mayResume,
        onSession: (session) => this.sessions.push(session),
        onData: (_session, plaintext) => this.received.push(plaintext.toString()),
        onClosed: (_session, reason) => this.closed.push(reason),
        onFailed: (_from, reason, identity) => this.failed.push({ reason, identity: identity?.bytes.toString() }),
      },
      { keyLog: (line) => this.keyLog.push(line), ...settings },
    );
  }

  /** What it sends in answer to these datagrams. */
  hear(datagrams: Buffer | readonly Buffer[], from = clientAddress): readonly Buffer[] {
    const before = this.sent.length;
    for (const datagram of Buffer.isBuffer(datagrams) ? [datagrams] : datagrams) this.server.receive(Buffer.from(datagram), from);
    return this.sent.slice(before);
  }

  /** Fetches a cookie for the hello; nothing else happens. */
  withCookie(hello: ClientHello, from = clientAddress): ClientHello {
    const [request] = messagesIn(...this.hear(helloRecord(hello), from));
    if (request?.type !== HandshakeType.helloVerifyRequest) throw new Error("no cookie was offered");
    return { ...hello, cookie: readHelloVerifyRequest(request.body).cookie };
  }

  /** Its answer to this ClientHello when it comes with a good cookie. */
  greet(over: Partial<ClientHello> = {}, numbers: { readonly messageSeq?: number; readonly sequence?: number } = {}, from = clientAddress): readonly Buffer[] {
    return this.hear(helloRecord(this.withCookie(helloOf(over), from), numbers.messageSeq ?? 1, numbers.sequence ?? 1), from);
  }
}

/** A client without a network. */
export class StagedClient {
  readonly ports: SimulatedPorts;
  readonly client: DtlsClient;
  readonly sent: Buffer[] = [];
  readonly received: string[] = [];
  readonly closed: CloseReason[] = [];
  connectedAs: SessionInfo | undefined = undefined;

  constructor(settings: ClientSettings = {}, ports = simulatedPorts(1), with_: ClientCredential = credential) {
    this.ports = ports;
    this.client = new DtlsClient(
      ports,
      (datagram) => this.sent.push(Buffer.from(datagram)),
      serverAddress,
      with_,
      {
        onConnected: (session) => {
          this.connectedAs = session;
        },
        onData: (plaintext) => this.received.push(plaintext.toString()),
        onClosed: (reason) => this.closed.push(reason),
      },
      settings,
    );
  }

  /** Its first ClientHello. */
  start(): readonly Buffer[] {
    this.client.connect();
    return [...this.sent];
  }

  hear(datagrams: Buffer | readonly Buffer[]): readonly Buffer[] {
    const before = this.sent.length;
    for (const datagram of Buffer.isBuffer(datagrams) ? [datagrams] : datagrams) this.client.receive(Buffer.from(datagram));
    return this.sent.slice(before);
  }
}

interface Hearer {
  hear(datagrams: readonly Buffer[]): readonly Buffer[];
}

/** Carries datagrams from `a` to `b` and back until neither says anything, as many times as `turns` allows. Returns what was under way when it stopped. */
export function converse(a: Hearer, b: Hearer, toB: readonly Buffer[], turns = 20): readonly Buffer[] {
  let underWay = toB;
  for (let turn = 0; turn < turns && underWay.length > 0; turn++) underWay = (turn % 2 === 0 ? b : a).hear(underWay);
  return underWay;
}

/** Both ends of a finished handshake, on one virtual clock, without a network. */
export function connected(settings: { readonly client?: ClientSettings; readonly server?: ServerSettings; readonly credential?: ClientCredential } = {}): { readonly client: StagedClient; readonly server: StagedServer } {
  const server = new StagedServer(settings.server);
  const client = new StagedClient(settings.client, server.ports, settings.credential);
  converse(client, server, client.start());
  if (client.connectedAs === undefined || server.sessions.length !== 1) throw new Error("no handshake");
  return { client, server };
}
