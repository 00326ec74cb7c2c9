import { describe, expect, it } from "vitest";
import type { Address } from "../ports/index.js";
import { HandshakeType } from "./codec/handshake.js";
import { ContentType } from "./codec/record.js";
import { DtlsClient, DtlsServer } from "./index.js";
import { messagesIn, none, plain, plainMessage } from "./testing/handmade.js";
import { pair, PATIENCE_MS, serverAddress, TestClient } from "./testing/pair.js";
import { clientAddress, StagedServer } from "./testing/staged.js";
import type { ClientSettings } from "./types.js";

const from = (port: number): Address => ({ ...clientAddress, port });

describe("half-open handshakes", () => {
  it("are as many as the limit says; further hellos are turned away until there is room", async () => {
    const server = new StagedServer({ limits: { maxHalfOpen: 3 } });
    for (let port = 1; port <= 3; port++) expect(server.greet({}, {}, from(port))).not.toEqual([]);
    expect(server.greet({}, {}, from(4))).toEqual([]);
    expect(server.server.size).toEqual({ live: 0, halfOpen: 3 });
    expect(server.server.counters.turnedAway).toBe(1);
    await server.ports.clock.advance(63_000);
    expect(server.server.size.halfOpen).toBe(0);
    expect(server.greet({}, {}, from(4))).not.toEqual([]);
  });

  it("may be replaced on their own address when there is no room for more", () => {
    const server = new StagedServer({ limits: { maxHalfOpen: 1 } });
    server.greet({ random: Buffer.alloc(32, 1) });
    expect(server.greet({ random: Buffer.alloc(32, 2) })).not.toEqual([]);
    expect(server.server.size.halfOpen).toBe(1);
  });

  it("without a good cookie are none, however many hellos come", () => {
    const server = new StagedServer();
    for (let port = 1; port <= 2_000; port++) server.withCookie({ version: 0xfefd, random: Buffer.alloc(32, 1), sessionId: none, cookie: Buffer.alloc(32), suites: [0xc0a8], compressions: Buffer.from([0]), extensions: new Map() }, from(port));
    expect(server.server.size).toEqual({ live: 0, halfOpen: 0 });
    expect(server.ports.clock.pending()).toEqual([]);
    expect(server.server.counters.cookiesSent).toBe(2_000);
  });

  it("have one timer each, whatever they are sent", () => {
    const server = new StagedServer();
    for (let port = 1; port <= 20; port++) {
      server.greet({}, {}, from(port));
      for (let i = 0; i < 20; i++) server.hear([plainMessage(HandshakeType.clientKeyExchange, 3 + (i % 9), Buffer.alloc(200)), plain(ContentType.applicationData, Buffer.alloc(300), i, 1)], from(port));
    }
    expect(server.ports.clock.pending()).toHaveLength(20);
  });

  it("keep no more of messages ahead than fits, and forget what is too far ahead or too long", () => {
    const server = new StagedServer();
    server.greet();
    const { discarded } = server.server.counters;
    server.hear([plain(ContentType.handshake, Buffer.from("10002001" + "0003" + "000000" + "000000", "hex")), plainMessage(HandshakeType.clientKeyExchange, 200, none)]);
    expect(server.server.counters.discarded).toBe(discarded + 1);
    expect(server.server.size.halfOpen).toBe(1);
  });
});

async function fleet(count: number, maxSessions: number) {
  const first = await pair({ server: { limits: { maxSessions } } });
  const { ports, server } = first;
  const connect = async (settings: ClientSettings = {}): Promise<TestClient> => {
    const client = await TestClient.create(ports, settings);
    client.client.connect();
    await ports.clock.advanceUntil(() => client.isOver, PATIENCE_MS);
    return client;
  };
  const clients: TestClient[] = [];
  for (let i = 0; i < count; i++) clients.push(await connect());
  return { ports, server, clients, connect };
}

