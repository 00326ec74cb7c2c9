import type {
  Account, AccountBody, AccountPage, Activation, BatchRequest, BatchResult, Capabilities, Client, Confirmation, Credential, CredentialBody, CredentialPage,
  CredentialState, EventPage, Item, ItemPage, ItemState, JwkSet, Order, OrderBody, OrderPage, OrderStatus, OrderType, Reachability, Trigger, TriggerBody,
} from "./types.js";

/** Who calls, as the bearer token says; never taken from a body. Objects of another tenant do not exist for it (404 `not-found`). */
export interface Caller {
  readonly peerId: string;
  readonly tenant: string;
}

export interface CallContext {
  /** Aborted when the caller has gone; a long poll ends then. */
  readonly signal: AbortSignal;
}

/** The call names the version it means. The handler compares, in one step with the change, and throws `precondition-failed`. */
export interface ConditionalContext extends CallContext {
  /** If-Match as it was sent, for `ifMatchHolds`. A missing header was answered 428 before. */
  readonly ifMatch: string;
}

/** A representation with its strong entity tag, quotes included (`"3"`). */
export interface Tagged<T> {
  readonly value: T;
  readonly etag: string;
}

export type Answer<T> = T | Promise<T>;

/** Pages start after `cursor`; `limit` is 1 to 1000, 100 when not given. */
export interface PageQuery {
  readonly cursor?: string;
  readonly limit: number;
}

export interface EventQuery {
  /** Sequence of the last event the caller has; without it the oldest kept comes first. */
  readonly after?: string;
  /** Seconds to wait for an event when there is none, 0 to 60. */
  readonly wait: number;
  readonly limit: number;
}

export interface AccountPath {
  readonly accountId: string;
}

export interface OrderPath {
  readonly orderId: string;
}

export interface EndpointPath {
  /** Decoded endpoint name. */
  readonly ep: string;
}

export interface TriggerPath {
  readonly triggerId: string;
}

export interface CredentialPath extends EndpointPath {
  readonly credentialId: string;
}

export interface OrderQuery extends PageQuery {
  readonly status?: OrderStatus;
  readonly type?: OrderType;
  readonly accountId?: string;
}

export interface ItemQuery extends PageQuery {
  readonly state?: ItemState;
}

export interface CredentialQuery extends PageQuery {
  readonly state?: CredentialState;
  readonly ssid?: number;
}

/**
 * What a Bootstrap Server does for its LwM2M Servers (BS-API). Bodies are valid, bounded and have their defaults; a handler
 * throws `ProblemError` for everything the schema cannot know, a security mode that it does not offer among it. POST handlers run once per Idempotency-Key.
 */
export interface BootstrapServerHandlers {
  getCapabilities(caller: Caller, context: CallContext): Answer<Capabilities>;
  /** Public keys, the one to use first; none where no encrypted secrets are taken. */
  getJwks(caller: Caller, context: CallContext): Answer<JwkSet>;

  /** 201. Problems: `uri-not-allowed`, `unsupported-mode`, `ssid-conflict`. */
  createAccount(caller: Caller, body: AccountBody, context: CallContext): Answer<Tagged<Account>>;
  listAccounts(caller: Caller, query: PageQuery, context: CallContext): Answer<AccountPage>;
  getAccount(caller: Caller, path: AccountPath, context: CallContext): Answer<Tagged<Account>>;
  /** Replaces the account as a whole; orders of type `update` bring it to devices. */
  replaceAccount(caller: Caller, path: AccountPath, body: AccountBody, context: ConditionalContext): Answer<Tagged<Account>>;
  /** 204. `order-overlap` while an order that names it is open. */
  deleteAccount(caller: Caller, path: AccountPath, context: ConditionalContext): Answer<void>;

