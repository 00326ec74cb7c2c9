import { describe, expect, it } from "vitest";
import { HandshakeType } from "./codec/handshake.js";
import { messagesIn } from "./testing/handmade.js";
import { pair, PATIENCE_MS } from "./testing/pair.js";
import { converse, StagedClient, StagedServer } from "./testing/staged.js";

const identity = Buffer.alloc(128, 0x69);
const small = { maxDatagram: 64 };

describe("a handshake message that does not fit in a datagram", () => {
  it("goes in pieces, each in a datagram of its own", () => {
    const server = new StagedServer(small);
    const client = new StagedClient(small, server.ports, { identity, key: Buffer.alloc(16) });
    const answer = converse(client, server, client.start(), 3);
    expect(messagesIn(...answer).map(({ type, offset, body, length }) => [type, offset, body.length, length])).toEqual([
      [HandshakeType.serverHello, 0, 39, 81],
      [HandshakeType.serverHello, 39, 39, 81],
      [HandshakeType.serverHello, 78, 3, 81],
      [HandshakeType.serverHelloDone, 0, 0, 0],
    ]);
    expect(answer.every(({ length }) => length <= 64)).toBe(true);
  });

  it("is put together again in any order, with pieces that come twice", () => {
    for (const order of [
      [2, 1, 0],
      [3, 0, 2, 2, 1],
      [0, 0, 1, 1, 3, 2],
    ]) {
      const server = new StagedServer(small);
      server.findKey = () => ({ key: Buffer.alloc(16), context: "" });
      const client = new StagedClient(small, server.ports, { identity, key: Buffer.alloc(16) });
      const answer = converse(client, server, client.start(), 3);
      const shuffled = order.map((index) => answer[index] ?? Buffer.alloc(0));
      const flight = client.hear([...shuffled, ...answer]);
      expect(messagesIn(...flight).filter(({ type }) => type === HandshakeType.clientKeyExchange)).toHaveLength(4);
      converse(client, server, [...flight].reverse());
      converse(client, server, flight);
      expect(client.connectedAs).toBeDefined();
      expect(server.sessions[0]?.info.identity.bytes).toEqual(identity);
    }
  });

  it("is sent again whole when a piece is lost, and pieces of both sendings fit together", async () => {
    for (const maxDatagram of [64, 90, 128]) {
      for (let seed = 0; seed < 20; seed++) {
        const made = await pair({ seed, client: { maxDatagram }, server: { maxDatagram }, credential: { identity, key: Buffer.from("0123456789abcdef") }, impairment: { loss: 0.3, reorder: 0.3, duplicate: 0.2, delayMs: [1, 30] } });
        made.client.client.connect();
        expect(await made.ports.clock.advanceUntil(() => made.client.isOver, PATIENCE_MS)).toBe(true);
        if (made.client.connectedAs !== undefined) expect(made.server.sessions[0]?.info.identity.bytes).toEqual(identity);
        expect(made.client.closed.filter(({ why }) => why !== "timeout")).toEqual([]);
      }
    }
  });
});
