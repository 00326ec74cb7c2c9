import { Socket } from "node:dgram";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { EventEmitter } from "node:events";

export interface Credential {
  readonly identity: Buffer;
  readonly key: Buffer;
}

/** The client of node-dtls-client, as far as it is used here. */
interface DtlsSocket extends EventEmitter {
  send(data: Buffer): void;
  close(): void;
  /** Ends without a word. */
  killConnection(): void;
}

/** The package keeps its UDP socket to itself. */
const udpOf = (socket: DtlsSocket): Socket | undefined => {
  const udp: unknown = Reflect.get(socket, "udp");
  return udp instanceof Socket ? udp : undefined;
};

interface DtlsOptions {
  readonly type: "udp4";
  readonly address: string;
  readonly port: number;
  readonly psk: Readonly<Record<string, string>>;
  readonly timeout: number;
  readonly ciphers: readonly string[];
}

export type CreateDtlsSocket = (options: DtlsOptions) => DtlsSocket;

const isModule = (value: unknown): value is { readonly dtls: { readonly createSocket: CreateDtlsSocket } } =>
  typeof value === "object" && value !== null && "dtls" in value && typeof value.dtls === "object" && value.dtls !== null && "createSocket" in value.dtls && typeof value.dtls.createSocket === "function";

/** The package as it is installed in a folder; throws when it is not. */
export function dtlsIn(folder: string): CreateDtlsSocket {
  const required: unknown = createRequire(join(folder, "package.json"))("node-dtls-client");
  if (!isModule(required)) throw new Error("node-dtls-client has no createSocket");
  return required.dtls.createSocket;
}

export type SessionState = "none" | "handshaking" | "connected";

export interface SessionWatcher {
  /** What goes out in it, when it does. */
  sent(bytes: Buffer): void;
  /** What came in it. */
  message(bytes: Buffer): void;
  /** `full`: a session; `timeout`, `alert-received`: none. `reason` is the package's. */
  moved(from: SessionState, to: SessionState, input: string, reason?: string): void;
}

/** What waits for a handshake; more is dropped, as a network would. */
const mostWaiting = 8;

/** DTLS with one server under one credential: a handshake when something is to be sent and there is no session. */
export class SecuredSession {
  state: SessionState = "none";
  #socket: DtlsSocket | undefined;
  #waiting: Buffer[] = [];

  constructor(
    private readonly create: CreateDtlsSocket,
    private readonly server: { readonly host: string; readonly port: number },
    readonly credential: Credential,
    private readonly handshakeMs: number,
    private readonly watcher: SessionWatcher,
  ) {}

  /** Its own address, `127.0.0.1:49152`, while there is a session. */
  local: string | undefined;

  send(bytes: Buffer): void {
    if (this.state === "connected") {
      this.watcher.sent(bytes);
      this.#socket?.send(bytes);
      return;
    }
    if (this.#waiting.length < mostWaiting) this.#waiting.push(Buffer.from(bytes));
    if (this.state === "none") this.#connect();
  }

  #connect(): void {
    const { host, port } = this.server;
    const { identity, key } = this.credential;
    // The package takes both as text, one byte a character.
    const socket = this.create({ type: "udp4", address: host, port, psk: { [identity.toString("latin1")]: key.toString("latin1") }, timeout: this.handshakeMs, ciphers: ["TLS_PSK_WITH_AES_128_CCM_8"] });
    this.#socket = socket;
    this.#move("handshaking", "connect");
    socket.on("connected", () => {
      if (this.#socket !== socket) return;
      // Bound to any address, it is seen under the one that the server is reached by.
      this.local = `${host}:${udpOf(socket)?.address().port ?? 0}`;
      this.#move("connected", "full");
      for (const bytes of this.#waiting.splice(0)) this.send(bytes);
    });
    socket.on("message", (bytes: Buffer) => {
      if (this.#socket === socket) this.watcher.message(bytes);
    });
    socket.on("close", () => this.#ended(socket, "closed"));
    socket.on("error", (error: Error) => this.#ended(socket, /timed out/.test(error.message) ? "timeout" : /fatal alert/.test(error.message) ? "alert-received" : "failed", error.message));
  }

  #ended(socket: DtlsSocket, input: string, reason?: string): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#waiting = [];
    this.#move("none", input, reason);
  }

  #move(to: SessionState, input: string, reason?: string): void {
    const from = this.state;
    this.state = to;
    this.watcher.moved(from, to, input, reason);
  }

  /** `quietly`: without close_notify, as at a loss of power. */
  close(quietly: boolean): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#waiting = [];
    const connected = this.state === "connected";
    if (this.state !== "none") this.#move("none", "closed");
    if (socket === undefined) return;
    if (connected && !quietly) socket.close();
    else socket.killConnection();
  }
}

export const sameCredential = (a: Credential, b: Credential): boolean => a.identity.equals(b.identity) && a.key.equals(b.key);
