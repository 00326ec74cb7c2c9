import { request } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { OperatorClient, OperatorError } from "./index.js";
import { bootstrapOperations, recordingServer, registrationOf, serve, token } from "./testing/served.js";

type Served = Awaited<ReturnType<typeof serve>>;
let served: Served | undefined;
const started = async (role: Parameters<typeof serve>[0]): Promise<Served> => (served = await serve(role));
afterEach(async () => {
  await served?.close();
  served = undefined;
});

const refusal = async (attempt: Promise<unknown>): Promise<OperatorError> => {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OperatorError)) throw new Error(`not refused: ${String(error)}`);
  return error;
};

const lwm2mServer = (...endpoints: string[]) => started({ kind: "lwm2m-server", operations: recordingServer(endpoints).operations });

describe("the operator API", () => {
  it("wants its own token and does not repeat a wrong one", async () => {
    const { baseUrl } = await lwm2mServer();
    const wrong = new OperatorClient({ baseUrl, token: "a-wrong-token-canary" });
    const error = await refusal(wrong.health());
    expect(error.status).toBe(401);
    expect(error.message).not.toContain("canary");
    await wrong.close();
    const without = await request(`${baseUrl}/operator/v1/health`);
    expect(without.statusCode).toBe(401);
    expect(without.headers["content-type"]).toContain("application/problem+json");
    expect(await without.body.json()).toMatchObject({ type: "urn:muster:operator:unauthenticated", status: 401 });
  });

  it("tells health", async () => {
    const { client } = await lwm2mServer();
    expect(await client.health()).toMatchObject({ role: "lwm2m-server", timing: "lab" });
  });

  it("sets, lists, releases and clears faults, with how often they fired", async () => {
    const { client, faults } = await lwm2mServer();
    expect(await client.setFault("held", { operation: "smp.activation.put", endpoint: "ab-*", action: { kind: "hold" } })).toMatchObject({ fired: 0, waiting: 0 });
    const passing = faults.apply("smp.activation.put", "ab-1");
    expect(await client.faults()).toMatchObject([{ id: "held", fired: 1, waiting: 1, action: { kind: "hold" } }]);
    await client.releaseFault("held");
    await passing;
    expect(await client.fault("held")).toMatchObject({ fired: 1, waiting: 0 });
    await client.clearFault("held");
    expect(await client.fault("held")).toBeUndefined();
    await client.clearFault("held");
    await client.setFault("other", { operation: "register", action: { kind: "refuse", code: "5.00" } });
    await client.clearFaults();
    expect(await client.faults()).toEqual([]);
  });

  it("names the field of a wrong fault", async () => {
    const { baseUrl, client } = await lwm2mServer();
    expect(await refusal(client.setFault("f", { operation: "register", action: { kind: "refuse", code: "9.99" } }))).toMatchObject({ status: 400, field: "action.code" });
    const broken = await request(`${baseUrl}/operator/v1/faults/f`, { method: "PUT", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, body: "{" });
    expect(broken.statusCode).toBe(400);
    await broken.body.dump();
  });

  it("gives the trace from a place on, filtered by several endpoints", async () => {
    const { client, trace } = await lwm2mServer();
    for (const endpoint of ["a-1", "b-1", "c-1"]) trace.record({ kind: "state", machine: "registration", id: endpoint, from: "none", to: "registered", input: "register" }, endpoint);
    const page = await client.trace({ endpoints: ["a-*", "c-1"] });
    expect(page.events.map(({ endpoint }) => endpoint)).toEqual(["a-1", "c-1"]);
    expect(await client.trace({ after: page.next })).toMatchObject({ events: [], dropped: 0 });
  });

  it("answers 404 with a problem for what does not exist", async () => {
    const { baseUrl } = await lwm2mServer();
    const answer = await request(`${baseUrl}/operator/v1/secrets`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.statusCode).toBe(404);
    expect(await answer.body.json()).toMatchObject({ type: "urn:muster:operator:not-found" });
  });

  it("says who did not answer when the role is gone", async () => {
    const { baseUrl, close } = await lwm2mServer();
    await close();
    served = undefined;
    const client = new OperatorClient({ baseUrl, token, timeoutMs: 2000 });
    const error = await refusal(client.health());
    expect(error.status).toBeUndefined();
    expect(error.message).toMatch(/did not answer GET \/health: .*ECONNREFUSED/);
    await client.close();
  });
});

