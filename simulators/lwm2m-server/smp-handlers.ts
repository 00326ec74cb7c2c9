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
import type { CredentialIntake } from "./credential-intake.js";
import type { CredentialStore } from "./credential-store.js";
import type { PlantedFaults } from "./plants.js";
import type { ReachabilityView } from "./reachability.js";
import type { Tenancy } from "./tenancy.js";
import { triggerView, type TriggerRecord } from "./trigger.js";
import type { TriggerService } from "./trigger-service.js";

export interface SmpHandlerOptions {
  readonly config: Pick<LwM2mServerConfig, "admission" | "credentialSlots" | "shortServerId">;
  readonly plants: PlantedFaults;
  readonly tenancy: Tenancy;
  readonly intake: CredentialIntake;
  readonly credentials: CredentialStore;
  readonly triggers: TriggerService;
  readonly reachability: ReachabilityView;
  readonly events: SmpEventLog;
  readonly limits: Limits;
  /** A credential went that let its device in. */
  revoked(record: CredentialRecord): void;
}

/** SV-API: what this LwM2M Server does for its Bootstrap Servers. */
export class SmpHandlers implements LwM2mServerHandlers {
  constructor(readonly options: SmpHandlerOptions) {}

  getCapabilities(caller: Caller): Capabilities {
    const { config, intake, limits } = this.options;
    return {
      profile: "smp/1",
      role: "lwm2m-server",
      software: "muster",
      securityModes: intake.modes,
      secretTransport: intake.transports,
      tenant: caller.tenant,
      limits,
      lwm2mServer: {
        triggers: true,
        credentialSlots: config.credentialSlots,
        sessionPolicies: ["close-on-revoke", "keep-until-rehandshake"],
        preProvisioning: true,
        ...(config.shortServerId === undefined ? {} : { shortServerId: config.shortServerId }),
        admission: config.admission,
      },
    };
  }

  getJwks(): Promise<JwkSet> {
    return this.options.intake.jwks();
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

  async stageCredential(caller: Caller, path: CredentialPath, body: CredentialBody): Promise<{ readonly status: 200 | 201; readonly value: Credential }> {
    this.options.tenancy.check(caller, path.ep);
    const staged = await this.options.intake.take(caller.tenant, path, body);
    const { record } = this.options.credentials.stage(caller.tenant, caller.peerId, path.ep, path.credentialId, staged);
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
    const { record, admitted } = this.options.credentials.revoke(caller.tenant, path.ep, path.credentialId, query.version);
    // Nobody came in under a credential that never admitted anybody.
    if (admitted) this.options.revoked(record);
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

  /** One after the other: an item may stage what the next activates. */
  async batchCredentials(caller: Caller, body: UnjudgedBatch): Promise<{ readonly results: readonly BatchItemResult[] }> {
    const results: BatchItemResult[] = [];
    for (const [index, item] of body.items.entries()) {
      const result = await this.#judgeItem(caller, item, index);
      results.push(result);
      if (result.status >= 400 && this.options.plants.has("batch-ends-at-bad-item")) break;
    }
    return { results };
  }

  listEvents(caller: Caller, query: EventQuery, { signal }: CallContext): Promise<EventPage> {
    return this.options.events.poll(caller.tenant, Number(query.after ?? 0), query.limit, query.wait * 1000, signal);
  }

  #trigger(caller: Caller, path: TriggerPath): TriggerRecord {
    const trigger = this.options.triggers.get(caller.tenant, path.triggerId);
    if (trigger === undefined) throw new ProblemError("not-found", "there is no such trigger");
    return trigger;
  }

  #view(record: CredentialRecord): Credential {
    const view = viewOf(record);
    return this.options.plants.has("credential-secret-readable-by-get") ? leaking(view, record.newest.key?.toString("base64url") ?? this.options.tenancy.peer(record.owner)?.token) : view;
  }

  async #judgeItem(caller: Caller, unjudged: unknown, index: number): Promise<BatchItemResult> {
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
      return { status: await this.#carryOut(caller, item), ep: item.ep, credentialId: item.credentialId };
    } catch (error) {
      return refused(error, (field) => `/items/${index}${placeIn(item)}/${field.replace(/^\//, "")}`);
    }
  }

  async #carryOut(caller: Caller, item: BatchItem): Promise<number> {
    const path = { ep: item.ep, credentialId: item.credentialId };
    switch (item.operation) {
      case "stage":
        return (await this.stageCredential(caller, path, { sessionPolicy: "close-on-revoke", ...item.credential })).status;
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
