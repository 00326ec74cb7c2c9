import type { LwM2mServerConfig } from "../../src/config/index.js";
import {
  ProblemError,
  validateBatchItem,
  type Activation,
  type BatchItem,
  type BatchItemResult,
  type CallContext,
  type Caller,
  type Capabilities,
  type Credential,
  type CredentialBody,
  type CredentialPath,
  type CredentialQuery,
  type EndpointPath,
  type EventPage,
  type EventQuery,
  type JwkSet,
  type Limits,
  type LwM2mServerHandlers,
  type Reachability,
  type SmpEventLog,
  type Trigger,
  type TriggerBody,
  type TriggerPath,
  type UnjudgedBatch,
} from "../../src/smp/index.js";
import { viewOf, type CredentialRecord } from "./credential-record.js";
import type { CredentialStore } from "./credential-store.js";
import type { PlantedFaults } from "./plants.js";
import type { ReachabilityView } from "./reachability.js";
import type { Tenancy } from "./tenancy.js";
import { triggerView, type TriggerRecord } from "./trigger.js";
import type { TriggerService } from "./trigger-service.js";

export interface SmpHandlerOptions {
  readonly config: Pick<LwM2mServerConfig, "lab" | "admission" | "shortServerId">;
  readonly plants: PlantedFaults;
  readonly tenancy: Tenancy;
  readonly credentials: CredentialStore;
  readonly triggers: TriggerService;
  readonly reachability: ReachabilityView;
  readonly events: SmpEventLog;
  readonly limits: Limits;
  /** A credential went: the device loses its registration here, unless another one still lets it in. */
  revoked(tenant: string, endpoint: string): void;
}

/** SV-API: what this LwM2M Server does for its Bootstrap Servers. */
export class SmpHandlers implements LwM2mServerHandlers {
  constructor(readonly options: SmpHandlerOptions) {}

  getCapabilities(): Capabilities {
    const { config, limits } = this.options;
    return {
      profile: "smp/1",
      role: "lwm2m-server",
      software: "muster",
      securityModes: modesOf(config.lab),
      secretTransport: config.lab ? ["none", "cleartext"] : ["none"],
      limits,
      lwm2mServer: {
        triggers: true,
        credentialSlots: 2,
        preProvisioning: true,
        ...(config.shortServerId === undefined ? {} : { shortServerId: config.shortServerId }),
        admission: config.admission,
      },
    };
  }

  getJwks(): JwkSet {
    return { keys: [] };
  }

  createTrigger(caller: Caller, body: TriggerBody): Trigger {
    this.options.tenancy.check(caller, body.ep);
    return triggerView(this.options.triggers.create(caller, body));
  }

