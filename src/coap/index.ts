export * from "./codes.js";
export { CoapEndpoint, type CoapEndpointOptions } from "./endpoint.js";
export * from "./errors.js";
export * from "./options.js";
export * from "./parameters.js";
export * from "./types.js";
export * from "./codec.js";
export * from "./summary.js";
