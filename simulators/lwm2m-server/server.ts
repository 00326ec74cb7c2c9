import fastify, { type FastifyInstance } from "fastify";
import type { LwM2mServerConfig } from "../../src/config/index.js";
import { metricsRoute } from "../../src/metrics/index.js";
import { LateHandler, operatorApi, type RoleHealth, type RunningRole } from "../../src/operator/index.js";
import { formatAddress, type Address, type Ports } from "../../src/ports/index.js";
import { udpDrops } from "../../src/ports/real/index.js";
import { lwm2mServerApi, maxParamLength } from "../../src/smp/index.js";
import { udpEndpoint } from "../../src/transport/index.js";
import { LwM2mServer } from "./role.js";

/** As many peers as there may be registrations, and some that are being refused. */
const maxPeers = 260_000;

/** Starts the LwM2M Server stub: CoAP for devices, one HTTP server for its peers, its operator and its metrics. Rejects when an address cannot be bound. */
export async function startLwM2mServer(config: LwM2mServerConfig, ports: Ports): Promise<RunningRole> {
  const late = new LateHandler();
  const endpoint = await udpEndpoint(ports, { ...config.coap, receiveBuffer: config.receiveBuffer, transmission: config.timing.coap, limits: { maxPeers } }, late);
  let http: FastifyInstance | undefined;
  try {
    const role = new LwM2mServer(config, ports, endpoint);
    late.handler = role.registrations;
    endpoint.tap = role.trace.tapFor(endpoint.local);
    const app = (http = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength } }));
    app.addHook("onResponse", (request, reply, done) => {
      role.metrics.operation(`http ${request.method} ${request.routeOptions.url ?? "unknown"}`).done(String(reply.statusCode), reply.elapsedTime);
      done();
    });
    const addresses: { http: Address | undefined } = { http: undefined };
    await app.register(
      lwm2mServerApi(role.handlers, {
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
        { kind: "lwm2m-server", operations: role.operations },
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

function healthOf(role: LwM2mServer, receiveBuffer: number | undefined, http: Address): RoleHealth {
  const { config, endpoint } = role;
  const kernelDrops = udpDrops(new Set([endpoint.local.port]));
  return {
    role: "lwm2m-server",
    name: config.name,
    coap: formatAddress(endpoint.local),
    http: formatAddress(http),
    timing: `${config.timing.profile}${config.timing.changed ? "+" : ""}`,
    lab: config.lab,
    plants: config.plants,
    coapCounters: { ...endpoint.counters },
    ...(receiveBuffer === undefined ? {} : { receiveBuffer }),
    ...(kernelDrops === undefined ? {} : { kernelDrops }),
    admission: config.admission,
  };
}
