import { fastify } from "fastify";
import { osSecrets, realClock, seededRandom } from "../../ports/real/index.js";
import { silentLog, type TraceEvent } from "../../ports/index.js";
import { maxParamLength } from "../../config/index.js";
import { bootstrapServerApi, lwm2mServerApi, SmpClient, SmpEventLog, type Account, type AccountBody, type AnswerFault, type BootstrapServerHandlers, type CallContext, type Caller, type Credential, type CredentialBody, type LwM2mServerHandlers, ProblemError, validateBatchItem } from "../index.js";

export const tokens = { a: "token-of-operator-a", b: "token-of-operator-b" };

const peers = (["a", "b"] as const).map((name) => ({
  id: `operator-${name}`,
  tenant: name,
  token: tokens[name],
  endpoints: ["*"],
  uris: ["*"],
  shortServerIds: [1, 65534] as const,
}));

const time = "2026-01-01T00:00:00.000Z";
const limits = {
  maxBodyBytes: 262144, maxOrderBytes: 2097152, maxOrderEndpoints: 10000, maxBatchBytes: 524288, maxBatchItems: 500, maxPerMinute: 60000,
  maxPageSize: 1000, maxEventWaitSeconds: 60, idempotencySeconds: 86400, idempotencyKeys: 10000, maxDepth: 16,
};
const notHere = (): never => {
  throw new ProblemError("not-found", "not part of this fake");
};

/** A Bootstrap Server that keeps accounts by tenant and nothing else. */
export class FakeBootstrapServer implements BootstrapServerHandlers {
  readonly accounts = new Map<string, { tenant: string; value: Account }>();
  calls = 0;
  readonly events: SmpEventLog;

  constructor(events: SmpEventLog) {
    this.events = events;
  }

  getCapabilities = () => ({ profile: "smp/1" as const, role: "bootstrap-server" as const, securityModes: ["nosec" as const], secretTransport: ["none" as const], limits });
  getJwks = () => ({ keys: [] });
  createAccount = async (caller: Caller, body: AccountBody) => {
    this.calls++;
    await Promise.resolve();
    const { ssid = 100, ...rest } = body;
    const value: Account = { ...rest, accountId: `acc-${this.calls}`, owner: caller.peerId, ssid, version: 1, createdAt: time, updatedAt: time };
    this.accounts.set(value.accountId, { tenant: caller.tenant, value });
    return { value, etag: '"1"' };
  };
  listAccounts = notHere;
  getAccount = (caller: Caller, { accountId }: { accountId: string }) => {
    const found = this.accounts.get(accountId);
    if (found?.tenant !== caller.tenant) throw new ProblemError("not-found", `no account ${accountId}`);
    return { value: found.value, etag: `"${found.value.version}"` };
  };
  replaceAccount = (caller: Caller, path: { accountId: string }, body: AccountBody, { ifMatch }: { ifMatch: string }) => {
    const { value, etag } = this.getAccount(caller, path);
    if (ifMatch !== etag) throw new ProblemError("precondition-failed", "read it again", { field: "If-Match" });
    const next: Account = { ...value, ...body, ssid: body.ssid ?? value.ssid ?? 100, version: value.version + 1 };
    this.accounts.set(path.accountId, { tenant: caller.tenant, value: next });
    return { value: next, etag: `"${next.version}"` };
  };
  deleteAccount = notHere;
  createOrder = notHere;
  listOrders = notHere;
  getOrder = notHere;
  cancelOrder = notHere;
  listItems = notHere;
  getItem = notHere;
  getClient = (_caller: Caller, { ep }: { ep: string }) => ({ ep, accounts: [] });
  createConfirmation = () => {
    this.calls++;
  };
  listEvents = (caller: Caller, query: { after?: string; wait: number; limit: number }, { signal }: CallContext) => this.events.poll(caller.tenant, Number(query.after ?? 0), query.limit, query.wait * 1000, signal);
}

