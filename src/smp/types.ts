import type { components } from "./schema.generated.js";

type Schemas = components["schemas"];

/** Defaults of openapi.yaml are filled in before a handler sees a body, so these members are there. */
type Filled<T, K extends keyof T> = Omit<T, K> & Required<Pick<T, K>>;

export type SecurityMode = Schemas["SecurityMode"];
export type ProblemTypeUri = Schemas["ProblemTypeUri"];
/** A problem as it travels (RFC 9457). */
export type Problem = Schemas["Problem"];

export type SecretTransport = Schemas["SecretTransport"];
/** A public key to which secrets are encrypted (RFC 7517). */
export type Jwk = Omit<Schemas["Jwk"], "d">;
export type JwkSet = { readonly keys: readonly Jwk[] };
/** Who makes the keys of mode `psk`. */
export type KeyOrigin = Schemas["KeyOrigin"];

export type Limits = Schemas["Limits"];
export type Capabilities = Schemas["Capabilities"];

/** A right on another account's object, in the bits of /2/x/2. */
export type AccessRight = Schemas["AccessRight"];
/** What a client sends to POST or PUT an account. */
export type NewAccount = Schemas["NewAccount"];
/** The same with defaults filled in: what a handler gets. */
export type AccountBody = Filled<NewAccount, "lifetime" | "storeNotifications" | "binding" | "acl">;
export type Account = Schemas["Account"] & AccountBody;
export type AccountPage = Omit<Schemas["AccountPage"], "accounts"> & { readonly accounts: readonly Account[] };

export type OrderType = Schemas["OrderType"];
export type TriggerPolicy = Schemas["TriggerPolicy"];
export type ActivationPolicy = Schemas["ActivationPolicy"];
export type SessionPolicy = Schemas["SessionPolicy"];
export type OrderPolicy = Schemas["OrderPolicy"];
export type OrderPolicyBody = Filled<OrderPolicy, "trigger" | "triggerServers" | "maxAttempts" | "activation" | "sessionPolicy">;
export type OrderStatus = Schemas["OrderStatus"];
/** A key that a LwM2M Server made for one device. */
export type OrderCredential = Schemas["OrderCredential"];
export type NewOrder = Schemas["NewOrder"];
/** A `sink` never reaches a handler: it is answered 422 before. */
export type OrderBody = Omit<NewOrder, "policy" | "sink"> & { readonly policy: OrderPolicyBody };
export type Order = Schemas["Order"];
export type OrderPage = Schemas["OrderPage"];

export type ItemState = Schemas["ItemState"];
export type ItemCounts = Schemas["ItemCounts"];
export type ItemReason = Schemas["ItemReason"];
export type ItemCause = ItemReason["cause"];
/** States of the Bootstrap Server's own record of a trigger: the Server's and three more. */
export type TriggerState = Schemas["ItemTriggerState"];
export type ItemTrigger = Schemas["ItemTrigger"];
/** RFC 3339 times by state. */
export type ItemEvidence = Readonly<Partial<Record<ItemState, string>>>;
export type Item = Omit<Schemas["Item"], "evidence"> & { readonly evidence: ItemEvidence };
export type ItemPage = Omit<Schemas["ItemPage"], "items"> & { readonly items: readonly Item[] };

export type ClientAccount = Schemas["ClientAccount"];
export type Client = Schemas["Client"];
export type NewConfirmation = Schemas["NewConfirmation"];
export type Confirmation = NewConfirmation;

export type EventType = Schemas["EventType"];
export type SmpEvent = Schemas["SmpEvent"];
export type EventPage = Schemas["EventPage"];

/** States of a trigger at the LwM2M Server that carries it out. */
export type ServerTriggerState = Schemas["TriggerState"];
export type TriggerReason = Schemas["TriggerReason"];
export type TriggerPriority = Schemas["TriggerPriority"];
export type NewTrigger = Schemas["NewTrigger"];
export type TriggerBody = Omit<Filled<NewTrigger, "validity" | "priority">, "sink">;
export type Trigger = Schemas["Trigger"];
export type Reachability = Schemas["Reachability"];

export type CredentialState = Schemas["CredentialState"];
export type Identity = Schemas["Identity"];
/** Which certificates of an issuer are a device's. */
export type SubjectRule = Schemas["SubjectRule"];
export type NewCredential = Schemas["NewCredential"];
export type CredentialBody = Filled<NewCredential, "sessionPolicy">;
/** As it is read: without the secret. */
export type CredentialVersionView = Schemas["CredentialVersion"];
export type Credential = Omit<Schemas["Credential"], "secret" | "ep" | "credentialId" | "sessionPolicy"> & Required<Pick<Schemas["Credential"], "ep" | "credentialId" | "sessionPolicy">>;
export type CredentialPage = Omit<Schemas["CredentialPage"], "credentials"> & { readonly credentials: readonly Credential[] };
export type Activation = Schemas["Activation"];

export type BatchItem = Schemas["BatchItem"];
export type BatchStage = Schemas["BatchStage"];
export type BatchActivate = Schemas["BatchActivate"];
export type BatchRollBack = Schemas["BatchRollBack"];
export type BatchRevoke = Schemas["BatchRevoke"];
export type BatchRequest = Schemas["BatchRequest"];
export type BatchItemResult = Schemas["BatchItemResult"];
export type BatchResult = Schemas["BatchResult"];

/** For `Order.counts` at the start. */
export const noItems: ItemCounts = {
  accepted: 0, staged: 0, triggering: 0, "awaiting-client": 0, bootstrapping: 0, delivered: 0, applied: 0, confirmed: 0,
  rejected: 0, failed: 0, "partially-applied": 0, "rolled-back": 0, expired: 0, cancelled: 0, superseded: 0,
};
