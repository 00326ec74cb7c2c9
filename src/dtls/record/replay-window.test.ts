import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReplayWindow, WINDOW } from "./replay-window.js";

const marked = (...sequences: readonly number[]): ReplayWindow => {
  const window = new ReplayWindow();
  for (const sequence of sequences) window.mark(sequence);
  return window;
};

/** What RFC 6347 §4.1.2.6 says, without a bitmap. */
class Model {
  readonly seen = new Set<number>();
  newest = -1;

  isFresh(sequence: number): boolean {
    return sequence > this.newest - WINDOW && !this.seen.has(sequence);
  }

  mark(sequence: number): void {
    this.seen.add(sequence);
    this.newest = Math.max(this.newest, sequence);
  }
}

describe("the replay window", () => {
  it("takes the first record under any number", () => {
    for (const sequence of [0, 1, 63, 64, 2 ** 48 - 1]) expect(new ReplayWindow().isFresh(sequence)).toBe(true);
  });

  it("takes a number once", () => {
    const window = marked(0, 1, 2, 40);
    expect([0, 1, 2, 40].map((sequence) => window.isFresh(sequence))).toEqual([false, false, false, false]);
    expect([3, 39, 41].map((sequence) => window.isFresh(sequence))).toEqual([true, true, true]);
  });

  it("is 64 numbers wide: the oldest in it is taken, the one before is not", () => {
    const window = marked(1_000);
    expect(window.isFresh(1_000 - 63)).toBe(true);
    expect(window.isFresh(1_000 - 64)).toBe(false);
    window.mark(1_000 - 63);
    expect(window.isFresh(1_000 - 63)).toBe(false);
    expect(window.isFresh(1_000 - 62)).toBe(true);
  });

  it.each([1, 31, 32, 33, 63, 64, 65, 2 ** 31, 2 ** 32, 2 ** 48 - 102])("moves on by %i without losing what it saw or making up what it did not", (by) => {
    const window = marked(100, 101);
    window.mark(101 + by);
    expect(window.isFresh(101 + by)).toBe(false);
    expect(window.isFresh(101)).toBe(false);
    expect(window.isFresh(100)).toBe(false);
    expect(window.isFresh(101 + by - 2)).toBe(by - 2 > 0);
  });

  it("is not moved by asking, nor by a number that is too old", () => {
    const window = marked(200);
    window.isFresh(100_000);
    window.mark(100);
    expect(window.isFresh(199)).toBe(true);
    expect(window.isFresh(200)).toBe(false);
  });

  it("does what the sentence of the RFC says on any sequence of numbers", () => {
    const near = fc.array(fc.oneof(fc.nat(200), fc.integer({ min: 2 ** 32 - 100, max: 2 ** 32 + 100 }), fc.integer({ min: 2 ** 48 - 200, max: 2 ** 48 - 1 })), { maxLength: 200 });
    fc.assert(
      fc.property(near, (sequences) => {
        const window = new ReplayWindow();
        const model = new Model();
        for (const sequence of sequences) {
          expect(window.isFresh(sequence)).toBe(model.isFresh(sequence));
          if (!model.isFresh(sequence)) continue;
          window.mark(sequence);
          model.mark(sequence);
        }
      }),
    );
  });
});
