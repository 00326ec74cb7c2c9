export * from "./credential.js";
export * from "./item.js";
export * from "./trigger.js";
