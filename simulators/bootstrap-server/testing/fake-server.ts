import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { maxParamLength, type PeerConfig } from "../../../src/config/index.js";
import { FaultBoard } from "../../../src/operator/index.js";
import type { Ports } from "../../../src/ports/index.js";
import { ProblemError, SmpEventLog, activationDecision, lwm2mServerApi } from "../../../src/smp/index.js";
import type {
  Activation, BatchActivate, BatchResult, BatchStage, Caller, Capabilities, Credential, CredentialBody, CredentialPage, CredentialPath, EventPage, EventQuery, JwkSet, LwM2mServerHandlers, Reachability, Trigger, TriggerBody,
  ServerTriggerState, UnjudgedBatch,
} from "../../../src/smp/index.js";

interface Kept {
  body: CredentialBody;
  state: Credential["state"];
  newestSession: number | undefined;
}

/** A LwM2M Server's SV-API without a LwM2M Server: it stores, counts, and does with triggers what the test says. */
export class FakeServer implements LwM2mServerHandlers {
  readonly credentials = new Map<string, Kept>();
  readonly triggers: Trigger[] = [];
  /** `stage ab-1 v1`, `activate ab-1 v1`, ... */
  readonly log: string[] = [];
  batches = 0;
  /** Called for each trigger; its result is the state the trigger comes to (with a code), or the problem of the POST. */
  onTrigger: (trigger: Trigger) => { state: ServerTriggerState; code?: string } | ProblemError = () => ({ state: "acknowledged", code: "2.04" });
  /** Thrown by the next activations. */
  refuseActivation: ProblemError | undefined;
  /** Thrown when staging. */
  refuseStaging: ((ep: string) => ProblemError | undefined) | undefined;
  readonly faults: FaultBoard;
  readonly events: SmpEventLog;
  #app: FastifyInstance | undefined;
  base = "";

  constructor(private readonly ports: Ports) {
    this.faults = new FaultBoard(ports.clock);
    this.events = new SmpEventLog(ports.clock, "urn:fake");
  }

