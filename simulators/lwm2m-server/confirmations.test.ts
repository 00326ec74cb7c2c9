import { describe, expect, it } from "vitest";
import { sleep } from "../../src/ports/index.js";
import { VirtualClock } from "../../src/ports/simulated/index.js";
import type { NewConfirmation } from "../../src/smp/index.js";
import { Confirmations, type SendOutcome } from "./confirmations.js";

const confirmation = (ep: string, version = 1): NewConfirmation => ({ ep, ssid: 101, event: "registered", at: "2026-01-01T00:00:00Z", credentialId: "c1", version });

function bench(answers: (attempt: number) => SendOutcome, maxWaiting = 100) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  let running = 0;
  const most = { running: 0 };
  const it = new Confirmations({
    clock,
    concurrency: 2,
    retryMs: 100,
    maxRetryMs: 400,
    maxWaiting,
    send: async ({ ep, version }) => {
      most.running = Math.max(most.running, (running += 1));
      sent.push(`${ep} v${version ?? 0} at ${clock.now()}`);
      const outcome = answers(sent.length);
      await sleep(clock, 5);
      running -= 1;
      return outcome;
    },
  });
  return { clock, sent, most, it };
}

describe("confirmations", () => {
  it("are sent at once, a few at the same time", async () => {
    const { clock, sent, most, it: queue } = bench(() => "done");
    for (let index = 0; index < 10; index += 1) queue.add(confirmation(`d${index}`));
    await clock.advance(100);
    expect(sent).toHaveLength(10);
    expect(most.running).toBe(2);
    expect(queue.waiting).toBe(0);
  });

  it("wait while the peer cannot be reached, with a growing pause", async () => {
    const { clock, sent, it: queue } = bench((attempt) => (attempt < 5 ? "again" : "done"));
    queue.add(confirmation("d1"));
    await clock.advance(2000);
    expect(sent).toEqual(["d1 v1 at 0", "d1 v1 at 105", "d1 v1 at 310", "d1 v1 at 715", "d1 v1 at 1120"]);
    expect(queue.waiting).toBe(0);
  });

  it("say only the newest of a client and credential", async () => {
    const { clock, sent, it: queue } = bench((attempt) => (attempt === 1 ? "again" : "done"));
    queue.add(confirmation("d1", 1));
    await clock.advance(1);
    queue.add(confirmation("d1", 2));
    await clock.advance(1000);
    expect(sent.map((line) => line.split(" at")[0])).toEqual(["d1 v1", "d1 v2"]);
  });

  it("do not take a newer version back when an older session registers once more", async () => {
    const { clock, sent, it: queue } = bench((attempt) => (attempt === 1 ? "again" : "done"));
    queue.add(confirmation("d1", 1));
    await clock.advance(1);
    queue.add(confirmation("d1", 2));
    queue.add(confirmation("d1", 1));
    await clock.advance(1000);
    expect(sent.map((line) => line.split(" at")[0])).toEqual(["d1 v1", "d1 v2"]);
  });

  it("add up the failures that were not told yet", async () => {
    const clock = new VirtualClock();
    const told: (number | undefined)[] = [];
    const queue = new Confirmations({
      clock,
      concurrency: 1,
      retryMs: 100,
      maxRetryMs: 100,
      maxWaiting: 10,
      send: async ({ failures }) => {
        told.push(failures);
        await sleep(clock, 5);
        return told.length === 1 ? "again" : "done";
      },
    });
    for (const failures of [2, 3, 4]) queue.add({ ...confirmation("d1"), event: "authentication-failed", failures });
    await clock.advance(1000);
    expect(told).toEqual([2, 9]);
  });

  it("are given up when they are refused", async () => {
    const { clock, sent, it: queue } = bench(() => "refused");
    queue.add(confirmation("d1"));
    await clock.advance(1000);
    expect(sent).toHaveLength(1);
  });

  it("are bounded, the oldest gives way", async () => {
    const { clock, sent, it: queue } = bench((attempt) => (attempt <= 2 ? "again" : "done"), 3);
    for (let index = 0; index < 8; index += 1) queue.add(confirmation(`d${index}`));
    expect(queue.dropped).toBe(3);
    await clock.advance(1000);
    expect(sent.slice(2).map((line) => line.split(" ")[0])).toEqual(["d5", "d6", "d7", "d0", "d1"]);
  });
});
