export * from "./machines/index.js";
export type * from "./handlers.js";
export { ProblemError, blankProblem, isProblemType, problemTypeOf, problemTypeUri, problemTypes } from "./problem.js";
export type { ProblemOptions, ProblemType } from "./problem.js";
export { noItems } from "./types.js";
export type * from "./types.js";
// The contract's unions, where a machine states the same one.
export type { CredentialState, ServerTriggerState, TriggerState } from "./types.js";
