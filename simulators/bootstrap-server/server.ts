import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import type { BootstrapServerConfig } from "../../src/config/index.js";
import { metricsRoute } from "../../src/metrics/index.js";
import { LateHandler, operatorApi } from "../../src/operator/index.js";
import type { RoleHealth, RunningRole } from "../../src/operator/index.js";
import { formatAddress } from "../../src/ports/index.js";
import type { Address, Ports } from "../../src/ports/index.js";
import { udpDrops } from "../../src/ports/real/index.js";
import { bootstrapServerApi, maxParamLength } from "../../src/smp/index.js";
import { udpEndpoint } from "../../src/transport/index.js";
import { BootstrapServer } from "./role.js";

/** Devices that may be in sessions, or whose last messages are remembered. */
const maxPeers = 100_000;

/** Starts the Bootstrap Server: CoAP for devices, one HTTP server for its peers, its operator and its metrics. Rejects when an address cannot be bound. */
export async function startBootstrapServer(config: BootstrapServerConfig, ports: Ports): Promise<RunningRole> {
  const late = new LateHandler();
  const endpoint = await udpEndpoint(ports, { ...config.coap, receiveBuffer: config.receiveBuffer, transmission: config.timing.coap, limits: { maxPeers } }, late);
  let http: FastifyInstance | undefined;
  try {
    const role = new BootstrapServer(config, ports, endpoint);
    late.handler = role.bootstraps;
    endpoint.tap = role.trace.tapFor(endpoint.local);
    const app = (http = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength } }));
    app.addHook("onResponse", (request, reply, done) => {
      role.metrics.operation(`http ${request.method} ${request.routeOptions.url ?? "unknown"}`).done(String(reply.statusCode), reply.elapsedTime);
      done();
    });
    const addresses: { http: Address | undefined } = { http: undefined };
    await app.register(
      bootstrapServerApi(role.handlers, {
        peers: config.peers,
        secrets: ports.secrets,
        clock: ports.clock,
        log: ports.log,
        trace: role.trace,
        fault: (operation, name) => (role.faults.empty ? undefined : role.faults.apply(operation, name)),
      }),
    );
    await app.register(
      operatorApi(
        { kind: "bootstrap-server", operations: role.operations },
        {
          token: config.operatorToken,
          secrets: ports.secrets,
          clock: ports.clock,
          log: ports.log,
          faults: role.faults,
          trace: role.trace,
          events: role.events,
          health: () => healthOf(role, endpoint.receiveBuffer, addresses.http ?? config.http),
        },
      ),
    );
    await app.register(metricsRoute(role.metrics));
    await app.listen({ host: config.http.host, port: config.http.port });
    const bound = app.server.address();
    const at = (addresses.http = bound === null || typeof bound === "string" ? config.http : { host: bound.address, port: bound.port });
    if (config.plants.length > 0) ports.log.warn({ plants: config.plants }, "this server breaks rules on purpose");
    return {
      coap: endpoint.local,
      http: at,
      async stop() {
        await role.stop();
        await app.close();
        await endpoint.close();
      },
    };
  } catch (error) {
    await http?.close();
    await endpoint.close();
    throw error;
  }
}

function healthOf({ config, endpoint }: BootstrapServer, receiveBuffer: number | undefined, http: Address): RoleHealth {
  const kernelDrops = udpDrops(new Set([endpoint.local.port]));
  return {
    role: "bootstrap-server",
    name: config.name,
    coap: formatAddress(endpoint.local),
    http: formatAddress(http),
    timing: `${config.timing.profile}${config.timing.changed ? "+" : ""}`,
    lab: config.lab,
    plants: config.plants,
    coapCounters: { ...endpoint.counters },
    ...(receiveBuffer === undefined ? {} : { receiveBuffer }),
    ...(kernelDrops === undefined ? {} : { kernelDrops }),
  };
}
