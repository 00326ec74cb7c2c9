export { plants } from "./plants.js";
export type { PlantName } from "./plants.js";
export { startBootstrapServer } from "./server.js";
export type { RunningRole } from "../../src/operator/index.js";
