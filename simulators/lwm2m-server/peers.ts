import type { LwM2mServerConfig, PeerConfig } from "../../src/config/index.js";
import type { Metrics } from "../../src/metrics/index.js";
import type { OwnKeysRequest, RelayAnswer, RelayRequest } from "../../src/operator/index.js";
import type { Clock, Log, Secrets, Trace } from "../../src/ports/index.js";
import { recipientOf, SmpCallError, SmpClient, type NewConfirmation, type OrderCredential } from "../../src/smp/index.js";
import { Confirmations, type SendOutcome } from "./confirmations.js";
import type { Outgoing, OwnKeys } from "./own-keys.js";

export interface PeersOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly trace: Trace;
  readonly secrets: Pick<Secrets, "token">;
  readonly metrics: Metrics;
  readonly timeoutMs: number;
  readonly retryMs: number;
  readonly ownKeys: OwnKeys;
  readonly secretTransport: LwM2mServerConfig["secretTransport"];
}

interface ReachablePeer {
  readonly config: PeerConfig;
  readonly client: SmpClient;
  readonly confirmations: Confirmations;
}

/** Calls to a peer at the same time: what 1,000 confirmations a second need, each taking some milliseconds at the other side. */
const concurrency = 16;
const maxWaiting = 200_000;
const slowestRetry = 100;

export class NoSuchPeerError extends Error {
  constructor(readonly peer: string | undefined) {
    super(peer === undefined ? "no peer has an smp address in this server's configuration" : `peer ${peer} has no smp address in this server's configuration`);
    this.name = "NoSuchPeerError";
  }
}

export class NoRecipientError extends Error {
  constructor(readonly peer: string) {
    super(`peer ${peer} publishes no key that secrets can be encrypted to`);
    this.name = "NoRecipientError";
  }
}

/** The Bootstrap Servers that this server calls. */
export class Peers {
  readonly #reachable = new Map<string, ReachablePeer>();

  constructor(
    peers: readonly PeerConfig[],
    readonly options: PeersOptions,
  ) {
    const { clock, trace, secrets, timeoutMs, retryMs } = options;
    for (const peer of peers) {
      if (peer.smp === undefined) continue;
      const client = new SmpClient({ base: peer.smp, token: peer.token, peer: peer.id, timeoutMs, connections: concurrency, trace, clock, newKey: () => secrets.token() });
      const confirmations = new Confirmations({ clock, concurrency, retryMs, maxRetryMs: retryMs * slowestRetry, maxWaiting, send: (confirmation) => this.#confirm(peer.id, client, confirmation) });
      this.#reachable.set(peer.id, { config: peer, client, confirmations });
    }
  }

  /** Confirmations that have not arrived yet. */
  get waiting(): number {
    let waiting = 0;
    for (const { confirmations } of this.#reachable.values()) waiting += confirmations.waiting;
    return waiting;
  }

  confirm(peerId: string, confirmation: NewConfirmation): void {
    this.#reachable.get(peerId)?.confirmations.add(confirmation);
  }

  /** Sends an SM-1 call as this server's operator would. Rejects when there is no such peer, no answer, or no key to encrypt to. */
  async relay(request: RelayRequest): Promise<RelayAnswer> {
    const peer = request.peer === undefined ? this.#reachable.values().next().value : this.#reachable.get(request.peer);
    if (peer === undefined) throw new NoSuchPeerError(request.peer);
    const asked = request.ownKeys === undefined ? request.body : await this.#withOwnKeys(peer, request.body, request.ownKeys);
    const { status, headers, body } = await peer.client.raw(request.method, request.path, asked, request.headers);
    return { status, headers, ...(body === undefined ? {} : { body }) };
  }

  async stop(): Promise<void> {
    for (const { confirmations } of this.#reachable.values()) confirmations.stop();
    await Promise.all([...this.#reachable.values()].map(({ client }) => client.close()));
  }

  async #withOwnKeys(peer: ReachablePeer, order: unknown, { ssid, credentialId, version, bits }: OwnKeysRequest): Promise<unknown> {
    const outgoing = await this.#outgoing(peer, ssid);
    const credentials: OrderCredential[] = [];
    for (const ep of endpointsOf(order)) credentials.push(await this.options.ownKeys.make({ tenant: peer.config.tenant, ep, credentialId, version }, outgoing, bits));
    return { ...(typeof order === "object" ? order : {}), credentials };
  }

  async #outgoing({ client, config }: ReachablePeer, ssid: number): Promise<Outgoing> {
    const { tenant = config.tenant } = (await client.capabilities()).value;
    if (this.options.secretTransport === "cleartext") return { ssid, tenant, recipient: "cleartext" };
    const recipient = await recipientOf((await client.jwks()).value);
    if (recipient === undefined) throw new NoRecipientError(config.id);
    return { ssid, tenant, recipient };
  }

  async #confirm(peerId: string, client: SmpClient, confirmation: NewConfirmation): Promise<SendOutcome> {
    const { clock, log, metrics } = this.options;
    const cell = metrics.operation("smp.confirmation.sent");
    const startedAt = clock.now();
    try {
      const { status } = await client.createConfirmation(confirmation);
      cell.done(String(status), clock.now() - startedAt);
      return "done";
    } catch (error) {
      if (error instanceof SmpCallError) {
        cell.done(String(error.status), clock.now() - startedAt);
        if (error.status < 500 && error.status !== 429) {
          log.warn({ peer: peerId, endpoint: confirmation.ep, status: error.status }, "a confirmation was refused");
          return "refused";
        }
      } else {
        cell.failed("no-answer", clock.now() - startedAt);
      }
      return "again";
    }
  }
}

/** `targets.endpoints` of an order, as far as it has any. */
function endpointsOf(order: unknown): string[] {
  const targets: unknown = typeof order === "object" && order !== null ? Reflect.get(order, "targets") : undefined;
  const endpoints: unknown = typeof targets === "object" && targets !== null ? Reflect.get(targets, "endpoints") : undefined;
  return Array.isArray(endpoints) ? endpoints.filter((endpoint): endpoint is string => typeof endpoint === "string") : [];
}
