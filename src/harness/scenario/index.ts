export * from "./names.js";
export * from "./recorder.js";
export * from "./scenario.js";
export * from "./tags.js";
