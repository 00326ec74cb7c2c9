import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { Agent, createServer, parameters, updateTiming, type IncomingMessage, type ObserveWriteStream, type OutgoingMessage, type Server } from "coap";
import type { Answer } from "./answers.js";
import { SecuredSession, sameCredential, type CreateDtlsSocket, type Credential, type SessionWatcher } from "./secured-session.js";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How this stack's CoAP retransmits; milliseconds. */
export interface CoapTiming {
  readonly ackTimeoutMs: number;
  readonly ackRandomFactor: number;
  readonly maxRetransmit: number;
  /** From a request to its response, where the message layer has not given up before. */
  readonly responseTimeoutMs: number;
}

export interface OutgoingRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `/rd/1`. */
  readonly path: string;
  readonly query?: readonly string[];
  readonly contentFormat?: number;
  readonly payload?: Buffer;
}

export type Reply = { readonly code: string; readonly location: readonly string[] } | { readonly failure: "timeout" | "reset" | "unreachable" | "cancelled"; /** Another try would come to the same. */ readonly final?: boolean };

export interface Exchange {
  readonly reply: Promise<Reply>;
  /** Forgets the exchange; its reply is `cancelled`. */
  cancel(): void;
}

/** A request that reached the device. Exactly one of `respond`, `observed` and `ignore` is called, at once. */
export interface Incoming {
  /** `127.0.0.1:5683`. */
  readonly from: string;
  readonly messageId: number;
  /** Hex. */
  readonly token: string;
  readonly method: string;
  /** `/1/0/9`. */
  readonly path: string;
  readonly query: readonly string[];
  readonly observe: number | undefined;
  readonly accept: number | undefined;
  readonly contentFormat: number | undefined;
  readonly payload: Buffer;
  respond(answer: Answer): void;
  /** Answers an Observe with its first content; `ended` is called when the observer has gone. */
  observed(answer: Answer, ended: () => void): Notifier;
  ignore(): void;
}

export interface Notifier {
  notify(answer: Answer): void;
  end(): void;
}

export type Tap = (direction: "in" | "out", local: string, peer: string, bytes: Buffer) => void;

export const formatAddress = ({ host, port }: Address): string => `${host}:${port}`;

