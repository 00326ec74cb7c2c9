import { parentPort, workerData } from "node:worker_threads";
import fastify, { type FastifyError, type FastifyInstance, type FastifyPluginAsync, type FastifyReply, type FastifyRequest } from "fastify";
import type { IncomingRequest, Peer, PeerIdentity, RequestHandler } from "../coap/index.js";
import { authorityName, lateAuthority } from "../certificates/index.js";
import type { CertificateAuthority } from "../certificates/index.js";
import { maxParamLength, type PeerConfig, type RoleConfig } from "../config/index.js";
import { Alerts } from "../dtls/index.js";
import type { CloseReason, Identity, KeyAnswer, PeerAnswer, PeerClaim, ServerSession } from "../dtls/index.js";
import { metricsRoute, type Metrics } from "../metrics/index.js";
import { formatAddress, type Address, type Ports } from "../ports/index.js";
import { udpDrops } from "../ports/real/index.js";
import { serverEndpoint, type ServerEndpoint, type SessionDirectory } from "../transport/index.js";
import type { EventLog } from "./event-log.js";
import type { FaultBoard, FaultOutcome } from "./faults.js";
import { serverIdentity } from "./server-identity.js";
import { operatorApi } from "./server.js";
import type { TraceLog } from "./trace-log.js";
import type { RoleHealth, SteeredRole } from "./types.js";

/** A role that serves until it is stopped. */
export interface RunningRole {
  readonly coap: Address;
  /** Absent where no DTLS port is served. */
  readonly coaps?: Address;
  readonly http: Address;
  stop(): Promise<void>;
}

/** A role without its sockets, as `serveRole` puts it on the network. */
export interface ServableRole {
  readonly trace: TraceLog;
  readonly events: EventLog;
  readonly faults: FaultBoard;
  readonly metrics: Metrics;
  stop(): Promise<void>;
}

/** What the calls of another party of the role need; the role's own SMP plug-in is made with it. */
export interface PeerCalls extends Pick<Ports, "secrets" | "clock" | "log"> {
  readonly peers: readonly PeerConfig[];
  readonly trace: TraceLog;
  readonly fault: (operation: string, endpoint: string | undefined) => Promise<FaultOutcome | undefined> | undefined;
}

/** What tells one kind of role from another; `Context` is what it knows of a session. */
export interface RoleKind<Role extends ServableRole, Context> {
  /** Devices that may be in exchanges, or whose last messages are remembered. */
  readonly maxPeers: number;
  role(endpoint: ServerEndpoint<Context>): Role;
  devices(role: Role): RequestHandler;
  /** Whom the role has keys for. */
  directory(role: Role): SessionDirectory<Context>;
  steered(role: Role): SteeredRole;
  peerApi(role: Role, calls: PeerCalls): FastifyPluginAsync;
  /** Who certifies the role's own key, where the configuration gives it none; one of its own where it is left out. */
  readonly authority?: () => Promise<CertificateAuthority>;
  /** What its health says besides what every role's does. */
  readonly health?: Partial<RoleHealth>;
}

