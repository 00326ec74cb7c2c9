import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../ports/index.js";
import { lineChart, roundUp } from "./chart.js";
import { html } from "./html.js";
import { failing, fleet, result, scenario } from "./testing/results.js";
import { timelineOf } from "./timeline.js";

const events: TraceEvent[] = [
  { seq: 1, at: "1000000", role: "device", endpoint: "ab-key-c1", event: { kind: "datagram", direction: "out", local: "127.0.0.1:1", peer: "127.0.0.1:2", hex: "40", summary: "CON POST /bs?ep=<img src=x>" } },
  { seq: 1, at: "1500000", role: "bootstrap-server", endpoint: "ab-key-c1", event: { kind: "datagram", direction: "in", local: "127.0.0.1:2", peer: "127.0.0.1:1", hex: "40", summary: "CON POST /bs?ep=<img src=x>" } },
  { seq: 2, at: "2000000", role: "device", endpoint: "ab-key-c1", event: { kind: "state", machine: "device", id: "c1", from: "a", to: "b", input: "finished" } },
  { seq: 1, at: "3000000", role: "server-b", endpoint: "ab-key-c1", event: { kind: "http", direction: "in", peer: "bootstrap-server", method: "PUT", url: "/smp/v1/x", body: { secret: "(secret)" } } },
  { seq: 3, at: "4000000", role: "bootstrap-server", event: { kind: "http", direction: "in", peer: "operator-a", method: "GET", url: "/smp/v1/orders/1", status: 200, body: { state: "x" } } },
  { seq: 4, at: "5000000", role: "bootstrap-server", event: { kind: "http", direction: "in", peer: "operator-a", method: "GET", url: "/smp/v1/orders/1", status: 200, body: { state: "x" } } },
];

describe("the report page", () => {
  const page = html(result([scenario(), failing], { fleet }), new Map([[failing.id, timelineOf(events, [{ role: "device", at: "2000000", line: "out 127.0.0.1:5683 CON POST /rd" }])]]));

  it("escapes everything that came from outside", () => {
    expect(page).not.toContain("<script>alert");
    expect(page).not.toContain("<img src=x>");
    expect(page).not.toContain("<b>while</b>");
    expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;");
  });

  it("needs nothing from elsewhere", () => {
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(page).not.toContain("@import");
    expect(page).toContain("Content-Security-Policy");
  });

  it("shows what failed first and open, with requirement, expected and actual", () => {
    expect(page.indexOf(failing.id)).toBeLessThan(page.indexOf('id="server-management/sm3/held"'));
    expect(page).toMatch(/data-verdict="fail"[^>]* open>/);
    for (const text of ["No Finish is answered 2.04", "no Write &amp; no Finish", "CON PUT /0/1"]) expect(page).toContain(text);
  });

  it("can be filtered by the verdicts that were given", () => {
    expect(page).toContain('data-verdict="pass" checked');
    expect(page).toContain('data-verdict="fail" checked');
    expect(page).not.toContain('data-verdict="error" checked');
  });

  it("holds charts, latencies and provenance", () => {
    // Two charts over time, and one histogram.
    expect(page.match(/<svg/g)).toHaveLength(3);
    expect(page).toContain("up to 16 ms: 600 of 1000");
    for (const text of ["1000 times", "p99.9", "v20.20.2", "server-b unknown"]) expect(page).toContain(text);
  });

  it("says in red that keys travelled in the clear, and nothing of it elsewhere", () => {
    const red = /<p class="banner danger">Device keys travelled in the clear: bootstrap-server, server-a were told so/;
    expect(html(result([scenario()], { cleartextSecrets: ["bootstrap-server", "server-a"] }), new Map())).toMatch(red);
    expect(page).not.toContain("in the clear");
    expect(page).toMatch(/\.danger\{[^}]*color:var\(--fail\)/);
    expect(page).toMatch(/--fail:#c62828/);
  });

  it("counts a fleet's handshakes, and flags storms", () => {
    const counters = { ...fleet.counters, handshakes: 120, handshakesResumed: 60, handshakeStorms: 1 };
    const told = html(result([scenario()], { fleet: { ...fleet, counters } }), new Map());
    expect(told).toContain("<p>Handshakes: 120 full, 60 resumed, 0 refused, 0 unanswered, 1 storm</p>");
    expect(told).toContain('<p class="banner">STORM: once');
    expect(page).not.toContain("STORM");
  });

  it("marks the lines of evidence that the check cites", () => {
    expect(page.match(/class="cited"/g)).toHaveLength(1);
  });
});

describe("a time line", () => {
  const timeline = timelineOf(events, []);

  it("has servers first, then the devices, by name", () => {
    expect(timeline.participants).toEqual(["server-b", "server-a", "bootstrap-server", "ab-key-c1"]);
  });

  it("shows a datagram that both ends saw once, from its sender to its receiver", () => {
    expect(timeline.rows.filter((row) => row.kind === "coap")).toMatchObject([{ from: "ab-key-c1", to: "bootstrap-server", ms: 0 }]);
  });

  it("leaves out reads that say nothing new, and says how many", () => {
    expect(timeline.rows.filter((row) => row.text.includes("/orders/1"))).toHaveLength(1);
    expect(timeline.omitted).toBe(1);
  });

  it("keeps beginning, end and cited lines of one that is too long", () => {
    const long = Array.from({ length: 50 }, (_, index): TraceEvent => ({ seq: index, at: String(index), role: "server-a", event: { kind: "state", machine: "x", id: "1", from: "a", to: "b", input: String(index) } }));
    const short = timelineOf(long, [{ role: "server-a", at: "25", line: "out 127.0.0.1:5683 CON POST /rd" }], 10);
    expect(short.rows.map((row) => row.text.replace(/^.*\(|\)$/g, ""))).toEqual(["0", "1", "2", "3", "4", "25", "45", "46", "47", "48", "49"]);
    expect(short.omitted).toBe(39);
  });

  it("is empty without events", () => {
    expect(timelineOf([], [])).toEqual({ participants: [], rows: [], omitted: 0 });
  });
});

describe("a chart", () => {
  it("is nothing without points", () => {
    expect(lineChart([{ name: "x", colour: "c1", points: [] }], { x: "s", y: "n" })).toBe("");
  });

  it("has a scale that ends in 1, 2 or 5", () => {
    expect([0, 3, 5, 7, 130, 0.03].map(roundUp)).toEqual([1, 5, 5, 10, 200, 0.05]);
  });
});
