import { describe, expect, it } from "vitest";
import type { Resumption, RetransmissionTiming } from "./types.js";
import { pair, TestClient, type Pair } from "./testing/pair.js";
import { summarizeDatagram } from "./summary.js";

interface Sent {
  readonly at: number;
  readonly what: string;
}

/** Watches one side; loses what `loses` names. */
function watch({ ports }: Pair, side: "client" | "server", loses: (what: string, count: number) => boolean): Sent[] {
  const sent: Sent[] = [];
  const host = side === "client" ? "10.0.0.1" : "10.0.0.2";
  ports.network.intercept((datagram, forward) => {
    if (datagram.from.host !== host) {
      forward();
      return;
    }
    const what = summarizeDatagram(datagram.bytes).replace(/, epoch.*$/, "");
    sent.push({ at: ports.clock.now(), what });
    if (!loses(what, sent.length)) forward();
  });
  return sent;
}
const times = (sent: readonly Sent[]): readonly number[] => sent.map(({ at }) => at);

async function resumable({ ports, client }: Pair): Promise<Resumption> {
  client.client.connect();
  await ports.clock.advanceUntil(() => client.isOver, 100_000);
  const resumption = client.connectedAs?.resumption;
  if (resumption === undefined) throw new Error("nothing to resume");
  return resumption;
}

const seconds = (...values: readonly number[]): readonly number[] => values.map((value) => value * 1_000);
const schedules: readonly (readonly [string, Partial<RetransmissionTiming>, readonly number[], number])[] = [
  ["as RFC 6347 says, given up after six sendings", {}, seconds(0, 1, 3, 7, 15, 31), 63_000],
  ["doubling to 60 s and no further", { giveUpMs: 300_000 }, seconds(0, 1, 3, 7, 15, 31, 63, 123, 183, 243), 300_000],
  ["as fast as it is told", { initialMs: 100, maximumMs: 400, giveUpMs: 1_000 }, [0, 100, 300, 700], 1_000],
  ["no more once the time is over, although a wait would end later", { giveUpMs: 2_500 }, seconds(0, 1), 2_500],
];

describe("a flight without an answer", () => {
  it.each(schedules)("is sent by a client again %s", async (_name, retransmission, expected, over) => {
    const made = await pair({ client: { retransmission } });
    const sent = watch(made, "client", () => true);
    made.client.client.connect();
    await made.ports.clock.advanceUntil(() => made.client.isOver, 400_000);
    expect(times(sent)).toEqual(expected);
    expect(made.ports.clock.now()).toBe(over);
    expect(made.client.closed).toEqual([{ why: "timeout" }]);
    expect(made.client.client.counters).toMatchObject({ retransmissions: expected.length - 1, handshakesStarted: 1, handshakesFailed: 1 });
    expect(made.ports.clock.pending()).toEqual([]);
  });

  it.each(schedules)("is sent by a server again %s", async (_name, retransmission, expected, over) => {
    const made = await pair({ server: { retransmission } });
    const { clock, network } = made.ports;
    const sent = watch(made, "server", (what) => what.startsWith("serverHello"));
    made.client.client.connect();
    await clock.advance(3);
    network.partition((from) => from.host === "10.0.0.1");
    await clock.advanceUntil(() => made.server.failed.length > 0, 400_000);
    expect(times(sent.slice(1))).toEqual(expected.map((at) => at + 3));
    expect(clock.now()).toBe(over + 3);
    expect(made.server.failed).toEqual([{ reason: { why: "timeout" }, identity: undefined }]);
    expect(made.server.server.size).toEqual({ live: 0, halfOpen: 0 });
  });
});

describe("a handshake of which single datagrams are lost", () => {
  it("is helped by the server's timer where the client has nothing to repeat", async () => {
    const made = await pair();
    const { clock } = made.ports;
    const resume = await resumable(made);
    const again = await TestClient.create(made.ports, { resume });
    const sent = watch(made, "client", (what) => what.startsWith("ChangeCipherSpec"));
    const from = clock.now();
    again.client.connect();
    await clock.advance(10);
    expect(again.connectedAs?.resumed).toBe(true);
    expect(made.server.sessions).toHaveLength(1);
    await clock.advance(2_500);
    expect(sent.map(({ at, what }) => [at - from, what.split(";")[0]])).toEqual([
      [0, "clientHello"],
      [2, "clientHello"],
      [4, "ChangeCipherSpec"],
      [1_004, "ChangeCipherSpec"],
    ]);
  });

  it("has the last flight of the server repeated when the client repeats its own", async () => {
    const made = await pair();
    const sent = watch(made, "server", (_what, count) => count === 3 || count === 4);
    made.client.client.connect();
    await made.ports.clock.advanceUntil(() => made.client.isOver, 100_000);
    expect(sent.map(({ at, what }) => [at, what.split(";")[0]])).toEqual([
      [1, "helloVerifyRequest"],
      [3, "serverHello"],
      [5, "ChangeCipherSpec"],
      [1_005, "ChangeCipherSpec"],
      [3_005, "ChangeCipherSpec"],
    ]);
    expect(made.server.sessions).toHaveLength(1);
    expect(made.client.connectedAs).toBeDefined();
  });

  it("starts again with one second at each flight", async () => {
    const made = await pair();
    const sent = watch(made, "client", (what, count) => count === 1 || count === 2 || count === 4 || (what.startsWith("clientKeyExchange") && count < 8));
    made.client.client.connect();
    await made.ports.clock.advanceUntil(() => made.client.isOver, 100_000);
    // Lost twice, answered; lost once, answered; lost until the eighth.
    expect(sent.map(({ at, what }) => [at, what.split(";")[0]])).toEqual([
      [0, "clientHello"],
      [1_000, "clientHello"],
      [3_000, "clientHello"],
      [3_002, "clientHello"],
      [4_002, "clientHello"],
      [4_004, "clientKeyExchange"],
      [5_004, "clientKeyExchange"],
      [7_004, "clientKeyExchange"],
    ]);
    expect(made.client.connectedAs).toBeDefined();
  });
});
