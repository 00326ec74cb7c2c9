export { startFleet } from "./fleet.js";
export type * from "./fleet-types.js";
export { laggedWithin, lagLimitMs } from "./lag.js";
export { deviceOf, endpointName, indexIn, indexOf, personalityOf, positionOf, sliceOf } from "./plan.js";
export type { CredentialList, FleetPlan, Shape, Share, Slice } from "./plan.js";
export { operations } from "./protocol.js";
export type { FailedDevice, Operation, Selection, ShardCounters, ShardHealth, TracePage } from "./protocol.js";
