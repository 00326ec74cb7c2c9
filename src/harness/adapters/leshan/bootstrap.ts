import { plainKey, plainAccountSchema, type PlainBootstrapInput } from "../../../config/index.js";
import { AdapterError, type AdapterCredential, type AdapterFacts, type AdapterFinding, type BootstrapAdapter, type Lacks, type Property } from "../adapter.js";
import { AdapterHttp, saidOf } from "../http.js";
import { ourFacade } from "./server.js";

export interface LeshanBootstrapOptions {
  readonly url: string;
}

/** What the demo's API cannot be asked for, known before it is started. */
export function leshanBootstrapFacts(): AdapterFacts {
  const lacks: (readonly [Property, string])[] = [
    ["faults", "the demo does nothing wrong on purpose"],
    ["configuration-writes", "the demo's configuration has fields for Security, Server and access control instances only"],
    ["instance-choice", "the demo's configuration names the instances of /1, which the adapter has to choose"],
    ["orders", "the demo has no accounts and no orders: a configuration is replaced as a whole, for one device at a time"],
    ["items", "the demo keeps no state of what became of a configuration"],
    ["smp-bootstrap-server", "the demo has no Server Management interface: no ownership, no versions, no entity tags, no idempotency"],
    ["order-trigger", "nothing in the demo reaches a LwM2M Server"],
  ];
  return { name: "leshan", lacks: new Map(lacks), verifiedAgainst: ourFacade };
}

/** A Bootstrap Server that is Leshan's bootstrap demo (2.0.0-M15 and later), steered by its REST calls. */
export class LeshanBootstrapServer implements BootstrapAdapter {
  readonly name: string;
  readonly lacks: Lacks;
  readonly #http: AdapterHttp;

  constructor(private readonly options: LeshanBootstrapOptions) {
    ({ name: this.name, lacks: this.lacks } = leshanBootstrapFacts());
    this.#http = new AdapterHttp(`${options.url.replace(/\/+$/, "")}/api`);
  }

  async check(): Promise<readonly AdapterFinding[]> {
    const what = `${this.options.url}/api/bootstrap`;
    try {
      const answer = await this.#http.call({ method: "GET", path: "/bootstrap" });
      if (answer.status === 200) return [{ what, ok: true, detail: "answers" }];
      return [{ what, ok: false, detail: `was answered ${answer.status}`, repair: "give the base URL of the demo's web server, without /api" }];
    } catch (error) {
      return [{ what, ok: false, detail: error instanceof Error ? error.message : String(error), repair: "start it, or correct url in the target file" }];
    }
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  async configure(endpoint: string, configuration: PlainBootstrapInput): Promise<void> {
    const answer = await this.#http.call({ method: "POST", path: `/bootstrap/${encodeURIComponent(endpoint)}`, body: configurationOf(configuration) });
    // What is said of a refusal may repeat what was sent, keys included.
    const said = configuration.accounts.some(({ psk }) => psk !== undefined) ? String(answer.status) : saidOf(answer);
    if (answer.status !== 200 && answer.status !== 204) throw new AdapterError(`POST /bootstrap/{endpoint} was answered ${said}`);
  }

  async admit(credential: AdapterCredential): Promise<void> {
    const { endpoint } = credential;
    if (credential.mode === "nosec") {
      const answer = await this.#http.call({ method: "DELETE", path: `/security/clients/${encodeURIComponent(endpoint)}` });
      if (![200, 204, 404].includes(answer.status)) throw new AdapterError(`DELETE /security/clients/{endpoint} was answered ${answer.status}`);
      return;
    }
    const details = { identity: credential.identity, key: Buffer.from(credential.key).toString("hex") };
    const answer = await this.#http.call({ method: "PUT", path: "/security/clients/", body: { endpoint, tls: { mode: "psk", details } } });
    // What is said of a refusal could hold the key.
    if (answer.status !== 200 && answer.status !== 204) throw new AdapterError(`PUT /security/clients/ was answered ${answer.status}`);
  }

  async forget(endpoint: string): Promise<void> {
    const answer = await this.#http.call({ method: "DELETE", path: `/bootstrap/${encodeURIComponent(endpoint)}` });
    if (![200, 204, 404].includes(answer.status)) throw new AdapterError(`DELETE /bootstrap/{endpoint} was answered ${answer.status}`);
  }
}

/**
 * The accounts in the demo's fields. Instances of /0 are given by the demo (`autoIdForSecurityObject`: it discovers the device first), so that the device's
 * account of its Bootstrap Server stays; of /1 they follow the order of the accounts, because the demo does not look there.
 */
export function configurationOf({ accounts, keepOthers = true }: PlainBootstrapInput): unknown {
  const security: Record<string, unknown> = {};
  const servers: Record<string, unknown> = {};
  accounts.forEach((account, index) => {
    const psk = plainKey(plainAccountSchema.parse(account));
    const mode = psk === undefined ? { securityMode: "NO_SEC", publicKeyOrId: [], secretKey: [] } : { securityMode: "PSK", publicKeyOrId: [...psk.identity], secretKey: [...psk.key] };
    security[index] = { uri: account.uri, bootstrapServer: false, ...mode, serverPublicKey: [], serverId: account.shortServerId };
    servers[index] = {
      shortId: account.shortServerId,
      lifetime: account.lifetime ?? 86_400,
      ...given("defaultMinPeriod", account.minPeriod),
      ...given("defaultMaxPeriod", account.maxPeriod),
      ...given("disableTimeout", account.disableTimeout),
      notifIfDisabled: account.storeNotifications ?? true,
      binding: account.binding ?? "U",
      ...given("registrationPriority", account.priority),
      ...given("initialDelay", account.initialDelay),
      ...given("registrationFailure", account.blockOnFailure),
      ...given("bootstrapOnRegistrationFailure", account.bootstrapOnFailure),
      ...given("communicationRetryCount", account.retryCount),
      ...given("CommunicationRetryTimer", account.retryTimer),
      ...given("SequenceDelayTimer", account.sequenceDelay),
      ...given("SequenceRetryCount", account.sequenceCount),
    };
  });
  return { toDelete: keepOthers ? [] : ["/0", "/1"], autoIdForSecurityObject: true, servers, security, acls: {}, oscore: {} };
}

const given = (name: string, value: unknown): Record<string, unknown> => (value === undefined ? {} : { [name]: value });
