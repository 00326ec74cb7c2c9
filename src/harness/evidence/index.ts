export * from "./capture.js";
export * from "./operations.js";
export * from "./oracle.js";
export * from "./pcapng.js";
export * from "./store.js";
export * from "./timeline.js";
export * from "./bootstrap-steps.js";
export * from "./notifications.js";
