export { plants, type PlantName } from "./plants.js";
export { startLwM2mServer } from "./server.js";
export type { RunningRole } from "../../src/operator/index.js";
