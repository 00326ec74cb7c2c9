export * from "./coap-uri.js";
export * from "./udp.js";
