import type { PeerConfig } from "../../src/config/index.js";
import type { Metrics } from "../../src/metrics/index.js";
import type { RelayAnswer, RelayRequest } from "../../src/operator/index.js";
import type { Clock, Log, Secrets, Trace } from "../../src/ports/index.js";
import { SmpCallError, SmpClient, type NewConfirmation } from "../../src/smp/index.js";
import { Confirmations, type SendOutcome } from "./confirmations.js";

export interface PeersOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly trace: Trace;
  readonly secrets: Pick<Secrets, "token">;
  readonly metrics: Metrics;
  readonly timeoutMs: number;
  readonly retryMs: number;
}

interface ReachablePeer {
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
      this.#reachable.set(peer.id, { client, confirmations });
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

  /** Sends an SM-1 call as this server's operator would. Rejects when there is no such peer or no answer. */
  async relay(request: RelayRequest): Promise<RelayAnswer> {
    const peer = request.peer === undefined ? this.#reachable.values().next().value : this.#reachable.get(request.peer);
    if (peer === undefined) throw new NoSuchPeerError(request.peer);
    const { status, headers, body } = await peer.client.raw(request.method, request.path, request.body, request.headers);
    return { status, headers, ...(body === undefined ? {} : { body }) };
  }

  async stop(): Promise<void> {
    for (const { confirmations } of this.#reachable.values()) confirmations.stop();
    await Promise.all([...this.#reachable.values()].map(({ client }) => client.close()));
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
