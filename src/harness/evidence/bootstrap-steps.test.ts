import { describe, expect, it } from "vitest";
import { EventLogBuilder } from "../testing/events.js";
import { correctedBeforeFinish, eachStepOnce, nothingWhileUnanswered, refusedStep } from "./bootstrap-steps.js";
import { deviceSessions, type DeviceSession } from "./oracle.js";

const c1 = "ab-1-c1";
const bs = "127.0.0.1:5683";

const requests = {
  discover: { code: "0.01", path: "/" },
  security: { code: "0.03", path: "/0/1", contentFormat: 11542 },
  server: { code: "0.03", path: "/1/0", contentFormat: 11542 },
  finish: { code: "0.02", path: "/bs" },
};
type Asked = readonly [keyof typeof requests, answer: string | undefined];

const whole = (last = "2.04"): Asked[] => [["discover", "2.05"], ["security", "2.04"], ["server", "2.04"], ["finish", last]];

function sessionOf(...steps: readonly Asked[]): DeviceSession {
  const log = new EventLogBuilder();
  log.asks(c1, bs, { code: "0.02", path: "/bs", query: [`ep=${c1}`] }, "2.04");
  for (const [name, answer] of steps) log.asked(c1, bs, requests[name], answer);
  const session = deviceSessions(log.events, c1).at(-1);
  if (session === undefined) throw new Error("the log has no session");
  return session;
}

describe("a session whose Finish was answered 4.06", () => {
  it("is corrected when something was written before the next Finish", () => {
    expect(correctedBeforeFinish(sessionOf(...whole("4.06"), ...whole()))).toMatchObject({ ok: true, actual: "another Finish after write /0/1" });
  });

  it("may end there", () => {
    expect(correctedBeforeFinish(sessionOf(...whole("4.06")))).toMatchObject({ ok: true, actual: "no other Finish came" });
  });

  it("is not corrected by a Finish alone, nor by a Write that was refused", () => {
    expect(correctedBeforeFinish(sessionOf(...whole("4.06"), ["finish", "2.04"])).ok).toBe(false);
    expect(correctedBeforeFinish(sessionOf(...whole("4.06"), ["server", "4.00"], ["finish", "2.04"])).ok).toBe(false);
  });

  it("is undecided when no Finish was refused", () => {
    expect(correctedBeforeFinish(sessionOf(...whole())).ok).toBeUndefined();
  });
});

describe("a session in which each step comes once", () => {
  it("is one that nothing runs beside", () => {
    expect(eachStepOnce(sessionOf(...whole())).ok).toBe(true);
  });

  it("is not one with a step of another session in it", () => {
    expect(eachStepOnce(sessionOf(["discover", "2.05"], ["security", "2.04"], ["security", "2.04"]))).toMatchObject({ ok: false, actual: "write /0/1 came twice" });
    expect(eachStepOnce(sessionOf(["discover", "2.05"], ...whole()))).toMatchObject({ ok: false, actual: "bootstrap-discover / came twice" });
  });

  it("does not look beyond the Finish that was answered 2.04", () => {
    expect(eachStepOnce(sessionOf(...whole(), ["server", undefined])).ok).toBe(true);
  });

  it("is undecided without any operation", () => {
    expect(eachStepOnce(sessionOf()).ok).toBeUndefined();
  });
});

describe("waiting for an answer", () => {
  it("is seen when nothing else is asked meanwhile", () => {
    expect(nothingWhileUnanswered(sessionOf(...whole()), "bootstrap-discover").ok).toBe(true);
  });

  it("is missed when something is asked that did not wait for it", () => {
    expect(nothingWhileUnanswered(sessionOf(["discover", undefined], ["security", "2.04"]), "bootstrap-discover")).toMatchObject({
      ok: false,
      actual: "write /0/1 came before bootstrap-discover was answered",
    });
  });

  it("is undecided where nothing was asked", () => {
    expect(nothingWhileUnanswered(sessionOf(["finish", "2.04"]), "bootstrap-discover").ok).toBeUndefined();
  });
});

describe("a refused step", () => {
  it("is the first Write or Delete that was answered with a 4.xx", () => {
    expect(refusedStep(sessionOf(["security", "2.04"], ["server", "4.00"]))?.answer).toBe("4.00");
    expect(refusedStep(sessionOf(...whole()))).toBeUndefined();
  });
});
