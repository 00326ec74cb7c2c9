export type * from "./fleet-types.js";
export type * from "./plan.js";
export { operations } from "./protocol.js";
export type { FailedDevice, Operation, Selection, ShardCounters, ShardHealth, TracePage } from "./protocol.js";
