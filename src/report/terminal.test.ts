import { describe, expect, it } from "vitest";
import { duration, summary } from "./terminal.js";
import { failing, fleet, result, scenario } from "./testing/results.js";

const options = { colour: false, columns: 100, report: "/reports/run/index.html" };

describe("the summary in a terminal", () => {
  it("begins with what failed: requirement, expected, actual, the lines of evidence and where they are", () => {
    const lines = summary(result([scenario(), failing]), options).trimStart().split("\n");
    expect(lines.slice(0, 7)).toEqual([
      'fail  Broken <script>alert("x")</script>  features/server-management/sm3.feature:7',
      "  requirement  No Finish is answered 2.04 while the device holds a managed account whose credential is not active [ORD-1; SMP ORD-1]",
      '  checked      "c1" <b>while</b> held',
      "  expected     no Write & no Finish",
      "  actual       CON PUT /0/1",
      "  evidence     device at 2000000 ns: out 127.0.0.1:5683 CON POST /rd",
      "  trace        /reports/run/scenarios/server-management/sm3/broken/trace.ndjson",
    ]);
  });

  it("has a table of verdicts by requirement, only with verdicts that were given", () => {
    const text = summary(result([scenario(), failing, scenario({ id: "x", requirements: ["SM-1"] })]), options);
    expect(text).toContain("requirement  pass  fail\nSM-1            1\nSM-3            1     1\nscenarios       2     1");
  });

  it("shows the latencies that matter and the generator's health", () => {
    const text = summary(result([scenario()], { fleet }), options);
    expect(text).toMatch(/bootstrap +1000 +10 ms +25\.5 ms +12\.3 s +123 ms/);
    expect(text).toContain("generator healthy: 2 shards, loop lag p99 2.5 ms, datagrams dropped at its sockets 0");
    expect(text).toContain("limit a role: server-a (Leshan) answered late");
    expect(text).toContain("server-a 0, server-b unknown");
  });

  it("says when the generator was saturated, the run interrupted, or muster itself broke", () => {
    const text = summary(result([scenario()], { interrupted: true, error: "a shard was lost", fleet: { ...fleet, generator: { ...fleet.generator, saturated: true } } }), options);
    expect(text).toContain("SATURATED");
    expect(text).toContain("interrupted: the result is incomplete");
    expect(text).toContain("error of muster: a shard was lost");
  });

  it("says of a role whose calls were tried against an imitation only that they were", () => {
    const imitated = result([scenario()], { verifiedAgainst: { "server-a": "our facade" } });
    expect(summary(imitated, options)).toContain("The calls that steer server-a are verified against our facade, not against the system itself.");
    expect(summary(result([scenario()]), options)).not.toContain("verified against");
  });

  it("ends with the path of the report", () => {
    expect(summary(result([scenario()]), options).split("\n").at(-1)).toBe("report /reports/run/index.html");
  });

  it("colours only when asked to", () => {
    expect(summary(result([failing]), options)).not.toContain("\u001B");
    expect(summary(result([failing]), { ...options, colour: true })).toContain("\u001B[31mfail\u001B[0m");
  });

  it("writes durations as a person reads them", () => {
    expect([0.42, 12.34, 123.4, 12_345].map(duration)).toEqual(["0.4 ms", "12.3 ms", "123 ms", "12.3 s"]);
  });
});
