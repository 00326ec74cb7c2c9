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
    expect(summary(result([scenario()], { error: "server-a: nobody listens", errorOf: "target" }), options)).toContain("the target: server-a: nobody listens");
  });

  it("says of a role whose calls were tried against an imitation only that they were", () => {
    const imitated = result([scenario()], { verifiedAgainst: { "server-a": "our facade" } });
    expect(summary(imitated, options)).toContain("The calls that steer server-a are verified against our facade, not against the system itself.");
    expect(summary(result([scenario()]), options)).not.toContain("verified against");
  });

  it("counts a fleet's handshakes, and flags storms", () => {
    const told = (counters: Readonly<Record<string, number>>): string => summary(result([scenario()], { fleet: { ...fleet, counters: { ...fleet.counters, ...counters } } }), options);
    const quiet = told({ handshakes: 120, handshakesResumed: 60, handshakesRefused: 1, handshakesUnanswered: 2, handshakeStorms: 0 });
    expect(quiet).toContain("handshakes of the fleet: 120 full, 60 resumed, 1 refused, 2 unanswered, no storms");
    expect(quiet).not.toContain("STORM");
    expect(told({ handshakes: 120, handshakeStorms: 3 })).toContain("STORM: 3 times a device began more DTLS handshakes");
    expect(told({ handshakes: 0 })).not.toContain("handshakes");
  });

  it("says in red that keys travelled in the clear, and who was told to let them", () => {
    const red = { ...options, colour: true };
    const line = "\u001B[31mDevice keys travelled in the clear: ";
    expect(summary(result([scenario()], { cleartextSecrets: ["server-a"] }), red)).toContain(`${line}server-a was told so (secretTransport: cleartext). For a laboratory only.`);
    expect(summary(result([scenario()], { cleartextSecrets: ["bootstrap-server", "server-a"] }), red)).toContain(`${line}bootstrap-server, server-a were told so`);
    expect(summary(result([scenario()]), red)).not.toContain("in the clear");
  });

  it("says in red that secrets of sessions are among the evidence", () => {
    expect(summary(result([scenario()], { keyLog: true }), { ...options, colour: true })).toContain("\u001B[31mThe secrets of the devices' DTLS sessions are among the evidence");
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
