import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FleetSnapshot } from "../../simulators/fleet/index.js";
import type { PlannedScenario, ScenarioResult, Verdict } from "../harness/index.js";
import { fleetLine } from "./fleet-view.js";
import { RunView } from "./run-view.js";

const scenario = (name: string): PlannedScenario => ({
  id: name,
  name,
  feature: "Register",
  uri: "features/registration/register.feature",
  line: 7,
  tags: [],
  declared: { requirements: ["registration"], judges: "lwm2m-server", level: "must", rules: ["REG"], needs: [], alone: false, load: false, sanity: false },
  steps: [],
});

const resultOf = (name: string, verdict: Verdict): ScenarioResult => ({
  id: name,
  name,
  feature: "Register",
  uri: "features/registration/register.feature",
  line: 7,
  tags: [],
  requirements: ["registration"],
  judges: "lwm2m-server",
  level: "must",
  rules: ["REG"],
  verdict,
  reason: verdict === "pass" ? "2 checks" : "the answer was 4.00",
  checks: 2,
  ...(verdict === "fail" ? { decisive: { rule: "REG", about: "lwm2m-server", text: "the Register is accepted", expected: "2.01", actual: "4.00", outcome: "fail", at: "1", timing: false, evidence: [] } } : {}),
  allChecks: [],
  steps: [],
  faults: [],
  missing: [],
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 1234,
  endpoints: [],
  leftovers: [],
});

const snapshot = {
  second: 3,
  states: { off: 0, "holding-off": 0, bootstrapping: 1, registering: 0, "partly-registered": 0, registered: 7, deregistered: 0, failed: 2 },
  counters: { devices: 10, started: 10, bootstrapsFinished: 9 },
  latency: {},
  interval: { register: { count: 4 } },
  health: { saturated: false },
} as unknown as FleetSnapshot;

describe("the view of a run without a terminal", () => {
  const lines: string[] = [];
  const terminal = { env: {}, live: false, colour: false, columns: () => 80, out: () => {}, err: () => {} };
  let view: RunView;

  beforeEach(() => {
    vi.useFakeTimers();
    lines.length = 0;
    view = new RunView(terminal, (text) => lines.push(text), false);
    view.on({ type: "planned", security: "nosec", scenarios: [scenario("one"), scenario("two")], seed: "7", devices: 10, target: "reference", folder: "reports/x" });
  });
  afterEach(() => {
    view.end();
    vi.useRealTimers();
  });

  it("begins with the seed, where the evidence goes, and the ports", () => {
    view.on({ type: "roles-ready", roles: { "server-a": { coap: "127.0.0.1:40001", http: "127.0.0.1:40002" } } });
    expect(lines).toEqual(["2 scenarios, target reference, no security, 10 devices, seed 7", "evidence in reports/x", "server-a          coap://127.0.0.1:40001  http://127.0.0.1:40002"]);
  });

  it("has one line for each finished scenario, and requirement, expected and actual under one that fails", () => {
    view.on({ type: "scenario-started", scenario: scenario("one") });
    view.on({ type: "scenario-finished", scenario: scenario("one"), result: resultOf("one", "pass"), finished: 1, total: 2 });
    view.on({ type: "scenario-finished", scenario: scenario("two"), result: resultOf("two", "fail"), finished: 2, total: 2 });
    expect(lines.slice(2)).toEqual(["pass           1/2  registration: one  1.2 s", "fail           2/2  registration: two  1.2 s", "    REG: the Register is accepted", "    expected 2.01", "    actual   4.00"]);
  });

  it("says every five seconds what goes on, with the fleet", () => {
    view.on({ type: "scenario-started", scenario: scenario("one") });
    view.on({ type: "fleet", snapshot });
    vi.advanceTimersByTime(4_900);
    expect(lines).toHaveLength(2);
    vi.advanceTimersByTime(1_100);
    expect(lines.slice(2)).toEqual([`5 s  0/2 scenarios, running: registration: one  fleet ${fleetLine(snapshot, 10)}`]);
    vi.advanceTimersByTime(10_000);
    expect(lines).toHaveLength(5);
  });

  it("shows a fleet as bootstrapped, registered, failed and per second", () => {
    expect(fleetLine(snapshot, 10)).toBe("   3 s  started 10/10  bootstrapped 9  registered 7  failed 2  4/s");
  });
});
