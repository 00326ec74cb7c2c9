import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../ports/index.js";
import { failing, result, scenario } from "../report/testing/results.js";
import { asksForSecondOpinion, firstDifference, withSecondOpinions, type SecondRun } from "./second-opinion.js";

const said = (direction: "in" | "out", code: string, path: string | undefined, messageId: number, endpoint = "ab-key-c1", query?: readonly string[]): TraceEvent => ({
  seq: messageId,
  at: String(messageId),
  role: "device",
  endpoint,
  event: { kind: "datagram", direction, local: "127.0.0.1:1", peer: "127.0.0.1:2", hex: "40", summary: "", coap: { type: "CON", code, messageId, token: "aa", payloadLength: 0, ...(path === undefined ? {} : { path }), ...(query === undefined ? {} : { query }) } },
});

describe("the first difference of two traces", () => {
  const first = [said("out", "0.02", "/rd", 1, "ab-key-c1", ["ep=ab-key-c1", "lt=60"]), said("in", "2.01", undefined, 1), said("out", "0.02", "/rd/x7", 2)];

  it("is none where devices of the same names said and heard the same, whatever stacks choose for themselves", () => {
    const second = [said("out", "0.02", "/rd", 71, "ab-other-c1", ["lt=60", "ep=ab-other-c1"]), said("out", "0.02", "/rd", 71, "ab-other-c1", ["lt=60", "ep=ab-other-c1"]), said("in", "2.01", undefined, 71, "ab-other-c1"), said("in", "0.00", undefined, 72, "ab-other-c1"), said("out", "0.02", "/rd/k2", 73, "ab-other-c1")];
    expect(firstDifference(first, second)).toBeUndefined();
  });

  it("names the device, and what each of the two has in that place", () => {
    const second = [said("out", "0.02", "/rd", 1, "ab-key-c1", ["ep=ab-key-c1", "lt=60"]), said("in", "4.00", undefined, 1)];
    expect(firstDifference(first, second)).toEqual({ device: "c1", after: 1, first: "device gets 2.01", second: "device gets 4.00" });
  });

  it("may be that one of the two says nothing more", () => {
    expect(firstDifference(first, first.slice(0, 2))).toEqual({ device: "c1", after: 2, first: "device sends POST /rd/<location>", second: "nothing more" });
  });
});

describe("a second opinion", () => {
  const passed = scenario();
  const run = (scenarios: SecondRun["scenarios"], differences: SecondRun["differences"] = new Map()): SecondRun => ({ devicesOn: "node-coap", folder: "second-opinion/r", scenarios, differences });
  const first = result([failing, passed]);

  it("is asked about what failed or came to no verdict", () => {
    expect([failing, passed, scenario({ verdict: "inconclusive" }), scenario({ verdict: "unsupported" }), scenario({ verdict: "error" })].map(asksForSecondOpinion)).toEqual([true, false, true, false, false]);
  });

  it("that agrees leaves the verdict, and says so in its reason", () => {
    const told = withSecondOpinions(first, run([failing]));
    expect(told.scenarios[0]).toMatchObject({ verdict: "fail", reason: "ORD-1: it is broken (devices on node-coap agree)", secondOpinion: { as: "agrees", verdict: "fail" } });
    expect(told.scenarios[1]).toEqual(passed);
    expect(told.exitCode).toBe(1);
  });

  it("that disagrees makes the verdict inconclusive: the tool is suspected, and the first difference is named", () => {
    const difference = { device: "c1", after: 2, first: "device gets 2.01", second: "device gets 4.00" };
    const told = withSecondOpinions(first, run([{ ...failing, verdict: "pass", reason: "3 checks" }], new Map([[failing.id, difference]])));
    expect(told.scenarios[0]).toMatchObject({ verdict: "inconclusive", secondOpinion: { as: "disagrees", verdict: "pass", difference } });
    expect(told.scenarios[0]?.reason).toBe('tool suspected: fail (ORD-1: it is broken), and with devices on node-coap pass (3 checks); first difference of "c1" after 2 messages: device gets 2.01, there device gets 4.00');
    expect(told).toMatchObject({ exitCode: 3, verdicts: { pass: 1, fail: 0, inconclusive: 1 } });
  });

  it("that fails by another rule disagrees", () => {
    const other = { ...failing, decisive: { ...failing.decisive, rule: "ORD-2" } } as typeof failing;
    expect(withSecondOpinions(first, run([other])).scenarios[0]?.secondOpinion?.as).toBe("disagrees");
  });

  it("that could not be had leaves the verdict, and says why", () => {
    const told = withSecondOpinions(first, run([{ ...failing, verdict: "not-applicable", reason: "devices on node-coap cannot be made to misbehave" }]));
    expect(told.scenarios[0]).toMatchObject({ verdict: "fail", reason: "ORD-1: it is broken (no second opinion: devices on node-coap cannot be made to misbehave)", secondOpinion: { as: "none" } });
  });

  it("that agrees keeps a deviation known, and one that disagrees makes it a surprise", () => {
    const known = [{ scenario: failing.id, verdict: "fail", reason: ["ORD-1"], clause: "SMP", reproducedOn: "node-coap" }] as const;
    const listed = known.map(({ reason, ...entry }) => ({ ...entry, reason: [...reason] }));
    expect(withSecondOpinions(first, run([failing]), listed).scenarios[0]?.deviation?.as).toBe("known");
    expect(withSecondOpinions(first, run([{ ...failing, verdict: "pass" }]), listed).scenarios[0]?.deviation?.as).toBe("surprise");
  });
});
