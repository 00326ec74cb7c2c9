import type { BootstrapServerTiming } from "../../../src/config/index.js";
import { after, sleep } from "../../../src/ports/index.js";
import type { Clock } from "../../../src/ports/index.js";
import type { BatchActivate, BatchStage, NewCredential } from "../../../src/smp/index.js";
import type { DueQueue } from "./due-queue.js";
import type { AccountRecord, Client, CredentialRecord, OrderItem } from "./model.js";
import { isOk, isPassing } from "./server-link.js";
import type { LinkAnswer, ServerLink } from "./server-link.js";

/** Activations under way one by one at one Server; more than that wait and travel together. */
const singleActivations = 8;
const batchItems = 500;

interface Waiting {
  readonly item: BatchActivate;
  readonly answered: (answer: LinkAnswer) => void;
}

/** The activations towards one Server. Few travel alone, each with its own answer in time; under load they share batches. */
class Activations {
  readonly #waiting: Waiting[] = [];
  #single = 0;
  #batching = false;

  constructor(
    private readonly link: ServerLink,
    private readonly timeoutMs: number,
  ) {}

  async send(item: BatchActivate, timeoutMs: number): Promise<LinkAnswer> {
    if (this.#single >= singleActivations) {
      return new Promise((answered) => {
        this.#waiting.push({ item, answered });
        if (!this.#batching) void this.#batches();
      });
    }
    this.#single += 1;
    try {
      return await this.link.activate(item.ep, item.credentialId, item.activation, timeoutMs);
    } finally {
      this.#single -= 1;
    }
  }

  async #batches(): Promise<void> {
    this.#batching = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchItems);
      const answers = await this.link.batch(batch.map(({ item }) => item), this.timeoutMs);
      batch.forEach(({ answered }, index) => answered(answers[index] ?? { status: 0 }));
    }
    this.#batching = false;
  }
}

/** What a credential is called at the Server: one for each account, so its id can be the account's. */
export const credentialIdOf = (account: AccountRecord): string => account.id;

