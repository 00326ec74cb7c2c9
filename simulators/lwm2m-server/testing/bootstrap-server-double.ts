import fastify from "fastify";
import { defaultLimits, SecretKeys, type Capabilities, type Confirmation } from "../../../src/smp/index.js";

export interface BootstrapServerDouble {
  readonly url: string;
  readonly confirmations: Confirmation[];
  readonly keys: SecretKeys;
  /** Status of the next answers to confirmations; 204 when it is empty. */
  readonly statuses: number[];
  readonly requests: { readonly method: string; readonly url: string; readonly authorization: string | undefined; readonly body: unknown }[];
  stop(): Promise<void>;
}

/** As much of a Bootstrap Server as hears confirmations and SM-1 calls, and publishes a key. It calls its peers' tenant `theirs`. */
export async function bootstrapServerDouble(): Promise<BootstrapServerDouble> {
  const app = fastify({ forceCloseConnections: true });
  const confirmations: Confirmation[] = [];
  const statuses: number[] = [];
  const requests: { method: string; url: string; authorization: string | undefined; body: unknown }[] = [];
  app.post("/smp/v1/confirmations", async (request, reply) => {
    const status = statuses.shift() ?? 204;
    if (status === 204) confirmations.push(request.body as Confirmation);
    return reply.status(status).send();
  });
  app.post("/smp/v1/accounts", async (request, reply) => {
    requests.push({ method: request.method, url: request.url, authorization: request.headers.authorization, body: request.body });
    return reply.status(201).header("etag", '"1"').send({ accountId: "acc-1" });
  });
  app.post("/smp/v1/orders", async (request, reply) => {
    requests.push({ method: request.method, url: request.url, authorization: request.headers.authorization, body: request.body });
    return reply.status(202).send({ orderId: "o-1" });
  });
  const keys = await SecretKeys.create();
  const capabilities: Capabilities = { profile: "smp/1", role: "bootstrap-server", tenant: "theirs", securityModes: ["psk"], secretTransport: ["jwe"], limits: defaultLimits };
  app.get("/smp/v1/capabilities", async () => capabilities);
  app.get("/smp/v1/jwks", async () => keys.set);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return { url, confirmations, keys, statuses, requests, stop: () => app.close() };
}

