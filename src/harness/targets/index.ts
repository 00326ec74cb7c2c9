export * from "./schema.js";
export * from "./target.js";
export { portsOf, resolvedEntry, type CapabilitiesFile, type LeshanFile, type SteeredBootstrapFile, type SteeredFile, type SteeredServerFile } from "./steered.js";
export { deviationOf, readDeviations, type DeviationView, type KnownDeviation } from "./deviations.js";
