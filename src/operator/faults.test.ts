import { describe, expect, it } from "vitest";
import { VirtualClock } from "../ports/simulated/index.js";
import { FaultBoard, TraceLog } from "./index.js";

describe("a fault board", () => {
  const board = (): { clock: VirtualClock; trace: TraceLog; faults: FaultBoard } => {
    const clock = new VirtualClock();
    const trace = new TraceLog("server-a", clock, 100);
    return { clock, trace, faults: new FaultBoard(clock, trace) };
  };

  it("matches by operation and endpoint and counts what fired", () => {
    const { faults } = board();
    faults.set("f", { operation: "register", endpoint: "ab-*", action: { kind: "silence" } });
    expect(faults.match("update", "ab-1")).toBeUndefined();
    expect(faults.match("register", "x-1")).toBeUndefined();
    expect(faults.match("register", undefined)).toBeUndefined();
    expect(faults.match("register", "ab-1")?.action).toEqual({ kind: "silence" });
    expect(faults.get("f")?.fired).toBe(1);
  });

  it("takes any endpoint when none is named, and a pattern as operation", () => {
    const { faults } = board();
    faults.set("f", { operation: "smp.account.*", action: { kind: "refuse", status: 503 } });
    expect(faults.match("smp.account.post", undefined)?.id).toBe("f");
  });

  it("matches by the identity that a peer names itself by", () => {
    const { faults } = board();
    faults.set("f", { operation: "handshake", identity: "dev-1/*", action: { kind: "refuse", alert: 115 } });
    expect(faults.match("handshake", "dev-1", "dev-2/v1")).toBeUndefined();
    expect(faults.match("handshake", "dev-1")).toBeUndefined();
    expect(faults.waitsFor("handshake", undefined, "dev-1/v1")).toBe(true);
    expect(faults.get("f")?.fired).toBe(0);
    expect(faults.match("handshake", undefined, "dev-1/v1")?.action).toEqual({ kind: "refuse", alert: 115 });
    expect(faults.get("f")?.fired).toBe(1);
  });

  it("fires as often as it was told and stays listed", () => {
    const { faults } = board();
    faults.set("f", { operation: "register", action: { kind: "refuse", code: "5.00" }, times: 2 });
    expect([1, 2, 3].map(() => faults.match("register", "a")?.id)).toEqual(["f", "f", undefined]);
    expect(faults.list()).toMatchObject([{ id: "f", fired: 2 }]);
  });

  it("lets go what it delays and holds when its role stops, and leaves no timer", async () => {
    const { clock, faults } = board();
    faults.set("late", { operation: "register", action: { kind: "delay", ms: 600_000 } });
    faults.set("held", { operation: "update", action: { kind: "hold" } });
    const both = Promise.all([faults.apply("register", "a"), faults.apply("update", "a")]);
    faults.stop();
    expect(await both).toEqual([undefined, undefined]);
    expect(clock.pending()).toEqual([]);
  });

  it("delays on the clock and then lets the operation be done", async () => {
    const { clock, faults } = board();
    faults.set("f", { operation: "register", action: { kind: "delay", ms: 500 } });
    let outcome: unknown = "waiting";
    void faults.apply("register", "a").then((result) => (outcome = result));
    await clock.advance(499);
    expect(outcome).toBe("waiting");
    await clock.advance(1);
    expect(outcome).toBeUndefined();
  });

  it("holds until released, and lets later ones pass", async () => {
    const { clock, faults } = board();
    faults.set("f", { operation: "smp.activation.put", action: { kind: "hold" } });
    const done: string[] = [];
    void faults.apply("smp.activation.put", "a").then(() => done.push("a"));
    void faults.apply("smp.activation.put", "b").then(() => done.push("b"));
    await clock.advance(60_000);
    expect(done).toEqual([]);
    expect(faults.get("f")).toMatchObject({ fired: 2, waiting: 2 });
    faults.release("f");
    await clock.advance(0);
    expect(done).toEqual(["a", "b"]);
    expect(faults.match("smp.activation.put", "c")).toBeUndefined();
    expect(faults.get("f")).toMatchObject({ fired: 2, waiting: 0 });
  });

  it.each(["clear", "replace", "clear all"])("forgets nobody it holds on %s", async (how) => {
    const { clock, faults } = board();
    faults.set("f", { operation: "register", action: { kind: "hold" } });
    let passed = false;
    void faults.apply("register", "a").then(() => (passed = true));
    if (how === "clear") faults.clear("f");
    else if (how === "replace") faults.set("f", { operation: "update", action: { kind: "silence" } });
    else faults.clearAll();
    await clock.advance(0);
    expect(passed).toBe(true);
  });

  it("leaves its firing in the trace", () => {
    const { trace, faults } = board();
    faults.set("f", { operation: "register", action: { kind: "silence" } });
    faults.match("register", "ab-1");
    expect(trace.read({ after: 0, limit: 10 }).events).toMatchObject([{ endpoint: "ab-1", event: { kind: "state", machine: "fault", id: "f", to: "fired", input: "register" } }]);
  });

  it("refuses more faults than it can search quickly", () => {
    const { faults } = board();
    for (let index = 0; index < 1000; index++) faults.set(`f${index}`, { operation: "read", action: { kind: "silence" } });
    expect(faults.set("one more", { operation: "read", action: { kind: "silence" } })).toBeUndefined();
    expect(faults.set("f0", { operation: "write", action: { kind: "silence" } })).toBeDefined();
  });
});
