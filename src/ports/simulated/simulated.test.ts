import { describe, expect, it } from "vitest";

import { after, sleep, type Address, type DatagramSocket } from "../index.js";
import { SimulatedNetwork, simulatedPorts, VirtualClock, type Impairment } from "./index.js";

describe("the virtual clock", () => {
  it("fires due timers at their own time and lets promises run in between", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    after(clock, 20, "b", () => seen.push(`b at ${clock.now()}`));
    void sleep(clock, 10).then(async () => {
      seen.push(`a at ${clock.now()}`);
      await sleep(clock, 5);
      seen.push(`c at ${clock.now()}`);
    });
    await clock.advance(30);
    expect(seen).toEqual(["a at 10", "c at 15", "b at 20"]);
    expect(clock.now()).toBe(30);
  });

  it("names what is waited for, soonest first", () => {
    const clock = new VirtualClock();
    after(clock, 20, "later", () => {});
    clock.stop(after(clock, 1, "stopped", () => {}));
    after(clock, 10, "sooner", () => {});
    expect(clock.pending()).toEqual(["sooner", "later"]);
  });

  it("advances until something holds, or says that it never did", async () => {
    const clock = new VirtualClock();
    let count = 0;
    const tick = (): void => {
      count++;
      after(clock, 0.1, "tick", tick);
    };
    tick();
    expect(await clock.advanceUntil(() => count === 50, 1_000)).toBe(true);
    expect(await clock.advanceUntil(() => false, 10)).toBe(false);
  });
});

interface Received {
  readonly text: string;
  readonly at: number;
}

async function pair(impairment: Impairment, seed: number | string = 1): Promise<{ clock: VirtualClock; network: SimulatedNetwork; a: DatagramSocket; b: Address; received: Received[] }> {
  const { clock, network } = simulatedPorts(seed, impairment);
  const received: Received[] = [];
  const b = await network.bind({ host: "10.0.0.2", port: 5683 }, { onDatagram: (datagram) => received.push({ text: datagram.toString(), at: clock.now() }), onSocketError: () => {} });
  const a = await network.bind({ host: "10.0.0.1", connect: b.local }, { onDatagram: () => {}, onSocketError: () => {} });
  return { clock, network, a, b: b.local, received };
}

async function sendMany(impairment: Impairment, count: number, seed: number | string = 1): Promise<string[]> {
  const { clock, a, received } = await pair(impairment, seed);
  for (let i = 0; i < count; i++) {
    a.send(Buffer.from(String(i)));
    await clock.advance(0.5);
  }
  await clock.advance(10_000);
  return received.map(({ text }) => text);
}

describe("the simulated network", () => {
  it("delivers in order after its delay", async () => {
    const { clock, a, received } = await pair({ delayMs: [5, 5] });
    a.send(Buffer.from("one"));
    await clock.advance(4.9);
    expect(received).toEqual([]);
    await clock.advance(0.2);
    expect(received).toEqual([{ text: "one", at: 5 }]);
    const inOrder = await sendMany({ delayMs: [1, 50] }, 100);
    expect(inOrder).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
  });

  it("loses, duplicates and reorders as often as asked, the same for the same seed", async () => {
    const lossy = await sendMany({ loss: 0.3 }, 500);
    expect(lossy.length).toBeGreaterThan(300);
    expect(lossy.length).toBeLessThan(400);
    expect(await sendMany({ loss: 0.3 }, 500)).toEqual(lossy);
    expect(await sendMany({ loss: 0.3 }, 500, 2)).not.toEqual(lossy);
    expect((await sendMany({ duplicate: 0.5 }, 200)).length).toBeGreaterThan(270);
    const reordered = await sendMany({ reorder: 0.3, delayMs: [1, 2] }, 200);
    expect(reordered.length).toBe(200);
    expect(reordered).not.toEqual([...reordered].sort((x, y) => Number(x) - Number(y)));
  });

  it("lets a test change or swallow a datagram, and cut the line", async () => {
    const { clock, network, a, received } = await pair({});
    const remove = network.intercept((datagram, forward) => {
      if (datagram.bytes.toString() !== "bad") forward(Buffer.from(`${datagram.bytes.toString()}!`));
    });
    a.send(Buffer.from("good"));
    a.send(Buffer.from("bad"));
    await clock.advance(10);
    remove();
    const heal = network.partition((from) => from.host === "10.0.0.1");
    a.send(Buffer.from("cut"));
    await clock.advance(10);
    heal();
    a.send(Buffer.from("healed"));
    await clock.advance(10);
    expect(received.map(({ text }) => text)).toEqual(["good!", "healed"]);
  });

  it("tells a connected sender that nobody listens, and delivers to a connected socket from its peer only", async () => {
    const { clock, network, a, b } = await pair({});
    const errors: (string | undefined)[] = [];
    const got: string[] = [];
    const c = await network.bind({ host: "10.0.0.3", connect: { host: "10.0.0.9", port: 1 } }, { onDatagram: (datagram) => got.push(datagram.toString()), onSocketError: (error) => errors.push(error.code) });
    c.send(Buffer.from("x"));
    const stranger = await network.bind({ host: "10.0.0.4" }, { onDatagram: () => {}, onSocketError: () => {} });
    stranger.send(Buffer.from("y"), c.local);
    await clock.advance(10);
    expect(errors).toEqual(["ECONNREFUSED"]);
    expect(got).toEqual([]);
    await expect(network.bind(b, { onDatagram: () => {}, onSocketError: () => {} })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await a.close();
  });
});
