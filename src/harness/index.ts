export * from "./actors/operator.js";
export type * from "./actors/types.js";
export * from "./deadlines.js";
export * from "./evidence/index.js";
export * from "./rules.js";
export * from "./run-context.js";
export * from "./scenario/index.js";
export * from "./targets/index.js";
export * from "./verdict.js";
