export { plants, UnknownPlantError, type Plant, type PlantName } from "./plants.js";
export { startLwM2mServer, type RunningRole } from "./server.js";
