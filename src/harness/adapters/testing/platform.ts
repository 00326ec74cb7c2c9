import fastify, { type FastifyInstance } from "fastify";

export interface Platform {
  readonly url: string;
  /** `POST /auth/login` and the like, in order. */
  readonly calls: string[];
  /** The tokens handed out are no good any more. */
  expireTokens(): void;
  stop(): Promise<void>;
}

const device = "ab-1";

/** The two platforms of the example targets, small: one with token login, one whose operations are tasks. */
export async function startPlatform(): Promise<Platform> {
  const app: FastifyInstance = fastify();
  const calls: string[] = [];
  let tokens = 0;
  let valid = "";
  const looks = new Map<string, number>();
  app.addHook("onRequest", (request, reply, done) => {
    calls.push(`${request.method} ${request.url}`);
    const { url, headers } = request;
    if (url.startsWith("/rest") && url !== "/rest/auth/login" && headers.authorization !== `Bearer ${valid}`) void reply.status(401).send({ error: "token" });
    else if (url.startsWith("/api/v2") && headers["x-api-key"] !== "key-of-the-platform") void reply.status(403).send({ error: "key" });
    else done();
  });
  app.post("/rest/auth/login", (request, reply) => {
    const { username, password } = request.body as { username?: string; password?: string };
    if (username !== "operator" || password !== "correct horse") return reply.status(403).send({ error: "login" });
    valid = `t-${++tokens}`;
    return { token: valid };
  });
  app.get("/rest/devices/:name/registration", (request, reply) => {
    const { name } = request.params as { name: string };
    return name === device ? { name, id: "r1", lifetime: 300, version: "1.1", binding: "U" } : reply.status(404).send();
  });
  app.post("/rest/devices/:name/bootstrap", (request, reply) => ((request.params as { name: string }).name === device ? { result: "accepted" } : reply.status(404).send()));
  app.get("/rest/devices/:name/objects/*", (request) => ({ code: "2.05", content: { id: 0, resources: [{ id: 0, value: "A" }, { id: 6, values: { "0": 1, "1": 5 } }] }, asked: request.url }));
  app.put("/rest/devices/:name/credentials", (_request, reply) => reply.status(204).send());

  app.post("/api/v2/endpoints/:name/tasks", (request, reply) => {
    const { name } = request.params as { name: string };
    return name === device ? reply.status(202).send({ id: `${(request.body as { kind: string }).kind}-1` }) : reply.status(404).send();
  });
  app.get("/api/v2/tasks/:id", (request) => {
    const { id } = request.params as { id: string };
    const look = (looks.get(id) ?? 0) + 1;
    looks.set(id, look);
    return look < 3 ? { state: "RUNNING" } : { state: "DONE", outcome: "2.04" };
  });
  app.get("/api/v2/tasks/:id/events", (_request, reply) => {
    void reply.header("content-type", "text/event-stream");
    return reply.send('event: task\ndata: {"state":"RUNNING"}\n\nevent: task\ndata: {"state":"DONE","outcome":"2.05","content":{"id":0,"value":"A"}}\n\n');
  });
  app.get("/api/v2/endpoints", () => ({ data: { items: [{ name: device, registration: { id: "r1", lifetime: 300, version: "1.1", binding: "U" } }] } }));
  await app.listen({ host: "127.0.0.1", port: 0 });
  const bound = app.server.address();
  return {
    url: `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`,
    calls,
    expireTokens: () => (valid = "none"),
    stop: () => app.close(),
  };
}