/** The address of a URI; undefined where this device cannot go (other schemes, names, IPv6). */
export function addressOf(uri: string): Address | undefined {
  if (!URL.canParse(uri)) return undefined;
  const { protocol, hostname, port } = new URL(uri);
  const host = hostname === "localhost" ? "127.0.0.1" : hostname;
  if ((protocol !== "coap:" && protocol !== "coaps:") || !/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return undefined;
  return { host, port: port !== "" ? Number(port) : protocol === "coaps:" ? 5684 : 5683 };
}

/** Alerts after which a device gives a server up until its next sequence (LwM2M Transport 1.1 §5.2.8), as node-dtls-client names them. */
const finalAlerts = /bad_certificate|unsupported_certificate|certificate_(revoked|expired|unknown)|unknown_ca|access_denied|unrecognized_name|unknown_psk_identity/;

/** A handshake may take as many acknowledgement time-outs. */
const handshakeTries = 8;

/** node-coap names the formats it knows. */
const formatNames: Readonly<Record<string, number>> = {
  "text/plain": 0,
  "application/link-format": 40,
  "application/octet-stream": 42,
  "application/vnd.oma.lwm2m+tlv": 11542,
};
/** A format that is none of ours, whatever its number. */
const unknownFormat = -1;

/** One UDP socket that is CoAP client and server at once, as a LwM2M Client needs it: node-coap's Agent and Server listen to the same one. */
export class CoapPort {
  readonly local: string;
  onRequest: (request: Incoming) => void = (request) => request.ignore();
  readonly #agent: Agent;
  readonly #server: Server;
  /** With whom. */
  readonly #open = new Map<Exchange, string>();
  readonly #secured = new Map<string, SecuredSession>();
  readonly #failures = new WeakMap<Exchange, (final: boolean) => void>();
  readonly #observed = new Set<ObserveWriteStream>();
  #closed = false;

  private constructor(
    private readonly socket: Socket,
    private readonly timing: CoapTiming,
    private readonly tap: Tap,
    private readonly dtls: CreateDtlsSocket | undefined,
  ) {
    const { address, port } = socket.address();
    this.local = `${address}:${port}`;
    this.#watch();
    this.#server = createServer();
    this.#server.on("request", (request: IncomingMessage, response: OutgoingMessage | ObserveWriteStream) => this.#requested(request, response));
    this.#server.on("error", () => {});
    this.#agent = new Agent({ socket });
    this.#agent.on("error", () => {});
    this.#server.listen(socket);
  }

  static async open(host: string, timing: CoapTiming, tap: Tap, dtls?: CreateDtlsSocket): Promise<CoapPort> {
    const socket = createSocket("udp4");
    socket.bind(0, host);
    await once(socket, "listening");
    return new CoapPort(socket, timing, tap, dtls);
  }

  /** Shows every datagram to the tap, retransmissions included, and keeps late ones from a closed socket. */
  #watch(): void {
    const { socket, local, tap } = this;
    socket.on("message", (bytes: Buffer, from: RemoteInfo) => {
      const peer = `${from.address}:${from.port}`;
      tap("in", this.#secured.get(peer)?.local ?? local, peer, bytes);
    });
    const send: unknown = Reflect.get(socket, "send");
    if (typeof send !== "function") throw new Error("a socket that cannot send");
    const watched = (bytes: Buffer, offset: number, length: number, port: number, ...rest: readonly unknown[]): void => {
      if (this.#closed) return;
      const [host] = rest;
      const peer = `${typeof host === "string" ? host : "127.0.0.1"}:${port}`;
      const datagram = bytes.subarray(offset, offset + length);
      const session = this.#secured.get(peer);
      if (session !== undefined) {
        session.send(datagram);
        const sent = rest.at(-1);
        if (typeof sent === "function") setImmediate(() => void Reflect.apply(sent, undefined, [null, length]));
        return;
      }
      tap("out", local, peer, datagram);
      Reflect.apply(send, socket, [bytes, offset, length, port, ...rest]);
    };
    Object.assign(socket, { send: watched });
  }

  /** From now on what goes to this address goes in a DTLS session under this credential. False where this stack has no DTLS. */
  secure(to: Address, credential: Credential, watch: Pick<SessionWatcher, "moved">): boolean {
    const { dtls } = this;
    if (dtls === undefined) return false;
    const peer = formatAddress(to);
    const known = this.#secured.get(peer);
    if (known !== undefined && sameCredential(known.credential, credential)) return true;
    known?.close(false);
    const session: SecuredSession = new SecuredSession(dtls, to, credential, this.timing.ackTimeoutMs * handshakeTries, {
      sent: (bytes) => this.tap("out", session.local ?? this.local, peer, bytes),
      // node-coap reads it as if it had come to its socket.
      message: (bytes) => void this.socket.emit("message", bytes, { address: to.host, port: to.port, family: "IPv4", size: bytes.length }),
      moved: (from, state, input, reason) => {
        if (this.#secured.get(peer) === session && from === "handshaking" && state === "none") this.#unreachable(peer, finalAlerts.test(reason ?? ""));
        watch.moved(from, state, input, reason);
      },
    });
    this.#secured.set(peer, session);
    return true;
  }

  /** Nothing is sent anew to where no session comes about. */
  #unreachable(peer: string, final: boolean): void {
    for (const [exchange, to] of [...this.#open]) if (to === peer) this.#failures.get(exchange)?.(final);
  }

  /** Whom a session with this address was made as; undefined where there is none. */
  securedAs(to: Address): Buffer | undefined {
    const session = this.#secured.get(formatAddress(to));
    return session?.state === "connected" ? session.credential.identity : undefined;
  }

  /** What goes there next needs another session. */
  loseSession(to: Address): void {
    this.#secured.get(formatAddress(to))?.close(true);
  }

  request(to: Address, { method, path, query = [], contentFormat, payload }: OutgoingRequest): Exchange {
    useTiming(this.timing);
    const message = this.#agent.request({
      host: to.host,
      port: to.port,
      method,
      pathname: path,
      ...(query.length === 0 ? {} : { query: query.join("&") }),
      ...(contentFormat === undefined ? {} : { contentFormat }),
    });
    const peer = formatAddress(to);
    const { promise, resolve } = withResolvers<Reply>();
    let answered = false;
    const settle = (reply: Reply): void => {
      if (!this.#open.delete(exchange)) return;
      clearTimeout(timer);
      if (!answered) this.#agent.abort(message);
      resolve(reply);
    };
    const exchange: Exchange = { reply: promise, cancel: () => settle({ failure: "cancelled" }) };
    this.#open.set(exchange, peer);
    this.#failures.set(exchange, (final) => settle({ failure: "unreachable", ...(final ? { final } : {}) }));
    const timer = setTimeout(() => settle({ failure: "timeout" }), Math.max(this.timing.responseTimeoutMs, maxTransmitWaitMs(this.timing)));
    message.on("response", (response: IncomingMessage) => {
      answered = true;
      settle(response.code === "0.00" ? { failure: "reset" } : { code: response.code, location: locationOf(response) });
    });
    message.on("error", () => settle({ failure: "unreachable" }));
    message.end(payload);
    return exchange;
  }

  #requested(request: IncomingMessage, response: OutgoingMessage | ObserveWriteStream): void {
    const cancelAck = (): void => {
      if ("_ackTimer" in response && response._ackTimer !== null) clearTimeout(response._ackTimer);
    };
    // A ping comes through here as well; the Agent has answered it.
    if (request.code === "0.00") {
      cancelAck();
      return;
    }
    const [path = "/", query = ""] = request.url.split("?");
    const { Observe: observe, Accept: accept, "Content-Format": contentFormat } = request.headers;
    this.onRequest({
      from: `${request.rsinfo.address}:${request.rsinfo.port}`,
      messageId: request._packet.messageId ?? 0,
      token: request._packet.token?.toString("hex") ?? "",
      method: request.method,
      path,
      query: query.split("&").filter((parameter) => parameter !== ""),
      observe: typeof observe === "number" ? observe : undefined,
      accept: formatOf(accept),
      contentFormat: formatOf(contentFormat),
      payload: request.payload,
      respond: (answer) => {
        const block1 = request._packet.options?.find((option) => option.name === "Block1")?.value;
        // node-coap leaves the option out of its answer to the last block (RFC 7959 §2.3).
        if (block1 !== undefined) response.setOption("Block1", block1);
        send(response, answer);
      },
      observed: (answer, ended) => this.#observe(response, answer, ended),
      ignore: cancelAck,
    });
  }

  #observe(response: OutgoingMessage | ObserveWriteStream, answer: Answer, ended: () => void): Notifier {
    if (!("_doSend" in response)) {
      send(response, answer);
      return { notify: () => {}, end: () => {} };
    }
    this.#observed.add(response);
    // node-coap ends the stream when a notification is answered with RST or with nothing.
    response.on("finish", () => {
      if (this.#observed.delete(response)) ended();
    });
    const notify = (content: Answer): void => {
      response.statusCode = content.code;
      if (content.contentFormat !== undefined) response.setOption("Content-Format", content.contentFormat);
      response.write(content.payload ?? Buffer.alloc(0));
    };
    notify(answer);
    return {
      notify,
      end: () => {
        if (this.#observed.delete(response)) response.end();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const exchange of [...this.#open.keys()]) exchange.cancel();
    for (const session of this.#secured.values()) session.close(true);
    for (const stream of this.#observed) stream.end();
    this.#observed.clear();
    this.#server.close();
    const closed = once(this.socket, "close");
    this.socket.close();
    await closed;
  }
}

function send(response: OutgoingMessage | ObserveWriteStream, { code, payload, contentFormat, location }: Answer): void {
  response.statusCode = code;
  if (contentFormat !== undefined) response.setOption("Content-Format", contentFormat);
  if (location !== undefined) response.setOption("Location-Path", location.map((segment) => Buffer.from(segment)));
  // An error to an Observe must not carry the Observe option, which a written payload would bring along.
  if ("_doSend" in response) response.end();
  else if (payload === undefined) response.end();
  else response.end(payload);
}

const formatOf = (named: unknown): number | undefined => {
  if (named === undefined) return undefined;
  return typeof named === "string" ? (formatNames[named] ?? unknownFormat) : unknownFormat;
};

function locationOf(response: IncomingMessage): string[] {
  return (response._packet.options ?? []).filter((option) => option.name === "Location-Path").map((option) => option.value.toString());
}

/** node-coap has one set of transmission parameters for the process; it reads them when a request is made. */
function useTiming({ ackTimeoutMs, ackRandomFactor, maxRetransmit }: CoapTiming): void {
  const ackTimeout = ackTimeoutMs / 1000;
  if (parameters.ackTimeout === ackTimeout && parameters.ackRandomFactor === ackRandomFactor && parameters.maxRetransmit === maxRetransmit) return;
  updateTiming({ ackTimeout, ackRandomFactor, maxRetransmit });
}

/** MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2). */
const maxTransmitWaitMs = ({ ackTimeoutMs, ackRandomFactor, maxRetransmit }: CoapTiming): number => ackTimeoutMs * (2 ** (maxRetransmit + 1) - 1) * ackRandomFactor;

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