/** A LwM2M Server that keeps credentials and nothing else. */
export class FakeLwM2mServer implements LwM2mServerHandlers {
  readonly credentials = new Map<string, Credential>();
  activations = 0;

  getCapabilities = () => ({ profile: "smp/1" as const, role: "lwm2m-server" as const, securityModes: ["nosec" as const], secretTransport: ["none" as const], limits });
  getJwks = () => ({ keys: [] });
  createTrigger = notHere;
  getTrigger = notHere;
  withdrawTrigger = notHere;
  getReachability = (_caller: Caller, { ep }: { ep: string }) => ({ ep, registered: false });
  stageCredential = (_caller: Caller, { ep, credentialId }: { ep: string; credentialId: string }, body: CredentialBody) => {
    // A secret left in would have to be stopped by the answer's schema.
    const value: Credential = { ...body, ep, credentialId, state: "staged", stagedAt: time, updatedAt: time };
    this.credentials.set(ep, value);
    return { status: 201 as const, value };
  };
  getCredential = (_caller: Caller, { ep }: { ep: string }) => this.credentials.get(ep) ?? notHere();
  revokeCredential = notHere;
  activateCredential = () => {
    this.activations++;
    return { effective: true };
  };
  rollBackActivation = notHere;
  listCredentials = notHere;
  batchCredentials = (_caller: Caller, body: { items: readonly unknown[] }) => ({
    results: body.items.map((item, index) => {
      try {
        const entry = validateBatchItem(item, index);
        return { status: 201, ep: entry.ep, credentialId: entry.credentialId };
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        return { status: error.status, problem: error.toProblem() };
      }
    }),
  });
  listEvents = notHere;
}

export interface Served {
  readonly base: string;
  readonly trace: TraceEvent["event"][];
  /** The device that each event of the trace is filed under. */
  readonly endpoints: (string | undefined)[];
  /** What the plug-in logged as its own errors. */
  readonly problems: object[];
  readonly client: (token?: string) => SmpClient;
  fault: AnswerFault | undefined;
  rate: number | undefined;
  close(): Promise<void>;
}

async function serve(api: "bs" | "sv", handlers: FakeBootstrapServer | FakeLwM2mServer): Promise<Served> {
  const clock = realClock();
  const app = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength } });
  const trace: TraceEvent["event"][] = [];
  const endpoints: (string | undefined)[] = [];
  const clients: SmpClient[] = [];
  const problems: object[] = [];
  const random = seededRandom(1);
  const options = {
    peers, secrets: osSecrets, clock, log: { ...silentLog, error: (fields: object) => void problems.push(fields) },
    trace: { record: (event: TraceEvent["event"], endpoint?: string) => void (trace.push(event), endpoints.push(endpoint)) },
    fault: () => Promise.resolve(served.fault),
    rate: () => served.rate,
  };
  await app.register(api === "bs" ? bootstrapServerApi(handlers as FakeBootstrapServer, options) : lwm2mServerApi(handlers as FakeLwM2mServer, options));
  const base = await app.listen({ host: "127.0.0.1", port: 0 });
  const served: Served = {
    base,
    trace,
    endpoints,
    problems,
    fault: undefined,
    rate: undefined,
    client: (token = tokens.a) => {
      const client = new SmpClient({ base, token, peer: "served", clock, timeoutMs: 2_000, newKey: () => random.bytes(12).toString("hex") });
      clients.push(client);
      return client;
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await app.close();
    },
  };
  return served;
}

export async function servedBootstrapServer(): Promise<Served & { readonly handlers: FakeBootstrapServer }> {
  const handlers = new FakeBootstrapServer(new SmpEventLog(realClock(), "urn:test:bs", 100));
  return Object.assign(await serve("bs", handlers), { handlers });
}

export async function servedLwM2mServer(): Promise<Served & { readonly handlers: FakeLwM2mServer }> {
  const handlers = new FakeLwM2mServer();
  return Object.assign(await serve("sv", handlers), { handlers });
}
