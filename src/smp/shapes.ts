import type { OperationId } from "./contract.js";
import type {
  AccountPath, CredentialPath, CredentialQuery, EndpointPath, EventQuery, ItemQuery, OrderPath, OrderQuery, PageQuery, TriggerPath, UnjudgedBatch,
} from "./handlers.js";
import type {
  Account, AccountBody, AccountPage, Activation, BatchResult, Capabilities, Client, Confirmation, Credential, CredentialBody, CredentialPage, EventPage, Item, ItemPage, JwkSet,
  Order, OrderBody, OrderPage, Reachability, Trigger, TriggerBody,
} from "./types.js";

type Nothing = object;

interface Shape {
  readonly path: object;
  readonly query: object;
  readonly body: unknown;
  /** Of a successful answer; undefined where it has no body. */
  readonly answer: unknown;
}

interface Shaped<Path, Query, Body, Answer> {
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  readonly answer: Answer;
}

/** What each operation of openapi.yaml takes, once it is valid, and gives. */
export interface Shapes extends Record<OperationId, Shape> {
  getCapabilities: Shaped<Nothing, Nothing, undefined, Capabilities>;
  getJwks: Shaped<Nothing, Nothing, undefined, JwkSet>;
  listEvents: Shaped<Nothing, EventQuery, undefined, EventPage>;
  createAccount: Shaped<Nothing, Nothing, AccountBody, Account>;
  listAccounts: Shaped<Nothing, PageQuery, undefined, AccountPage>;
  getAccount: Shaped<AccountPath, Nothing, undefined, Account>;
  replaceAccount: Shaped<AccountPath, Nothing, AccountBody, Account>;
  deleteAccount: Shaped<AccountPath, Nothing, undefined, undefined>;
  createOrder: Shaped<Nothing, Nothing, OrderBody, Order>;
  listOrders: Shaped<Nothing, OrderQuery, undefined, OrderPage>;
  getOrder: Shaped<OrderPath, Nothing, undefined, Order>;
  cancelOrder: Shaped<OrderPath, Nothing, undefined, Order>;
  listItems: Shaped<OrderPath, ItemQuery, undefined, ItemPage>;
  getItem: Shaped<OrderPath & EndpointPath, Nothing, undefined, Item>;
  getClient: Shaped<EndpointPath, Nothing, undefined, Client>;
  createConfirmation: Shaped<Nothing, Nothing, Confirmation, undefined>;
  createTrigger: Shaped<Nothing, Nothing, TriggerBody, Trigger>;
  getTrigger: Shaped<TriggerPath, Nothing, undefined, Trigger>;
  withdrawTrigger: Shaped<TriggerPath, Nothing, undefined, Trigger>;
  getReachability: Shaped<EndpointPath, Nothing, undefined, Reachability>;
  stageCredential: Shaped<CredentialPath, Nothing, CredentialBody, Credential>;
  getCredential: Shaped<CredentialPath, Nothing, undefined, Credential>;
  revokeCredential: Shaped<CredentialPath, { readonly version: number }, undefined, undefined>;
  activateCredential: Shaped<CredentialPath, Nothing, Activation, undefined>;
  rollBackActivation: Shaped<CredentialPath, { readonly version: number; readonly sessionId?: number }, undefined, undefined>;
  listCredentials: Shaped<Nothing, CredentialQuery, undefined, CredentialPage>;
  batchCredentials: Shaped<Nothing, Nothing, UnjudgedBatch, BatchResult>;
}

/** Every operation has an answer, with or without a body. */
export type AnsweredOperation = OperationId;
export type Answers = { readonly [K in OperationId]: Shapes[K]["answer"] };
