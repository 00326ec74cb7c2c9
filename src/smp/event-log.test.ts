import { describe, expect, it } from "vitest";
import { simulatedPorts } from "../ports/simulated/index.js";
import { SmpEventLog } from "./event-log.js";

describe("a long poll of the event log", () => {
  it("ends when its caller goes, and leaves no timer", async () => {
    const { clock } = simulatedPorts(1);
    const gone = new AbortController();
    const page = new SmpEventLog(clock, "urn:test").poll("a", 0, 10, 60_000, gone.signal);
    expect(clock.pending()).toHaveLength(1);
    gone.abort();
    expect((await page).events).toEqual([]);
    expect(clock.pending()).toEqual([]);
  });

  it("ends when the server stops, and none begins after that", async () => {
    const { clock } = simulatedPorts(1);
    const log = new SmpEventLog(clock, "urn:test");
    const page = log.poll("a", 0, 10, 60_000);
    log.close();
    expect((await page).events).toEqual([]);
    expect((await log.poll("a", 0, 10, 60_000)).events).toEqual([]);
    expect(clock.pending()).toEqual([]);
  });

  it("wakes for another tenant's event and goes on waiting", async () => {
    const { clock } = simulatedPorts(1);
    const log = new SmpEventLog(clock, "urn:test");
    const page = log.poll("a", 0, 10, 60_000);
    log.publish("b", { type: "smp.order.changed", data: {} });
    await clock.advance(59_000);
    log.publish("a", { type: "smp.order.changed", data: { orderId: "o-1" } });
    expect((await page).events).toHaveLength(1);
    expect(clock.pending()).toEqual([]);
  });
});
