import { describe, expect, it } from "vitest";
import { timing } from "../config/index.js";
import { deadlinesOf, expiredAfterMs } from "./deadlines.js";

describe("deadlines", () => {
  it("follow from the timing of the roles and of the devices", () => {
    const lab = timing("lab");
    const deadlines = deadlinesOf(lab);
    expect(deadlines.heldWithinBudgetMs).toBeLessThan(lab.bootstrapServer.sm3BudgetMs);
    expect(deadlines.heldPastBudgetMs).toBeGreaterThan(lab.bootstrapServer.sm3BudgetMs);
    expect(deadlines.bootstrapMs).toBeGreaterThan(lab.device.bootstrapTimeoutMs);
    expect(deadlines.quietMs).toBeGreaterThanOrEqual(lab.coap.ackTimeoutMs * lab.coap.ackRandomFactor);
    expect(deadlines.stepMs).toBeGreaterThan(deadlines.itemMs);
  });

  it("grow with the times of the texts", () => {
    const [lab, rfc] = [deadlinesOf(timing("lab")), deadlinesOf(timing("rfc"))];
    expect(rfc.exchangeMs).toBeGreaterThan(93_000);
    expect(rfc.bootstrapMs).toBeGreaterThan(lab.bootstrapMs);
  });

  it("let a registration live for its lifetime and the declared grace", () => {
    expect(expiredAfterMs(3, timing("lab"))).toBe(3_000 + 500 + 100);
  });
});
