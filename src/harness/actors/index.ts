export * from "./fleet-devices.js";
export * from "./operator.js";
export * from "./served.js";
export * from "./smp-caller.js";
export type * from "./types.js";
