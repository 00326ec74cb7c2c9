export { fleetMetrics } from "./generator.js";
export type { FleetFigures, GeneratorHealth } from "./generator.js";
export { Metrics } from "./metrics.js";
export type { Sample } from "./metrics.js";
export { OperationMetrics, durationBuckets } from "./operations.js";
export type { Outcome } from "./operations.js";
export { metricsRoute, serveMetrics } from "./serve.js";
export type { MetricsServer } from "./serve.js";
