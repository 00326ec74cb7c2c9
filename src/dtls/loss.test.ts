import { describe, expect, it } from "vitest";
import type { Impairment } from "../ports/simulated/index.js";
import { identities } from "./testing/authority.js";
import { pair, PATIENCE_MS, TestClient, type Pair, type Setup } from "./testing/pair.js";

const impairment: Impairment = { loss: 0.2, duplicate: 0.1, reorder: 0.2, delayMs: [1, 80] };
const cbc = { suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"] } as const;

const { keys, rpk, x509 } = await identities();
/** A certificate of half a kilobyte in pieces of a hundred bytes. */
const inPieces = { client: { maxDatagram: 150 }, server: { keys, maxDatagram: 120 } };

/** Kinds of handshakes, in turn. */
const kinds: readonly Setup[] = [
  {},
  { client: cbc },
  { client: { maxDatagram: 128 }, server: { maxDatagram: 90 } },
  { client: { ...cbc, maxDatagram: 128 }, server: { maxDatagram: 128 } },
  { server: { keys }, credential: rpk },
  { server: { keys }, credential: x509() },
];

interface Outcome {
  readonly connected: boolean;
  readonly took: number;
}

/** One handshake to its end on both sides; whatever is wrong with that end fails the test. */
async function shake({ ports, server }: Pair, client: TestClient): Promise<Outcome> {
  const { clock } = ports;
  const started = clock.now();
  const sessionsBefore = server.sessions.length;
  client.client.connect();
  const isOver = await clock.advanceUntil(() => client.isOver, PATIENCE_MS);
  expect(isOver).toBe(true);
  const took = clock.now() - started;
  await clock.advance(70_000);
  expect(server.server.size.halfOpen).toBe(0);
  expect(clock.pending()).toEqual([]);
  if (client.connectedAs === undefined) {
    expect(client.closed).toEqual([{ why: "timeout" }]);
    expect(took).toBe(63_000);
    return { connected: false, took };
  }
  expect(client.closed).toEqual([]);
  // Only the server of an abbreviated handshake may have given up although its client is connected.
  if (!client.connectedAs.resumed) expect(server.sessions).toHaveLength(sessionsBefore + 1);
  return { connected: true, took };
}

/** Proves that both ends came to the same keys. */
async function exchange({ ports, server }: Pair, client: TestClient): Promise<void> {
  ports.network.impairment = {};
  client.client.send(Buffer.from("echo hello"));
  await ports.clock.advance(10);
  expect(client.received).toEqual(["hello"]);
  expect(server.received.at(-1)).toBe("echo hello");
  expect(ports.clock.pending()).toEqual([]);
}

describe("handshakes over a network that loses one datagram in five each way, doubles and reorders", () => {
  it("finish or fail as the timers say, a thousand times, and leave no timer behind", { timeout: 60_000 }, async () => {
    const outcomes: Outcome[] = [];
    for (let seed = 0; seed < 1_000; seed++) {
      const made = await pair({ ...kinds[seed % kinds.length], seed, impairment });
      const outcome = await shake(made, made.client);
      if (outcome.connected) await exchange(made, made.client);
      outcomes.push(outcome);
    }
    // A flight or its answer is lost with a chance of 0.36, six times in a row with one of 0.002.
    expect(outcomes.filter(({ connected }) => connected).length).toBeGreaterThan(980);
    expect(Math.max(...outcomes.map(({ took }) => took))).toBeLessThanOrEqual(63_000);
  });

  it("finish with a flight of certificates in many pieces, whatever it takes", { timeout: 60_000 }, async () => {
    let connected = 0;
    for (let seed = 0; seed < 100; seed++) {
      // Of a dozen datagrams that all have to come, one in ten is lost.
      const made = await pair({ ...inPieces, credential: x509(), seed, impairment: { ...impairment, loss: 0.1 } });
      const outcome = await shake(made, made.client);
      if (!outcome.connected) continue;
      connected++;
      await exchange(made, made.client);
    }
    expect(connected).toBeGreaterThan(95);
  });

  it("are abbreviated as well, two hundred times", { timeout: 60_000 }, async () => {
    let resumed = 0;
    for (let seed = 0; seed < 200; seed++) {
      const made = await pair({ seed });
      await shake(made, made.client);
      const resume = made.client.connectedAs?.resumption;
      if (resume === undefined) throw new Error("nothing to resume");
      made.ports.network.impairment = impairment;
      const again = await TestClient.create(made.ports, { resume });
      const before = made.server.sessions.length;
      const outcome = await shake(made, again);
      if (outcome.connected && made.server.sessions.length > before) await exchange(made, again);
      if (again.connectedAs?.resumed === true) resumed++;
    }
    expect(resumed).toBeGreaterThan(190);
  });
});
