import type { RunResult, ScenarioResult } from "../harness/index.js";
import { escapedXml } from "./escape.js";

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

function testCase(scenario: ScenarioResult): string {
  const head = `    <testcase classname="${escapedXml(scenario.feature)}" name="${escapedXml(scenario.name)}" time="${seconds(scenario.durationMs)}" file="${escapedXml(scenario.uri)}" line="${scenario.line}">`;
  const properties = [
    ["id", scenario.id],
    ["verdict", scenario.verdict],
    ["checks", String(scenario.checks)],
    ["requirements", scenario.requirements.join(" ")],
    ["rules", scenario.rules.join(" ")],
  ].map(([name = "", value = ""]) => `        <property name="${escapedXml(name)}" value="${escapedXml(value)}"/>`);
  const reason = escapedXml(scenario.reason);
  const detail = scenario.decisive === undefined ? reason : escapedXml(`${scenario.decisive.text}\nexpected: ${scenario.decisive.expected}\nactual: ${scenario.decisive.actual}`);
  // JUnit knows failure, error and skipped only: inconclusive and incomplete are errors, since nothing was shown.
  const outcome = {
    pass: [],
    fail: [`      <failure type="${escapedXml(scenario.decisive?.rule ?? "fail")}" message="${reason}">${detail}</failure>`],
    error: [`      <error type="error" message="${reason}"/>`],
    inconclusive: [`      <error type="inconclusive" message="${reason}">${detail}</error>`],
    incomplete: [`      <error type="incomplete" message="${reason}"/>`],
    unsupported: [`      <skipped message="${escapedXml(`unsupported: ${scenario.reason}`)}"/>`],
    "not-applicable": [`      <skipped message="${escapedXml(`not-applicable: ${scenario.reason}`)}"/>`],
  }[scenario.verdict];
  return [head, "      <properties>", ...properties, "      </properties>", ...outcome, "    </testcase>"].join("\n");
}

const countOf = (scenarios: readonly ScenarioResult[]) => {
  const many = (...names: readonly string[]): number => scenarios.filter((scenario) => names.includes(scenario.verdict)).length;
  return `tests="${scenarios.length}" failures="${many("fail")}" errors="${many("error", "inconclusive", "incomplete")}" skipped="${many("unsupported", "not-applicable")}" time="${seconds(scenarios.reduce((sum, scenario) => sum + scenario.durationMs, 0))}"`;
};

/** The result as JUnit XML: a suite per feature file, with the verdict in its own words as a property of each case. */
export function junit(result: RunResult): string {
  const features = new Map<string, ScenarioResult[]>();
  for (const scenario of result.scenarios) features.set(scenario.uri, [...(features.get(scenario.uri) ?? []), scenario]);
  const suites = [...features].map(([uri, scenarios]) =>
    [`  <testsuite name="${escapedXml(scenarios[0]?.feature ?? uri)}" file="${escapedXml(uri)}" timestamp="${escapedXml(result.startedAt)}" ${countOf(scenarios)}>`, ...scenarios.map(testCase), "  </testsuite>"].join("\n"),
  );
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="muster" ${countOf(result.scenarios)}>`, ...suites, "</testsuites>", ""].join("\n");
}
