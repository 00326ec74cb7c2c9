import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/ports/simulated/index.js";
import { HandshakeLog } from "./handshake-log.js";

function bench(maxDevices = 100, maxStrangers = 10) {
  const clock = new VirtualClock();
  const storms: string[] = [];
  const log = new HandshakeLog({ clock, stormAbove: 3, windowMs: 1000, maxDevices, maxStrangers, storm: (endpoint, identity, attempts) => storms.push(`${endpoint ?? "?"} ${identity} ${attempts}`) });
  return { clock, storms, log };
}

describe("the log of handshakes", () => {
  it("counts what became of them, by device and in all", async () => {
    const { clock, log } = bench();
    for (const how of ["finished", "resumed", "refused", "failed"] as const) {
      log.attempt("d1", "d1/v1");
      log.ended("d1", "d1/v1", how);
      await clock.advance(1000);
    }
    log.attempt(undefined, "stranger");
    log.ended(undefined, "stranger", "refused");
    const { total, devices } = log.page({ limit: 10 });
    expect(total).toEqual({ attempts: 5, finished: 2, resumed: 1, refused: 2, failed: 1, storms: 0 });
    expect(devices).toMatchObject([
      { endpoint: "d1", identity: "d1/v1", attempts: 4, finished: 2, resumed: 1, refused: 1, failed: 1 },
      { identity: "stranger", attempts: 1, refused: 1 },
    ]);
  });

  it("counts a device once, whichever identity it uses, and shows the latest", () => {
    const { log } = bench();
    log.attempt("d1", "d1/v1");
    log.attempt("d1", "d1/v2");
    expect(log.page({ limit: 10 }).devices).toMatchObject([{ endpoint: "d1", identity: "d1/v2", attempts: 2 }]);
  });

  it("finds a storm where there are more within the window, once for each", async () => {
    const { clock, storms, log } = bench();
    for (let at = 0; at < 8; at += 1) {
      log.attempt("d1", "d1/v1");
      await clock.advance(100);
    }
    expect(storms).toEqual(["d1 d1/v1 4"]);
    await clock.advance(5000);
    for (let at = 0; at < 4; at += 1) log.attempt("d1", "d1/v1");
    expect(log.page({ limit: 10 }).devices[0]?.storms).toBe(2);
    expect(log.total.storms).toBe(2);
  });

  it("finds none where the device pauses", async () => {
    const { clock, storms, log } = bench();
    for (let at = 0; at < 50; at += 1) {
      log.attempt("d1", "d1/v1");
      await clock.advance(340);
    }
    expect(storms).toEqual([]);
  });

  it("is bounded: the first is forgotten, the totals stay, and strangers do not crowd out devices", () => {
    const { log } = bench(2, 1);
    for (const name of ["d1", "d2", "d3"]) log.attempt(name, name);
    for (const identity of ["x", "y", "z"]) log.attempt(undefined, identity);
    expect(log.page({ limit: 10 }).devices.map(({ endpoint, identity }) => endpoint ?? `stranger ${identity}`)).toEqual(["d2", "d3", "stranger z"]);
    expect(log.total.attempts).toBe(6);
  });

  it("is read page by page and by endpoint", () => {
    const { log } = bench();
    for (const name of ["a-1", "a-2", "b-1", "a-3"]) log.attempt(name, name);
    const first = log.page({ limit: 2, endpoint: "a-*" });
    expect(first.devices.map(({ endpoint }) => endpoint)).toEqual(["a-1", "a-2"]);
    log.attempt("a-2", "a-2");
    const second = log.page({ limit: 2, endpoint: "a-*", after: first.next });
    expect(second.devices.map(({ endpoint }) => endpoint)).toEqual(["a-3"]);
    expect(second.next).toBeUndefined();
  });
});
