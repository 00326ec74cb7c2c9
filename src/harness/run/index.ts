export { FeatureError } from "./cucumber.js";
export type { PlannedScenario, PlannedStep } from "./plan.js";
export type * from "./progress.js";
export { RoleError } from "./role-thread.js";
export { operators, type RoleScripts } from "./roles.js";
export { planRun, run, type RunEnvironment, type RunOptions } from "./run.js";
export { cucumberStatus, currentSession, type HookResult, type ScenarioSession } from "./session.js";
export { declinedBefore, type DeviceMeans } from "./outlook.js";
