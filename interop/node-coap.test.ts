import { once } from "node:events";
import { createSocket, type Socket } from "node:dgram";
import * as nodeCoap from "coap";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { Codes, labTransmission, type IncomingRequest, type Observer } from "../src/coap/index.js";
import type { Address } from "../src/ports/index.js";
import { realPorts } from "../src/ports/real/index.js";
import { udpEndpoint, type UdpEndpoint } from "../src/transport/index.js";
import { recordEndpoint } from "./evidence.js";
import { coapPeer } from "./peers.js";
import { eventually } from "./process.js";

const ports = realPorts("node-coap");
const cells = coapPeer("node-coap", "1.5.0");
const body = Buffer.from(Array.from({ length: 10_240 }, (_, i) => i & 0xff));
const endpoints: UdpEndpoint[] = [];

async function endpoint(onRequest: (request: IncomingRequest) => void, connect?: Address): Promise<UdpEndpoint> {
  const made = await udpEndpoint(ports, { host: "127.0.0.1", transmission: labTransmission, ...(connect === undefined ? {} : { connect }) }, { onRequest });
  endpoints.push(made);
  recordEndpoint(made);
  return made;
}

const bytes = (payload: Uint8Array | undefined): Buffer => Buffer.from(payload ?? []);

beforeAll(() => {
  // The same short times as ours, so that a lost datagram costs a fifth of a second.
  nodeCoap.updateTiming({ ackTimeout: labTransmission.ackTimeoutMs / 1_000 });
});
afterAll(() => nodeCoap.updateTiming());
afterEach(async () => {
  for (const made of endpoints.splice(0)) await made.close();
});

describe("node-coap as client of our endpoint", () => {
  cells.client.isShownByEach();
  let agent: nodeCoap.Agent;
  let socket: Socket;
  beforeAll(async () => {
    socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    agent = new nodeCoap.Agent({ socket });
  });
  afterAll(() => socket.close());

  interface Answer {
    readonly code: string;
    readonly payload: Buffer;
    readonly options: Partial<Record<string, unknown>>;
  }

  const ask = (to: Address, params: Omit<nodeCoap.CoapRequestParams, "hostname" | "port" | "agent">, payload?: Buffer, contentFormat?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const request = nodeCoap.request({ hostname: to.host, port: to.port, agent, ...params });
      if (contentFormat !== undefined) request.setOption("Content-Format", contentFormat);
      request.on("response", (response: nodeCoap.IncomingMessage) => resolve({ code: response.code, payload: response.payload, options: response.headers }));
      request.on("error", reject);
      request.end(payload);
    });

  it("gets, puts and posts", async () => {
    const seen: IncomingRequest[] = [];
    const server = await endpoint((request) => {
      seen.push(request);
      if (request.code === Codes.POST) request.respond({ code: Codes.Created, locationPath: ["rd", "5a"] });
      else if (request.code === Codes.PUT) request.respond({ code: Codes.Changed });
      else request.respond({ code: Codes.Content, contentFormat: 0, maxAge: 7, payload: Buffer.from("20.5") });
    });
    expect(await ask(server.local, { method: "POST", pathname: "/rd", query: "ep=a&lt=60" }, Buffer.from("</1/0>"), "application/link-format")).toMatchObject({
      code: "2.01",
      // node-coap shows the last of several options.
      options: { "Location-Path": "5a" },
    });
    expect(await ask(server.local, { method: "PUT", pathname: "/3303/0" }, Buffer.from("x"))).toMatchObject({ code: "2.04" });
    const got = await ask(server.local, { method: "GET", pathname: "/3303/0/5700" });
    expect(got).toMatchObject({ code: "2.05", options: { "Content-Format": "text/plain", "Max-Age": 7 } });
    expect(got.payload.toString()).toBe("20.5");
    expect(seen[0]).toMatchObject({ path: ["rd"], query: ["ep=a", "lt=60"], contentFormat: 40 });
    expect(bytes(seen[0]?.payload).toString()).toBe("</1/0>");
  });

  it("waits for a separate response", async () => {
    const waiting: IncomingRequest[] = [];
    const server = await endpoint((request) => waiting.push(request));
    const answer = ask(server.local, { method: "GET", pathname: "/slow" });
    const request = await eventually(2_000, () => waiting[0]);
    await new Promise<void>((resolve) => setTimeout(resolve, 3 * labTransmission.processingDelayMs));
    request?.respond({ code: Codes.Content, payload: Buffer.from("late") });
    expect((await answer).payload.toString()).toBe("late");
    expect(waiting).toHaveLength(1);
  });

  it("fetches 10 KiB in blocks", async () => {
    let handled = 0;
    const server = await endpoint((request) => {
      handled++;
      request.respond({ code: Codes.Content, contentFormat: 42, payload: body });
    });
    const got = await ask(server.local, { method: "GET", pathname: "/large" });
    expect(Buffer.compare(got.payload, body)).toBe(0);
    expect(handled).toBe(1);
  });

  it("observes, and is rid of the observation in the end", async () => {
    const observers: Observer[] = [];
    const ends: string[] = [];
    const server = await endpoint((request) => {
      if (request.observe === 0) observers.push(request.observed({ code: Codes.Content, payload: Buffer.from("0") }, (why) => ends.push(why)));
      else request.respond({ code: Codes.Content });
    });
    const seen: string[] = [];
    const request = nodeCoap.request({ hostname: server.local.host, port: server.local.port, pathname: "/o", observe: true, agent });
    request.end();
    const [stream] = (await once(request, "response")) as [nodeCoap.ObserveReadStream];
    stream.on("data", (chunk: Buffer) => {
      seen.push(chunk.toString());
      if (seen.length < 4) observers[0]?.notify({ code: Codes.Content, payload: Buffer.from(String(seen.length)) }, { confirmable: seen.length % 2 === 0 });
    });
    await eventually(3_000, () => (seen.length === 4 ? true : undefined));
    expect(seen).toEqual(["0", "1", "2", "3"]);
    stream.close();
    observers[0]?.notify({ code: Codes.Content, payload: Buffer.from("unheard") });
    expect(await eventually(3_000, () => ends[0])).toMatch(/^(reset|cancelled)$/);
    expect(seen).toHaveLength(4);
  });

  it("sends again what was lost, and its request is handled once", async () => {
    let handled = 0;
    const server = await endpoint((request) => {
      handled++;
      request.respond({ code: Codes.Changed, payload: Buffer.from(String(handled)) });
    });
    let lost = 0;
    server.mutate = (datagram) => (lost++ < 2 ? undefined : datagram);
    const answer = await ask(server.local, { method: "POST", pathname: "/once" }, Buffer.from("x"));
    expect(answer.payload.toString()).toBe("1");
    expect(handled).toBe(1);
    expect(server.counters.duplicates).toBe(2);
  });
});

