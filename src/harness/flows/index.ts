export * from "./bootstrap.js";
export * from "./calls.js";
export * from "./devices.js";
export * from "./management.js";
export * from "./provisioning.js";
export * from "./server-management.js";
export * from "./load.js";
