import type { PeerConfig } from "../../../src/config/index.js";
import type { Activation, BatchActivate, BatchStage, Capabilities, EventPage, JwkSet, NewCredential, NewTrigger, Trigger } from "../../../src/smp/index.js";

/** What a call to a LwM2M Server came to. `status` 0: no answer came; `problem` is the profile's type without its prefix. */
export interface LinkAnswer {
  readonly status: number;
  readonly problem?: string;
  /** Seconds the Server asks to wait (429, 503). */
  readonly retryAfter?: number;
}

export interface TriggerAnswer extends LinkAnswer {
  /** Present with a status of 2xx. */
  readonly trigger?: Trigger;
}

/** The SV-API of one LwM2M Server, as this Bootstrap Server uses it. Calls never reject: what fails is an answer too. */
export interface ServerLink {
  readonly peer: PeerConfig;
  capabilities(timeoutMs: number): Promise<Capabilities | LinkAnswer>;
  /** The keys to which the Server wants its secrets encrypted. */
  jwks(timeoutMs: number): Promise<JwkSet | LinkAnswer>;
  stage(ep: string, credentialId: string, body: NewCredential, timeoutMs: number): Promise<LinkAnswer>;
  /** One answer for each item, in order. */
  batch(items: readonly (BatchStage | BatchActivate)[], timeoutMs: number): Promise<readonly LinkAnswer[]>;
  activate(ep: string, credentialId: string, body: Activation, timeoutMs: number): Promise<LinkAnswer>;
  rollBack(ep: string, credentialId: string, version: number, sessionId: number, timeoutMs: number): Promise<LinkAnswer>;
  revoke(ep: string, credentialId: string, version: number, timeoutMs: number): Promise<LinkAnswer>;
  createTrigger(body: NewTrigger, idempotencyKey: string, timeoutMs: number): Promise<TriggerAnswer>;
  getTrigger(triggerId: string, timeoutMs: number): Promise<TriggerAnswer>;
  withdrawTrigger(triggerId: string, timeoutMs: number): Promise<TriggerAnswer>;
  /** Undefined when it could not be had. */
  events(after: string | undefined, waitSeconds: number): Promise<EventPage | { readonly status: number }>;
  close(): Promise<void>;
}

/** A failed call, where a successful one has something to say. */
export const isFailure = (answer: object): answer is LinkAnswer => "status" in answer;
export const isOk = ({ status }: LinkAnswer): boolean => status >= 200 && status < 300;
/** The same call may have another answer later; anything else is the Server's word. */
export const isPassing = ({ status }: LinkAnswer): boolean => status === 0 || status === 429 || status >= 500;
