export * from "./capture.js";
export * from "./operations.js";
export * from "./oracle.js";
export * from "./pcapng.js";
export * from "./timeline.js";
