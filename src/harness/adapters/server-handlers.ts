import {
  defaultLimits,
  ProblemError,
  takeSecret,
  validateBatchItem,
  type SecretKeys,
  type SmpEventLog,
  type Activation,
  type BatchItem,
  type BatchItemResult,
  type BatchResult,
  type CallContext,
  type Caller,
  type Capabilities,
  type Credential,
  type CredentialBody,
  type CredentialPage,
  type CredentialPath,
  type EndpointPath,
  type EventPage,
  type EventQuery,
  type JwkSet,
  type LwM2mServerHandlers,
  type Reachability,
  type Trigger,
  type TriggerBody,
  type TriggerPath,
  type UnjudgedBatch,
} from "../../smp/index.js";
import type { Clock } from "../../ports/index.js";
import type { AdapterCredential, ServerAdapter } from "./adapter.js";
import { PassedOnTriggers } from "./passed-on-triggers.js";

/** One version of a credential, as its caller staged it. */
interface Version {
  readonly body: CredentialBody;
  /** What is installed when it is activated. */
  readonly credential: AdapterCredential;
  readonly stagedAt: string;
}

/** The system has one slot for a device: a version that is activated takes the place of the one before. */
interface Kept {
  readonly endpoint: string;
  readonly credentialId: string;
  readonly newest: Version;
  readonly active?: Version | undefined;
  /** Gave way to the active one, and comes back when that is taken back. */
  readonly before?: Version | undefined;
}

export interface ServerHandlerOptions {
  readonly clock: Clock;
  readonly adapter: ServerAdapter;
  readonly keys: SecretKeys;
  readonly events: SmpEventLog;
  /** A credential is about to be installed: its device's next registration confirms it. */
  readonly activating: (credential: ActiveCredential) => Promise<void>;
  /** Something that was to be passed on was not: what follows from it is nobody's fault but ours, or the system's. */
  readonly failed: (failure: FrontFailure) => void;
}

/** What a front could not pass on to the system behind it. */
export interface FrontFailure {
  readonly endpoint: string;
  /** `install the credential`. */
  readonly what: string;
  readonly reason: string;
}

export interface ActiveCredential {
  readonly endpoint: string;
  readonly credentialId: string;
  readonly version: number;
  readonly ssid: number;
}

/**
 * The Server Management interface in front of a LwM2M Server that has none: what its Bootstrap Server and the harness call becomes calls of its own interface.
 * What is kept here is the notes of whoever calls, so that whole stories can be told with such a server in them. It is not the server's, and no verdict rests
 * on it: a scenario that looks at it is unsupported before it begins.
 */
export class AdaptedServerHandlers implements LwM2mServerHandlers {
  readonly #credentials = new Map<string, Kept>();
  readonly #triggers: PassedOnTriggers;

  constructor(private readonly options: ServerHandlerOptions) {
    const { clock, adapter, events } = options;
    this.#triggers = new PassedOnTriggers(clock, adapter.name, (endpoint, shortServerId) => this.#passOn(endpoint, "trigger its bootstrap", () => adapter.trigger(endpoint, shortServerId)), events);
  }

  stop(): void {
    this.#triggers.stop();
    this.options.events.close();
  }

  getCapabilities(caller: Caller): Capabilities {
    const { adapter } = this.options;
    return {
      profile: "smp/1",
      role: "lwm2m-server",
      tenant: caller.tenant,
      software: `${adapter.name} (adapter)`,
      securityModes: ["nosec", "psk"],
      secretTransport: ["jwe", "cleartext"],
      limits: defaultLimits,
      lwm2mServer: { triggers: !adapter.lacks.has("trigger"), credentialSlots: 1, preProvisioning: true, admission: adapter.lacks.has("admission") ? "open" : "credential" },
    };
  }

  getJwks(): JwkSet {
    return this.options.keys.set;
  }

  // SM-2

