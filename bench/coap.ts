import { fork, type ChildProcess } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { join } from "node:path";
import * as nodeCoap from "coap";

import { Codes, decode, encode, labTransmission, textOption, Type, uintOption, type Endpoint, type Message, type Request, type TransmissionParameters } from "../src/coap/index.js";
import type { Address } from "../src/ports/index.js";
import { packageRoot, realPorts } from "../src/ports/real/index.js";
import { udpEndpoint } from "../src/transport/index.js";

/** One line of the benchmark's table. `floor` is what must be reached, `aim` what is wanted; a ratio is measured side by side in one run. */
export interface CoapFigure {
  readonly id: "exchange-vs-socket" | "register-vs-node-coap" | "encode-register" | "decode-register";
  readonly value: number;
  readonly unit: string;
  readonly floor: string;
  readonly aim: string;
  readonly against: string;
}

const QUERY = ["ep=ab-fleet-00000001", "lt=300", "lwm2m=1.1", "b=U"] as const;
const LINKS = Buffer.from("</1/0>,</2/0>,</3/0>,</4/0>,</5/0>,</3303/0>,</3303/1>,</21>");
const LINK_FORMAT = 40;

const registerRequest: Request = { code: Codes.POST, path: ["rd"], query: QUERY, contentFormat: LINK_FORMAT, payload: LINKS };

const registerMessage: Message = {
  type: Type.CON,
  code: Codes.POST,
  messageId: 0x1234,
  token: Buffer.from("0a0b0c0d", "hex"),
  options: [textOption(11, "rd"), uintOption(12, LINK_FORMAT), ...QUERY.map((parameter) => textOption(15, parameter))],
  payload: LINKS,
};

/** A process of its own that answers every request, so that only the client's work is measured here. */
export async function startResponder(): Promise<{ address: Address; process: ChildProcess }> {
  const child = fork(join(packageRoot, "bench", "coap-responder.mjs"));
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => (typeof message === "number" ? resolve(message) : reject(new Error("the responder named no port"))));
    child.once("exit", (code) => reject(new Error(`the responder ended with ${code ?? "a signal"}`)));
  });
  return { address: { host: "127.0.0.1", port }, process: child };
}

/** CPU of this process, user and system, in microseconds for each of `count` exchanges. */
export async function cpuPerExchange(count: number, clients: Clients): Promise<number> {
  const before = process.cpuUsage();
  await clients.run(count);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Counts exchanges down: `take` says whether another one may start, `done` ends the run with the last. */
class Countdown {
  #left: number;
  #open: number;
  readonly finished: Promise<void>;
  #finish: () => void = () => {};

  constructor(count: number) {
    this.#left = count;
    this.#open = count;
    this.finished = new Promise((resolve) => (this.#finish = resolve));
  }

  take(): boolean {
    return this.#left-- > 0;
  }

  done(): void {
    if (--this.#open === 0) this.#finish();
  }
}

export const CLIENTS = 64;

/** Clients that make exchanges, 64 at a time. */
export interface Clients {
  run(count: number): Promise<void>;
  close(): Promise<unknown>;
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(resolve));

async function rawClients(address: Address): Promise<Clients> {
  const datagram = encode(registerMessage);
  const sockets: Socket[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => socket.connect(address.port, address.host, resolve)));
    sockets.push(socket);
  }
  const run = async (count: number): Promise<void> => {
    const countdown = new Countdown(count);
    for (const socket of sockets) {
      socket.removeAllListeners("message");
      socket.on("message", () => {
        if (countdown.take()) socket.send(datagram);
        countdown.done();
      });
      if (countdown.take()) socket.send(datagram);
    }
    await countdown.finished;
  };
  return { run, close: () => Promise.all(sockets.map(closed)) };
}

/** Exchanges of our endpoints, each with its only peer. */
export function clientsOf(endpoints: readonly Endpoint[], address: Address): Clients {
  const run = async (count: number): Promise<void> => {
    const countdown = new Countdown(count);
    for (const endpoint of endpoints) {
      const peer = endpoint.peer(address);
      const next = (): void => {
        if (countdown.take()) endpoint.send(peer, registerRequest, handler);
      };
      const handler = {
        onResponse: (): void => {
          next();
          countdown.done();
        },
        onFailure: (reason: string): void => {
          throw new Error(`an exchange failed: ${reason}`);
        },
      };
      next();
    }
    await countdown.finished;
  };
  return { run, close: () => Promise.all(endpoints.map((endpoint) => endpoint.close())) };
}

/** The exchange lifetime is short so that 64 clients do not run out of message ids. */
export const benchTransmission: TransmissionParameters = { ...labTransmission, exchangeLifetimeMs: 1_000 };

export async function ourClients(address: Address): Promise<Clients> {
  const ports = realPorts("bench");
  const endpoints: Endpoint[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    endpoints.push(await udpEndpoint(ports, { host: "127.0.0.1", connect: address, transmission: benchTransmission }, { onRequest: (request) => request.respond({ code: Codes.NotFound }) }));
  }
  return clientsOf(endpoints, address);
}

async function nodeCoapClients(address: Address): Promise<Clients> {
  // As a device needs it, and as our endpoint is: server and client on one socket.
  const sockets = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const socket = createSocket("udp4");
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
      return socket;
    }),
  );
  for (const socket of sockets) nodeCoap.createServer().listen(socket);
  const agents = sockets.map((socket) => new nodeCoap.Agent({ socket }));
  const run = async (count: number): Promise<void> => {
    const countdown = new Countdown(count);
    for (const agent of agents) {
      const next = (): void => {
        if (!countdown.take()) return;
        const request = nodeCoap.request({ hostname: address.host, port: address.port, method: "POST", pathname: "/rd", query: QUERY.join("&"), agent });
        request.setOption("Content-Format", "application/link-format");
        request.on("response", () => {
          next();
          countdown.done();
        });
        request.end(LINKS);
      };
      next();
    }
    await countdown.finished;
  };
  return { run, close: () => Promise.all(sockets.map(closed)) };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Client-side CPU of a Register: ours, a bare connected socket's and node-coap's, in turns. About ten seconds. */
