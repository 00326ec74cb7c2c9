import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { plainBootstrapSchema } from "../config/index.js";
import type { Clock, Log, Secrets } from "../ports/index.js";
import type { EventLog } from "./event-log.js";
import type { FaultBoard, FaultStatus } from "./faults.js";
import { OperatorProblem, checked, notFound, sendProblem } from "./problem.js";
import { deviceOperationSchema, eventsQuerySchema, faultSpecSchema, forgetBodySchema, observationBodySchema, observationQuerySchema, registrationsQuerySchema, relayRequestSchema, restartBodySchema, secureSessionsQuerySchema, sessionsQuerySchema, traceQuerySchema } from "./schemas.js";
import { streamEvents } from "./sse.js";
import type { TraceLog } from "./trace-log.js";
import type { BootstrapServerOperations, LwM2mServerOperations, RoleHealth, ServerKeysView, SteeredRole } from "./types.js";

export interface OperatorApiOptions {
  /** The bearer token; every call needs it. */
  readonly token: string;
  readonly secrets: Pick<Secrets, "equal">;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults: FaultBoard;
  readonly trace: TraceLog;
  readonly events: EventLog;
  readonly health: () => RoleHealth;
  /** Absent without a DTLS port. */
  readonly serverKeys?: ServerKeysView | undefined;
}

const prefix = "/operator/v1";
const bodyLimit = 256 * 1024;

/**
 * The operator API of a served role, under `/operator/v1`:
 *
 * | Call | Answer |
 * |---|---|
 * | `GET health` | `RoleHealth` |
 * | `GET server-keys` | `ServerKeysView`, what accounts name this role by; 404 without a DTLS port |
 * | `GET trace?after=&limit=&endpoint=` | `TracePage`; `endpoint` may be repeated and hold `*` |
 * | `GET faults`, `GET faults/{id}` | `{faults: FaultStatus[]}`, `FaultStatus` |
 * | `PUT faults/{id}` with a `FaultSpec` | `FaultStatus` |
 * | `POST faults/{id}/release` | `FaultStatus`; what it held goes on |
 * | `DELETE faults/{id}`, `DELETE faults` | 204; what they held goes on |
 * | `GET events` | server-sent events of type `RoleEvent`, from `?after=` or `Last-Event-ID` |
 *
 * A LwM2M Server adds:
 *
 * | `GET registrations?endpoint=&after=&limit=`, `GET registrations/{ep}` | `RegistrationPage`, `RegistrationView` |
 * | `POST devices/{ep}/operations` with a `DeviceOperation` | `OperationResult` |
 * | `PUT devices/{ep}/observations?path=` with `{attributes?}` | `OperationResult` |
 * | `DELETE devices/{ep}/observations?path=&how=reset\|deregister` | `OperationResult` |
 * | `POST smp/requests` with a `RelayRequest` | `RelayAnswer` |
 * | `GET handshakes?endpoint=&after=&limit=` | `HandshakePage` |
 * | `GET secure-sessions?endpoint=&limit=` | `{total, sessions: SecureSessionView[]}` |
 * | `POST secure-sessions/forget` with a `Forgetting`, all of it optional | `Forgotten` |
 * | `POST restart` with a `Restarting`, which keeps its sessions unless told otherwise | `Restarted` |
 *
 * A Bootstrap Server adds:
 *
 * | `GET`, `PUT`, `DELETE bootstrap/{ep}` | `PlainBootstrap`, 204 |
 * | `GET sessions?endpoint=&limit=` | `{sessions: SessionView[]}`, newest last |
 *
 * Errors are `application/problem+json` with `type` `urn:muster:operator:…` and, for a wrong request, `field`.
 */
export function operatorApi(role: SteeredRole, options: OperatorApiOptions): FastifyPluginAsync {
  const expected = Buffer.from(options.token);
  const plugin: FastifyPluginAsync = (app) => {
    app.addHook("onRequest", (request, _reply, done) => {
      const given = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? "")?.[1];
      if (given === undefined || !options.secrets.equal(Buffer.from(given), expected)) done(new OperatorProblem(401, "unauthenticated", "give the operator token as Authorization: Bearer"));
      else done();
    });
    app.setErrorHandler((error, request, reply) => sendProblem(reply, problemOf(error, request, options.log)));
    app.setNotFoundHandler((request, reply) => sendProblem(reply, notFound(`${request.method} ${pathOf(request)}`)));
    commonRoutes(app, options);
    if (role.kind === "lwm2m-server") lwm2mServerRoutes(app, role.operations);
    else bootstrapServerRoutes(app, role.operations);
    return Promise.resolve();
  };
  return async (app) => {
    await app.register(plugin, { prefix });
  };
}