  async start(peer: PeerConfig): Promise<void> {
    const app = (this.#app = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength } }));
    const { clock, log, secrets } = this.ports;
    await app.register(lwm2mServerApi(this, { peers: [peer], clock, log, secrets, fault: (operation, ep) => this.faults.apply(operation, ep) }));
    await app.listen({ host: "127.0.0.1", port: 0 });
    const bound = app.server.address();
    this.base = bound === null || typeof bound === "string" ? "" : `http://127.0.0.1:${bound.port}`;
  }

  async stop(): Promise<void> {
    this.faults.clearAll();
    this.events.close();
    await this.#app?.close();
  }

  state(ep: string): string | undefined {
    return [...this.credentials].find(([key]) => key.endsWith(` ${ep}`))?.[1].state;
  }

  getJwks(): JwkSet {
    return { keys: [] };
  }

  getCapabilities(): Capabilities {
    throw new ProblemError("not-found", "not asked for in these tests");
  }

  createTrigger(caller: Caller, body: TriggerBody): Trigger {
    const now = new Date(this.ports.clock.epoch()).toISOString();
    const trigger: Trigger = { triggerId: `t-${this.triggers.length + 1}`, state: "accepted", attempts: 0, createdAt: now, expiresAt: now, updatedAt: now, ...body };
    const outcome = this.onTrigger(trigger);
    if (outcome instanceof ProblemError) throw outcome;
    this.triggers.push(trigger);
    this.log.push(`trigger ${body.ep} ${body.ssid ?? "-"}`);
    if (outcome.state !== "accepted") void Promise.resolve().then(() => this.report(caller.tenant, trigger.triggerId, outcome.state, outcome.code));
    return trigger;
  }

  report(tenant: string, triggerId: string, state: ServerTriggerState, code?: string): void {
    const at = this.triggers.findIndex((one) => one.triggerId === triggerId);
    const trigger = this.triggers[at]!;
    this.triggers[at] = { ...trigger, state, ...(code === undefined ? {} : { code }) };
    this.events.publish(tenant, { type: "smp.trigger.changed", subject: trigger.ep, data: { triggerId, ep: trigger.ep, state, ...(code === undefined ? {} : { code }) } });
  }

  getTrigger(_caller: Caller, { triggerId }: { triggerId: string }): Trigger {
    const trigger = this.triggers.find((one) => one.triggerId === triggerId);
    if (trigger === undefined) throw new ProblemError("not-found", "no such trigger");
    return trigger;
  }

  withdrawTrigger(caller: Caller, path: { triggerId: string }): Trigger {
    this.log.push(`withdraw ${this.getTrigger(caller, path).ep}`);
    this.report(caller.tenant, path.triggerId, "withdrawn");
    return this.getTrigger(caller, path);
  }

  getReachability(): Reachability {
    throw new ProblemError("not-found", "not asked for in these tests");
  }

  stageCredential(_caller: Caller, { ep, credentialId }: CredentialPath, body: CredentialBody): { status: 201; value: Credential } {
    const refused = this.refuseStaging?.(ep);
    if (refused !== undefined) throw refused;
    const key = `${credentialId} ${ep}`;
    const kept = this.credentials.get(key);
    if (kept !== undefined && body.version < kept.body.version) throw new ProblemError("version-regression", "older");
    if (kept === undefined || body.version > kept.body.version) {
      this.credentials.set(key, { body, state: "staged", newestSession: kept?.newestSession });
      this.log.push(`stage ${ep} v${body.version}`);
    }
    return { status: 201, value: this.getCredential(_caller, { ep, credentialId }) };
  }

  getCredential(_caller: Caller, { ep, credentialId }: CredentialPath): Credential {
    const kept = this.credentials.get(`${credentialId} ${ep}`);
    if (kept === undefined) throw new ProblemError("not-found", "no such credential");
    const now = new Date(this.ports.clock.epoch()).toISOString();
    return { ...kept.body, ep, credentialId, state: kept.state, stagedAt: now, updatedAt: now };
  }

  revokeCredential(_caller: Caller, { ep, credentialId }: CredentialPath, { version }: { version: number }): void {
    this.log.push(`revoke ${ep} v${version}`);
    this.credentials.get(`${credentialId} ${ep}`)!.state = "revoked";
  }

  activateCredential(_caller: Caller, { ep, credentialId }: CredentialPath, body: Activation): { effective: boolean } {
    if (this.refuseActivation !== undefined) throw this.refuseActivation;
    const kept = this.credentials.get(`${credentialId} ${ep}`);
    if (kept === undefined) throw new ProblemError("not-found", "never staged");
    const decision = activationDecision({ version: kept.body.version, state: kept.state }, kept.newestSession, body);
    if (decision === "session-displaced" || decision === "version-regression") throw new ProblemError(decision, "no");
    kept.state = "active";
    kept.newestSession = body.sessionId;
    this.log.push(`activate ${ep} v${body.version}`);
    return { effective: true };
  }

  rollBackActivation(_caller: Caller, { ep, credentialId }: CredentialPath, { version }: { version: number }): void {
    this.log.push(`roll-back ${ep} v${version}`);
    this.credentials.get(`${credentialId} ${ep}`)!.state = "rolled-back";
  }

  listCredentials(): CredentialPage {
    return { credentials: [] };
  }

  batchCredentials(caller: Caller, { items }: UnjudgedBatch): BatchResult {
    this.batches += 1;
    const results = items.map((item) => {
      const one = item as BatchStage | BatchActivate;
      const { operation, ep, credentialId } = one;
      try {
        if (one.operation === "stage") this.stageCredential(caller, { ep, credentialId }, { sessionPolicy: "close-on-revoke", ...one.credential });
        else this.activateCredential(caller, { ep, credentialId }, one.activation);
        return { status: operation === "stage" ? 201 : 204, ep, credentialId };
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        return { status: error.status, ep, credentialId, problem: error.toProblem() };
      }
    });
    return { results };
  }

  listEvents(caller: Caller, { after, wait, limit }: EventQuery): Promise<EventPage> {
    return this.events.poll(caller.tenant, after === undefined ? 0 : Number(after), limit, wait * 1000);
  }
}
