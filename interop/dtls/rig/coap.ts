import { Codes, labTransmission, type IncomingRequest, type Observer, type Peer, type Response } from "../../../src/coap/index.js";
import type { ClientCredential, CloseReason, DtlsSettings, PeerAnswer, PeerClaim, Resumption, ServerSession, ServerSettings, SessionInfo } from "../../../src/dtls/index.js";
import type { Address } from "../../../src/ports/index.js";
import { secureEndpoint, serverEndpoint, type RecordTap, type SecureEndpoint, type ServerEndpoint } from "../../../src/transport/index.js";
import { nowOnTheWire, recordedWire, type Tapped } from "../../evidence.js";
import { eventually } from "../../process.js";
import { IDENTITY, KEY } from "./keys.js";
import { LOOPBACK, ports } from "./ours.js";

/** 10 KiB that tell where they belong; the servers of our peers have the same. */
export const LARGE = Buffer.from(Array.from({ length: 10_240 }, (_, i) => 32 + (i % 90)));

export const text = (payload: Uint8Array | undefined): string => Buffer.from(payload ?? []).toString();

function recorder(local: Address): { readonly wire: Tapped[]; readonly tap: RecordTap } {
  const wire = recordedWire();
  const tap: RecordTap = {
    onRecords: (direction, datagram, peer) => {
      const [from, to] = direction === "in" ? [peer, local] : [local, peer];
      wire.push({ at: nowOnTheWire(), from, to, payload: Buffer.from(datagram) });
    },
    onSession: () => {},
  };
  return { wire, tap };
}

export interface OurCoapServer {
  readonly port: number;
  readonly endpoint: ServerEndpoint<string>;
  readonly requests: readonly IncomingRequest[];
  readonly observers: readonly Observer[];
  readonly sessions: readonly ServerSession<string>[];
  readonly ends: readonly CloseReason[];
  readonly failures: readonly CloseReason[];
  readonly wire: readonly Tapped[];
  close(): Promise<void>;
}

/** GET /hello says who asks, GET /large gives 10 KiB, PUT /sink says how much it got, /observed is observable, the rest is 4.04. */
function answer(request: IncomingRequest, observers: Observer[]): void {
  const path = request.path.join("/");
  if (path === "observed" && request.observe === 0) observers.push(request.observed({ code: Codes.Content, payload: Buffer.from("state 0\n") }, () => {}));
  else if (path === "observed") request.respond({ code: Codes.Content, payload: Buffer.from("no more\n") });
  else if (path === "hello") request.respond({ code: Codes.Content, contentFormat: 0, payload: Buffer.from(`hello ${request.peer.identity?.name ?? "nobody"}`) });
  else if (path === "large") request.respond({ code: Codes.Content, contentFormat: 0, payload: LARGE });
  else if (path === "sink") request.respond({ code: Codes.Changed, payload: Buffer.from(`${request.payload.length}`) });
  else request.respond({ code: Codes.NotFound });
}

export interface OurCoapServerOptions extends ServerSettings {
  /** Who comes in with a raw public key or a certificate. */
  readonly findPeer?: (claim: PeerClaim) => PeerAnswer<string>;
}

/** Our CoAP server on a DTLS port alone, with one PSK identity. */
export async function ourCoapServer(options: OurCoapServerOptions = {}, onRequest?: (request: IncomingRequest) => void): Promise<OurCoapServer> {
  const { findPeer, ...settings } = options;
  const requests: IncomingRequest[] = [];
  const observers: Observer[] = [];
  const sessions: ServerSession<string>[] = [];
  const ends: CloseReason[] = [];
  const failures: CloseReason[] = [];
  const directory = {
    findKey: (identity: Buffer) => (identity.toString() === IDENTITY ? { key: KEY, context: IDENTITY } : { refuse: "silence" as const }),
    ...(findPeer === undefined ? {} : { findPeer }),
    mayResume: () => true,
    onSession: (_: Peer, session: ServerSession<string>) => void sessions.push(session),
    onSessionEnd: (_: Peer, reason: CloseReason) => void ends.push(reason),
    onHandshakeFailed: (_: Address, reason: CloseReason) => void failures.push(reason),
  };
  const endpoint = await serverEndpoint<string>(
    ports,
    { coaps: { host: LOOPBACK, port: 0, directory, settings }, transmission: labTransmission },
    {
      onRequest: (request) => {
        requests.push(request);
        if (onRequest === undefined) answer(request, observers);
        else onRequest(request);
      },
    },
  );
  const { wire, tap } = recorder(endpoint.local);
  endpoint.recordTap = tap;
  return { port: endpoint.local.port, endpoint, requests, observers, sessions, ends, failures, wire, close: () => endpoint.close() };
}

export interface OurCoapClient {
  readonly endpoint: SecureEndpoint;
  readonly peer: Peer;
  readonly info: SessionInfo;
  readonly wire: readonly Tapped[];
  get(path: string): Promise<Response>;
  put(path: string, payload: Uint8Array): Promise<Response>;
  close(): Promise<void>;
}

export interface OurCoapClientOptions extends DtlsSettings {
  readonly identity?: string;
  /** In place of the identity with its key. */
  readonly credential?: ClientCredential;
  readonly resume?: Resumption | undefined;
}

/** Our CoAP client in a session with a server; rejects when there is none. */
export async function ourCoapClient(port: number, options: OurCoapClientOptions = {}): Promise<OurCoapClient> {
  const { identity = IDENTITY, credential = { identity: Buffer.from(identity), key: KEY }, resume, ...settings } = options;
  const connect = { host: LOOPBACK, port };
  const sessions: SessionInfo[] = [];
  const endpoint = await secureEndpoint(
    ports,
    {
      host: LOOPBACK,
      connect,
      credential,
      settings: { retransmission: { initialMs: 300, giveUpMs: 8_000 }, ...settings },
      resume,
      transmission: labTransmission,
    },
    { onRequest: (request) => request.respond({ code: Codes.NotFound }) },
    { onSession: (info) => void sessions.push(info), onSessionEnd: () => {} },
  );
  const { wire, tap } = recorder(endpoint.local);
  endpoint.recordTap = tap;
  const peer = endpoint.peer(connect);
  endpoint.connect();
  const info = await eventually(10_000, () => sessions[0] ?? (endpoint.lastEnd === undefined ? undefined : "failed"));
  if (info === undefined || info === "failed") {
    await endpoint.close();
    throw new Error(`the handshake came to nothing: ${JSON.stringify(endpoint.lastEnd)}`);
  }
  const close = async (): Promise<void> => {
    endpoint.disconnect();
    await endpoint.close();
  };
  const parts = (path: string): string[] => path.split("/").filter((part) => part !== "");
  return {
    endpoint,
    peer,
    info,
    wire,
    get: (path) => endpoint.request(peer, { code: Codes.GET, path: parts(path) }),
    put: (path, payload) => endpoint.request(peer, { code: Codes.PUT, path: parts(path), contentFormat: 0, payload }),
    close,
  };
}
