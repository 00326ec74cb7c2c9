export * from "./recorder.js";
export * from "./rules.js";
export * from "./tags.js";
export * from "./verdict.js";
