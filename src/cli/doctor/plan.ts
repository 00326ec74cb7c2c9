import { declinedBefore, planRun, usualSecurity } from "../../harness/index.js";
import type { Lack, PlannedScenario, Target } from "../../harness/index.js";
import { runEnvironment } from "../run-environment.js";
import { ok, problem, warning } from "./finding.js";
import type { Finding } from "./finding.js";

export interface ScenarioOutlook {
  readonly id: string;
  readonly name: string;
  /** Absent: it would run. */
  readonly declined?: Lack;
}

export interface RunOutlook {
  readonly scenarios: number;
  /** Scenarios that would be declined, by the first thing they need that the target cannot do. */
  readonly declined: Readonly<Record<string, number>>;
  readonly each: readonly ScenarioOutlook[];
}

/** Our own devices: what a run has without --devices-on. */
const ownDevices = { name: "muster", ours: true, can: { misbehave: true, psk: true, publicKeys: true } };

/** Entries of the known deviations that no scenario answers to any more. */
function withoutScenario(target: Target, scenarios: readonly PlannedScenario[]): readonly Finding[] {
  const ids = new Set(scenarios.map(({ id }) => id));
  const unknown = (target.knownDeviations ?? []).map(({ scenario }) => scenario).filter((id) => !ids.has(id));
  return unknown.map((id) => problem("knownDeviations", `there is no scenario "${id}"`, `correct the entry in ${target.knownDeviationsFile ?? "the file"}, or remove it; muster run --list shows the scenarios`));
}

/** What a run against this target would carry out, and what it would decline. `silent`: roles that did not answer just now. */
export async function whatARunDoes(target: Target, silent: readonly string[]): Promise<{ readonly plan: RunOutlook; readonly findings: readonly Finding[] }> {
  let scenarios: readonly PlannedScenario[];
  try {
    scenarios = await planRun({}, runEnvironment());
  } catch (error) {
    return { plan: { scenarios: 0, declined: {}, each: [] }, findings: [problem("scenarios", error instanceof Error ? error.message : String(error), "correct the feature file or the step definitions")] };
  }
  const declined: Record<string, number> = {};
  const each = scenarios.map((planned): ScenarioOutlook => {
    const lack = declinedBefore(planned, target, ownDevices, planned.declared.security ?? usualSecurity(target));
    if (lack !== undefined) {
      const need = planned.declared.needs.find((name) => name !== "misbehaviour" && name !== "raw-requests" && name !== "fleet" && name !== "fleet-beside") ?? lack.as;
      declined[need] = (declined[need] ?? 0) + 1;
    }
    return { id: planned.id, name: planned.name, ...(lack === undefined ? {} : { declined: lack }) };
  });
  const refused = each.filter((scenario) => scenario.declined !== undefined).length;
  if (silent.length > 0) {
    const finding = problem("scenarios", `a run would begin ${scenarios.length - refused} of ${scenarios.length} scenarios and decide none: every one needs ${silent.join(" and ")}`, "first repair what is said of these roles above");
    return { plan: { scenarios: scenarios.length, declined, each }, findings: [finding, ...withoutScenario(target, scenarios)] };
  }
  const detail = `a run would carry out ${scenarios.length - refused} of ${scenarios.length} scenarios`;
  const finding =
    refused === 0
      ? ok("scenarios", detail)
      : warning("scenarios", `${detail}; ${Object.entries(declined).map(([need, count]) => need === "unsupported" || need === "not-applicable" ? `${count} are ${need}` : `${count} need ${need}`).join(", ")}`, "the reason stands at each scenario; give the target an interface to be steered by, or declare what it cannot do with without: in the target file");
  return { plan: { scenarios: scenarios.length, declined, each }, findings: [finding, ...withoutScenario(target, scenarios)] };
}
