import { describe, expect, it } from "vitest";
import { HandshakeType } from "./codec/handshake.js";
import { helloOf, helloRecord, messagesIn } from "./testing/handmade.js";
import { PATIENCE_MS, shaken, TestClient, type Pair } from "./testing/pair.js";
import { clientAddress, connected, converse, StagedClient } from "./testing/staged.js";

/** A client that has lost its session and comes again from the same port. */
async function again({ ports, client }: Pair): Promise<TestClient> {
  await client.socket.close();
  return TestClient.create(ports, {}, undefined, client.socket.local.port);
}

describe("a new ClientHello on the address of a live session (RFC 6347 §4.2.8)", () => {
  it("leads to a new session, which replaces the old one with the client's Finished", async () => {
    const made = await shaken();
    const { server, ports } = made;
    const [old] = server.sessions;
    const next = await again(made);
    next.client.connect();
    await ports.clock.advanceUntil(() => server.sessions.length === 2, PATIENCE_MS);
    await ports.clock.advance(5);
    expect(next.connectedAs).toMatchObject({ resumed: false });
    expect(server.closed).toEqual([{ why: "replaced" }]);
    expect([old?.open, server.sessions[1]?.open]).toEqual([false, true]);
    expect(server.server.session(next.socket.local)).toBe(server.sessions[1]);
    expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
    expect(server.server.counters).toMatchObject({ badRecords: 0, replayed: 0 });
    next.client.send(Buffer.from("echo hello"));
    await ports.clock.advance(5);
    expect(next.received).toEqual(["hello"]);
  });

  it("leaves the old session at work until then", () => {
    const { client, server } = connected();
    const next = new StagedClient({}, server.ports);
    const flight = converse(next, server, next.start(), 4);
    expect(server.server.size).toEqual({ live: 1, halfOpen: 1 });
    client.client.send(Buffer.from("from the old session"));
    server.hear(client.sent.slice(-1));
    expect(server.received).toEqual(["from the old session"]);
    server.sessions[0]?.send(Buffer.from("to the old session"));
    client.hear(server.sent.slice(-1));
    expect(client.received).toEqual(["to the old session"]);
    converse(next, server, flight);
    expect(next.connectedAs).toBeDefined();
    expect(server.closed).toEqual([{ why: "replaced" }]);
    expect(server.server.counters).toMatchObject({ badRecords: 0, replayed: 0, discarded: 0 });
  });

  it("has its Finished told apart from records of the old session while its key is looked up", async () => {
    const { client, server } = connected();
    const next = new StagedClient({}, server.ports);
    server.findKey = (identity) => Promise.resolve({ key: Buffer.from("0123456789abcdef"), context: identity });
    const flight = converse(next, server, next.start(), 4);
    expect(server.hear(flight)).toEqual([]);
    client.client.send(Buffer.from("from the old session"));
    server.hear(client.sent.slice(-1));
    expect(server.received).toEqual(["from the old session"]);
    const before = server.sent.length;
    await server.ports.clock.advance(1);
    converse(server, next, server.sent.slice(before));
    expect(next.connectedAs).toBeDefined();
    expect(server.server.counters).toMatchObject({ badRecords: 0, replayed: 0 });
  });

  it("without a cookie does nothing, however often it comes", () => {
    const { client, server } = connected();
    for (let i = 0; i < 100; i++) {
      const answer = server.hear(helloRecord(helloOf({ random: Buffer.alloc(32, i) })));
      expect(messagesIn(...answer).map(({ type }) => type)).toEqual([HandshakeType.helloVerifyRequest]);
    }
    expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
    client.client.send(Buffer.from("still here"));
    server.hear(client.sent.slice(-1));
    expect(server.received).toEqual(["still here"]);
  });

  it("with a cookie, from somebody who has no key, leaves the old session as it was", async () => {
    const { client, server } = connected();
    server.greet({ random: Buffer.alloc(32, 7) });
    expect(server.server.size).toEqual({ live: 1, halfOpen: 1 });
    await server.ports.clock.advance(70_000);
    expect(server.failed).toEqual([{ reason: { why: "timeout" }, identity: undefined }]);
    expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
    client.client.send(Buffer.from("still here"));
    server.hear(client.sent.slice(-1));
    expect(server.received).toEqual(["still here"]);
    expect(server.closed).toEqual([]);
  });
});

describe("a new ClientHello on the address of a handshake under way", () => {
  it("takes the place of that handshake once its cookie is good", () => {
    const { server } = connected();
    server.greet({ random: Buffer.alloc(32, 7) });
    server.greet({ random: Buffer.alloc(32, 8) });
    expect(server.failed).toEqual([{ reason: { why: "replaced" }, identity: undefined }]);
    expect(server.server.size).toEqual({ live: 1, halfOpen: 1 });
  });

  it("with the random of that handshake is a repetition: the flight goes out again, at most twice a second", async () => {
    const { server } = connected();
    const hello = server.withCookie(helloOf({ random: Buffer.alloc(32, 7) }));
    expect(server.hear(helloRecord(hello, 1, 1))).toHaveLength(1);
    expect(server.hear(helloRecord(hello, 1, 2))).toEqual([]);
    await server.ports.clock.advance(600);
    const repeated = server.hear([helloRecord(hello, 1, 3), helloRecord(hello, 1, 4)]);
    expect(messagesIn(...repeated).map(({ type, messageSeq }) => [type, messageSeq])).toEqual([
      [HandshakeType.serverHello, 1],
      [HandshakeType.serverHelloDone, 2],
    ]);
    expect(server.server.counters.handshakesStarted).toBe(2);
  });

  it("from another address has nothing to do with it", () => {
    const { server } = connected();
    server.greet({}, {}, { ...clientAddress, port: 40_001 });
    server.greet({}, {}, { host: "10.0.0.7", port: clientAddress.port });
    expect(server.server.size).toEqual({ live: 1, halfOpen: 2 });
    expect(server.failed).toEqual([]);
  });
});
