import type { PeerConfig } from "../../../src/config/index.js";
import type { Clock } from "../../../src/ports/index.js";
import { sleep } from "../../../src/ports/index.js";
import { defaultLimits } from "../../../src/smp/index.js";
import type { Activation, BatchActivate, BatchStage, Capabilities, EventPage, JwkSet, NewCredential, NewTrigger, Trigger } from "../../../src/smp/index.js";
import type { LinkAnswer, ServerLink, TriggerAnswer } from "../engine/server-link.js";

/** A LwM2M Server in memory, on the clock of the test: every call is logged and answered well, unless the test says otherwise. */
export class MemoryLink implements ServerLink {
  readonly log: string[] = [];
  readonly activations: Activation[] = [];
  readonly triggers: NewTrigger[] = [];
  readonly staged: NewCredential[] = [];
  stageAnswer: LinkAnswer = { status: 201 };
  activateAnswer: LinkAnswer = { status: 204 };
  activateAfterMs = 5;
  triggerState: Trigger["state"] = "acknowledged";

  constructor(
    readonly peer: PeerConfig,
    private readonly clock: Clock,
  ) {}

  capabilitiesAnswer: Capabilities = { profile: "smp/1", role: "lwm2m-server", securityModes: ["psk", "nosec"], secretTransport: ["jwe"], limits: defaultLimits };
  jwksAnswer: JwkSet = { keys: [] };

  async capabilities(): Promise<Capabilities> {
    return this.capabilitiesAnswer;
  }

  async jwks(): Promise<JwkSet> {
    return this.jwksAnswer;
  }

  async stage(ep: string, _credentialId: string, body: NewCredential): Promise<LinkAnswer> {
    this.staged.push(body);
    await sleep(this.clock, 5);
    this.log.push(`stage ${ep} v${body.version}`);
    return this.stageAnswer;
  }

  batch(items: readonly (BatchStage | BatchActivate)[]): Promise<readonly LinkAnswer[]> {
    return Promise.all(items.map((item) => (item.operation === "stage" ? this.stage(item.ep, item.credentialId, item.credential) : this.activate(item.ep, item.credentialId, item.activation, 1000))));
  }

  async activate(ep: string, _credentialId: string, body: Activation, timeoutMs: number): Promise<LinkAnswer> {
    this.activations.push(body);
    await sleep(this.clock, Math.min(this.activateAfterMs, timeoutMs));
    if (this.activateAfterMs > timeoutMs) return { status: 0 };
    this.log.push(`activate ${ep} v${body.version} ${this.activateAnswer.status}`);
    return this.activateAnswer;
  }

  async rollBack(ep: string): Promise<LinkAnswer> {
    this.log.push(`roll-back ${ep}`);
    return { status: 204 };
  }

  async revoke(ep: string): Promise<LinkAnswer> {
    this.log.push(`revoke ${ep}`);
    return { status: 204 };
  }

  async createTrigger(body: NewTrigger): Promise<TriggerAnswer> {
    this.triggers.push(body);
    await sleep(this.clock, 5);
    return { status: 202, trigger: this.#trigger(body, this.triggers.length) };
  }

  async getTrigger(triggerId: string): Promise<TriggerAnswer> {
    const index = Number(triggerId.slice(2));
    const body = this.triggers[index - 1];
    return body === undefined ? { status: 404 } : { status: 200, trigger: this.#trigger(body, index) };
  }

  async withdrawTrigger(triggerId: string): Promise<TriggerAnswer> {
    this.log.push(`withdraw ${triggerId}`);
    return this.getTrigger(triggerId);
  }

  async events(): Promise<EventPage | { readonly status: number }> {
    await sleep(this.clock, 50);
    return { status: 404 };
  }

  async close(): Promise<void> {}

  #trigger(body: NewTrigger, index: number): Trigger {
    const at = "2026-01-01T00:00:00Z";
    return {
      validity: "PT6S", priority: "normal", ...body, triggerId: `t-${index}`, state: this.triggerState, attempts: 1, createdAt: at, expiresAt: at, updatedAt: at,
      ...(this.triggerState === "acknowledged" ? { code: "2.04" } : {}),
    };
  }
}