  getTrigger(caller: Caller, path: TriggerPath): Trigger {
    return triggerView(this.#trigger(caller, path));
  }

  withdrawTrigger(caller: Caller, path: TriggerPath): Trigger {
    const trigger = this.#trigger(caller, path);
    this.options.triggers.withdraw(trigger);
    return triggerView(trigger);
  }

  getReachability(caller: Caller, path: EndpointPath): Reachability {
    this.options.tenancy.check(caller, path.ep);
    return this.options.reachability.of(path.ep);
  }

  stageCredential(caller: Caller, path: CredentialPath, body: CredentialBody): { readonly status: 200 | 201; readonly value: Credential } {
    this.options.tenancy.check(caller, path.ep);
    this.#checkMode(body);
    const { record } = this.options.credentials.stage(caller.tenant, caller.peerId, path.ep, path.credentialId, body);
    return { status: 201, value: this.#view(record) };
  }

  getCredential(caller: Caller, path: CredentialPath): Credential {
    this.options.tenancy.check(caller, path.ep);
    const record = this.options.credentials.find(caller.tenant, path.ep, path.credentialId);
    if (record === undefined) throw new ProblemError("not-found", "there is no such credential");
    return this.#view(record);
  }

  revokeCredential(caller: Caller, path: CredentialPath, query: { readonly version: number }): void {
    this.options.tenancy.check(caller, path.ep);
    const admitted = this.options.credentials.revoke(caller.tenant, path.ep, path.credentialId, query.version);
    // Nobody came in under a credential that never admitted anybody.
    if (admitted) this.options.revoked(caller.tenant, path.ep);
  }

  activateCredential(caller: Caller, path: CredentialPath, body: Activation): { readonly effective: boolean } {
    this.options.tenancy.check(caller, path.ep);
    this.options.credentials.activate(caller.tenant, path.ep, path.credentialId, body);
    return { effective: true };
  }

  rollBackActivation(caller: Caller, path: CredentialPath, query: { readonly version: number; readonly sessionId?: number }): void {
    this.options.tenancy.check(caller, path.ep);
    this.options.credentials.rollBack(caller.tenant, path.ep, path.credentialId, query.version, query.sessionId);
  }

  listCredentials(caller: Caller, query: CredentialQuery): { readonly credentials: readonly Credential[]; readonly next?: string } {
    const from = query.cursor === undefined ? 0 : cursorPosition(query.cursor);
    const found: Credential[] = [];
    let position = 0;
    for (const record of this.options.credentials.ofTenant(caller.tenant)) {
      position += 1;
      if (position <= from || !this.options.tenancy.mayActOn(caller, record.endpoint)) continue;
      if (query.state !== undefined && record.newest.state !== query.state) continue;
      if (query.ssid !== undefined && record.newest.body.ssid !== query.ssid) continue;
      if (found.length === query.limit) return { credentials: found, next: `c${position - 1}` };
      found.push(this.#view(record));
    }
    return { credentials: found };
  }

  batchCredentials(caller: Caller, body: UnjudgedBatch): { readonly results: readonly BatchItemResult[] } {
    return { results: body.items.map((item, index) => this.#judgeItem(caller, item, index)) };
  }

  listEvents(caller: Caller, query: EventQuery, { signal }: CallContext): Promise<EventPage> {
    return this.options.events.poll(caller.tenant, Number(query.after ?? 0), query.limit, query.wait * 1000, signal);
  }

  #trigger(caller: Caller, path: TriggerPath): TriggerRecord {
    const trigger = this.options.triggers.get(caller.tenant, path.triggerId);
    if (trigger === undefined) throw new ProblemError("not-found", "there is no such trigger");
    return trigger;
  }

  #checkMode(body: CredentialBody): void {
    const { lab } = this.options.config;
    const modes: readonly string[] = modesOf(lab);
    if (!modes.includes(body.mode)) throw new ProblemError("unsupported-mode", `is not a mode of this server; use ${modes.join(" or ")}`, { field: "/mode" });
    if (body.secret !== undefined && !lab) throw new ProblemError("unsupported-mode", "a secret may not travel in the clear here", { field: "/secret" });
    if (body.mode === "psk" && body.identity === undefined) throw new ProblemError("schema", "is required in mode psk", { field: "/identity" });
  }

  #view(record: CredentialRecord): Credential {
    const view = viewOf(record);
    return this.options.plants.has("credential-secret-readable-by-get") ? leaking(view, record.newest.body.secret ?? this.options.tenancy.peer(record.owner)?.token) : view;
  }

  #judgeItem(caller: Caller, unjudged: unknown, index: number): BatchItemResult {
    const refused = (error: unknown, fieldOf: (field: string) => string): BatchItemResult => {
      if (!(error instanceof ProblemError)) throw error;
      const problem = error.toProblem();
      return { ...namesOf(unjudged), status: error.status, problem: problem.field === undefined ? problem : { ...problem, field: fieldOf(problem.field) } };
    };
    let item: BatchItem;
    try {
      item = validateBatchItem(unjudged, index);
    } catch (error) {
      return refused(error, (field) => field);
    }
    try {
      return { status: this.#carryOut(caller, item), ep: item.ep, credentialId: item.credentialId };
    } catch (error) {
      return refused(error, (field) => `/items/${index}${placeIn(item)}/${field.replace(/^\//, "")}`);
    }
  }

  #carryOut(caller: Caller, item: BatchItem): number {
    const path = { ep: item.ep, credentialId: item.credentialId };
    switch (item.operation) {
      case "stage":
        return this.stageCredential(caller, path, { sessionPolicy: "close-on-revoke", ...item.credential }).status;
      case "activate":
        this.activateCredential(caller, path, item.activation);
        return 204;
      case "roll-back":
        this.rollBackActivation(caller, path, item);
        return 204;
      case "revoke":
        this.revokeCredential(caller, path, item);
        return 204;
    }
  }
}

/** NoSec is for laboratories. A record in mode psk is kept, and admits once there are sessions that can prove it. */
const modesOf = (lab: boolean): Capabilities["securityModes"] => (lab ? ["nosec", "psk"] : ["psk"]);

/** What a server shows that never thought of secrets. */
const leaking = (view: Credential, secret: string | undefined): Credential => (secret === undefined ? view : { ...view, orderItem: `secret/${secret}` });

function cursorPosition(cursor: string): number {
  const position = /^c(\d{1,9})$/.exec(cursor)?.[1];
  if (position === undefined) throw new ProblemError("schema", "not a cursor of this server", { field: "cursor" });
  return Number(position);
}

/** Where in an item the body of the single call lies; what that call has as parameters lies in the item itself. */
const placeIn = ({ operation }: BatchItem): string => (operation === "stage" ? "/credential" : operation === "activate" ? "/activation" : "");

/** As much of an item's name as can be told, for the result of one that is no item. */
function namesOf(item: unknown): { ep?: string; credentialId?: string } {
  if (typeof item !== "object" || item === null) return {};
  const text = (name: string): string | undefined => {
    const value: unknown = Reflect.get(item, name);
    return typeof value === "string" && /^[^\p{Cc}\p{Cs}]{1,64}$/u.test(value) && !/^\.{1,2}$/.test(value) ? value : undefined;
  };
  const ep = text("ep");
  const credentialId = text("credentialId");
  return { ...(ep === undefined ? {} : { ep }), ...(credentialId === undefined || !/^[A-Za-z0-9._~-]+$/.test(credentialId) ? {} : { credentialId }) };
}
