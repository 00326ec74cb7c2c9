import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, type ObserveReadStream, type OutgoingMessage, type Server } from "coap";

export interface Heard {
  /** `POST /bs?ep=a`. */
  readonly what: string;
  readonly payload: string;
  /** `127.0.0.1:40001`. */
  readonly from: string;
}

export interface Answered {
  readonly code: string;
  readonly format: unknown;
  readonly payload: Buffer;
}

export interface Asked {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: string;
  readonly accept?: number;
  readonly format?: number;
  readonly payload?: Buffer;
  readonly observe?: boolean;
}

/** Waits for something that is bound to come. */
export async function eventually<T>(probe: () => T | Promise<T>, wanted: (value: T) => boolean = Boolean, withinMs = 5_000): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const value = await probe();
    if (wanted(value)) return value;
    if (performance.now() > until) throw new Error(`not so after ${withinMs} ms: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A CoAP endpoint on one port of node-coap, both client and server, that records what it hears. */
class ScriptedServer {
  readonly heard: Heard[] = [];
  /** In place of the usual answer. */
  answer: (what: string) => string | undefined = () => undefined;
  readonly #socket: Socket;
  readonly #server: Server;
  readonly #agent: Agent;

  protected constructor(socket: Socket, usual: (self: ScriptedServer, request: IncomingMessage, response: OutgoingMessage) => void) {
    this.#socket = socket;
    this.#server = createServer((request, response) => {
      const what = `${request.method} ${request.url}`;
      this.heard.push({ what, payload: request.payload.toString(), from: `${request.rsinfo.address}:${request.rsinfo.port}` });
      const code = this.answer(what);
      if (code === undefined) {
        usual(this, request, response);
        return;
      }
      response.statusCode = code;
      response.end();
    });
    this.#agent = new Agent({ socket });
    this.#server.listen(socket);
  }

  static async bound(): Promise<Socket> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return socket;
  }

  get uri(): string {
    return `coap://127.0.0.1:${this.#socket.address().port}`;
  }

  /** What was heard, as one list of `POST /rd` and the like. */
  get requests(): readonly string[] {
    return this.heard.map(({ what }) => what);
  }

  #send(to: string, asked: Asked): OutgoingMessage {
    const [host = "", port = ""] = to.split(":");
    const { method = "GET", path, query, accept, format, observe } = asked;
    return this.#agent.request({
      host,
      port: Number(port),
      method,
      pathname: path,
      ...(query === undefined ? {} : { query }),
      ...(accept === undefined ? {} : { accept }),
      ...(format === undefined ? {} : { contentFormat: format }),
      ...(observe === undefined ? {} : { observe }),
    });
  }

  async ask(to: string, asked: Asked): Promise<Answered> {
    const request = this.#send(to, asked);
    const response = once(request, "response") as Promise<[IncomingMessage]>;
    request.end(asked.payload);
    const [{ code, headers, payload }] = await response;
    return { code, format: headers["Content-Format"], payload };
  }

  /** The contents of an observation as they come, the first included. `reset`: the next notification is answered with RST. */
  async observe(to: string, path: string): Promise<{ readonly contents: readonly string[]; cancel(how: "deregister" | "reset"): void }> {
    const request = this.#send(to, { path, observe: true });
    const response = once(request, "response") as Promise<[ObserveReadStream]>;
    request.end();
    const [stream] = await response;
    const contents: string[] = [];
    stream.on("data", (chunk: Buffer) => contents.push(chunk.toString()));
    return { contents, cancel: (how) => stream.close(how === "deregister") };
  }

  async close(): Promise<void> {
    this.#server.close();
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }
}

/** A LwM2M Server that takes every registration. */
export class ScriptedLwM2mServer extends ScriptedServer {
  #registrations = 0;

  static async start(): Promise<ScriptedLwM2mServer> {
    return new ScriptedLwM2mServer(await ScriptedServer.bound());
  }

  private constructor(socket: Socket) {
    super(socket, (_self, request, response) => {
      if (request.method === "POST" && request.url.startsWith("/rd?")) {
        response.statusCode = "2.01";
        response.setOption("Location-Path", [Buffer.from("rd"), Buffer.from(`r${++this.#registrations}`)]);
      } else {
        response.statusCode = request.method === "DELETE" ? "2.02" : "2.04";
      }
      response.end();
    });
  }

  /** Where the newest registration came from. */
  get device(): string {
    return this.heard.findLast(({ what }) => what.startsWith("POST /rd?"))?.from ?? "";
  }

  get registers(): readonly Heard[] {
    return this.heard.filter(({ what }) => what.startsWith("POST /rd?"));
  }
}

/** A Bootstrap Server that carries out its script after each Bootstrap-Request. */
export class ScriptedBootstrapServer extends ScriptedServer {
  /** What each session asks of the device, in order; `Finish` is one of them. */
  script: readonly Asked[] = [];
  /** Answers of the device, session by session. */
  readonly sessions: Answered[][] = [];

  static async start(): Promise<ScriptedBootstrapServer> {
    return new ScriptedBootstrapServer(await ScriptedServer.bound());
  }

  private constructor(socket: Socket) {
    super(socket, (_self, request, response) => {
      response.statusCode = "2.04";
      response.end();
      void this.#session(`${request.rsinfo.address}:${request.rsinfo.port}`);
    });
  }

  async #session(device: string): Promise<void> {
    const answers: Answered[] = [];
    this.sessions.push(answers);
    for (const step of this.script) answers.push(await this.ask(device, step));
  }

  /** Answer codes of the newest session once it has this many. */
  codes(count: number): Promise<readonly string[]> {
    return eventually(
      () => this.sessions.at(-1)?.map(({ code }) => code) ?? [],
      (codes) => codes.length >= count,
    );
  }
}

export const finish: Asked = { method: "POST", path: "/bs" };
export const discover: Asked = { path: "/", accept: 40 };
