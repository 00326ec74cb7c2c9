import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { maxParamLength, type PeerConfig } from "../../../src/config/index.js";
import { FaultBoard } from "../../../src/operator/index.js";
import type { Ports } from "../../../src/ports/index.js";
import { ProblemError, SecretKeys, SmpEventLog, activationDecision, activeOf, defaultLimits, lwm2mServerApi, newestOf, nextLine, takeSecret } from "../../../src/smp/index.js";
import type {
  Activation, BatchActivate, BatchResult, BatchStage, Caller, Capabilities, Credential, CredentialBody, CredentialLine, CredentialPage, CredentialPath, EventPage, EventQuery, JwkSet, LwM2mServerHandlers, Reachability, Trigger, TriggerBody,
  ServerTriggerState, UnjudgedBatch,
} from "../../../src/smp/index.js";

interface Kept {
  body: CredentialBody;
  line: CredentialLine;
  newestSession: number | undefined;
  /** Keys by version. */
  readonly keys: Map<number, Buffer>;
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
  slots: 1 | 2 = 2;
  secretTransport: Capabilities["secretTransport"] = ["jwe"];
  keys: SecretKeys | undefined;
  /** Bodies as they were staged, without their secrets. */
  readonly bodies: Omit<CredentialBody, "secret">[] = [];
  readonly faults: FaultBoard;
  readonly events: SmpEventLog;
  #app: FastifyInstance | undefined;
  base = "";

  constructor(private readonly ports: Ports) {
    this.faults = new FaultBoard(ports.clock);
    this.events = new SmpEventLog(ports.clock, "urn:fake");
  }

  async start(peer: PeerConfig): Promise<void> {
    this.keys = await SecretKeys.create("first");
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
    return newestOf(this.#kept(ep)?.line ?? [])?.state;
  }

  /** `1 retiring, 2 active` */
  versions(ep: string): string {
    return (this.#kept(ep)?.line ?? []).map(({ version, state }) => `${version} ${state}`).join(", ");
  }

  key(ep: string, version: number): Buffer | undefined {
    return this.#kept(ep)?.keys.get(version);
  }

  /** The device was seen registering. */
  seen(ep: string, version: number): void {
    const kept = this.#kept(ep);
    if (kept !== undefined) kept.line = nextLine(kept.line, { in: "register-seen", version }) ?? kept.line;
  }

  #kept(ep: string): Kept | undefined {
    return [...this.credentials].find(([key]) => key.endsWith(` ${ep}`))?.[1];
  }

  getJwks(): JwkSet {
    return this.keys?.set ?? { keys: [] };
  }

  getCapabilities(caller: Caller): Capabilities {
    return {
      profile: "smp/1", role: "lwm2m-server", securityModes: ["psk", "nosec"], secretTransport: this.secretTransport, tenant: `${caller.tenant} here`, limits: defaultLimits,
      lwm2mServer: { triggers: true, credentialSlots: this.slots, preProvisioning: true },
    };
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

  async stageCredential(caller: Caller, { ep, credentialId }: CredentialPath, { secret, ...body }: CredentialBody): Promise<{ status: 201; value: Credential }> {
    const refused = this.refuseStaging?.(ep);
    if (refused !== undefined) throw refused;
    const { version, ssid, bits = 0, kcv = "" } = body;
    const context = { tenant: `${caller.tenant} here`, ep, ssid, credentialId, version, purpose: "sm3-psk" } as const;
    const key = secret === undefined || this.keys === undefined ? undefined : await takeSecret({ secret, bits, kcv }, context, this.keys, this.secretTransport);
    const name = `${credentialId} ${ep}`;
    const kept: Kept = this.credentials.get(name) ?? { body, line: [], newestSession: undefined, keys: new Map() };
    const newest = newestOf(kept.line)?.version ?? 0;
    if (version < newest) throw new ProblemError("version-regression", "older");
    if (version > newest) {
      this.credentials.set(name, { ...kept, body, line: nextLine(kept.line, { in: "stage", version }) ?? kept.line });
      this.bodies.push(body);
      this.log.push(`stage ${ep} v${version}`);
    } else if (key !== undefined && kept.keys.get(version)?.equals(key) === false) throw new ProblemError("version-regression", "another key");
    if (key !== undefined) kept.keys.set(version, key);
    return { status: 201, value: this.getCredential(caller, { ep, credentialId }) };
  }

  getCredential(_caller: Caller, { ep, credentialId }: CredentialPath): Credential {
    const { body, line } = this.#credential(credentialId, ep);
    const now = new Date(this.ports.clock.epoch()).toISOString();
    return { ...body, ep, credentialId, state: newestOf(line)?.state ?? "staged", stagedAt: now, updatedAt: now };
  }

  #credential(credentialId: string, ep: string): Kept {
    const kept = this.credentials.get(`${credentialId} ${ep}`);
    if (kept === undefined) throw new ProblemError("not-found", "no such credential");
    return kept;
  }

  revokeCredential(_caller: Caller, { ep, credentialId }: CredentialPath, { version }: { version: number }): void {
    this.log.push(`revoke ${ep} v${version}`);
    const kept = this.#credential(credentialId, ep);
    kept.line = nextLine(kept.line, { in: "revoke" }) ?? kept.line;
  }

  activateCredential(_caller: Caller, { ep, credentialId }: CredentialPath, body: Activation): { effective: boolean } {
    if (this.refuseActivation !== undefined) throw this.refuseActivation;
    const kept = this.#credential(credentialId, ep);
    const { version = 0, state = "staged" } = newestOf(kept.line) ?? {};
    const decision = activationDecision({ version, state, activeVersion: activeOf(kept.line)?.version }, kept.newestSession, body);
    if (decision === "session-displaced" || decision === "version-regression") throw new ProblemError(decision, "no");
    kept.line = nextLine(kept.line, { in: "activate", version: body.version, slots: this.slots }) ?? kept.line;
    kept.newestSession = body.sessionId;
    this.log.push(`activate ${ep} v${body.version}`);
    return { effective: true };
  }

  rollBackActivation(_caller: Caller, { ep, credentialId }: CredentialPath, { version }: { version: number }): void {
    const kept = this.#credential(credentialId, ep);
    const line = nextLine(kept.line, { in: "roll-back", version });
    if (line === undefined) throw new ProblemError("version-regression", "a device registered with it");
    kept.line = line;
    this.log.push(`roll-back ${ep} v${version}`);
  }

  listCredentials(): CredentialPage {
    return { credentials: [] };
  }

  async batchCredentials(caller: Caller, { items }: UnjudgedBatch): Promise<BatchResult> {
    this.batches += 1;
    const results: BatchResult["results"][number][] = [];
    for (const item of items) {
      const one = item as BatchStage | BatchActivate;
      const { operation, ep, credentialId } = one;
      try {
        if (one.operation === "stage") await this.stageCredential(caller, { ep, credentialId }, { sessionPolicy: "close-on-revoke", ...one.credential });
        else this.activateCredential(caller, { ep, credentialId }, one.activation);
        results.push({ status: operation === "stage" ? 201 : 204, ep, credentialId });
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        results.push({ status: error.status, ep, credentialId, problem: error.toProblem() });
      }
    }
    return { results };
  }

  listEvents(caller: Caller, { after, wait, limit }: EventQuery): Promise<EventPage> {
    return this.events.poll(caller.tenant, after === undefined ? 0 : Number(after), limit, wait * 1000);
  }
}
