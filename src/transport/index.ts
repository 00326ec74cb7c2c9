export * from "./coap-uri.js";
export * from "./types.js";
export { udpEndpoint } from "./udp.js";
