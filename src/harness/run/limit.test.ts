import { describe, expect, it } from "vitest";
import type { ProcessorTimes } from "../../ports/index.js";
import { crowded, limitOf, ProcessorWatch, type LimitInput } from "./limit.js";

const answers = (p99: number) => ({ count: 1, mean: p99, p50: p99, p90: p99, p95: p99, p99, p999: p99, max: p99 });
const input = (p99: number, changes: Partial<LimitInput> = {}): LimitInput => ({
  fleet: { latency: { register: answers(p99), bootstrap: answers(9_000) }, generator: { saturated: false, loopLagP99Ms: 1, socketDrops: 0, receiveBuffer: null, shards: 1 }, referenceDrops: { "bootstrap-server": 0, "server-a": null } },
  processors: { seconds: 10, busy: 0.6, own: 0.3 },
  ackTimeoutMs: 200,
  cpus: 2,
  foreign: { "server-a": "Leshan" },
  ...changes,
});

describe("what held the load back", () => {
  it("is nobody while every answer came before it would have been asked for again", () => {
    expect(limitOf(input(150))).toEqual({ side: "none", reason: "everything was answered in time: p99 of an answer 150 ms, ACK_TIMEOUT 200 ms" });
  });

  it("is the generator where it lagged or dropped, however late the answers were", () => {
    const { fleet } = input(900);
    expect(limitOf(input(900, { fleet: { ...fleet, generator: { ...fleet.generator, saturated: true } } }))).toMatchObject({ side: "generator" });
  });

  it("is a role whose socket dropped datagrams", () => {
    const { fleet } = input(900);
    expect(limitOf(input(900, { fleet: { ...fleet, referenceDrops: { "server-b": 7 } } })).reason).toContain("dropped at their sockets: server-b 7");
  });

  it("is the machine where its processors had no time left, with muster's own share", () => {
    expect(limitOf(input(900, { processors: { seconds: 10, busy: 0.99, own: 0.55 } }))).toMatchObject({ side: "machine", reason: expect.stringContaining("99 % busy for 10 s, 55 % with muster, 44 % with others, server-a (Leshan) among them") as string });
  });

  it("is the system that is not ours where it answered late and all else had time left", () => {
    expect(limitOf(input(900))).toMatchObject({ side: "roles", reason: expect.stringMatching(/^server-a \(Leshan\) answered late/) as string });
  });
});

describe("the watch over the processors", () => {
  it("tells the busiest ten seconds", () => {
    const times: ProcessorTimes[] = [];
    let now: ProcessorTimes = { totalMs: 0, idleMs: 0, ownMs: 0 };
    for (let second = 0; second < 30; second++) {
      times.push(now);
      const busy = second >= 12 && second < 22;
      now = { totalMs: now.totalMs + 2_000, idleMs: now.idleMs + (busy ? 0 : 1_000), ownMs: now.ownMs + 500 };
    }
    const watch = new ProcessorWatch(() => times.shift() ?? now);
    expect(watch.busiest()).toBeUndefined();
    for (let second = 0; second < 30; second++) watch.look();
    expect(watch.busiest()).toEqual({ seconds: 10, busy: 1, own: 0.25 });
    expect(watch.busiest(15)).toMatchObject({ busy: 0.85 });
    expect(crowded(watch.busiest())).toBe("the machine's processors were 100 % busy for 10 s, 25 % with muster");
    expect(crowded(watch.busiest(15))).toBeUndefined();
  });
});
