import type { EndpointCounters, FailureReason } from "../coap/index.js";
import type { ServerCounters } from "../dtls/index.js";
import type { PlainBootstrap } from "../config/index.js";

/**
 * The operator API: how a test, or a person, steers a served role and watches it. HTTP and JSON under `/operator/v1`,
 * with a bearer token of its own. Nothing in it is part of LwM2M or of the Server Management interface.
 */

/** A resource value in JSON: opaque as `{hex}`, an object link as `{object, instance}`, integers beyond 2^53 as `{integer}` in decimal. */
export type JsonValue = string | number | boolean | { readonly hex: string } | { readonly object: number; readonly instance: number } | { readonly integer: string };
/** Values by path, `/3/0/0` or, for a resource instance, `/3/0/6/1`. */
export type JsonResources = Readonly<Record<string, JsonValue>>;

export interface RoleHealth {
  readonly role: "bootstrap-server" | "lwm2m-server";
  readonly name: string;
  /** `HOST:PORT` as bound. */
  readonly coap: string;
  /** Absent without a DTLS port. */
  readonly coaps?: string | undefined;
  readonly http: string;
  /** Timing profile, with `+` behind it when numbers were changed. */
  readonly timing: string;
  readonly lab: boolean;
  /** How keys travel to and from this role: `cleartext` is for laboratories, and whoever reads a verdict has to know. */
  readonly secretTransport?: "jwe" | "cleartext" | undefined;
  readonly plants: readonly string[];
  readonly coapCounters: Readonly<EndpointCounters>;
  /** Absent without a DTLS port. */
  readonly dtlsCounters?: Readonly<ServerCounters> | undefined;
  /** Bytes the kernel granted the CoAP socket; absent where unknown. */
  readonly receiveBuffer?: number | undefined;
  /** Datagrams the kernel dropped at the CoAP socket; absent where unknown. */
  readonly kernelDrops?: number | undefined;
  /** LwM2M Server only. */
  readonly admission?: "open" | "credential" | undefined;
}

/** What a role proves itself with on its DTLS port, as accounts name it: DER in base64url. */
export interface ServerKeysView {
  /** SubjectPublicKeyInfo. */
  readonly publicKey: string;
  /** Absent where it has its key alone. */
  readonly certificate?: string | undefined;
  /** Who issued the certificate, where this role is its own authority. */
  readonly authority?: string | undefined;
  /** In a laboratory: server names under which it shows a certificate that is not to be taken. */
  readonly misfits?: { readonly expired: string; readonly notYetValid: string; readonly otherName: string; readonly unknownAuthority: string } | undefined;
}

/** How a device came in, without any secret. */
export interface SecurityView {
  readonly mode: "nosec" | "psk" | "rpk" | "x509";
  /** Of the credential that authenticated the session of the Register. */
  readonly credentialId?: string | undefined;
  readonly version?: number | undefined;
  /** Whether that session is still there. */
  readonly sessionOpen?: boolean | undefined;
}

export interface RegistrationView {
  readonly endpoint: string;
  /** `/rd/…` */
  readonly location: string;
  readonly address: string;
  readonly lwm2m: string;
  readonly lifetime: number;
  readonly binding: string;
  readonly queueMode: boolean;
  readonly awake: boolean;
  /** The object list as the device registered it, one link per entry. */
  readonly objects: readonly string[];
  /** Milliseconds since 1970. */
  readonly registeredAt: number;
  readonly lastSeen: number;
  /** Absent for lifetime 0. */
  readonly expiresAt?: number | undefined;
  readonly security: SecurityView;
}

export interface RegistrationPage {
  /** All registrations, whatever the filter. */
  readonly total: number;
  readonly registrations: readonly RegistrationView[];
  /** Give it as `after` for the next page. */
  readonly next?: string | undefined;
}

/** The DTLS handshakes of one device, or of one identity that no device here has. */
export interface HandshakeView {
  readonly endpoint?: string | undefined;
  /** Of the latest: a PSK identity as text where it is UTF-8, else `0x` and its bytes; `sha256:` and the thumbprint of a public key; the common name of a certificate. */
  readonly identity: string;
  /** Full handshakes that got as far as the identity, and resumptions. */
  readonly attempts: number;
  readonly finished: number;
  /** Of those finished: by resumption. */
  readonly resumed: number;
  /** No key was given out: silence, or an alert. */
  readonly refused: number;
  /** A key was given out and no session came of it: a wrong key at the device looks like this. */
  readonly failed: number;
  /** How often there were more within the window than `storm.more`. */
  readonly storms: number;
  /** Milliseconds since 1970. */
  readonly last: number;
}

export interface HandshakePage {
  /** Of all devices, also those forgotten. */
  readonly total: { readonly attempts: number; readonly finished: number; readonly resumed: number; readonly refused: number; readonly failed: number; readonly storms: number };
  /** What counts as a storm: more handshakes of one device than that, within so long. */
  readonly storm: { readonly more: number; readonly windowMs: number };
  readonly devices: readonly HandshakeView[];
  /** Give it as `after` for the next page. */
  readonly next?: string | undefined;
}

/** A live DTLS session. */
export interface SecureSessionView {
  readonly endpoint: string;
  readonly address: string;
  readonly suite: string;
  readonly resumed: boolean;
  readonly credentialId: string;
  readonly version: number;
  /** Of that version: a session may outlive it, as its policy says. */
  readonly state: string;
}

/** As in a restart: DTLS sessions are gone and no device hears of it. */
export interface Forgetting {
  /** Registrations too. */
  readonly registrations: boolean;
  /** What sessions can be resumed from stays, as with a session cache on disk. */
  readonly keepResumable: boolean;
}

