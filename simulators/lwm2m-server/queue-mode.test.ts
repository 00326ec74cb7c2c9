import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/ports/simulated/index.js";
import { sleep } from "../../src/ports/index.js";
import { DeviceQueues, isAwake, type DeviceJob, type QueueOptions } from "./queue-mode.js";

function bench(options: Partial<QueueOptions> = {}) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const state = { awake: false };
  const queues = new DeviceQueues(clock, { maxPerDevice: 3, maxHeld: 5, sweepMs: 100, newestFirst: false, awake: () => state.awake, ...options });
  const job = (name: string, holdMs = 60_000, takesMs = 10): DeviceJob => ({
    holdUntil: clock.now() + holdMs,
    run: async () => {
      log.push(`${name} sent`);
      await sleep(clock, takesMs);
      log.push(`${name} answered`);
    },
    dropped: (why) => log.push(`${name} ${why}`),
  });
  return { clock, log, state, queues, job };
}

describe("isAwake", () => {
  it("is true for a device without queue mode, however long it was silent", () => {
    expect(isAwake({ queueMode: false, lastSeen: 0 }, 1e9, 300)).toBe(true);
  });
  it("ends with the awake time after the last message", () => {
    expect(isAwake({ queueMode: true, lastSeen: 1000 }, 1299, 300)).toBe(true);
    expect(isAwake({ queueMode: true, lastSeen: 1000 }, 1300, 300)).toBe(false);
  });
});

describe("requests for a sleeping device", () => {
  it("are held until it is heard of, then sent in order, one at a time", async () => {
    const { clock, log, state, queues, job } = bench();
    for (const name of ["first", "second", "third"]) expect(queues.add("d", job(name))).toBe(false);
    await clock.advance(1000);
    expect(log).toEqual([]);
    state.awake = true;
    queues.wake("d");
    await clock.advance(1000);
    expect(log).toEqual(["first sent", "first answered", "second sent", "second answered", "third sent", "third answered"]);
    expect(queues.held).toBe(0);
  });

  it("are dropped when the server stops, those that come later too, and no timer is left", async () => {
    const { clock, log, queues, job } = bench();
    queues.add("d", job("first"));
    queues.stop();
    expect(queues.hold("d", job("second"))).toBe(false);
    await clock.advance(1000);
    expect(log).toEqual(["first withdrawn", "second withdrawn"]);
    expect(clock.pending()).toEqual([]);
  });

  it("wait again when it falls asleep before their turn", async () => {
    const { clock, log, state, queues, job } = bench();
    queues.add("d", job("first"));
    queues.add("d", job("second"));
    state.awake = true;
    queues.wake("d");
    state.awake = false;
    await clock.advance(1000);
    expect(log).toEqual(["first sent", "first answered"]);
    state.awake = true;
    queues.wake("d");
    await clock.advance(100);
    expect(log).toContain("second sent");
  });

  it("expire one by one when it does not come", async () => {
    const { clock, log, queues, job } = bench();
    queues.add("d", job("long", 5000));
    queues.add("d", job("short", 1000));
    await clock.advance(1200);
    expect(log).toEqual(["short expired"]);
    await clock.advance(4000);
    expect(log).toEqual(["short expired", "long expired"]);
    expect(clock.pending()).toEqual([]);
  });

  it("are bounded per device and in all", () => {
    const { log, queues, job } = bench();
    for (const name of ["a", "b", "c", "d"]) queues.add("one", job(name));
    expect(log).toEqual(["d queue-full"]);
    for (const name of ["e", "f", "g"]) queues.add("two", job(name));
    expect(log).toEqual(["d queue-full", "g queue-full"]);
  });

  it("can be withdrawn while held, not while running", async () => {
    const { clock, log, state, queues, job } = bench();
    const first = job("first");
    const second = job("second");
    queues.add("d", first);
    queues.add("d", second);
    state.awake = true;
    queues.wake("d");
    expect(queues.withdraw("d", first)).toBe(false);
    expect(queues.withdraw("d", second)).toBe(true);
    await clock.advance(100);
    expect(log).toEqual(["first sent", "first answered"]);
  });

  it("are dropped with their reason when the device goes", () => {
    const { log, queues, job } = bench();
    queues.add("d", job("first"));
    queues.add("d", job("second"));
    queues.drop("d", "not-registered");
    expect(log).toEqual(["first not-registered", "second not-registered"]);
    expect(queues.heldFor("d")).toBe(0);
  });

  it("are sent newest first when that fault is planted", async () => {
    const { clock, log, state, queues, job } = bench({ newestFirst: true });
    queues.add("d", job("first"));
    queues.add("d", job("second"));
    state.awake = true;
    queues.wake("d");
    await clock.advance(100);
    expect(log).toEqual(["second sent", "second answered", "first sent", "first answered"]);
  });
});