export async function measureExchanges(rounds = 5): Promise<CoapFigure[]> {
  const responder = await startResponder();
  try {
    const raw = await rawClients(responder.address);
    const ours = await ourClients(responder.address);
    const theirs = await nodeCoapClients(responder.address);
    await raw.run(10_000);
    await ours.run(10_000);
    await theirs.run(20_000);
    const figures: { raw: number; ours: number; theirs: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      figures.push({ raw: await cpuPerExchange(40_000, raw), ours: await cpuPerExchange(40_000, ours), theirs: await cpuPerExchange(10_000, theirs) });
    }
    await Promise.all([raw.close(), ours.close(), theirs.close()]);
    const us = (value: number): string => `${value.toFixed(1)} us`;
    const of = (pick: (figure: (typeof figures)[number]) => number): number => median(figures.map(pick));
    return [
      {
        id: "exchange-vs-socket",
        value: of((figure) => figure.ours / figure.raw),
        unit: "x CPU",
        floor: "<= 4",
        aim: "<= 2",
        against: `connected dgram socket, ${us(of((figure) => figure.raw))} (ours ${us(of((figure) => figure.ours))})`,
      },
      {
        id: "register-vs-node-coap",
        value: of((figure) => figure.theirs / figure.ours),
        unit: "x faster",
        floor: ">= 5",
        aim: ">= 10",
        // The socket's share is the same for both and bounds the ratio: it is given, and beside it what the libraries add to the socket.
        against: `node-coap server and agent on one socket, client side, ${us(of((figure) => figure.theirs))}; a socket without any CoAP ${of((figure) => figure.theirs / figure.raw).toFixed(1)}x; beyond the socket ${of((figure) => (figure.theirs - figure.raw) / (figure.ours - figure.raw)).toFixed(0)}x`,
      },
    ];
  } finally {
    responder.process.disconnect();
  }
}

/** Operations per second of `run`, the best of some rounds after warming up. */
function perSecond(run: () => void, count = 200_000, rounds = 5): number {
  let best = 0;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    const rate = (count / (performance.now() - start)) * 1_000;
    if (round > 0) best = Math.max(best, rate);
  }
  return best;
}

/** The codec alone, on a Register of 121 bytes. */
export function measureCodec(): CoapFigure[] {
  const datagram = encode(registerMessage);
  let bytes = 0;
  const encoded = perSecond(() => (bytes += encode(registerMessage).length));
  const decoded = perSecond(() => (bytes += decode(datagram).options.length));
  if (bytes === 0) throw new Error("nothing was measured");
  const figure = (id: CoapFigure["id"], value: number): CoapFigure => ({ id, value, unit: "/s", floor: ">= 500000", aim: "", against: `a Register of ${datagram.length} bytes` });
  return [figure("encode-register", encoded), figure("decode-register", decoded)];
}

export async function coapFigures(): Promise<CoapFigure[]> {
  return [...(await measureExchanges()), ...measureCodec()];
}
