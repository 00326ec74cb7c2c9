import {
  defaultLimits,
  ProblemError,
  takeSecret,
  validateBatchItem,
  type SecretKeys,
  type Activation,
  type BatchItem,
  type BatchItemResult,
  type BatchResult,
  type Caller,
  type Capabilities,
  type Credential,
  type CredentialBody,
  type CredentialPage,
  type CredentialPath,
  type EndpointPath,
  type EventPage,
  type JwkSet,
  type LwM2mServerHandlers,
  type Reachability,
  type ServerTriggerState,
  type Trigger,
  type TriggerBody,
  type TriggerPath,
  type UnjudgedBatch,
} from "../../smp/index.js";
import type { Clock } from "../../ports/index.js";
import type { AdapterCredential, ServerAdapter, TriggerAnswer } from "./adapter.js";

interface Kept {
  readonly endpoint: string;
  readonly credentialId: string;
  readonly body: CredentialBody;
  /** What is installed when it is activated. */
  readonly credential: AdapterCredential;
  readonly stagedAt: string;
  active: boolean;
}

export interface ServerHandlerOptions {
  readonly clock: Clock;
  readonly adapter: ServerAdapter;
  readonly keys: SecretKeys;
  /** A credential is about to be installed: its device's next registration confirms it. */
  readonly activating: (credential: ActiveCredential) => Promise<void>;
}

export interface ActiveCredential {
  readonly endpoint: string;
  readonly credentialId: string;
  readonly version: number;
  readonly ssid: number;
}

const maxTriggers = 100_000;

/**
 * The Server Management interface in front of a LwM2M Server that has none: what its Bootstrap Server and the harness call becomes calls of its own interface.
 * What is kept here is the notes of whoever calls, so that whole stories can be told with such a server in them. It is not the server's, and no verdict rests
 * on it: a scenario that looks at it is unsupported before it begins.
 */
export class AdaptedServerHandlers implements LwM2mServerHandlers {
  readonly #credentials = new Map<string, Kept>();
  readonly #triggers = new Map<string, Trigger>();
  #count = 0;

  constructor(private readonly options: ServerHandlerOptions) {}

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

  async createTrigger(_caller: Caller, body: TriggerBody): Promise<Trigger> {
    const answer = await this.options.adapter.trigger(body.ep, body.ssid);
    if (answer.kind === "not-registered") throw new ProblemError("not-registered", `${this.options.adapter.name} has no registration of it`);
    const now = this.#now();
    const trigger: Trigger = {
      triggerId: `t-${++this.#count}`,
      ep: body.ep,
      ...(body.ssid === undefined ? {} : { ssid: body.ssid }),
      ...stateOf(answer),
      reason: body.reason,
      validity: body.validity,
      priority: body.priority,
      ...(body.orderItem === undefined ? {} : { orderItem: body.orderItem }),
      attempts: 1,
      createdAt: now,
      expiresAt: now,
      updatedAt: now,
    };
    if (this.#triggers.size >= maxTriggers) this.#triggers.delete(this.#triggers.keys().next().value ?? "");
    this.#triggers.set(trigger.triggerId, trigger);
    return trigger;
  }

  getTrigger(_caller: Caller, { triggerId }: TriggerPath): Trigger {
    const trigger = this.#triggers.get(triggerId);
    if (trigger === undefined) throw new ProblemError("not-found", "there is no such trigger");
    return trigger;
  }

  /** Nothing waits here: what was asked for was passed on. */
  withdrawTrigger(caller: Caller, path: TriggerPath): Trigger {
    return this.getTrigger(caller, path);
  }

  async getReachability(_caller: Caller, { ep }: EndpointPath): Promise<Reachability> {
    const registration = await this.options.adapter.registration(ep);
    return registration === undefined ? { ep, registered: false } : { ep, registered: true, binding: registration.binding, queueMode: registration.queueMode };
  }

  // SM-3

  async stageCredential(caller: Caller, path: CredentialPath, body: CredentialBody): Promise<{ readonly status: 201; readonly value: Credential }> {
    const { secret, ...shown } = body;
    const kept: Kept = { endpoint: path.ep, credentialId: path.credentialId, body: shown, credential: await this.#credentialOf(caller, path, body, secret), stagedAt: this.#now(), active: false };
    this.#credentials.set(keyOf(path), kept);
    return { status: 201, value: this.#view(kept) };
  }

  getCredential(_caller: Caller, path: CredentialPath): Credential {
    return this.#view(this.#kept(path));
  }

  async activateCredential(_caller: Caller, path: CredentialPath, body: Activation): Promise<{ readonly effective: boolean }> {
    const kept = this.#kept(path);
    if (body.version !== kept.body.version) throw new ProblemError("version-regression", "another version was staged");
    await this.options.activating({ endpoint: path.ep, credentialId: path.credentialId, version: kept.body.version, ssid: kept.body.ssid });
    await this.options.adapter.install(kept.credential);
    kept.active = true;
    return { effective: true };
  }

  async rollBackActivation(_caller: Caller, path: CredentialPath): Promise<void> {
    const kept = this.#kept(path);
    await this.options.adapter.uninstall(path.ep);
    kept.active = false;
  }

  async revokeCredential(_caller: Caller, path: CredentialPath): Promise<void> {
    const kept = this.#kept(path);
    this.#credentials.delete(keyOf(path));
    if (kept.active) await this.options.adapter.uninstall(path.ep);
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
        await this.revokeCredential(caller, path);
        return 204;
    }
  }

  listEvents(): EventPage {
    return { events: [], next: "0", lost: 0 };
  }

  #kept(path: CredentialPath): Kept {
    const kept = this.#credentials.get(keyOf(path));
    if (kept === undefined) throw new ProblemError("not-found", "there is no such credential");
    return kept;
  }

  #view({ endpoint, credentialId, body, stagedAt, active }: Kept): Credential {
    return { ...body, ep: endpoint, credentialId, state: active ? "active" : "staged", ...(active ? { activeVersion: body.version } : {}), stagedAt, updatedAt: this.#now() };
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

/** What the device answered decides, as the profile has it; a system that tells no more leaves the trigger open. */
function stateOf(answer: Exclude<TriggerAnswer, { kind: "not-registered" }>): { readonly state: ServerTriggerState; readonly code?: string } {
  if (answer.kind !== "answered") return { state: "sent" };
  const { code } = answer;
  if (code.startsWith("2.")) return { state: "acknowledged", code };
  return { state: code === "4.04" || code === "4.05" ? "unsupported" : "refused", code };
}