  createTrigger(caller: Caller, body: TriggerBody): Promise<Trigger> {
    return this.#triggers.create(caller.tenant, body);
  }

  getTrigger(_caller: Caller, { triggerId }: TriggerPath): Trigger {
    return this.#triggers.get(triggerId);
  }

  withdrawTrigger(_caller: Caller, { triggerId }: TriggerPath): Trigger {
    return this.#triggers.withdraw(triggerId);
  }

  async getReachability(_caller: Caller, { ep }: EndpointPath): Promise<Reachability> {
    const registration = await this.#passOn(ep, "look for its registration", () => this.options.adapter.registration(ep));
    return registration === undefined ? { ep, registered: false } : { ep, registered: true, binding: registration.binding, queueMode: registration.queueMode };
  }

  // SM-3

  async stageCredential(caller: Caller, path: CredentialPath, body: CredentialBody): Promise<{ readonly status: 201; readonly value: Credential }> {
    const { secret, ...shown } = body;
    const newest: Version = { body: shown, credential: await this.#credentialOf(caller, path, body, secret), stagedAt: this.#now() };
    const kept: Kept = { ...this.#credentials.get(keyOf(path)), endpoint: path.ep, credentialId: path.credentialId, newest };
    this.#credentials.set(keyOf(path), kept);
    return { status: 201, value: this.#view(kept) };
  }

  getCredential(_caller: Caller, path: CredentialPath): Credential {
    return this.#view(this.#kept(path));
  }

  async activateCredential(_caller: Caller, path: CredentialPath, body: Activation, context?: CallContext): Promise<{ readonly effective: boolean }> {
    const kept = this.#kept(path);
    const { newest, active } = kept;
    if (body.version !== newest.body.version) throw new ProblemError("version-regression", "another version was staged");
    await this.#passOn(path.ep, "install its credential", async () => {
      await this.options.activating({ endpoint: path.ep, credentialId: path.credentialId, version: newest.body.version, ssid: newest.body.ssid });
      await this.options.adapter.install(newest.credential);
    }, context);
    this.#credentials.set(keyOf(path), { ...kept, active: newest, before: active === newest ? kept.before : active });
    return { effective: true };
  }

  async rollBackActivation(_caller: Caller, path: CredentialPath): Promise<void> {
    const kept = this.#kept(path);
    await this.#passOn(path.ep, "take its credential back", () => this.#leave(path.ep, kept.before));
    this.#credentials.set(keyOf(path), { ...kept, active: kept.before, before: undefined });
  }

  /** A version that is in force goes; one that only is staged leaves the one in force where it is. */
  async revokeCredential(_caller: Caller, path: CredentialPath, { version }: { readonly version: number }): Promise<void> {
    const kept = this.#kept(path);
    const { active } = kept;
    if (active !== undefined && active.body.version > version) return;
    if (active !== undefined && active !== kept.newest && kept.newest.body.version === version) {
      this.#credentials.set(keyOf(path), { ...kept, newest: active });
      return;
    }
    this.#credentials.delete(keyOf(path));
    if (active !== undefined) await this.#passOn(path.ep, "remove its credential", () => this.#leave(path.ep, undefined));
  }

  async #leave(endpoint: string, version: Version | undefined): Promise<void> {
    if (version === undefined) await this.options.adapter.uninstall(endpoint);
    else await this.options.adapter.install(version.credential);
  }

