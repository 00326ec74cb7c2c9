export * from "./credential.js";
export * from "./credential-line.js";
export * from "./item.js";
export * from "./trigger.js";
