import fastify from "fastify";
import type { FastifyPluginAsync } from "fastify";
import type { Address } from "../ports/index.js";
import type { Metrics } from "./metrics.js";

/** `GET /metrics` for a role's HTTP server. No token: it tells counts and durations, never a device or a secret. */
export function metricsRoute(metrics: Metrics): FastifyPluginAsync {
  return (app) => {
    app.get("/metrics", async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.text()));
    return Promise.resolve();
  };
}

export interface MetricsServer {
  readonly address: Address;
  close(): Promise<void>;
}

/** A server of its own for `--metrics HOST:PORT` of a run. */
export async function serveMetrics(metrics: Metrics, at: Address): Promise<MetricsServer> {
  const app = fastify({ forceCloseConnections: true });
  await app.register(metricsRoute(metrics));
  await app.listen({ host: at.host, port: at.port });
  const bound = app.server.address();
  return { address: bound === null || typeof bound === "string" ? at : { host: bound.address, port: bound.port }, close: () => app.close() };
}
