export * from "./fleet-devices.js";
export * from "./operator.js";
export * from "./served.js";
export type * from "./types.js";
