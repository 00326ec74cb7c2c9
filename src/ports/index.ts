export * from "./clock.js";
export * from "./files.js";
export * from "./log.js";
export * from "./network.js";
export * from "./ports.js";
export type * from "./processes.js";
export * from "./random.js";
export * from "./trace.js";
export * from "./processors.js";