/** Credentials at the target Servers (SM-3): staged before a trigger, activated inside a session, rolled back or revoked after it. */
export class Sm3 {
  readonly #activations = new Map<string, Activations>();
  /** Activations answered 202: not usable on every node yet. By Server, then endpoint and credential. */
  readonly #awaited = new Map<string, Map<string, () => void>>();
  /** Called when a Server's news are wanted. */
  watch: (link: ServerLink) => void = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly timing: BootstrapServerTiming,
    private readonly links: ReadonlyMap<string, ServerLink>,
    private readonly due: DueQueue,
  ) {}

  /** Whether an event of this Server is waited for. */
  waitsAt(peerId: string): boolean {
    return (this.#awaited.get(peerId)?.size ?? 0) > 0;
  }

  /** The Server says that a credential is usable everywhere. */
  effective(peerId: string, ep: string, credentialId: string): void {
    this.#awaited.get(peerId)?.get(`${credentialId} ${ep}`)?.();
  }

  /** The Server an account leads to; undefined when this Bootstrap Server cannot call it, and then it has no credentials. */
  linkOf(account: AccountRecord): ServerLink | undefined {
    return this.links.get(account.owner);
  }

  /** Whether the account needs no (further) staging for this client. */
  isStaged(account: AccountRecord, record: CredentialRecord): boolean {
    return this.linkOf(account) === undefined || record.state === "staged" || record.state === "active";
  }

  /** The version a PUT would stage: a new one after a version was spent, so that versions only grow. */
  body(account: AccountRecord, record: CredentialRecord, item: OrderItem | undefined): NewCredential {
    const version = record.state === "staged" || record.state === "active" ? record.version : record.version + 1;
    return {
      version,
      ssid: account.ssid,
      mode: account.revision.body.securityMode,
      ...(record.version > 0 && version > record.version ? { supersedes: record.version } : {}),
      ...(item === undefined ? {} : { sessionPolicy: item.order.policy.sessionPolicy, orderItem: item.reference }),
    };
  }

  /** Stages one credential within the budget of ORD-2. */
  async stage(client: Client, account: AccountRecord, item: OrderItem | undefined): Promise<LinkAnswer> {
    const link = this.linkOf(account);
    const record = client.credential(account.id);
    if (link === undefined || this.isStaged(account, record)) return { status: 200 };
    const body = this.body(account, record, item);
    const answer = await this.#within(this.timing.sm3BudgetMs, (left) => link.stage(client.endpoint, credentialIdOf(account), body, left));
    if (isOk(answer)) settle(record, body.version, "staged");
    return answer;
  }

  /** Stages many for one Server; one answer for each, in order. */
  async stageBatch(link: ServerLink, items: readonly OrderItem[]): Promise<readonly LinkAnswer[]> {
    const entries = items.map((item): BatchStage => {
      const { account } = item.order;
      return { operation: "stage", ep: item.client.endpoint, credentialId: credentialIdOf(account), credential: this.body(account, item.client.credential(account.id), item) };
    });
    const answers = await link.batch(entries, this.timing.sm3BudgetMs * 4);
    entries.forEach(({ credential }, index) => {
      const [item, answer] = [items[index], answers[index]];
      if (item !== undefined && answer !== undefined && isOk(answer)) settle(item.client.credential(item.order.account.id), credential.version, "staged");
    });
    return answers;
  }

  /** Activates within the budget, which never outlasts the session (ORD-1, ORD-2, ORD-5). */
  async activate(client: Client, account: AccountRecord, sessionId: number, withinMs: number): Promise<LinkAnswer> {
    const link = this.linkOf(account);
    if (link === undefined) return { status: 204 };
    const record = client.credential(account.id);
    const { version } = record;
    const item: BatchActivate = { operation: "activate", ep: client.endpoint, credentialId: credentialIdOf(account), activation: { version, sessionId } };
    let queue = this.#activations.get(link.peer.id);
    if (queue === undefined) this.#activations.set(link.peer.id, (queue = new Activations(link, this.timing.sm3BudgetMs)));
    const activations = queue;
    const until = this.clock.now() + Math.min(this.timing.sm3BudgetMs, withinMs);
    const answer = await this.#within(until - this.clock.now(), (left) => activations.send(item, left));
    if (answer.status === 202 && !(await this.#effectiveBy(link, item, until - this.clock.now()))) return { status: 0 };
    if (isOk(answer)) settle(record, version, "active");
    return answer;
  }

  #effectiveBy(link: ServerLink, { ep, credentialId }: BatchActivate, withinMs: number): Promise<boolean> {
    const key = `${credentialId} ${ep}`;
    let awaited = this.#awaited.get(link.peer.id);
    if (awaited === undefined) this.#awaited.set(link.peer.id, (awaited = new Map<string, () => void>()));
    const waiting = awaited;
    return new Promise((resolve) => {
      const end = (effective: boolean): void => {
        waiting.delete(key);
        this.clock.stop(timer);
        resolve(effective);
      };
      const timer = after(this.clock, Math.max(1, withinMs), "credential becomes effective", () => end(false));
      waiting.set(key, () => end(true));
      this.watch(link);
    });
  }

  async rollBack(client: Client, account: AccountRecord, sessionId: number): Promise<void> {
    const link = this.linkOf(account);
    const record = client.credential(account.id);
    if (link === undefined || record.version === 0) return;
    const { version } = record;
    record.state = "rolled-back";
    await this.#persist(() => link.rollBack(client.endpoint, credentialIdOf(account), version, sessionId, this.timing.sm3BudgetMs));
  }

  /** Resolves true when the Server confirmed that nobody gets in with it any more. */
  async revoke(client: Client, account: AccountRecord): Promise<boolean> {
    const link = this.linkOf(account);
    const record = client.credential(account.id);
    if (link === undefined || record.version === 0) return true;
    const { version } = record;
    record.state = "revoked";
    const answer = await this.#persist(() => link.revoke(client.endpoint, credentialIdOf(account), version, this.timing.sm3BudgetMs));
    return isOk(answer) || answer.status === 404;
  }

  async #within(budgetMs: number, call: (leftMs: number) => Promise<LinkAnswer>): Promise<LinkAnswer> {
    const until = this.clock.now() + budgetMs;
    for (let attempt = 0; ; attempt++) {
      const answer = await call(Math.max(1, Math.ceil(until - this.clock.now())));
      if (!isPassing(answer) || attempt >= this.timing.sm3Retries) return answer;
      if (this.clock.now() + this.timing.sm3RetryDelayMs >= until) return answer;
      await sleep(this.clock, this.timing.sm3RetryDelayMs, "SM-3 retry");
    }
  }

  /** Clean-up that nothing waits for: tried for some minutes, each pause twice the one before. */
  async #persist(call: () => Promise<LinkAnswer>): Promise<LinkAnswer> {
    for (let attempt = 0; ; attempt++) {
      const answer = await call();
      if (!isPassing(answer) || attempt >= 8) return answer;
      // When the server stops, the queue is emptied and nothing of this goes on.
      await new Promise<void>((resolve) => this.due.add(this.timing.retryDelayMs * 2 ** attempt, resolve));
    }
  }
}

function settle(record: CredentialRecord, version: number, state: "staged" | "active"): void {
  // An answer that was overtaken by a later version changes nothing.
  if (version < record.version) return;
  if (state === "staged" && version === record.version && record.state === "active") return;
  record.version = version;
  record.state = state;
}