/** A URL that is none has no route, and so nobody's error handler: RFC 9457, as HTTP alone describes it. */
const sendUnreadable = (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void =>
  void reply
    .status(error.statusCode ?? 400)
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", title: "Bad Request", status: error.statusCode ?? 400, detail: "the URL cannot be read; percent-encode it as UTF-8" }));

/** Of the connection ids that clients are given which ask for them (RFC 9146). */
const connectionIdLength = 6;

/** Starts a role: CoAP for devices, one HTTP server for its peers, its operator and its metrics. Rejects when an address cannot be bound. */
export async function serveRole<Role extends ServableRole, Context>(config: RoleConfig, ports: Ports, kind: RoleKind<Role, Context>): Promise<RunningRole> {
  const { clock, log, secrets } = ports;
  const { coap, coaps, receiveBuffer, timing } = config;
  const late = new LateHandler();
  const directory = new LateDirectory<Context>();
  const identity = coaps === undefined ? undefined : await serverIdentity({ ...config, host: coaps.host }, ports, kind.authority ?? lateAuthority(ports, authorityName(config.name)));
  const settings = { retransmission: timing.dtls, connectionIdLength, ...(identity === undefined ? {} : { keys: identity.keys, keysByName: identity.keysByName ?? {} }) };
  const secured = coaps === undefined ? {} : { coaps: { ...coaps, directory, settings } };
  const endpoint = await serverEndpoint<Context>(ports, { coap, ...secured, receiveBuffer, transmission: timing.coap, limits: { maxPeers: kind.maxPeers } }, late);
  let http: FastifyInstance | undefined;
  try {
    const role = kind.role(endpoint);
    const { trace, events, faults, metrics } = role;
    late.handler = kind.devices(role);
    directory.directory = kind.directory(role);
    endpoint.tap = trace.tapFor(endpoint.local, endpoint.secureLocal);
    if (endpoint.secureLocal !== undefined) endpoint.recordTap = trace.recordTapFor(endpoint.secureLocal);
    const app = (http = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength }, frameworkErrors: sendUnreadable }));
    app.addHook("onResponse", (request, reply, done) => {
      metrics.operation(`http ${request.method} ${request.routeOptions.url ?? "unknown"}`).done(String(reply.statusCode), reply.elapsedTime);
      done();
    });
    const address = (): Address => {
      const bound = app.server.address();
      return bound === null || typeof bound === "string" ? config.http : { host: bound.address, port: bound.port };
    };
    const steered = kind.steered(role);
    const health = (): RoleHealth => ({ ...healthOf(steered.kind, config, endpoint, address()), ...kind.health });
    await app.register(kind.peerApi(role, { peers: config.peers, secrets, clock, log, trace, fault: (operation, name) => (faults.empty ? undefined : faults.apply(operation, name)) }));
    await app.register(operatorApi(steered, { token: config.operatorToken, secrets, clock, log, faults, trace, events, health, serverKeys: identity?.view }));
    await app.register(metricsRoute(metrics));
    await app.listen({ host: config.http.host, port: config.http.port });
    if (config.secretTransport === "cleartext") log.warn({ secretTransport: config.secretTransport }, "keys travel in the clear");
    if (config.plants.length > 0) log.warn({ plants: config.plants }, "this server breaks rules on purpose");
    return {
      coap: endpoint.local,
      ...(endpoint.secureLocal === undefined ? {} : { coaps: endpoint.secureLocal }),
      http: address(),
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

function healthOf<Context>(role: RoleHealth["role"], config: RoleConfig, endpoint: ServerEndpoint<Context>, http: Address): RoleHealth {
  const { secureLocal, dtls } = endpoint;
  const kernelDrops = udpDrops(new Set([endpoint.local.port, ...(secureLocal === undefined ? [] : [secureLocal.port])]));
  return {
    role,
    name: config.name,
    coap: formatAddress(endpoint.local),
    ...(secureLocal === undefined ? {} : { coaps: formatAddress(secureLocal) }),
    http: formatAddress(http),
    timing: `${config.timing.profile}${config.timing.changed ? "+" : ""}`,
    lab: config.lab,
    secretTransport: config.secretTransport,
    plants: config.plants,
    coapCounters: { ...endpoint.counters },
    ...(dtls === undefined ? {} : { dtlsCounters: { ...dtls } }),
    ...(endpoint.receiveBuffer === undefined ? {} : { receiveBuffer: endpoint.receiveBuffer }),
    ...(kernelDrops === undefined ? {} : { kernelDrops }),
  };
}

/** What a role's thread says: it serves, or it could not be started. */
export type FromServerThread = { readonly type: "ready"; readonly coap: Address; readonly coaps?: Address; readonly http: Address } | { readonly type: "failed"; readonly reason: string };
/** What it is told; it then leaves by itself. */
export interface ToServerThread {
  readonly type: "stop";
}

const isStop = (message: unknown): message is ToServerThread => typeof message === "object" && message !== null && "type" in message && message.type === "stop";

/** Serves a role in this worker thread, whose data is the role's resolved configuration. Rejects where it is no such thread. */
export async function serveInThread<Config>(isConfig: (data: unknown) => data is Config, start: (config: Config) => Promise<RunningRole>): Promise<void> {
  const port = parentPort;
  const config: unknown = workerData;
  if (port === null || !isConfig(config)) throw new TypeError("this module runs as a worker thread, with the server's resolved configuration as its data");
  try {
    const role = await start(config);
    port.on("message", (message: unknown) => {
      if (isStop(message)) void role.stop().finally(() => port.close());
    });
    const { coap, coaps, http } = role;
    port.postMessage({ type: "ready", coap, ...(coaps === undefined ? {} : { coaps }), http } satisfies FromServerThread);
  } catch (error) {
    port.postMessage({ type: "failed", reason: error instanceof Error ? error.message : String(error) } satisfies FromServerThread);
  }
}

/** What a CoAP endpoint hands its requests to: it exists before the role does. */
export class LateHandler implements RequestHandler {
  handler: RequestHandler | undefined = undefined;

  onRequest(request: IncomingRequest): void {
    if (this.handler === undefined) request.ignore();
    else this.handler.onRequest(request);
  }
}

/** What a DTLS port asks about identities: it exists before the role does, and nobody has a key until then. */
export class LateDirectory<Context> implements SessionDirectory<Context> {
  directory: SessionDirectory<Context> | undefined = undefined;

  findKey(identity: Buffer, from: Address): KeyAnswer<Context> | Promise<KeyAnswer<Context>> {
    return this.directory?.findKey(identity, from) ?? { refuse: "silence" };
  }

  findPeer(claim: PeerClaim, from: Address): PeerAnswer<Context> | Promise<PeerAnswer<Context>> {
    return this.directory?.findPeer?.(claim, from) ?? { refuse: Alerts.access_denied };
  }

  mayResume(identity: Identity, context: Context, from: Address): boolean {
    return this.directory?.mayResume(identity, context, from) ?? false;
  }

  putAway(context: Context): Uint8Array {
    return this.directory?.putAway?.(context) ?? new Uint8Array();
  }

  takeUp(saved: Buffer, identity: Identity): Context | undefined {
    return this.directory?.takeUp?.(saved, identity);
  }

  onSession(peer: Peer, session: ServerSession<Context>): void {
    this.directory?.onSession?.(peer, session);
  }

  onSessionRestored(peer: Peer, session: ServerSession<Context>): void {
    this.directory?.onSessionRestored?.(peer, session);
  }

  onSessionMoved(peer: Peer, before: Address): void {
    this.directory?.onSessionMoved?.(peer, before);
  }

  onSessionEnd(peer: Peer, reason: CloseReason): void {
    this.directory?.onSessionEnd?.(peer, reason);
  }

  onHandshakeFailed(from: Address, reason: CloseReason, identity: PeerIdentity | undefined): void {
    this.directory?.onHandshakeFailed?.(from, reason, identity);
  }
}
