import { describe, expect, it } from "vitest";
import { handshakesAfterLoss } from "./load-security.js";

const counted = (attempts: Readonly<Record<string, number>>): ReadonlyMap<string, number> => new Map(Object.entries(attempts));

describe("the handshakes of a fleet whose server lost its sessions", () => {
  it("are told also when nothing is wrong with them", () => {
    expect(handshakesAfterLoss(counted({ a: 1, b: 1 }), counted({ a: 3, b: 5, c: 0 }), 0)).toEqual({ tooMany: [], actual: "at most 4 of each device: 6 handshakes of 2 devices, 0 storms", ok: true });
  });

  it("are too many where one device made more than it needs, and where the devices counted a storm", () => {
    expect(handshakesAfterLoss(counted({ a: 1 }), counted({ a: 6, b: 1 }), 0)).toEqual({ tooMany: ["a"], actual: "more of 1: a: 6 handshakes of 2 devices, 0 storms", ok: false });
    expect(handshakesAfterLoss(counted({}), counted({ a: 1 }), 2).ok).toBe(false);
  });

  it("are no verdict where nobody made any", () => {
    expect(handshakesAfterLoss(counted({}), counted({}), 0).ok).toBeUndefined();
    expect(handshakesAfterLoss(counted({ a: 2 }), counted({ a: 2 }), 0).ok).toBeUndefined();
  });
});
