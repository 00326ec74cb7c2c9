import type { DeviceCredential, DeviceCredentials, DeviceTiming, Psk, ServerTrust, Timing } from "../../src/config/index.js";
import type { LwM2mVersion, Value } from "../../src/lwm2m/index.js";
import type { Personality, PersonalityName } from "./personalities.js";

export type { DeviceTiming };

/** How a factory account is secured; its mode is that of its credential. */
export interface AccountSecuritySpec {
  /** `coap://127.0.0.1:5683`, or `coaps://127.0.0.1:5684` with a credential. */
  readonly uri: string;
  /** Default: the device's `credentials`. */
  readonly credential?: DeviceCredential;
  /** The same for one of pre-shared keys. */
  readonly psk?: Psk;
  /** Modes rpk and x509: what the server is known by. A fleet shares it; default: what the credential says. */
  readonly trust?: ServerTrust;
  /** /0/x/16: numbers of the TLS registry in order of preference, such as 0xc0ae. */
  readonly cipherSuites?: readonly number[];
}

/** The LwM2M Bootstrap-Server account a device leaves the factory with. */
export interface BootstrapAccountSpec extends AccountSecuritySpec {
  /** /0/x/11, seconds before a client-initiated bootstrap. Default 0. */
  readonly holdOff?: number;
  /** Instance of /0. Default 0. */
  readonly securityInstance?: number;
}

/** A LwM2M Server account a device leaves the factory with: one Security and one Server object instance. */
export interface ServerAccountSpec extends AccountSecuritySpec {
  readonly shortServerId: number;
  /** /1/x/1, seconds. */
  readonly lifetime: number;
  /** Default: the lowest free instance of /0. */
  readonly securityInstance?: number;
  /** Default: the lowest free instance of /1. */
  readonly serverInstance?: number;
  /** /1/x/7. Default `U`. */
  readonly binding?: string;
  /** Further resources of /1/x by number, such as 13 to 20. */
  readonly resources?: Readonly<Record<number, Value>>;
}

/** A factory instance of /2. */
export interface AccessControlSpec {
  readonly object: number;
  /** 65535 speaks of the right to create instances. */
  readonly instance: number;
  readonly owner: number;
  /** Short Server ID (0: everybody else) to rights: R 1, W 2, E 4, D 8, C 16. */
  readonly rights: Readonly<Record<number, number>>;
}

/** All times of a device: of its CoAP endpoint and of its lifecycle. */
export type DeviceTimes = Pick<Timing, "coap" | "device"> & Partial<Pick<Timing, "dtls">>;

/** One simulated LwM2M Client. Everything in it is plain data: it crosses threads. */
export interface DeviceSpec {
  readonly endpoint: string;
  readonly lwm2m: LwM2mVersion;
  readonly personality: PersonalityName;
  /** What this device does otherwise than its personality. */
  readonly deviations?: Partial<Personality>;
  /** Message ids, tokens and jitter follow from it and the endpoint name. */
  readonly seed: number;
  readonly bootstrap?: BootstrapAccountSpec;
  readonly servers?: readonly ServerAccountSpec[];
  /** What the accounts at `coaps://` URIs are entered with where they name no key of their own; kept apart from them, so that a fleet can share the accounts. */
  readonly credentials?: Omit<DeviceCredentials, "endpoint">;
  /** Authorities that the device knows from elsewhere (DER), for certificate usages 0 and 1. Devices of a thread share the very arrays. */
  readonly trustStore?: readonly Uint8Array[];
  /** RFC 9146: length of the connection id it asks its servers to send it records under, 0 to 16. Absent: it does not know connection ids. */
  readonly connectionIdLength?: number;
  readonly accessControl?: readonly AccessControlSpec[];
  readonly timing: DeviceTimes;
  /** Instances of /3303. Default 1. */
  readonly temperatures?: number;
  /** Source address of its sockets. Default 127.0.0.1. */
  readonly host?: string;
  /** Send Q (1.1) or a binding with Q (1.0) although the personality is no sleeper. */
  readonly queueMode?: boolean;
  /** Keep its datagrams and states in the trace. Default true for single devices. */
  readonly traced?: boolean;
}