  /** 202, at once: devices that the caller may not act on become items in state `rejected`. */
  createOrder(caller: Caller, body: OrderBody, context: CallContext): Answer<Tagged<Order>>;
  listOrders(caller: Caller, query: OrderQuery, context: CallContext): Answer<OrderPage>;
  getOrder(caller: Caller, path: OrderPath, context: CallContext): Answer<Tagged<Order>>;
  /** 200. Open items become `cancelled` and their triggers are withdrawn; a session that is writing comes to its end. */
  cancelOrder(caller: Caller, path: OrderPath, context: ConditionalContext): Answer<Tagged<Order>>;
  listItems(caller: Caller, path: OrderPath, query: ItemQuery, context: CallContext): Answer<ItemPage>;
  getItem(caller: Caller, path: OrderPath & EndpointPath, context: CallContext): Answer<Item>;

  /** The caller's own accounts only. */
  getClient(caller: Caller, path: EndpointPath, context: CallContext): Answer<Client>;
  /** 204. */
  createConfirmation(caller: Caller, body: Confirmation, context: CallContext): Answer<void>;
  /** Waits up to `query.wait` seconds while there is nothing new. */
  listEvents(caller: Caller, query: EventQuery, context: CallContext): Answer<EventPage>;
}

/**
 * What a LwM2M Server does for a Bootstrap Server (SV-API); bodies and problems as above. Credentials and activations are guarded by `version`: the same
 * version with the same body has the same answer; the same version with another body, or a lower one, is 409 `version-regression`.
 */
export interface LwM2mServerHandlers {
  getCapabilities(caller: Caller, context: CallContext): Answer<Capabilities>;
  /** Public keys, the one to use first; none where no encrypted secrets are taken. */
  getJwks(caller: Caller, context: CallContext): Answer<JwkSet>;

  /** 202. Problems: `not-registered`, `client-unreachable`, `rate`; a second trigger for a client may be answered with the open one. */
  createTrigger(caller: Caller, body: TriggerBody, context: CallContext): Answer<Trigger>;
  getTrigger(caller: Caller, path: TriggerPath, context: CallContext): Answer<Trigger>;
  /** 200 with the state it has now: `withdrawn`, or the one it ended in before. */
  withdrawTrigger(caller: Caller, path: TriggerPath, context: CallContext): Answer<Trigger>;
  getReachability(caller: Caller, path: EndpointPath, context: CallContext): Answer<Reachability>;

  /** 201 for a version that is new (and for its repetition), 200 where the Server does not tell them apart. Problems: `key-unwrap`, `context-mismatch`, `identity-conflict`. */
  stageCredential(caller: Caller, path: CredentialPath, body: CredentialBody, context: CallContext): Answer<{ readonly status: 200 | 201; readonly value: Credential }>;
  getCredential(caller: Caller, path: CredentialPath, context: CallContext): Answer<Credential>;
  /** 204: revoked; sessions, registration and queued triggers of the client under it are gone. */
  revokeCredential(caller: Caller, path: CredentialPath, query: { readonly version: number }, context: CallContext): Answer<void>;
  /** `effective`: usable now, everywhere (204); else 202, and the event `smp.credential.effective` follows. `session-displaced` for an older session. */
  activateCredential(caller: Caller, path: CredentialPath, body: Activation, context: CallContext): Answer<{ readonly effective: boolean }>;
  /** 204: the version before is active again, or none. `version-regression` once a Register has confirmed it. */
  rollBackActivation(caller: Caller, path: CredentialPath, query: { readonly version: number; readonly sessionId?: number }, context: CallContext): Answer<void>;
  listCredentials(caller: Caller, query: CredentialQuery, context: CallContext): Answer<CredentialPage>;
  /** Items are not validated yet: validate each with `validateBatchItem` and give a bad one its own result. */
  batchCredentials(caller: Caller, body: UnjudgedBatch, context: CallContext): Answer<BatchResult>;
  listEvents(caller: Caller, query: EventQuery, context: CallContext): Answer<EventPage>;
}

/** A batch whose envelope is valid (1 to 500 items) and whose items may be anything. */
export type UnjudgedBatch = Omit<BatchRequest, "items"> & { readonly items: readonly unknown[] };
