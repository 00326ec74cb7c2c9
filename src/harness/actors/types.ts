import type { ActionResult, DeviceAction, DeviceSnapshot } from "../../../simulators/device/index.js";
import type { PlainBootstrapInput } from "../../config/index.js";
import type { DeviceOperation, FaultSpec, FaultStatus, Forgetting, Forgotten, HandshakeView, OperationResult, RegistrationView, RelayAnswer, RelayRequest, Restarted, Restarting, RoleHealth, ServerKeysView, SessionView } from "../../operator/index.js";
import type { TraceEvent } from "../../ports/index.js";

/** Events of one role's log, and where to go on. */
export interface TraceSince {
  readonly events: readonly TraceEvent[];
  readonly next: number;
}

/** A device as a step sees it. Ours are steered over their shard's port; another client stack may stand here as well. */
export interface DeviceActor {
  readonly endpoint: string;
  act(action: DeviceAction): Promise<ActionResult>;
  inspect(): Promise<DeviceSnapshot>;
  /** What it saw and did since `after`. */
  trace(after: number): Promise<TraceSince>;
  /** Leaves: `deregister` tells its servers. */
  remove(deregister: boolean): Promise<void>;
}

/** How a device's conversation with a server is secured: the LwM2M security modes that runs and scenarios choose between. */
export const securityModes = ["psk", "nosec"] as const;
export type SecurityMode = (typeof securityModes)[number];

/** Addresses of one server, by what is spoken there: `coaps://` for psk, `coap://` for nosec. */
export type ServerUris = { readonly [Mode in SecurityMode]?: string };

/** What every served role offers whoever steers it. */
export interface ServedActor {
  /** Name of the role in traces: `bootstrap-server`, `server-a`. */
  readonly role: string;
  /** CoAP URIs that devices are given. */
  readonly uris: ServerUris;
  /** Base URL of its Server Management API. */
  readonly smpUrl: string;
  health(): Promise<RoleHealth>;
  /** What it proves itself with on its DTLS port; undefined where it has none. */
  serverKeys(): Promise<ServerKeysView | undefined>;
  setFault(id: string, fault: FaultSpec): Promise<void>;
  fault(id: string): Promise<FaultStatus | undefined>;
  releaseFault(id: string): Promise<void>;
  clearFault(id: string): Promise<void>;
  /** What it saw of these endpoints since `after`. */
  trace(endpoints: readonly string[], after: number): Promise<TraceSince>;
  /** What it serves its operator at a path, as it travels: `/metrics`, `/operator/v1/faults`. */
  page(path: string): Promise<string>;
  /** The events that it tells until then, from the oldest it remembers, a JSON text each. */
  eventTexts(until: AbortSignal): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface BootstrapServerActor extends ServedActor {
  /** Plain bootstrap configuration, without any order. */
  configure(endpoint: string, configuration: PlainBootstrapInput): Promise<void>;
  forget(endpoint: string): Promise<void>;
  sessions(endpoint: string): Promise<readonly SessionView[]>;
}

export interface LwM2mServerActor extends ServedActor {
  readonly name: "A" | "B";
  /** The same server under other URIs, where the target has them. */
  readonly secondUris: ServerUris;
  registration(endpoint: string): Promise<RegistrationView | undefined>;
  /** All registrations of endpoints that match the pattern. */
  registrations(pattern: string): Promise<readonly RegistrationView[]>;
  operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult>;
  /** `attributes` are written before. */
  observe(endpoint: string, path: string, attributes?: Readonly<Record<string, number>>): Promise<OperationResult>;
  cancelObservation(endpoint: string, path: string, how?: "reset" | "deregister"): Promise<OperationResult>;
  /** DTLS handshakes of the endpoints that match the pattern, as this server counted them. */
  handshakes(pattern: string): Promise<readonly HandshakeView[]>;
  /** As in a restart: its DTLS sessions are gone, and no device hears of it. */
  forgetSessions(what: Partial<Forgetting>): Promise<Forgotten>;
  /** Its DTLS port is closed without a word to any device, and opened again with the sessions it had, or without. */
  restart(how: Restarting): Promise<Restarted>;
  /** An SM-1 call that this server sends to its Bootstrap Server, as its operator would have it do. */
  relay(request: RelayRequest): Promise<RelayAnswer>;
  /** An SM-2 or SM-3 call as this server's Bootstrap Server would send it. */
  asBootstrapServer(request: SmpRequest): Promise<SmpAnswer>;
}

export interface SmpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/smp/v1/triggers`. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the pair's own token: somebody else's, or none. */
  readonly token?: string | null;
}

export interface SmpAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
