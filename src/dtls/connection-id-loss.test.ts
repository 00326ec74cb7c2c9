import { describe, expect, it } from "vitest";
import type { Address } from "../ports/index.js";
import { pair, TestClient, TestServer, type Pair } from "./testing/pair.js";

const impairment = { loss: 0.2, duplicate: 0.2, reorder: 0.3 };

/** A session under ids that came about on a bad network, which stays as bad; undefined where the handshake was given up. */
async function badly(seed: number): Promise<Pair | undefined> {
  const made = await pair({ seed, client: { connectionIdLength: seed % 3 }, server: { connectionIdLength: 8 }, impairment: { ...impairment, delayMs: [1, 300] } });
  made.client.client.connect();
  await made.ports.clock.advanceUntil(() => made.client.isOver, 300_000);
  return made.client.connectedAs === undefined ? undefined : made;
}

/** Says it again, as CoAP does, until the echo is there. */
async function ask({ ports }: Pair, client: TestClient, text: string): Promise<void> {
  for (let times = 0; times < 60 && !client.received.includes(text); times++) {
    client.client.send(Buffer.from(`echo ${text}`));
    await ports.clock.advance(250);
  }
  expect(client.received).toContain(text);
}

async function moved({ ports }: Pair, client: TestClient): Promise<TestClient> {
  const saved = client.client.save();
  await client.socket.close();
  return TestClient.restored(ports, saved);
}

describe("on a network that loses, doubles and reorders", () => {
  it("a client that moves again and again is found each time, and what is late from its old addresses moves nothing back", async () => {
    let sessions = 0;
    for (let seed = 0; seed < 60; seed++) {
      const made = await badly(seed);
      if (made === undefined) continue;
      sessions++;
      const { server, ports } = made;
      const { handshakesStarted } = server.server.counters;
      let client = made.client;
      for (const place of ["first", "second", "third"]) {
        client = await moved(made, client);
        await ask(made, client, `${place} place`);
        await ask(made, client, `still ${place}`);
      }
      const there: Address = client.socket.local;
      await ports.clock.advance(2_000);
      expect(server.server.session(there)?.peer).toMatchObject({ host: there.host, port: there.port });
      expect(server.server.size).toEqual({ live: 1, halfOpen: 0 });
      expect(server.server.counters).toMatchObject({ handshakesStarted, badRecords: 0 });
      expect(server.server.counters.addressChanges).toBeGreaterThanOrEqual(1);
    }
    expect(sessions).toBeGreaterThan(50);
  });

  it("a server that is restarted with its sessions is reached from wherever the client is by then", async () => {
    for (let seed = 100; seed < 130; seed++) {
      const made = await badly(seed);
      if (made === undefined) continue;
      const { server, ports } = made;
      await ask(made, made.client, "before");
      const saved = server.server.save((context) => Buffer.from(context));
      await server.socket.close();
      const client = await moved(made, made.client);
      const again = await TestServer.start(ports, { connectionIdLength: 8 });
      expect(again.server.restoreAll(saved, (context) => context.toString())).toHaveLength(1);
      await ask(made, client, "after");
      expect(again.server.counters).toMatchObject({ handshakesStarted: 0, badRecords: 0 });
      await ports.clock.advance(2_000);
      expect(ports.clock.pending()).toEqual([]);
    }
  });
});