  listCredentials(): CredentialPage {
    return { credentials: [...this.#credentials.values()].map((kept) => this.#view(kept)) };
  }

  /** Those of one device one after the other, for an item may stage what the next activates; devices beside each other, for each call of the system behind takes its time. */
  async batchCredentials(caller: Caller, { items }: UnjudgedBatch): Promise<BatchResult> {
    const newest = new Map<string, Promise<BatchItemResult>>();
    const results = items.map((item, index) => {
      const device = deviceOf(item);
      const result = (newest.get(device) ?? Promise.resolve()).then(() => this.#resultOf(caller, item, index));
      newest.set(device, result);
      return result;
    });
    return { results: await Promise.all(results) };
  }

  async #resultOf(caller: Caller, unjudged: unknown, index: number): Promise<BatchItemResult> {
    let name: CredentialPath | undefined;
    try {
      const item = validateBatchItem(unjudged, index);
      name = { ep: item.ep, credentialId: item.credentialId };
      return { ...name, status: await this.#carryOut(caller, name, item) };
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      return { ...name, status: error.status, problem: error.toProblem() };
    }
  }

  async #carryOut(caller: Caller, path: CredentialPath, item: BatchItem): Promise<number> {
    switch (item.operation) {
      case "stage":
        return (await this.stageCredential(caller, path, { sessionPolicy: "close-on-revoke", ...item.credential })).status;
      case "activate":
        await this.activateCredential(caller, path, item.activation);
        return 204;
      case "roll-back":
        await this.rollBackActivation(caller, path);
        return 204;
      case "revoke":
        await this.revokeCredential(caller, path, item);
        return 204;
    }
  }

  listEvents(caller: Caller, query: EventQuery, { signal }: CallContext): Promise<EventPage> {
    return this.options.events.poll(caller.tenant, Number(query.after ?? 0), query.limit, query.wait * 1000, signal);
  }

  /** Carries out what a caller wants of the system. What goes wrong in it is told as the front's, whatever it is. */
  async #passOn<T>(endpoint: string, what: string, call: () => Promise<T>, context?: CallContext): Promise<T> {
    const { clock, adapter, failed } = this.options;
    const began = clock.now();
    try {
      const result = await call();
      if (context?.signal.aborted === true) failed({ endpoint, what, reason: `it took ${Math.round(clock.now() - began)} ms, when nobody waited for it any more` });
      return result;
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      failed({ endpoint, what, reason });
      throw new ProblemError("peer-unavailable", `${adapter.name} could not be made to ${what}: ${reason}`);
    }
  }

  #kept(path: CredentialPath): Kept {
    const kept = this.#credentials.get(keyOf(path));
    if (kept === undefined) throw new ProblemError("not-found", "there is no such credential");
    return kept;
  }

  #view({ endpoint, credentialId, newest, active }: Kept): Credential {
    const inForce = active === undefined ? {} : { activeVersion: active.body.version };
    return { ...newest.body, ep: endpoint, credentialId, state: active === newest ? "active" : "staged", ...inForce, stagedAt: newest.stagedAt, updatedAt: this.#now() };
  }

  async #credentialOf(caller: Caller, { ep, credentialId }: CredentialPath, body: CredentialBody, secret: string | undefined): Promise<AdapterCredential> {
    if (body.mode === "nosec") return { mode: "nosec", endpoint: ep };
    if (body.mode !== "psk") throw new ProblemError("unsupported-mode", "the adapter installs credentials of mode nosec and psk", { field: "/mode" });
    const { identity, bits, kcv, version, ssid } = body;
    if (identity === undefined || secret === undefined || bits === undefined || kcv === undefined) throw new ProblemError("schema", "mode psk needs identity, secret, bits and kcv", { field: "/mode" });
    const key = await takeSecret({ secret, bits, kcv }, { tenant: caller.tenant, ep, ssid, credentialId, version, purpose: "sm3-psk" }, this.options.keys, ["jwe", "cleartext"]);
    return { mode: "psk", endpoint: ep, identity: Buffer.from(identity.b64u, "base64url").toString("utf8"), key };
  }

  #now(): string {
    return new Date(this.options.clock.epoch()).toISOString();
  }
}

/** Of an item that may be none. */
const deviceOf = (item: unknown): string => (typeof item === "object" && item !== null ? String(Reflect.get(item, "ep")) : "");

const keyOf = ({ ep, credentialId }: CredentialPath): string => `${ep} ${credentialId}`;
