import fastify, { type FastifyPluginAsync } from "fastify";
import { matchesPattern, maxParamLength, type PeerConfig } from "../../config/index.js";
import { EventLog, FaultBoard, operatorApi, OperatorProblem, TraceLog, type LwM2mServerOperations, type RoleHealth, type SteeredRole } from "../../operator/index.js";
import { formatAddress, type Address, type Ports } from "../../ports/index.js";
import { lwm2mServerApi, SecretKeys, SmpClient, SmpEventLog, type SmpApiOptions } from "../../smp/index.js";
import { Unsupported } from "../scenario/recorder.js";
import { AdapterError, type ServerAdapter } from "./adapter.js";
import { Confirmer } from "./confirmer.js";
import { AdaptedServerHandlers } from "./server-handlers.js";
import { frontMachine } from "../evidence/front.js";
import { wireTap } from "./tap.js";

const traceEvents = 200_000;
const loopback = "127.0.0.1";

/** A role of somebody else's, reached as ours are: a tap on its CoAP port, the operator API, the Server Management interface. */
export interface AdapterFront {
  readonly coap: Address;
  /** The system's own port: what is in its records a tap could not read. */
  readonly coaps?: Address | undefined;
  readonly http: Address;
  readonly operatorToken: string;
  stop(): Promise<void>;
}

export type FrontPorts = Pick<Ports, "clock" | "secrets" | "network" | "log">;

export interface FrontOptions {
  /** `server-a`. */
  readonly name: string;
  readonly coap: Address;
  readonly coaps?: Address | undefined;
  /** 0: any free one. */
  readonly httpPort: number;
  /** The other side of the Server Management interface. */
  readonly peers: readonly PeerConfig[];
  readonly timing: string;
}

/** The tap counts nothing: what it passes on is in its log. */
const noCounters: RoleHealth["coapCounters"] = { datagramsIn: 0, datagramsOut: 0, retransmissions: 0, duplicates: 0, malformed: 0, timeouts: 0, resets: 0, strayResponses: 0 };

export async function serverFront(adapter: ServerAdapter, options: FrontOptions, ports: FrontPorts): Promise<AdapterFront> {
  const { clock, secrets } = ports;
  const { peers } = options;
  const [peer] = peers;
  const bootstrapServer = peer?.smp === undefined ? undefined : new SmpClient({ base: peer.smp, token: peer.token, peer: peer.id, clock, newKey: () => secrets.token() });
  const confirmer = new Confirmer(clock, adapter, async (confirmation) => bootstrapServer?.createConfirmation(confirmation));
  const trace = new TraceLog(options.name, clock, traceEvents);
  const handlers = new AdaptedServerHandlers({
    clock,
    adapter,
    keys: await SecretKeys.create(),
    events: new SmpEventLog(clock, `urn:muster:${options.name}`),
    activating: (credential) => confirmer.expect(credential),
    failed: ({ endpoint, what, reason }) => trace.record({ kind: "state", machine: frontMachine, id: adapter.name, from: "asked", to: "failed", input: what, detail: { reason } }, endpoint),
  });
  const operations = serverOperations(adapter, async (request) => {
    if (bootstrapServer === undefined) throw new Error("the Bootstrap Server of this target has no Server Management API");
    const { status, headers, body } = await bootstrapServer.raw(request.method, request.path, request.body, request.headers);
    return { status, headers, ...(body === undefined ? {} : { body }) };
  });
  const front = await serveFront({ kind: "lwm2m-server", operations }, (calls) => lwm2mServerApi(handlers, calls), options, ports, trace);
  return {
    ...front,
    async stop() {
      confirmer.stop();
      handlers.stop();
      await front.stop();
      await bootstrapServer?.close();
      await adapter.close();
    },
  };
}

/** Says of a failed call whose failure it was: the system's, or that it cannot be asked for this at all. */
export async function told<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof AdapterError) throw new OperatorProblem(502, "peer-unavailable", error.message);
    if (error instanceof Unsupported) throw new OperatorProblem(501, "unsupported", error.message);
    throw error;
  }
}

function serverOperations(adapter: ServerAdapter, relay: LwM2mServerOperations["relay"]): LwM2mServerOperations {
  return {
    async registrations({ endpoint, limit, after }) {
      const all = [...(await told(() => adapter.registrations()))].sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
      const wanted = all.filter((view) => (endpoint === undefined || matchesPattern(endpoint, view.endpoint)) && (after === undefined || view.endpoint > after));
      const page = wanted.slice(0, limit);
      const last = page.at(-1);
      return { total: all.length, registrations: page, ...(wanted.length > page.length && last !== undefined ? { next: last.endpoint } : {}) };
    },
    registration: (endpoint) => told(() => adapter.registration(endpoint)),
    operate: (endpoint, operation) => told(() => adapter.operate(endpoint, operation)),
    observe: (endpoint, path, attributes) =>
      told(async () => {
        if (attributes !== undefined && Object.keys(attributes).length > 0) await adapter.operate(endpoint, { operation: "write-attributes", path, attributes });
        return adapter.observe(endpoint, path);
      }),
    cancelObservation: (endpoint, path, how) => told(() => adapter.cancelObservation(endpoint, path, how)),
    relay,
    handshakes: () => notTold(adapter, "its handshakes"),
    secureSessions: () => notTold(adapter, "its DTLS sessions"),
    forgetSessions: () => notTold(adapter, "losing its DTLS sessions"),
    restart: () => notTold(adapter, "a restart"),
  };
}

function notTold(adapter: ServerAdapter, what: string): never {
  throw new OperatorProblem(501, "unsupported", `${adapter.name} cannot be asked for ${what}`);
}

/** The HTTP server and the tap that all fronts share. */
export async function serveFront(role: SteeredRole, peerApi: (calls: SmpApiOptions) => FastifyPluginAsync, options: FrontOptions, { clock, secrets, network, log }: FrontPorts, trace = new TraceLog(options.name, clock, traceEvents)): Promise<AdapterFront> {
  const faults = new FaultBoard(clock, trace);
  const events = new EventLog(clock);
  const operatorToken = secrets.token();
  const tap = await wireTap(network, options.coap, trace);
  const app = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength } });
  const address = (): Address => {
    const bound = app.server.address();
    return bound === null || typeof bound === "string" ? { host: loopback, port: options.httpPort } : { host: bound.address, port: bound.port };
  };
  const health = (): RoleHealth => ({ role: role.kind, name: options.name, coap: formatAddress(tap.local), http: formatAddress(address()), timing: options.timing, lab: true, plants: [], coapCounters: noCounters });
  try {
    await app.register(peerApi({ peers: options.peers, secrets, clock, log, trace }));
    await app.register(operatorApi(role, { token: operatorToken, secrets, clock, log, faults, trace, events, health }));
    await app.listen({ host: loopback, port: options.httpPort });
  } catch (error) {
    await tap.close();
    throw error;
  }
  return {
    coap: tap.local,
    ...(options.coaps === undefined ? {} : { coaps: options.coaps }),
    http: address(),
    operatorToken,
    async stop() {
      faults.stop();
      await app.close();
      await tap.close();
    },
  };
}
