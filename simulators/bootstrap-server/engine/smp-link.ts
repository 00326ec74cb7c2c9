import type { PeerConfig } from "../../../src/config/index.js";
import type { Clock, Secrets, Trace } from "../../../src/ports/index.js";
import { SmpAnswerError, SmpCallError, SmpClient, SmpUnreachableError } from "../../../src/smp/index.js";
import type { Activation, BatchActivate, BatchStage, Capabilities, EventPage, JwkSet, NewCredential, NewTrigger, SmpAnswer, Trigger } from "../../../src/smp/index.js";
import type { LinkAnswer, ServerLink, TriggerAnswer } from "./server-link.js";

export interface SmpLinkPorts {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly trace: Trace;
}

const prefix = "urn:smp:problem:";

/** Connections to one Server: as many calls can be under way, one of them the long poll. */
const connections = 24;

function failureOf(error: unknown): LinkAnswer {
  if (error instanceof SmpCallError) {
    return { status: error.status, ...(error.type === undefined ? {} : { problem: error.type }), ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }) };
  }
  if (error instanceof SmpUnreachableError) return { status: 0 };
  // An answer that does not fit the profile tells as little as none.
  if (error instanceof SmpAnswerError) return { status: 502 };
  throw error;
}

/** A LwM2M Server over HTTP. */
export class SmpLink implements ServerLink {
  readonly #client: SmpClient;

  constructor(
    readonly peer: PeerConfig,
    base: string,
    ports: SmpLinkPorts,
  ) {
    this.#client = new SmpClient({ base, token: peer.token, peer: peer.id, connections, trace: ports.trace, clock: ports.clock, newKey: () => ports.secrets.token() });
  }

  capabilities(timeoutMs: number): Promise<Capabilities | LinkAnswer> {
    return valueOf(this.#client.capabilities({ timeoutMs }));
  }

  jwks(timeoutMs: number): Promise<JwkSet | LinkAnswer> {
    return valueOf(this.#client.jwks({ timeoutMs }));
  }

  stage(ep: string, credentialId: string, body: NewCredential, timeoutMs: number): Promise<LinkAnswer> {
    return plain(this.#client.stageCredential(ep, credentialId, body, { timeoutMs }));
  }

  async batch(items: readonly (BatchStage | BatchActivate)[], timeoutMs: number): Promise<readonly LinkAnswer[]> {
    try {
      const { value } = await this.#client.batchCredentials({ items: [...items] }, { timeoutMs });
      return value.results.map(({ status, problem }) => ({ status, ...(problem?.type.startsWith(prefix) === true ? { problem: problem.type.slice(prefix.length) } : {}) }));
    } catch (error) {
      const failure = failureOf(error);
      return items.map(() => failure);
    }
  }

  activate(ep: string, credentialId: string, body: Activation, timeoutMs: number): Promise<LinkAnswer> {
    return plain(this.#client.activateCredential(ep, credentialId, body, { timeoutMs }));
  }

  rollBack(ep: string, credentialId: string, version: number, sessionId: number, timeoutMs: number): Promise<LinkAnswer> {
    return plain(this.#client.rollBackActivation(ep, credentialId, version, sessionId, { timeoutMs }));
  }

  revoke(ep: string, credentialId: string, version: number, timeoutMs: number): Promise<LinkAnswer> {
    return plain(this.#client.revokeCredential(ep, credentialId, version, { timeoutMs }));
  }

  createTrigger(body: NewTrigger, idempotencyKey: string, timeoutMs: number): Promise<TriggerAnswer> {
    return withTrigger(this.#client.createTrigger(body, { idempotencyKey, timeoutMs }));
  }

  getTrigger(triggerId: string, timeoutMs: number): Promise<TriggerAnswer> {
    return withTrigger(this.#client.getTrigger(triggerId, { timeoutMs }));
  }

  withdrawTrigger(triggerId: string, timeoutMs: number): Promise<TriggerAnswer> {
    return withTrigger(this.#client.withdrawTrigger(triggerId, { timeoutMs }));
  }

  async events(after: string | undefined, waitSeconds: number): Promise<EventPage | { readonly status: number }> {
    try {
      return (await this.#client.listEvents({ wait: waitSeconds, limit: 1000, ...(after === undefined ? {} : { after }) })).value;
    } catch (error) {
      return failureOf(error);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

async function valueOf<T>(call: Promise<SmpAnswer<T>>): Promise<T | LinkAnswer> {
  try {
    return (await call).value;
  } catch (error) {
    return failureOf(error);
  }
}

async function plain(call: Promise<SmpAnswer<unknown>>): Promise<LinkAnswer> {
  try {
    return { status: (await call).status };
  } catch (error) {
    return failureOf(error);
  }
}

async function withTrigger(call: Promise<SmpAnswer<Trigger>>): Promise<TriggerAnswer> {
  try {
    const { status, value } = await call;
    return { status, trigger: value };
  } catch (error) {
    return failureOf(error);
  }
}
