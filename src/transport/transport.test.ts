import { afterEach, describe, expect, it } from "vitest";

import { Codes, labTransmission, type IncomingRequest, type Observer, type RequestHandler } from "../coap/index.js";
import { sleep } from "../ports/index.js";
import { realPorts } from "../ports/real/index.js";
import { CoapUriError, parseCoapUri, udpEndpoint, type UdpEndpoint, type UdpEndpointOptions } from "./index.js";

describe("server URIs", () => {
  it.each([
    ["coap://127.0.0.1:5683/", { scheme: "coap", host: "127.0.0.1", port: 5683 }],
    ["coap://127.0.0.1", { scheme: "coap", host: "127.0.0.1", port: 5683 }],
    ["COAPS://Example.org", { scheme: "coaps", host: "example.org", port: 5684 }],
    ["coaps://[2001:DB8::1]:6000", { scheme: "coaps", host: "2001:db8::1", port: 6000 }],
    ["coap+tcp://a-b.example:1", { scheme: "coap+tcp", host: "a-b.example", port: 1 }],
  ])("are taken apart: %s", (uri, parts) => {
    expect(parseCoapUri(uri)).toEqual(parts);
  });

  it.each(["", "127.0.0.1:5683", "http://127.0.0.1", "coap://", "coap://:5683", "coap://h:0", "coap://h:65536", "coap://h:port", "coap://h/rd", "coap://u@h", "coap://[::1", "coap://h?x"])("refuse %j and say why", (uri) => {
    expect(() => parseCoapUri(uri)).toThrow(CoapUriError);
  });
});

describe("endpoints on real sockets", () => {
  const ports = realPorts("transport test");
  const open: UdpEndpoint[] = [];
  afterEach(async () => {
    for (const endpoint of open.splice(0)) await endpoint.close();
  });
  const start = async (handler: RequestHandler, options: Partial<UdpEndpointOptions> = {}): Promise<UdpEndpoint> => {
    const endpoint = await udpEndpoint(ports, { host: "127.0.0.1", transmission: labTransmission, ...options }, handler);
    open.push(endpoint);
    return endpoint;
  };
  const silent: RequestHandler = { onRequest: (request) => request.respond({ code: Codes.NotFound }) };

  it("exchange requests in both directions, connected and not", async () => {
    const server = await start({ onRequest: (request) => request.respond({ code: Codes.Created, locationPath: ["rd", request.query.join()] }) }, { receiveBuffer: 1_000_000 });
    expect(server.receiveBuffer).toBeGreaterThan(0);
    for (const connect of [server.local, undefined]) {
      const device = await start(silent, connect === undefined ? {} : { connect });
      const created = await device.request(device.peer(server.local), { code: Codes.POST, path: ["rd"], query: ["ep=a"] });
      expect(created).toMatchObject({ code: Codes.Created, locationPath: ["rd", "ep=a"] });
      const back = await server.request(server.peer(device.local), { code: Codes.GET, path: ["3", "0"] });
      expect(back.code).toBe(Codes.NotFound);
    }
  });

  it("answer separately, in blocks, and notify", async () => {
    const observers: Observer[] = [];
    const body = Buffer.alloc(10_240, "b");
    const handle = async (request: IncomingRequest): Promise<void> => {
      if (request.observe === 0) {
        observers.push(request.observed({ code: Codes.Content, payload: Buffer.from("0") }, () => {}));
        return;
      }
      await sleep(ports.clock, 2 * labTransmission.processingDelayMs);
      request.respond({ code: Codes.Content, payload: request.payload });
    };
    const server = await start({ onRequest: (request) => void handle(request) });
    const client = await start(silent, { connect: server.local });
    const peer = client.peer(server.local);
    const echoed = await client.request(peer, { code: Codes.POST, path: ["echo"], payload: body });
    expect(Buffer.compare(Buffer.from(echoed.payload ?? []), body)).toBe(0);
    expect(await client.ping(peer)).toBe(true);
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      client.observe(peer, { code: Codes.GET, path: ["o"] }, {
        onNotification: (response) => {
          seen.push(Buffer.from(response.payload ?? []).toString());
          if (seen.length < 4) observers[0]?.notify({ code: Codes.Content, payload: Buffer.from(String(seen.length)) });
          else resolve();
        },
        onEnd: () => {},
      });
    });
    expect(seen).toEqual(["0", "1", "2", "3"]);
  });

  it("learn from the kernel that nobody listens, long before the retransmissions are over", async () => {
    const gone = await start(silent);
    const address = gone.local;
    await gone.close();
    open.length = 0;
    const client = await start(silent, { connect: address });
    const before = ports.clock.now();
    await expect(client.request(client.peer(address), { code: Codes.GET, path: [] })).rejects.toMatchObject({ reason: "unreachable" });
    expect(ports.clock.now() - before).toBeLessThan(2_000);
  });

  it("refuse an address in use", async () => {
    const first = await start(silent);
    await expect(start(silent, { port: first.local.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
