import type { CoapTiming } from "./port.js";
import type { Credential } from "./secured-session.js";
import type { Value } from "./values.js";

/** What this stack takes of a `DeviceSpec`: the well-behaved part. */
export interface HostedSpec {
  readonly endpoint: string;
  readonly bootstrap: { readonly uri: string; readonly holdOff: number; readonly securityInstance: number; readonly psk: Credential | undefined } | undefined;
  readonly servers: readonly HostedAccount[];
  readonly accessControl: readonly HostedAccessControl[];
  /** Instances of /3303. */
  readonly temperatures: number;
  readonly host: string;
  readonly traced: boolean;
  readonly timing: { readonly coap: CoapTiming; readonly device: HostedTiming };
}

export interface HostedAccount {
  readonly uri: string;
  readonly shortServerId: number;
  /** Seconds. */
  readonly lifetime: number;
  readonly securityInstance: number | undefined;
  readonly serverInstance: number | undefined;
  readonly binding: string;
  readonly psk: Credential | undefined;
  /** Further resources of /1/x. */
  readonly resources: ReadonlyMap<number, Value>;
}

export interface HostedAccessControl {
  readonly object: number;
  readonly instance: number;
  readonly owner: number;
  /** Short Server ID to rights. */
  readonly rights: ReadonlyMap<number, number>;
}

/** Milliseconds, counts and a share. */
export interface HostedTiming {
  readonly bootstrapTimeoutMs: number;
  readonly bootstrapRetryMs: number;
  readonly bootstrapRetryMaxMs: number;
  readonly updateMarginFactor: number;
  readonly retryCount: number;
  readonly retryTimerMs: number;
  readonly sequenceDelayMs: number;
  readonly sequenceCount: number;
}
