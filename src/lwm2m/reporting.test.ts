import { describe, expect, it } from "vitest";
import { changeMatters, changeSeen, notificationDue, reported, valueSeen } from "./reporting.js";

describe("changes worth a notification", () => {
  it.each([
    [{ gt: 45, st: 10 }, 45, 50, true],
    [{ gt: 45, st: 10 }, 38, 49, true],
    [{ gt: 45, st: 10 }, 48, 42, false],
    [{ lt: 20, gt: 85, st: 10 }, 75, 90, true],
    [{ lt: 20, gt: 85, st: 10 }, 50, 10, true],
    [{ lt: 20, gt: 85, st: 10 }, 87, 99, true],
    [{ lt: 20, gt: 85, st: 10 }, 17, 24, false],
    [{ st: 10 }, 50, 60, true],
    [{ st: 10 }, 50, 59, false],
    [{ gt: 45 }, 50, 60, false],
    [{ lt: 20 }, 20, 19, true],
    [{}, 1, 2, true],
    [{}, 2, 2, false],
  ])("with %j from %d to %d: %s", (attributes, from, to, matters) => {
    expect(changeMatters(attributes, from, to, from)).toBe(matters);
    expect(valueSeen(reported(0, from), attributes, to).owed).toBe(matters);
  });

  it("measure the step from the last notification, a crossing from the last look", () => {
    const rising = valueSeen(valueSeen(reported(0, 50), { st: 10 }, 55), { st: 10 }, 61);
    expect(rising.owed).toBe(true);
    const around = valueSeen(valueSeen(reported(0, 50), { gt: 45 }, 40), { gt: 45 }, 48);
    expect(around.owed).toBe(true);
  });

  it("stay owed when the value goes back", () => {
    expect(valueSeen(valueSeen(reported(0, 40), { gt: 45 }, 50), { gt: 45 }, 40).owed).toBe(true);
  });
});

describe("the notification rule", () => {
  const owed = changeSeen(reported(1000, 5));

  it("sends a change at once without pmin", () => {
    expect(notificationDue(owed, {}, 1000)).toEqual({ due: true, at: 1000 });
    expect(notificationDue(reported(1000), {}, 999_999)).toEqual({ due: false, at: undefined });
  });

  it("holds a change back until pmin is over", () => {
    expect(notificationDue(owed, { pmin: 10 }, 10_999)).toEqual({ due: false, at: 11_000 });
    expect(notificationDue(owed, { pmin: 10 }, 11_000).due).toBe(true);
  });

  it("sends without a change when pmax is over", () => {
    expect(notificationDue(reported(1000), { pmin: 10, pmax: 60 }, 60_999)).toEqual({ due: false, at: 61_000 });
    expect(notificationDue(reported(1000), { pmin: 10, pmax: 60 }, 61_000).due).toBe(true);
  });

  it("ignores pmax 0, and pmax below pmin", () => {
    expect(notificationDue(reported(0), { pmax: 0 }, 1e9)).toEqual({ due: false, at: undefined });
    expect(notificationDue(reported(0), { pmin: 60, pmax: 10 }, 1e9)).toEqual({ due: false, at: undefined });
    expect(notificationDue(changeSeen(reported(0)), { pmin: 60, pmax: 10 }, 10_000)).toEqual({ due: false, at: 60_000 });
  });

  it("starts both periods anew with each notification", () => {
    const next = reported(11_000, 6);
    expect(notificationDue(next, { pmin: 10, pmax: 60 }, 11_000)).toEqual({ due: false, at: 71_000 });
    expect(notificationDue(valueSeen(next, { pmin: 10 }, 7), { pmin: 10, pmax: 60 }, 20_000)).toEqual({ due: false, at: 21_000 });
  });
});
