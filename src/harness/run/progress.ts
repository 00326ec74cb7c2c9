import type { FleetSnapshot } from "../../../simulators/fleet/index.js";
import type { SecurityMode } from "../actors/types.js";
import type { RunResult, ScenarioResult } from "../result.js";
import type { PlannedScenario } from "./plan.js";
import type { RoleAddresses } from "./roles.js";

/** What happens in a run, for whoever renders it. Plain data. */
export type RunProgress =
  /** Nothing was sent yet. `folder`: where the evidence goes. */
  | { readonly type: "planned"; readonly scenarios: readonly PlannedScenario[]; readonly seed: string; readonly devices: number; readonly target: string; readonly security: SecurityMode; readonly folder: string }
  /** Every role answers. Addresses by role name, `127.0.0.1:40001`. */
  | { readonly type: "roles-ready"; readonly roles: Readonly<Record<string, RoleAddresses>> }
  | { readonly type: "scenario-started"; readonly scenario: PlannedScenario }
  | { readonly type: "step-finished"; readonly scenario: PlannedScenario; readonly text: string; readonly status: string }
  | { readonly type: "scenario-finished"; readonly scenario: PlannedScenario; readonly result: ScenarioResult; readonly finished: number; readonly total: number }
  /** Once a second while a fleet is up. */
  | { readonly type: "fleet"; readonly snapshot: FleetSnapshot }
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "finished"; readonly result: RunResult; readonly folder: string };

export type RunListener = (progress: RunProgress) => void;
