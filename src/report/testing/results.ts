import { resultFormat, resultSchema, tally, type RunResult, type ScenarioResult } from "../../harness/index.js";

export const scenario = (changes: Partial<ScenarioResult> = {}): ScenarioResult => ({
  id: "server-management/sm3/held",
  name: "While held nothing is written",
  feature: "SM-3",
  uri: "features/server-management/sm3.feature",
  line: 7,
  tags: ["@SM-3"],
  requirements: ["SM-3"],
  judges: "bootstrap-server",
  level: "profile",
  rules: ["ORD-1"],
  verdict: "pass",
  reason: "2 checks",
  checks: 2,
  allChecks: [],
  steps: [{ keyword: "then", text: "nothing is written", status: "passed", startedAt: "1000000", endedAt: "3000000" }],
  faults: [],
  missing: [],
  startedAt: "2026-11-22T10:00:00.000Z",
  durationMs: 2100,
  endpoints: ["ab-key-c1"],
  leftovers: [],
  ...changes,
});

const decisive = {
  rule: "ORD-1",
  about: "bootstrap-server",
  text: '"c1" <b>while</b> held',
  expected: "no Write & no Finish",
  actual: "CON PUT /0/1",
  outcome: "fail",
  at: "2000000",
  timing: false,
  evidence: [{ role: "device", at: "2000000", line: "out 127.0.0.1:5683 CON POST /rd" }],
} as const;

export const failing = scenario({
  id: "server-management/sm3/broken",
  name: 'Broken <script>alert("x")</script>',
  verdict: "fail",
  reason: "ORD-1: it is broken",
  decisive: { ...decisive, evidence: [...decisive.evidence] },
  allChecks: [{ ...decisive, evidence: [...decisive.evidence] }],
  evidence: "scenarios/server-management/sm3/broken",
});

const latency = { count: 1000, mean: 12, p50: 10, p90: 20, p95: 25.5, p99: 40, p999: 80, max: 123 };

export const fleet: NonNullable<RunResult["fleet"]> = {
  counters: { devices: 1000 },
  states: { registered: 1000, off: 0 },
  latency: { register: latency, bootstrap: { ...latency, p99: 12_345 } },
  distribution: { register: [{ upToMs: 8, count: 400 }, { upToMs: 16, count: 600 }] },
  generator: { saturated: false, loopLagP99Ms: 2.5, socketDrops: 0, receiveBuffer: 212_992, shards: 2 },
  referenceDrops: { "server-a": 0, "server-b": null },
  limit: { side: "roles", reason: "server-a (Leshan) answered late" },
  series: [1, 2, 3].map((second) => ({ second, bootstrapped: second * 300, registered: second * 290, failed: 0, updates: second, p99: { register: 10 * second } })),
};

export function result(scenarios: readonly ScenarioResult[], changes: Partial<RunResult> = {}): RunResult {
  const interrupted = changes.interrupted ?? false;
  return resultSchema.parse({
    schema: resultFormat,
    muster: "0.1.0",
    seed: "7",
    devices: 1000,
    devicesOn: "muster",
    target: "reference",
    roles: { "bootstrap-server": "reference" },
    timing: "lab",
    startedAt: "2026-11-22T10:00:00.000Z",
    durationMs: 12_345,
    interrupted,
    ...tally(scenarios, { interrupted }),
    scenarios,
    environment: { node: "v20.20.2", platform: "linux", cpus: 2 },
    plants: [],
    ...changes,
  });
}