describe("the operator API of a LwM2M Server", () => {
  it("lists registrations page by page and finds one", async () => {
    const { client } = await lwm2mServer("dev-1", "dev-2", "dev-3");
    const first = await client.registrations({ limit: 2 });
    expect(first).toMatchObject({ total: 3, next: "dev-2" });
    const second = await client.registrations({ limit: 2, ...(first.next === undefined ? {} : { after: first.next }) });
    expect(second.registrations.map(({ endpoint }) => endpoint)).toEqual(["dev-3"]);
    expect(second.next).toBeUndefined();
    expect(await client.registration("dev-1")).toEqual(registrationOf("dev-1"));
    expect(await client.registration("dev-9")).toBeUndefined();
  });

  it("carries endpoint names that need escaping, and long ones", async () => {
    const names = ["urn:imei:1", "a/b?c%d#e", "ü☃", "x".repeat(1024)];
    const { client } = await lwm2mServer(...names);
    for (const name of names) expect((await client.registration(name))?.endpoint).toBe(name);
  });

  it("carries out operations and gives values by path", async () => {
    const { operations, asked } = recordingServer(["dev-1"]);
    const { client } = await started({ kind: "lwm2m-server", operations });
    expect(await client.operate("dev-1", { operation: "read", path: "/3/0" })).toEqual({ code: "2.05", resources: { "/3/0/0": "Muster", "/3/0/9": 80, "/3/0/1": { hex: "00ff" } } });
    await client.operate("dev-1", { operation: "write", path: "/1/0", resources: { "/1/0/1": 60 } });
    expect(asked[1]).toMatchObject({ endpoint: "dev-1", operation: "write", resources: { "/1/0/1": 60 } });
    expect(await refusal(client.operate("dev-9", { operation: "read", path: "/3/0" }))).toMatchObject({ status: 404 });
    expect(await refusal(client.operate("dev-1", { operation: "read", path: "3/0" }))).toMatchObject({ status: 400, field: "path" });
  });

  it("observes and cancels in both ways", async () => {
    const { operations, asked } = recordingServer(["dev-1"]);
    const { client } = await started({ kind: "lwm2m-server", operations });
    await client.observe("dev-1", "/3303/0/5700", { pmin: 1, pmax: 10 });
    await client.cancelObservation("dev-1", "/3303/0/5700", "reset");
    expect(asked).toEqual([
      { endpoint: "dev-1", observe: "/3303/0/5700", attributes: { pmin: 1, pmax: 10 } },
      { endpoint: "dev-1", cancel: "/3303/0/5700", how: "reset" },
    ]);
  });

  it("sends a Server Management call as its operator would, and says when the peer was not there", async () => {
    const { operations, asked } = recordingServer([]);
    const { client } = await started({ kind: "lwm2m-server", operations });
    const answer = await client.relay({ method: "POST", path: "/smp/v1/accounts", headers: { "idempotency-key": "k" }, body: { accountId: "acc-1" } });
    expect(answer).toEqual({ status: 201, headers: { etag: '"1"' }, body: { accountId: "acc-1" } });
    expect(asked[0]).toMatchObject({ path: "/smp/v1/accounts", headers: { "idempotency-key": "k" } });
    expect(await client.relay({ method: "DELETE", path: "/smp/v1/accounts/acc-1" })).toEqual({ status: 204, headers: {}, body: undefined });
    expect(await refusal(client.relay({ method: "GET", path: "/smp/v1/nobody" }))).toMatchObject({ status: 502 });
    expect(await refusal(client.relay({ method: "GET", path: "http://elsewhere/" }))).toMatchObject({ status: 400, field: "path" });
  });

  it("shows handshakes and sessions, and makes the role forget its sessions", async () => {
    const { operations, asked } = recordingServer(["dev-1"]);
    const { client } = await started({ kind: "lwm2m-server", operations });
    expect(await client.handshakes({ endpoint: "dev-*", limit: 5 })).toMatchObject({ total: { attempts: 3 }, storm: { more: 10 }, devices: [{ endpoint: "dev-1", identity: "dev-1/v1", storms: 0 }] });
    expect(await client.secureSessions()).toMatchObject({ total: 1, sessions: [{ endpoint: "dev-1", version: 1, state: "active" }] });
    expect(await client.forgetSessions()).toEqual({ sessions: 1, registrations: 0 });
    expect(await client.forgetSessions({ registrations: true })).toEqual({ sessions: 1, registrations: 2 });
    expect(asked).toEqual([{ handshakes: { endpoint: "dev-*", limit: 5 } }, { secureSessions: { limit: 1000 } }, { forget: { registrations: false, keepResumable: false } }, { forget: { registrations: true, keepResumable: false } }]);
  });

  it("restarts the role, with its sessions where nothing else is said", async () => {
    const { operations, asked } = recordingServer(["dev-1"]);
    const { client } = await started({ kind: "lwm2m-server", operations });
    expect(await client.restart()).toEqual({ sessions: 3, restored: 2 });
    expect(await client.restart({ keepSessions: false })).toEqual({ sessions: 3, restored: 0 });
    expect(asked).toEqual([{ restart: { keepSessions: true } }, { restart: { keepSessions: false } }]);
  });

  it("streams events from a place on", async () => {
    const { client, events } = await lwm2mServer();
    events.publish("registered", "dev-1", { lifetime: 60 });
    events.publish("updated", "dev-1");
    const seen: string[] = [];
    const stop = new AbortController();
    for await (const event of client.events({ after: 1, signal: stop.signal })) {
      seen.push(event.type);
      if (event.type === "updated") events.publish("expired", "dev-1");
      if (event.type === "expired") stop.abort();
    }
    expect(seen).toEqual(["updated", "expired"]);
  });

  it("tells a reader how many events it missed", async () => {
    const { client, events } = await lwm2mServer();
    for (let index = 0; index < 150; index++) events.publish("updated", "dev-1");
    const stop = new AbortController();
    const seen: unknown[] = [];
    for await (const event of client.events({ after: 0, signal: stop.signal })) {
      seen.push(event.type === "dropped" ? event : event.type);
      if (seen.length === 101) stop.abort();
    }
    expect(seen[0]).toEqual({ type: "dropped", dropped: 50 });
    expect(seen.slice(1)).toEqual(Array.from({ length: 100 }, () => "updated"));
  });

  it("resumes by Last-Event-ID as browsers do", async () => {
    const { baseUrl, events } = await lwm2mServer();
    for (let index = 1; index <= 3; index++) events.publish(`event-${index}`, undefined);
    const { body, headers } = await request(`${baseUrl}/operator/v1/events`, { headers: { authorization: `Bearer ${token}`, "last-event-id": "2" } });
    expect(headers["content-type"]).toBe("text/event-stream");
    let text = "";
    for await (const piece of body) {
      text += String(piece);
      if (text.includes("event-3")) break;
    }
    expect(text).toMatch(/id: 3\nevent: event-3\ndata: \{"seq":3/);
    expect(text).not.toContain("event-2");
  });

  it("lets go of a reader that left", async () => {
    const { client, events } = await lwm2mServer();
    const stop = new AbortController();
    events.publish("registered", "dev-1");
    for await (const event of client.events({ after: 0, signal: stop.signal })) if (event.type === "registered") stop.abort();
    for (let index = 0; index < 1000; index++) events.publish("updated", "dev-1");
    expect(await client.health()).toBeDefined();
  });
});

describe("the operator API of a Bootstrap Server", () => {
  it("keeps plain bootstrap configurations, with defaults filled in", async () => {
    const { client } = await started(bootstrapOperations());
    expect(await client.bootstrap("dev-1")).toBeUndefined();
    await client.setBootstrap("dev-1", { accounts: [{ uri: "coap://127.0.0.1:5783", shortServerId: 101 }] });
    expect(await client.bootstrap("dev-1")).toMatchObject({ accounts: [{ shortServerId: 101, lifetime: 86_400, securityMode: "nosec", binding: "U" }], keepOthers: true });
    await client.removeBootstrap("dev-1");
    expect(await client.bootstrap("dev-1")).toBeUndefined();
  });

  it("names the field of a wrong one", async () => {
    const { client } = await started(bootstrapOperations());
    expect(await refusal(client.setBootstrap("dev-1", { accounts: [{ uri: "coap://127.0.0.1", shortServerId: 0 }] }))).toMatchObject({ status: 400, field: "accounts.0.shortServerId" });
  });

  it("shows sessions, and nothing of a LwM2M Server", async () => {
    const { client } = await started(bootstrapOperations());
    expect(await client.sessions({ endpoint: "dev-2" })).toMatchObject([{ endpoint: "dev-2", state: "finished", operations: ["DELETE /0/1 2.02"] }]);
    expect(await refusal(client.registrations())).toMatchObject({ status: 404 });
  });
});