describe("node-coap as server under our endpoint", () => {
  cells.server.isShownByEach();
  type Handler = (request: nodeCoap.IncomingMessage, response: nodeCoap.OutgoingMessage) => void;
  const servers: nodeCoap.Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise<void>((resolve) => void server.close(() => resolve()));
  });

  /** A node-coap server on a socket of its own, and our client connected to it. */
  async function served(handler: Handler): Promise<{ client: UdpEndpoint; peer: ReturnType<UdpEndpoint["peer"]> }> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const server = nodeCoap.createServer(handler);
    server.listen(socket);
    servers.push(server);
    const { address: host, port } = socket.address();
    const client = await endpoint((request) => request.respond({ code: Codes.NotFound }), { host, port });
    return { client, peer: client.peer({ host, port }) };
  }

  it("is read from, written to and posted to", async () => {
    const { client, peer } = await served((request, response) => {
      if (request.method === "POST") {
        response.code = "2.01";
        response.setOption("Location-Path", [Buffer.from("rd"), Buffer.from("5a")]);
        response.end();
        return;
      }
      response.code = request.method === "PUT" ? "2.04" : "2.05";
      response.end(request.method === "GET" ? `${request.url} ${String(request.headers["Content-Format"] ?? "-")}` : "");
    });
    expect(await client.request(peer, { code: Codes.POST, path: ["rd"], query: ["ep=a"], contentFormat: 40, payload: Buffer.from("</1/0>") })).toMatchObject({ code: Codes.Created, locationPath: ["rd", "5a"] });
    expect((await client.request(peer, { code: Codes.PUT, path: ["x"], payload: Buffer.from("y") })).code).toBe(Codes.Changed);
    const got = await client.request(peer, { code: Codes.GET, path: ["3", "0"], query: ["q=1"] });
    expect(bytes(got.payload).toString()).toBe("/3/0?q=1 -");
    expect((await client.request(peer, { code: Codes.GET, path: ["3"], confirmable: false })).code).toBe(Codes.Content);
  });

  it("answers separately", async () => {
    const { client, peer } = await served((_, response) => {
      setTimeout(() => response.end("late"), 300);
    });
    expect(bytes((await client.request(peer, { code: Codes.GET, path: ["slow"] })).payload).toString()).toBe("late");
    expect(client.counters.strayResponses).toBe(0);
  });

  it("gives 10 KiB in blocks, and takes them", async () => {
    const { client, peer } = await served((request, response) => {
      response.end(request.method === "GET" ? body : request.payload);
    });
    const got = await client.request(peer, { code: Codes.GET, path: ["large"] });
    expect(Buffer.compare(bytes(got.payload), body)).toBe(0);
    const echoed = await client.request(peer, { code: Codes.PUT, path: ["large"], payload: body });
    expect(Buffer.compare(bytes(echoed.payload), body)).toBe(0);
  });

  it.each(["reset", "deregister"] as const)("notifies until the observation is cancelled (%s)", async (how) => {
    let finished = 0;
    let sent = 0;
    const { client, peer } = await served((request, response) => {
      if (request.headers["Observe"] !== 0) {
        response.end("last");
        return;
      }
      response.write(String(sent++));
      const timer = setInterval(() => response.write(String(sent++)), 20);
      response.on("finish", () => {
        clearInterval(timer);
        finished++;
      });
    });
    const seen: string[] = [];
    const ends: string[] = [];
    const observation = client.observe(peer, { code: Codes.GET, path: ["o"] }, { onNotification: (response) => seen.push(bytes(response.payload).toString()), onEnd: (reason) => ends.push(reason) });
    await eventually(3_000, () => (seen.length >= 5 ? true : undefined));
    expect(seen.slice(0, 5)).toEqual(["0", "1", "2", "3", "4"]);
    void observation.cancel(how);
    expect(await eventually(3_000, () => (finished > 0 ? finished : undefined))).toBe(1);
    expect(ends).toEqual(["cancelled"]);
  });

  it("hears again what was lost on the way", async () => {
    let handled = 0;
    const { client, peer } = await served((_, response) => {
      handled++;
      response.end("there");
    });
    let lost = 0;
    client.mutate = (datagram) => (lost++ < 2 ? undefined : datagram);
    expect(bytes((await client.request(peer, { code: Codes.GET, path: ["x"] })).payload).toString()).toBe("there");
    expect(handled).toBe(1);
    expect(client.counters.retransmissions).toBe(2);
  });
});