function commonRoutes(app: FastifyInstance, options: OperatorApiOptions): void {
  const { faults, trace, events } = options;
  app.get("/health", () => options.health());
  app.get("/server-keys", () => options.serverKeys ?? missing("DTLS port"));
  app.get("/trace", (request) => {
    const query = checked(traceQuerySchema, request.query);
    return trace.read({ after: query.after, limit: query.limit, endpoints: query.endpoint });
  });
  app.get("/faults", () => ({ faults: faults.list() }));
  app.get("/faults/:id", (request): FaultStatus => faults.get(param(request, "id")) ?? missing(`fault ${param(request, "id")}`));
  app.put("/faults/:id", { bodyLimit }, (request): FaultStatus => {
    const status = faults.set(param(request, "id"), checked(faultSpecSchema, request.body));
    if (status === undefined) throw new OperatorProblem(409, "full", "no more faults can be set; delete some");
    return status;
  });
  app.post("/faults/:id/release", (request): FaultStatus => faults.release(param(request, "id")) ?? missing(`fault ${param(request, "id")}`));
  app.delete("/faults/:id", (request, reply) => (faults.clear(param(request, "id")) ? nothing(reply) : missing(`fault ${param(request, "id")}`)));
  app.delete("/faults", (_request, reply) => {
    faults.clearAll();
    return nothing(reply);
  });
  app.get("/events", (request, reply) => {
    const resumed = Number(request.headers["last-event-id"]);
    const { after } = checked(eventsQuerySchema, request.query);
    reply.hijack();
    streamEvents(events, after ?? (Number.isSafeInteger(resumed) && resumed >= 0 ? resumed : events.last), reply.raw);
  });
}

function lwm2mServerRoutes(app: FastifyInstance, operations: LwM2mServerOperations): void {
  const device = (request: FastifyRequest): string => param(request, "ep");
  app.get("/registrations", (request) => operations.registrations(checked(registrationsQuerySchema, request.query)));
  app.get("/registrations/:ep", async (request) => (await operations.registration(device(request))) ?? missing(`registration of ${device(request)}`));
  app.post("/devices/:ep/operations", { bodyLimit: 2 * 1024 * 1024 }, async (request) => (await operations.operate(device(request), checked(deviceOperationSchema, request.body))) ?? missing(`registration of ${device(request)}`));
  app.put("/devices/:ep/observations", { bodyLimit }, async (request) => {
    const { path } = checked(observationQuerySchema, request.query);
    const body = checked(observationBodySchema, request.body);
    return (await operations.observe(device(request), path, body?.attributes)) ?? missing(`registration of ${device(request)}`);
  });
  app.delete("/devices/:ep/observations", async (request) => {
    const { path, how } = checked(observationQuerySchema, request.query);
    return (await operations.cancelObservation(device(request), path, how)) ?? missing(`observation of ${path} on ${device(request)}`);
  });
  app.post("/smp/requests", { bodyLimit: 4 * 1024 * 1024 }, async (request) => {
    const relayed = checked(relayRequestSchema, request.body);
    try {
      return await operations.relay(relayed);
    } catch (error) {
      throw new OperatorProblem(502, "peer-unavailable", error instanceof Error ? error.message : String(error));
    }
  });
  app.get("/handshakes", (request) => operations.handshakes(checked(registrationsQuerySchema, request.query)));
  app.get("/secure-sessions", (request) => operations.secureSessions(checked(secureSessionsQuerySchema, request.query)));
  app.post("/secure-sessions/forget", { bodyLimit }, (request) => operations.forgetSessions(checked(forgetBodySchema, request.body) ?? { registrations: false, keepResumable: false }));
  app.post("/restart", { bodyLimit }, (request) => operations.restart(checked(restartBodySchema, request.body) ?? { keepSessions: true }));
}

function bootstrapServerRoutes(app: FastifyInstance, operations: BootstrapServerOperations): void {
  const device = (request: FastifyRequest): string => param(request, "ep");
  app.get("/bootstrap/:ep", (request) => operations.bootstrap(device(request)) ?? missing(`bootstrap configuration of ${device(request)}`));
  app.put("/bootstrap/:ep", { bodyLimit }, async (request, reply) => {
    await operations.setBootstrap(device(request), checked(plainBootstrapSchema, request.body));
    return nothing(reply);
  });
  app.delete("/bootstrap/:ep", async (request, reply) => ((await operations.removeBootstrap(device(request))) ? nothing(reply) : missing(`bootstrap configuration of ${device(request)}`)));
  app.get("/sessions", (request) => ({ sessions: operations.sessions(checked(sessionsQuerySchema, request.query)) }));
}

function param(request: FastifyRequest, name: string): string {
  const { params } = request;
  const value: unknown = typeof params === "object" && params !== null ? Reflect.get(params, name) : undefined;
  return typeof value === "string" ? value : "";
}

function missing(what: string): never {
  throw notFound(what);
}

const nothing = (reply: FastifyReply): FastifyReply => reply.status(204).send();

const pathOf = (request: FastifyRequest): string => request.url.split("?")[0] ?? request.url;

function problemOf(error: unknown, request: FastifyRequest, log: Log): OperatorProblem {
  if (error instanceof OperatorProblem) return error;
  const status: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "statusCode") : undefined;
  const message = error instanceof Error ? error.message : String(error);
  if (status === 413) return new OperatorProblem(413, "too-large", message);
  if (typeof status === "number" && status >= 400 && status < 500) return new OperatorProblem(status, "schema", message);
  log.error({ method: request.method, path: pathOf(request), error: message }, "operator call failed");
  return new OperatorProblem(500, "internal", "the role failed; its log says more");
}
