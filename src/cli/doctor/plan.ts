import { missingCapabilities, planRun, usualSecurity } from "../../harness/index.js";
import type { PlannedScenario, Target } from "../../harness/index.js";
import { runEnvironment } from "../run-environment.js";
import { ok, problem, warning } from "./finding.js";
import type { Finding } from "./finding.js";

export interface RunOutlook {
  readonly scenarios: number;
  /** Scenarios that would be declined, by what the target cannot do. */
  readonly declined: Readonly<Record<string, number>>;
}

/** What a run against this target would carry out, and what it would decline. `silent`: roles that did not answer just now. */
export async function whatARunDoes(target: Target, silent: readonly string[]): Promise<{ readonly plan: RunOutlook; readonly finding: Finding }> {
  let scenarios: readonly PlannedScenario[];
  try {
    scenarios = await planRun({}, runEnvironment());
  } catch (error) {
    return { plan: { scenarios: 0, declined: {} }, finding: problem("scenarios", error instanceof Error ? error.message : String(error), "correct the feature file or the step definitions") };
  }
  const security = usualSecurity(target);
  const missing = missingCapabilities(target, security);
  const declined: Record<string, number> = {};
  let refused = 0;
  for (const { declared } of scenarios) {
    const lacking = [...new Set([...declared.needs, declared.security ?? security])].filter((need) => need !== "misbehaviour" && need !== "fleet" && missing.has(need));
    if (lacking.length > 0) refused++;
    for (const need of lacking) declined[need] = (declined[need] ?? 0) + 1;
  }
  if (silent.length > 0) {
    const finding = problem("scenarios", `a run would begin ${scenarios.length - refused} of ${scenarios.length} scenarios and decide none: every one needs ${silent.join(" and ")}`, "first repair what is said of these roles above");
    return { plan: { scenarios: scenarios.length, declined }, finding };
  }
  const detail = `a run would carry out ${scenarios.length - refused} of ${scenarios.length} scenarios`;
  const finding =
    refused === 0
      ? ok("scenarios", detail)
      : warning("scenarios", `${detail}; ${Object.entries(declined).map(([need, count]) => `${count} need ${need}`).join(", ")}`, "give the target an operator API, or declare what it cannot do with without: in the target file");
  return { plan: { scenarios: scenarios.length, declined }, finding };
}
