export * from "./machines/index.js";
export type * from "./handlers.js";
export { ProblemError, blankProblem, isProblemType, problemTypeOf, problemTypeUri, problemTypes } from "./problem.js";
export type { ProblemOptions, ProblemType } from "./problem.js";
export { itemStates, noItems } from "./types.js";
export type * from "./types.js";