/** A restart of the DTLS port: it is closed without a word to any device, and opened again where it was. Registrations stay. */
export interface Restarting {
  /** Sessions are saved before and gone on with after, as with a disk: no device has to shake hands again. */
  readonly keepSessions: boolean;
}

export interface Restarted {
  /** How many sessions there were. */
  readonly sessions: number;
  /** How many of them go on; one whose credential is over does not. */
  readonly restored: number;
}

/** What a server that lost its memory has lost. */
export interface Forgotten {
  readonly sessions: number;
  readonly registrations: number;
}

/** What an Observe or Write-Attributes carries; seconds for the periods. */
export interface JsonAttributes {
  readonly pmin?: number | undefined;
  readonly pmax?: number | undefined;
  readonly gt?: number | undefined;
  readonly lt?: number | undefined;
  readonly st?: number | undefined;
}

export interface DeviceOperation {
  readonly operation: "read" | "write" | "execute" | "discover" | "create" | "delete" | "write-attributes";
  readonly path: string;
  /** `write` of one resource. */
  readonly value?: JsonValue | undefined;
  /** `write` of several, or `create`; paths absolute. */
  readonly resources?: JsonResources | undefined;
  /** `write`: replace the instance (PUT) or only what is given (POST). Default: PUT for one resource, POST for an instance. */
  readonly replace?: boolean | undefined;
  /** `execute`. */
  readonly argument?: string | undefined;
  readonly attributes?: JsonAttributes | undefined;
  /** CoAP content format to write in or to ask for. */
  readonly format?: number | undefined;
}

export interface OperationResult {
  /** `2.05`; absent when no response came. */
  readonly code?: string | undefined;
  /** Why no response came; `not-registered` when there is nobody to send to, `queued` never: the answer waits for the device. */
  readonly failure?: FailureReason | "not-registered" | "undecodable" | undefined;
  readonly format?: number | undefined;
  readonly resources?: JsonResources | undefined;
  /** Discover. */
  readonly links?: readonly string[] | undefined;
  /** Create. */
  readonly location?: string | undefined;
  readonly payloadHex?: string | undefined;
}

/** An SM-1 call that the LwM2M Server itself sends to its Bootstrap Server, as its operator would have it do. */
export interface RelayRequest {
  /** Which peer, when there are several. */
  readonly peer?: string | undefined;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Under the peer's base URL: `/smp/v1/accounts`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
  /**
   * For an order whose keys this server makes (`policy.credential.origin` `server`): it makes one for each of the body's `targets.endpoints`, keeps them,
   * and puts them into the body as `credentials`, encrypted to the peer's key.
   */
  readonly ownKeys?: OwnKeysRequest | undefined;
}

export interface OwnKeysRequest {
  /** Of the order's account. */
  readonly ssid: number;
  /** The same for each device and all versions. */
  readonly credentialId: string;
  readonly version: number;
  /** Default 128. */
  readonly bits?: number | undefined;
}

export interface RelayAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Something that happened at a role, as the event stream tells it. */
export interface RoleEvent {
  /** Grows by one; the stream's `Last-Event-ID`. */
  readonly seq: number;
  /** `Clock.hrtime()` in decimal. */
  readonly at: string;
  /** `registered`, `updated`, `deregistered`, `expired`, `notification`, `trigger`, `session`, ... */
  readonly type: string;
  readonly endpoint?: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface SessionView {
  /** Grows per endpoint; the `sessionId` of SM-3. */
  readonly id: number;
  readonly endpoint: string;
  readonly address: string;
  readonly state: string;
  /** Why it ended, when it failed. */
  readonly reason?: string | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  /** Bootstrap operations and their codes, in order: `DELETE /0/1 2.02`. */
  readonly operations: readonly string[];
}

/** At once, or later where the role is asked over a network itself. */
type Answer<T> = T | Promise<T>;

/** What a LwM2M Server offers its operator. `undefined` for an unknown device becomes 404. */
export interface LwM2mServerOperations {
  registrations(query: { readonly after?: string | undefined; readonly limit: number; readonly endpoint?: string | undefined }): Answer<RegistrationPage>;
  registration(endpoint: string): Answer<RegistrationView | undefined>;
  operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult | undefined>;
  observe(endpoint: string, path: string, attributes: JsonAttributes | undefined): Promise<OperationResult | undefined>;
  cancelObservation(endpoint: string, path: string, how: "reset" | "deregister"): Promise<OperationResult | undefined>;
  /** Resolves with the peer's answer, rejects when none came. */
  relay(request: RelayRequest): Promise<RelayAnswer>;
  handshakes(query: { readonly after?: string | undefined; readonly limit: number; readonly endpoint?: string | undefined }): HandshakePage;
  secureSessions(query: { readonly endpoint?: string | undefined; readonly limit: number }): { readonly total: number; readonly sessions: readonly SecureSessionView[] };
  forgetSessions(what: Forgetting): Forgotten;
  restart(how: Restarting): Promise<Restarted>;
}

export interface BootstrapServerOperations {
  bootstrap(endpoint: string): PlainBootstrap | undefined;
  setBootstrap(endpoint: string, configuration: PlainBootstrap): Answer<void>;
  /** False when there was none. */
  removeBootstrap(endpoint: string): Answer<boolean>;
  sessions(query: { readonly endpoint?: string | undefined; readonly limit: number }): readonly SessionView[];
}

export type SteeredRole =
  | { readonly kind: "lwm2m-server"; readonly operations: LwM2mServerOperations }
  | { readonly kind: "bootstrap-server"; readonly operations: BootstrapServerOperations };
