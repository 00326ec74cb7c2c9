import { describe, expect, it } from "vitest";
import { labTransmission, rfcTransmission } from "../coap/index.js";
import { maxTransmitSpanMs, maxTransmitWaitMs, timing } from "./index.js";

describe("timing profiles", () => {
  it("rfc has the numbers of RFC 7252 section 4.8", () => {
    const { coap } = timing("rfc");
    expect([coap.ackTimeoutMs, coap.ackRandomFactor, coap.maxRetransmit, coap.nstart]).toEqual([2000, 1.5, 4, 1]);
    expect(maxTransmitSpanMs(coap)).toBe(45_000);
    expect(maxTransmitWaitMs(coap)).toBe(93_000);
    expect([coap.exchangeLifetimeMs, coap.nonLifetimeMs]).toEqual([247_000, 145_000]);
  });

  it("are the CoAP endpoint's own", () => {
    expect(timing("rfc").coap).toEqual(rfcTransmission);
    expect(timing("lab").coap).toEqual(labTransmission);
  });

  it.each(["lab", "rfc"] as const)("%s fits together: budget inside the session, session inside the device's patience", (profile) => {
    const { coap, device, bootstrapServer, lwm2mServer } = timing(profile);
    expect(bootstrapServer.sm3BudgetMs).toBeLessThan(bootstrapServer.sessionTimeoutMs);
    expect(bootstrapServer.sessionTimeoutMs).toBeLessThan(device.bootstrapTimeoutMs);
    expect(coap.processingDelayMs).toBeLessThan(coap.ackTimeoutMs);
    expect(coap.exchangeLifetimeMs).toBeGreaterThan(maxTransmitSpanMs(coap));
    expect(bootstrapServer.confirmWindowMs).toBeLessThan(bootstrapServer.triggerValidityMs);
    expect(lwm2mServer.sweepMs).toBeLessThan(lwm2mServer.expiryGraceMs);
  });

  it("lab lets a hold of two seconds pass and a longer one end in under three", () => {
    const { sm3BudgetMs } = timing("lab").bootstrapServer;
    expect(sm3BudgetMs).toBeGreaterThan(2_300);
    expect(sm3BudgetMs).toBeLessThan(3_000);
  });

  it("takes overrides number by number and says that it did", () => {
    const changed = timing({ profile: "lab", coap: { ackTimeoutMs: 50 } });
    expect(changed.coap).toEqual({ ...timing("lab").coap, ackTimeoutMs: 50 });
    expect(changed.changed).toBe(true);
    expect(timing("lab").changed).toBe(false);
  });
});
