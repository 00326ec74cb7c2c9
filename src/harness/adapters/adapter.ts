import type { DeviceOperation, OperationResult, RegistrationView } from "../../operator/index.js";
import type { PlainBootstrapInput } from "../../config/index.js";

/**
 * What scenarios ask of a role beyond listening on CoAP. An adapter says of each one whether the system's own interface can express it; what it cannot is
 * never made up, the scenario is unsupported.
 */
export const properties = {
  faults: "be made to fail on purpose",
  "coap-log": "be watched inside its DTLS sessions",
  // LwM2M Server
  registrations: "tell who is registered",
  "registration-details": "tell what a device stated when it registered",
  "object-list": "tell which objects a device registered",
  read: "have a device read",
  "read-format": "ask for a certain content format in a Read",
  write: "have a resource written",
  "write-format": "choose the content format of a Write",
  "write-instance": "have several resources of an instance written",
  execute: "have a resource executed",
  discover: "have a device discovered",
  create: "have an instance created",
  delete: "have an instance deleted",
  "write-attributes": "have attributes written",
  "contradictory-attributes": "have attributes written that contradict each other",
  observe: "have something observed",
  "observe-attributes": "write attributes before an Observe",
  "cancel-observation": "end an observation by a GET",
  "cancel-by-reset": "end an observation by a reset",
  credential: "install and remove the credential of a device",
  admission: "turn a device away that it was not told about",
  trigger: "be asked to trigger the bootstrap of a device (SM-2)",
  "trigger-instance": "find its own instance of /1 on a device",
  "trigger-outcome": "tell what a device answered to a trigger",
  "trigger-queued": "keep a trigger for a device that sleeps, and tell of it",
  "trigger-lifetime": "let a trigger expire or be withdrawn",
  "trigger-coalesced": "make one of several triggers of a device",
  "two-slots": "keep two versions of a credential at once",
  "session-loss": "lose its DTLS sessions on request, and count its handshakes",
  "smp-server": "answer calls of the Server Management interface itself",
  // Bootstrap Server
  configuration: "be given the configuration of a device",
  "known-devices": "know a device that it has no configuration for",
  "configuration-writes": "write further resources in a bootstrap",
  items: "tell what became of each device of an order",
  orders: "be given orders and accounts (SM-1)",
  "smp-bootstrap-server": "answer calls of the Server Management interface itself",
  "instance-choice": "choose free instances on a device itself",
  "order-trigger": "have a LwM2M Server trigger a device on its own accord",
  // Device
  "lwm2m-1.1": "speak LwM2M 1.1",
  "register-again": "be made to register once more",
  update: "be made to send an Update",
  "bootstrap-request": "be made to ask for a bootstrap",
  "bootstrap-trigger": "be triggered to bootstrap",
  "bootstrap-discover": "be given an account in a bootstrap that begins with Bootstrap-Discover",
  "power-cycle": "be switched off and on without a word",
  "two-accounts": "be served by two LwM2M Servers at once",
  "factory-resources": "leave the factory with further resources of its Server object",
  "raw-request": "send a request that is somebody else's idea",
  sleep: "be put to sleep and woken",
  silence: "be cut off from the network",
  "disable-resource": "be disabled by its server",
  "resource-instances": "have one instance of a resource read",
  "keep-attributes": "keep attributes of notification",
  "values-of-ours": "have the values that our devices leave the factory with",
  resume: "offer a session that it had",
  "session-events": "tell how its DTLS handshakes and sessions ended",
  "held-keys": "tell the keys that it holds",
} as const;
export type Property = keyof typeof properties;

/** What a system cannot be asked for, with the reason. */
export type Lacks = ReadonlyMap<Property, string>;

/** What is known of an adapter before it is started. */
export interface AdapterFacts {
  readonly name: string;
  readonly lacks: Lacks;
  /** What the calls it makes were tried against, where no system itself could be had for that. */
  readonly verifiedAgainst?: string;
  /** Content formats it can name in a call; absent: any. */
  readonly formats?: ReadonlySet<number> | undefined;
}

/** What `muster doctor` and the start of a run ask first. */
export interface AdapterFinding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly repair?: string;
}

/** The system did not answer, or answered what its interface does not have. Its message never holds a credential. */
export class AdapterError extends Error {
  override readonly name = "AdapterError";
}

/** The device sleeps, and the system does not wait for it. */
export class DeviceAsleep extends AdapterError {
  override readonly name = "AdapterError";
}

export type AdapterCredential =
  | { readonly mode: "nosec"; readonly endpoint: string }
  | { readonly mode: "psk"; readonly endpoint: string; readonly identity: string; readonly key: Uint8Array };

/** How the system answered when it was asked to trigger a device. */
export type TriggerAnswer =
  /** It passes on what the device answered. */
  | { readonly kind: "answered"; readonly code: string }
  /** It says that there is no such device. */
  | { readonly kind: "not-registered" }
  /** It took the request and tells no more. */
  | { readonly kind: "taken" }
  /** It says that the device did not answer. */
  | { readonly kind: "no-answer" }
  /** It says that the device sleeps, and did nothing. */
  | { readonly kind: "asleep" };

interface Adapter extends AdapterFacts {
  /** Never throws: tells whether the interface answers and the credentials for it work. */
  check(): Promise<readonly AdapterFinding[]>;
  close(): Promise<void>;
}

/** Steers a LwM2M Server of somebody else's by that system's own interface. Everything rejects with `AdapterError`, or `Unsupported` for what it lacks. */
export interface ServerAdapter extends Adapter {
  install(credential: AdapterCredential): Promise<void>;
  /** Also fine when there is none. */
  uninstall(endpoint: string): Promise<void>;
  trigger(endpoint: string, shortServerId: number | undefined): Promise<TriggerAnswer>;
  registration(endpoint: string): Promise<RegistrationView | undefined>;
  registrations(): Promise<readonly RegistrationView[]>;
  /** `undefined`: the system knows no such device. */
  operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult | undefined>;
  observe(endpoint: string, path: string): Promise<OperationResult | undefined>;
  cancelObservation(endpoint: string, path: string, how: "reset" | "deregister"): Promise<OperationResult | undefined>;
}

/** Steers a Bootstrap Server of somebody else's. */
export interface BootstrapAdapter extends Adapter {
  /** The device is known at the Bootstrap Server with this credential from now on; a system without this call is one without DTLS. */
  admit?(credential: AdapterCredential): Promise<void>;
  /** The device gets this at its next bootstrap. */
  configure(endpoint: string, configuration: PlainBootstrapInput): Promise<void>;
  /** Also fine when there is none. */
  forget(endpoint: string): Promise<void>;
}

export type RoleAdapter = { readonly role: "lwm2m-server"; readonly adapter: ServerAdapter } | { readonly role: "bootstrap-server"; readonly adapter: BootstrapAdapter };
