export type * from "./actions.js";
export * from "./lifecycle.js";
export * from "./mutations.js";
export * from "./personalities.js";
export * from "./snapshot.js";
export type * from "./spec.js";
