import fastify from "fastify";
import { maxParamLength, type PlainBootstrap } from "../../config/index.js";
import { silentLog } from "../../ports/index.js";
import { VirtualClock } from "../../ports/simulated/index.js";
import { EventLog, FaultBoard, OperatorClient, TraceLog, operatorApi } from "../index.js";
import type { DeviceOperation, LwM2mServerOperations, RegistrationView, RoleHealth, SteeredRole } from "../index.js";

export const token = "operator-token-of-the-tests";

const health = (role: RoleHealth["role"]): RoleHealth => ({
  role,
  name: role,
  coap: "127.0.0.1:5683",
  http: "127.0.0.1:8080",
  timing: "lab",
  lab: true,
  plants: [],
  coapCounters: { datagramsIn: 0, datagramsOut: 0, retransmissions: 0, duplicates: 0, malformed: 0, timeouts: 0, resets: 0, strayResponses: 0 },
});

export const registrationOf = (endpoint: string): RegistrationView => ({
  endpoint,
  location: "/rd/1",
  address: "127.0.0.1:40001",
  lwm2m: "1.1",
  lifetime: 60,
  binding: "U",
  queueMode: false,
  awake: true,
  objects: ["</1/0>", "</3/0>"],
  registeredAt: 1,
  lastSeen: 2,
  expiresAt: 3,
  security: { mode: "psk", credentialId: "c1", version: 2, sessionOpen: true },
});

/** A role that knows the devices it is given and says what it was asked to do. */
export function recordingServer(endpoints: readonly string[]): { operations: LwM2mServerOperations; asked: unknown[] } {
  const asked: unknown[] = [];
  const known = (endpoint: string): boolean => endpoints.includes(endpoint);
  return {
    asked,
    operations: {
      registrations: ({ after, limit, endpoint }) => {
        const fitting = endpoints.filter((name) => endpoint === undefined || name === endpoint).filter((name) => after === undefined || name > after);
        const page = fitting.slice(0, limit);
        const last = page[page.length - 1];
        return { total: endpoints.length, registrations: page.map(registrationOf), ...(fitting.length > page.length && last !== undefined ? { next: last } : {}) };
      },
      registration: (endpoint) => (known(endpoint) ? registrationOf(endpoint) : undefined),
      operate: (endpoint: string, operation: DeviceOperation) => {
        asked.push({ endpoint, ...operation });
        return Promise.resolve(known(endpoint) ? { code: "2.05", resources: { "/3/0/0": "Muster", "/3/0/9": 80, "/3/0/1": { hex: "00ff" } } } : undefined);
      },
      observe: (endpoint, path, attributes) => {
        asked.push({ endpoint, observe: path, attributes });
        return Promise.resolve(known(endpoint) ? { code: "2.05" } : undefined);
      },
      cancelObservation: (endpoint, path, how) => {
        asked.push({ endpoint, cancel: path, how });
        return Promise.resolve(known(endpoint) ? { code: "2.05" } : undefined);
      },
      relay: (request) => {
        asked.push(request);
        if (request.method === "DELETE") return Promise.resolve({ status: 204, headers: {}, body: undefined });
        return request.path === "/smp/v1/nobody" ? Promise.reject(new Error("connection refused")) : Promise.resolve({ status: 201, headers: { etag: '"1"' }, body: { accountId: "acc-1" } });
      },
      handshakes: (query) => {
        asked.push({ handshakes: query });
        const counts = { attempts: 3, finished: 2, resumed: 1, refused: 1, failed: 0, storms: 0 };
        return { total: counts, storm: { more: 10, windowMs: 60_000 }, devices: [{ ...counts, endpoint: "dev-1", identity: "dev-1/v1", last: 7 }] };
      },
      secureSessions: (query) => {
        asked.push({ secureSessions: query });
        return { total: 1, sessions: [{ endpoint: "dev-1", address: "127.0.0.1:40001", suite: "TLS_PSK_WITH_AES_128_CCM_8", resumed: false, credentialId: "c1", version: 1, state: "active" }] };
      },
      forgetSessions: (what) => {
        asked.push({ forget: what });
        return { sessions: 1, registrations: what.registrations ? 2 : 0 };
      },
      restart: (how) => {
        asked.push({ restart: how });
        return Promise.resolve({ sessions: 3, restored: how.keepSessions ? 2 : 0 });
      },
    },
  };
}

export function bootstrapOperations(): SteeredRole {
  const configured = new Map<string, PlainBootstrap>();
  return {
    kind: "bootstrap-server",
    operations: {
      bootstrap: (endpoint) => configured.get(endpoint),
      setBootstrap: (endpoint, configuration) => void configured.set(endpoint, configuration),
      removeBootstrap: (endpoint) => configured.delete(endpoint),
      sessions: ({ endpoint }) => [{ id: 1, endpoint: endpoint ?? "dev-1", address: "127.0.0.1:40001", state: "finished", startedAt: 1, endedAt: 2, operations: ["DELETE /0/1 2.02"] }],
    },
  };
}

/** The operator API of `role` on a free loopback port, with a client that knows the token. */
export async function serve(role: SteeredRole) {
  const clock = new VirtualClock();
  const trace = new TraceLog(role.kind, clock, 1000);
  const faults = new FaultBoard(clock, trace);
  const events = new EventLog(clock, 100);
  const app = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength } });
  await app.register(operatorApi(role, { token, secrets: { equal: (a, b) => Buffer.compare(a, b) === 0 }, clock, log: silentLog, faults, trace, events, health: () => health(role.kind) }));
  const baseUrl = await app.listen({ host: "127.0.0.1", port: 0 });
  const client = new OperatorClient({ baseUrl, token, timeoutMs: 5000 });
  return { baseUrl, client, clock, trace, faults, events, close: async () => Promise.all([client.close(), app.close()]) };
}
