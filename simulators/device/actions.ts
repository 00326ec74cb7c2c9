import type { FailureReason } from "../../src/coap/index.js";
import type { Value } from "../../src/lwm2m/index.js";
import type { Mutation } from "./mutations.js";
import type { Personality, PersonalityName } from "./personalities.js";

/** Whom a device talks to: its Bootstrap Server, or the LwM2M Server with a Short Server ID. */
export type Destination = "bootstrap" | number;

/** A request of the tester's own making, sent from the socket the device uses for that destination. */
export interface CustomRequest {
  readonly to: Destination;
  /** `POST`, `GET`, … or a code such as `0.02`. */
  readonly method: string;
  readonly path: readonly string[];
  readonly query?: readonly string[];
  readonly contentFormat?: number;
  readonly accept?: number;
  /** UTF-8. */
  readonly payload?: string;
  readonly payloadHex?: string;
  readonly confirmable?: boolean;
}

/** What a tester can make a device do. Plain data: it crosses threads. */
export type DeviceAction =
  | { readonly do: "start" }
  /** Default: with De-register. */
  | { readonly do: "stop"; readonly deregister?: boolean }
  /** Off without a word and on again; the object store survives as it is, also in the middle of a bootstrap. */
  | { readonly do: "power-cycle" }
  /** A Bootstrap-Request now, cause `manual`. */
  | { readonly do: "bootstrap" }
  /** Without a Short Server ID: every account. The result is the answer of the last one. */
  | { readonly do: "register"; readonly shortServerId?: number }
  | { readonly do: "update"; readonly shortServerId?: number }
  | { readonly do: "deregister"; readonly shortServerId?: number }
  /** Gives the DTLS session up without a word, makes another, and sends in it what the session obliges to: an Update, or a Register. `full`: does not offer to resume. */
  | { readonly do: "reconnect"; readonly shortServerId?: number; readonly full?: boolean }
  /** Another address in the middle of each session, as behind a NAT that forgot the old one. Refused without a session. */
  | { readonly do: "rebind"; readonly shortServerId?: number }
  /** Hears nothing until `wake`, or until its next Update is due. */
  | { readonly do: "sleep" }
  /** Listens again and sends an Update. */
  | { readonly do: "wake" }
  /** Neither hears nor says anything from now on. */
  | { readonly do: "go-silent" }
  | { readonly do: "speak-again" }
  /** The value changes inside the device (a sensor, a user); observers hear of it. */
  | { readonly do: "set-resource"; readonly path: string; readonly value: Value }
  | { readonly do: "behave"; readonly personality?: PersonalityName; readonly deviations?: Partial<Personality> }
  | ({ readonly do: "request" } & CustomRequest)
  | { readonly do: "send-raw"; readonly to: Destination; readonly hex: string }
  /**
   * What it holds keys of: for whoever makes sure that nobody else shows them. With `former` also those that bootstraps wrote and that it holds no more, the
   * newest sixteen. Never part of a snapshot or a trace.
   */
  | { readonly do: "tell-keys"; readonly former?: boolean }
  /** The next `count` datagrams to the destination (all of them: every one) go through the mutation. */
  | { readonly do: "mutate"; readonly mutation: Mutation; readonly count: number; readonly to?: Destination };

/** A key in a Security object instance. */
export interface HeldKey {
  readonly securityInstance: number;
  readonly of: Destination;
  readonly identityHex: string;
  readonly keyHex: string;
}

/** How an action ended. `code` is the answer's, for actions that are one exchange. */
export interface ActionResult {
  readonly ok: boolean;
  readonly code?: string;
  readonly failure?: FailureReason | "off" | "no-account" | "not-registered" | "busy" | "no-session" | "unknown-device" | "unknown-path";
  readonly location?: readonly string[];
  readonly contentFormat?: number;
  readonly payloadHex?: string;
  /** Of `tell-keys`. */
  readonly keys?: readonly HeldKey[];
}
