import { describe, expect, it } from "vitest";

import { ReplyRing } from "./deduplication.js";
import { MessageIds } from "./message-ids.js";

const reply = (id: number, length = 20): Buffer => Buffer.alloc(length, id & 0xff);
const LIFETIME = 247_000;

describe("the replies kept for a peer", () => {
  it("are found by message id until their time is over", () => {
    const ring = new ReplyRing(32);
    ring.put(7, reply(7), 1_000, LIFETIME);
    ring.put(8, undefined, 1_000, LIFETIME);
    expect(ring.reply(ring.find(7, 1_000 + LIFETIME - 1))).toEqual(reply(7));
    expect(ring.find(8, 2_000)).toBeGreaterThanOrEqual(0);
    expect(ring.reply(ring.find(8, 2_000))).toBeUndefined();
    expect(ring.find(9, 2_000)).toBe(-1);
    expect(ring.find(7, 1_000 + LIFETIME)).toBe(-1);
  });

  it("are bounded in number, the oldest going first, whatever their sizes", () => {
    const ring = new ReplyRing(10);
    for (let id = 0; id < 5_000; id++) {
      ring.put(id, reply(id, (id * 37) % 300), id, LIFETIME);
      for (let known = Math.max(0, id - 7); known <= id; known++) expect(ring.reply(ring.find(known, id))?.length ?? 0).toBe((known * 37) % 300);
      expect(ring.size).toBeLessThanOrEqual(10);
    }
    expect(ring.find(4_989, 5_000)).toBe(-1);
  });

  it("take a kilobyte for as many small ones as come", () => {
    const ring = new ReplyRing(64);
    for (let id = 0; id < 10_000; id++) ring.put(id & 0xffff, reply(id, 25), id, LIFETIME);
    expect(ring.capacity).toBe(1_024);
    expect(ring.size).toBeGreaterThanOrEqual(30);
  });

  it("never take more than 64 KiB", () => {
    const ring = new ReplyRing(64);
    for (let id = 0; id < 200; id++) ring.put(id, reply(id, 1_200), id, LIFETIME);
    expect(ring.capacity).toBeLessThanOrEqual(65_536);
    expect(ring.reply(ring.find(199, 200))).toHaveLength(1_200);
    expect(ring.find(192, 200)).toBeGreaterThanOrEqual(0);
    ring.put(1_000, reply(1, 70_000), 300, LIFETIME);
    expect(ring.reply(ring.find(1_000, 301))).toBeUndefined();
  });

  it("are told apart when an id comes again: the newest counts", () => {
    const ring = new ReplyRing(32);
    ring.put(5, reply(1), 0, 100);
    ring.put(5, reply(2), 200, 100);
    expect(ring.reply(ring.find(5, 201))).toEqual(reply(2));
    ring.put(5, reply(3), 202, 100);
    expect(ring.reply(ring.find(5, 203))).toEqual(reply(3));
  });

  it("stay right when the clock passes 2^32 milliseconds", () => {
    const ring = new ReplyRing(32);
    const late = 2 ** 32 - 10;
    ring.put(5, reply(1), late, 100);
    expect(ring.find(5, late + 50)).toBeGreaterThanOrEqual(0);
    expect(ring.find(5, late + 101)).toBe(-1);
  });
});

describe("message ids", () => {
  it("count up from where they start and wrap", () => {
    const ids = new MessageIds(65_534);
    expect([1, 2, 3].map((now) => ids.take(now, 10))).toEqual([65_534, 65_535, 0]);
  });

  it("come again no sooner than EXCHANGE_LIFETIME after their last use", () => {
    const ids = new MessageIds(1_234);
    const lastUse = new Map<number, number>();
    let now = 0;
    let waits = 0;
    for (let i = 0; i < 300_000; i++) {
      now += i % 1_000 === 0 ? 50 : 0.01;
      const id = ids.take(now, LIFETIME);
      if (id < 0) {
        now += ids.waitMs(now, LIFETIME);
        waits++;
        continue;
      }
      const last = lastUse.get(id);
      if (last !== undefined && now - last < LIFETIME) throw new Error(`id ${id} came again after ${now - last} ms`);
      lastUse.set(id, now);
    }
    expect(lastUse.size).toBe(65_536);
    expect(waits).toBeGreaterThan(3);
  });
});