describe("live sessions", () => {
  it("are as many as the limit says; the one unused longest gives way, in silence", async () => {
    const { server, clients, connect, ports } = await fleet(3, 3);
    expect(server.server.size.live).toBe(3);
    await connect();
    expect(server.server.size.live).toBe(3);
    expect(server.sessions.map(({ open }) => open)).toEqual([false, true, true, true]);
    expect(server.closed).toEqual([{ why: "evicted" }]);
    await ports.clock.advance(10);
    expect(clients.map(({ closed }) => closed.length)).toEqual([0, 0, 0]);
  });

  it("that were used since the last search are spared once", async () => {
    const { server, clients, connect, ports } = await fleet(3, 3);
    for (const i of [0, 1]) clients[i]?.client.send(Buffer.from("here"));
    await ports.clock.advance(5);
    await connect();
    expect(server.sessions.map(({ open }) => open)).toEqual([true, true, false, true]);
    clients[0]?.client.send(Buffer.from("here"));
    await ports.clock.advance(5);
    await connect();
    // The second was used before the fourth came, and not since.
    expect(server.sessions.map(({ open }) => open)).toEqual([true, false, false, true, true]);
  });

  it("give way even when all were used", async () => {
    const { server, clients, connect, ports } = await fleet(3, 3);
    for (const { client } of clients) client.send(Buffer.from("here"));
    await ports.clock.advance(5);
    await connect();
    expect(server.sessions.map(({ open }) => open)).toEqual([false, true, true, true]);
  });

  it("are spared by the hundreds at most in one search", async () => {
    const { server, clients, connect, ports } = await fleet(258, 258);
    for (const { client } of clients) client.send(Buffer.from("here"));
    await ports.clock.advance(5);
    await connect();
    expect(server.sessions.map(({ open }, index) => (open ? -1 : index)).filter((index) => index >= 0)).toEqual([256]);
  });

  it("can be resumed after they gave way", async () => {
    const { clients, connect } = await fleet(2, 1);
    const resume = clients[0]?.connectedAs?.resumption;
    const again = await connect(resume === undefined ? {} : { resume });
    expect(again.connectedAs?.resumed).toBe(true);
  });

  it("are listed, and found by address", async () => {
    const { server, clients } = await fleet(3, 10);
    expect([...server.server.sessions()]).toEqual(server.sessions);
    expect(clients.map(({ socket }) => server.server.session(socket.local))).toEqual(server.sessions);
    expect(server.server.session({ host: "10.9.9.9", port: 1 })).toBeUndefined();
  });
});

describe("settings", () => {
  const { ports } = new StagedServer();
  const sink = (): void => {};
  const handler = { onConnected: sink, onData: sink, onClosed: sink };
  const client =
    (settings: ClientSettings, credential = { identity: none, key: Buffer.alloc(1) }) =>
    () =>
      new DtlsClient(ports, sink, serverAddress, credential, handler, settings);

  it("that make no sense are refused at once", () => {
    expect(client({ maxDatagram: 63 })).toThrow("maxDatagram 63 is below 64");
    expect(client({}, { identity: Buffer.alloc(65_536), key: none })).toThrow("a PSK identity of 65536 bytes");
    expect(client({}, { identity: Buffer.from("d"), key: none })).toThrow("a PSK key without a byte");
    expect(client({}, { identity: none, key: Buffer.alloc(65_536) })).toThrow("a PSK key of 65536 bytes");
    // @ts-expect-error a name as it may come out of a file
    expect(client({ suites: ["TLS_NULL"] })).toThrow("there is no cipher suite TLS_NULL; there are TLS_PSK_WITH_AES_128_CCM_8, TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, ");
    expect(() => new DtlsServer(ports, sink, { findKey: () => ({ refuse: "silence" }), mayResume: () => true, onSession: sink, onData: sink, onClosed: sink }, { maxDatagram: 10 })).toThrow(RangeError);
  });

  it("leave a client to offer CCM_8 alone, and a server to take both suites", () => {
    const server = new StagedServer();
    expect(messagesIn(...server.greet({ suites: [0x00ae] })).map(({ type }) => type)).toEqual([HandshakeType.serverHello, HandshakeType.serverHelloDone]);
    const only = new StagedServer({ suites: ["TLS_PSK_WITH_AES_128_CCM_8"] });
    expect(messagesIn(...only.greet({ suites: [0x00ae] }))).toEqual([]);
  });
});
