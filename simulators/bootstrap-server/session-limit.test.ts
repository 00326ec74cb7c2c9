import { describe, expect, it } from "vitest";
import { SessionLimit } from "./session-limit.js";

describe("the number of sessions worked on at once", () => {
  it("grows while devices answer quickly, up to a bound", () => {
    const limit = new SessionLimit(50, 300);
    const before = limit.value;
    for (let count = 0; count < 100; count++) limit.note(10);
    expect(limit.value).toBe(before + 100);
    for (let count = 0; count < 5000; count++) limit.note(10);
    expect(limit.value).toBe(1000);
  });

  it("shrinks while they answer slowly, down to a bound, and stays in between", () => {
    const limit = new SessionLimit(50, 300);
    const before = limit.value;
    limit.note(200);
    expect(limit.value).toBe(before);
    limit.note(400);
    expect(limit.value).toBeLessThan(before);
    for (let count = 0; count < 500; count++) limit.note(400);
    expect(limit.value).toBe(16);
  });
});
