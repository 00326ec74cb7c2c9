import { describe, expect, it } from "vitest";
import { after } from "../ports/index.js";
import { alertsIn } from "./testing/handmade.js";
import { credential, pair, PATIENCE_MS, type Pair } from "./testing/pair.js";
import type { KeyAnswer } from "./types.js";

/** A pair whose server answers for a key after so long, in whatever way `settle` does. */
async function slow(delayMs: number, settle: (resolve: (answer: KeyAnswer<string>) => void, reject: (error: Error) => void) => void): Promise<Pair> {
  const made = await pair();
  made.server.findKey = () => new Promise((resolve, reject) => after(made.ports.clock, delayMs, "key store", () => settle(resolve, reject)));
  return made;
}
const found: KeyAnswer<string> = { key: credential.key, context: "from the store" };

async function over({ ports, client }: Pair): Promise<void> {
  client.client.connect();
  await ports.clock.advanceUntil(() => client.isOver, PATIENCE_MS);
  await ports.clock.advance(10);
}

describe("a look-up of a key", () => {
  it.each([0, 1, 500, 5_000, 30_000])("may take %i ms: the Finished that came meanwhile waits", async (delayMs) => {
    const made = await slow(delayMs, (resolve) => resolve(found));
    await over(made);
    expect(made.client.connectedAs).toBeDefined();
    expect(made.server.sessions[0]?.context).toBe("from the store");
    expect(made.server.asked).toEqual(["device-1"]);
    expect(made.server.server.counters).toMatchObject({ badRecords: 0, handshakesFinished: 1 });
    // The answer comes with the look-up and not with the next repetition.
    expect(made.ports.clock.now()).toBeLessThanOrEqual(4 + delayMs + 12);
  });

  it("that takes long is not asked for twice, however often the client repeats itself", async () => {
    const made = await slow(40_000, (resolve) => resolve(found));
    await over(made);
    expect(made.client.client.counters.retransmissions).toBe(5);
    expect(made.server.asked).toEqual(["device-1"]);
    expect(made.server.server.counters.retransmissions).toBe(0);
    expect(made.client.connectedAs).toBeDefined();
  });

  it("that rejects ends the handshake with internal_error", async () => {
    const made = await slow(5, (_resolve, reject) => reject(new Error("the store is down")));
    await over(made);
    expect(made.client.closed).toEqual([{ why: "alert-received", alert: { level: 2, description: 80 } }]);
    expect(made.server.failed).toMatchObject([{ reason: { why: "alert-sent" }, identity: "device-1" }]);
    expect(made.ports.clock.pending()).toEqual([]);
  });

  it("that never ends lets both ends time out", async () => {
    const made = await slow(0, () => {});
    await over(made);
    await made.ports.clock.advance(10);
    expect(made.client.closed).toEqual([{ why: "timeout" }]);
    expect(made.server.failed).toEqual([{ reason: { why: "timeout" }, identity: "device-1" }]);
    expect(made.server.server.size).toEqual({ live: 0, halfOpen: 0 });
    expect(made.ports.clock.pending()).toEqual([]);
  });

  it("that ends after the handshake was given up changes nothing", async () => {
    const made = await slow(100_000, (resolve) => resolve(found));
    await over(made);
    await made.ports.clock.advance(50_000);
    expect(made.server.sessions).toEqual([]);
    expect(made.server.server.size).toEqual({ live: 0, halfOpen: 0 });
  });

  it("that ends after the server was closed changes nothing", async () => {
    const made = await slow(1_000, (resolve) => resolve(found));
    made.client.client.connect();
    await made.ports.clock.advance(100);
    made.server.server.close();
    await made.ports.clock.advance(2_000);
    expect(made.server.sessions).toEqual([]);
    expect(made.server.failed).toEqual([{ reason: { why: "closed" }, identity: "device-1" }]);
  });

  it.each([
    ["unknown_psk_identity", 115],
    ["access_denied", 49],
    ["handshake_failure", 40],
  ])("that refuses with %s is told to the client in the clear", async (_name, alert) => {
    for (const answer of [{ refuse: alert }, Promise.resolve({ refuse: alert })]) {
      const made = await pair();
      const seen: string[] = [];
      made.ports.network.intercept((datagram, forward) => {
        if (datagram.from.host === "10.0.0.2") seen.push(...alertsIn(datagram.bytes));
        forward();
      });
      made.server.findKey = () => answer;
      await over(made);
      expect(seen).toEqual([`2 ${alert}`]);
      expect(made.client.closed).toEqual([{ why: "alert-received", alert: { level: 2, description: alert } }]);
      expect(made.ports.clock.pending()).toEqual([]);
    }
  });

  it("that refuses in silence leaves the client to its timers", async () => {
    const made = await pair();
    made.server.findKey = () => ({ refuse: "silence" });
    made.client.client.connect();
    await made.ports.clock.advance(100);
    expect(made.server.failed).toEqual([{ reason: { why: "closed" }, identity: "device-1" }]);
    expect(made.server.server.counters.alertsOut).toBe(0);
    await made.ports.clock.advanceUntil(() => made.client.isOver, PATIENCE_MS);
    expect(made.client.closed).toEqual([{ why: "timeout" }]);
  });

  it("that gives another key than the client's looks the same as silence: the Finished does not authenticate", async () => {
    const made = await pair();
    made.server.findKey = (identity) => ({ key: Buffer.from("another key"), context: identity });
    await over(made);
    expect(made.client.closed).toEqual([{ why: "timeout" }]);
    expect(made.server.failed).toEqual([{ reason: { why: "timeout" }, identity: "device-1" }]);
    expect(made.server.server.counters).toMatchObject({ alertsOut: 0, badRecords: 6 });
  });
});

describe("the records that wait for a key", () => {
  it("are four, of no more than 512 bytes", async () => {
    const made = await slow(400, (resolve) => resolve(found));
    const early: Buffer[] = [];
    made.ports.network.intercept((datagram, forward) => {
      forward();
      if (datagram.bytes.includes(Buffer.from("14fefd0000", "hex"))) early.push(datagram.bytes);
    });
    made.client.client.connect();
    await made.ports.clock.advance(100);
    expect(early).toHaveLength(1);
    const { discarded, badRecords } = made.server.server.counters;
    const junk = (length: number): Buffer => Buffer.concat([Buffer.from("17fefd0001000000000009", "hex"), Buffer.from([length >> 8, length & 0xff]), Buffer.alloc(length)]);
    made.server.server.receive(junk(513), made.client.socket.local);
    expect(made.server.server.counters.discarded).toBe(discarded + 1);
    for (let i = 0; i < 5; i++) made.server.server.receive(junk(512), made.client.socket.local);
    expect(made.server.server.counters).toMatchObject({ discarded: discarded + 3, badRecords });
    await made.ports.clock.advance(1_000);
    // The Finished was first in line; the three behind it came under a key that they were not made with.
    expect(made.client.connectedAs).toBeDefined();
  });
});
