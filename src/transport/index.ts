export * from "./coap-uri.js";
export { lossyNetwork, type LossyNetwork } from "./lossy.js";
export { identityName, peerIdentity, peerName } from "./peer-identity.js";
export { secureEndpoint } from "./secure-endpoint.js";
export { serverEndpoint } from "./server-endpoint.js";
export * from "./types.js";
export { udpEndpoint } from "./udp.js";
