import type { BootstrapServerTiming } from "../../../src/config/index.js";
import { after, sleep } from "../../../src/ports/index.js";
import type { Clock } from "../../../src/ports/index.js";
import type { BatchActivate, BatchStage } from "../../../src/smp/index.js";
import type { Plants } from "../plants.js";
import { versionFor } from "./credentials.js";
import type { CredentialRecord } from "./credentials.js";
import type { DeviceKey } from "./device-keys.js";
import type { DueQueue } from "./due-queue.js";
import type { AccountRecord, Client, OrderItem } from "./model.js";
import { isFailure, isOk, isPassing } from "./server-link.js";
import type { LinkAnswer, ServerLink } from "./server-link.js";
import type { StageBodies } from "./stage-bodies.js";

/** Activations under way one by one at one Server; more than that wait and travel together. */
const singleActivations = 8;
const batchItems = 500;
/** Largest body of a batch (profile, sizes), with room for what is around the items. */
const batchBytes = 500_000;

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
    private readonly bodies: StageBodies,
    private readonly plants: Plants,
  ) {}

  /** Whether an event of this Server is waited for. */
  waitsAt(peerId: string): boolean {
    return (this.#awaited.get(peerId)?.size ?? 0) > 0;
  }

  /** The Server says that a credential is usable everywhere. */
  effective(peerId: string, ep: string, credentialId: string): void {
    this.#awaited.get(peerId)?.get(`${credentialId} ${ep}`)?.();
  }

  /** The Server an account leads to; undefined when this Bootstrap Server cannot call it: then nobody is told of its credentials. */
  linkOf(account: AccountRecord): ServerLink | undefined {
    return this.links.get(account.owner);
  }

  /** Whether there are credentials for the account: at a Server that can be called, or the Server's own. */
  hasCredentials(account: AccountRecord): boolean {
    return this.linkOf(account) !== undefined || account.isKeyed;
  }

  /** 1: the Server has no room for an old version beside the new one. */
  slotsOf(account: AccountRecord): 1 | 2 {
    const link = this.linkOf(account);
    return link === undefined ? 2 : this.bodies.termsOf(link).slots;
  }

  /** Planted fault: a key that the Server is not told of. */
  unstagedKey(client: Client, account: AccountRecord): DeviceKey | undefined {
    return this.bodies.unstagedKey(client, account);
  }

  /** Stages one credential within the budget of ORD-2, unless the item has its version already. */
  async stage(client: Client, account: AccountRecord, item: OrderItem | undefined): Promise<LinkAnswer> {
    const link = this.linkOf(account);
    const record = client.credential(account.id);
    if (versionFor(record, item) !== undefined || !this.hasCredentials(account)) return done;
    return this.#within(this.timing.sm3BudgetMs, async (left) => {
      const answer = await this.#stageOnce(link, client, account, item, left);
      // The Server has other keys than it said: once more to its new one.
      if (link === undefined || answer.problem !== "key-unwrap") return answer;
      this.bodies.termsOf(link).forget();
      return this.#stageOnce(link, client, account, item, left);
    });
  }

  async #stageOnce(link: ServerLink | undefined, client: Client, account: AccountRecord, item: OrderItem | undefined, leftMs: number): Promise<LinkAnswer> {
    const record = client.credential(account.id);
    const body = await this.bodies.make(link, client, account, item, leftMs);
    if (isFailure(body)) return body;
    const answer = link === undefined ? done : await link.stage(client.endpoint, record.credentialId, body, leftMs);
    if (isOk(answer)) settleStaged(record, body.version, item);
    return answer;
  }

  /** Stages many for one Server; one answer for each, in order. */
  async stageBatch(link: ServerLink, items: readonly OrderItem[]): Promise<readonly LinkAnswer[]> {
    const answers = await this.#stageEach(link, items);
    const unread = items.filter((_, index) => answers[index]?.problem === "key-unwrap");
    if (unread.length === 0) return answers;
    this.bodies.termsOf(link).forget();
    const second = await this.#stageEach(link, unread);
    return items.map((item, index) => second[unread.indexOf(item)] ?? answers[index] ?? { status: 0 });
  }

  async #stageEach(link: ServerLink, items: readonly OrderItem[]): Promise<LinkAnswer[]> {
    const answers: LinkAnswer[] = [];
    const entries: { readonly at: number; readonly item: OrderItem; readonly entry: BatchStage }[] = [];
    await Promise.all(
      items.map(async (item, at) => {
        const { account } = item.order;
        const body = await this.bodies.make(link, item.client, account, item, this.timing.sm3BudgetMs);
        if (isFailure(body)) answers[at] = body;
        else entries.push({ at, item, entry: { operation: "stage", ep: item.client.endpoint, credentialId: item.client.credential(account.id).credentialId, credential: body } });
      }),
    );
    for (const batch of inBatches(entries)) {
      const said = await link.batch(batch.map(({ entry }) => entry), this.timing.sm3BudgetMs * 4);
      batch.forEach(({ at, item, entry }, index) => {
        const answer = said[index] ?? { status: 0 };
        answers[at] = answer;
        if (isOk(answer)) settleStaged(item.client.credential(item.order.account.id), entry.credential.version, item);
      });
    }
    return answers;
  }

  /** Activates a version within the budget, which never outlasts the session (ORD-1, ORD-2, ORD-5). */
  async activate(client: Client, account: AccountRecord, version: number, sessionId: number, withinMs: number): Promise<LinkAnswer> {
    const link = this.linkOf(account);
    const record = client.credential(account.id);
    if (link === undefined) {
      record.activated(version, 2);
      return done;
    }
    const item: BatchActivate = { operation: "activate", ep: client.endpoint, credentialId: record.credentialId, activation: { version, sessionId } };
    let queue = this.#activations.get(link.peer.id);
    if (queue === undefined) this.#activations.set(link.peer.id, (queue = new Activations(link, this.timing.sm3BudgetMs)));
    const activations = queue;
    const until = this.clock.now() + Math.min(this.timing.sm3BudgetMs, withinMs);
    const answer = await this.#within(until - this.clock.now(), (left) => activations.send(item, left));
    if (answer.status === 202 && !(await this.#effectiveBy(link, item, until - this.clock.now()))) return { status: 0 };
    if (isOk(answer)) record.activated(version, this.slotsOf(account));
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

  /** Takes an activation back; true when the Server said that it has. */
  async rollBack(client: Client, account: AccountRecord, version: number, sessionId: number): Promise<boolean> {
    const link = this.linkOf(account);
    const record = client.credential(account.id);
    // From now on nothing is written under it, whatever the Server says and when.
    record.takenBack(version);
    if (link === undefined || this.plants.has("rollback-not-sent")) return true;
    return isOk(await this.#persist(() => link.rollBack(client.endpoint, record.credentialId, version, sessionId, this.timing.sm3BudgetMs)));
  }

  /** Resolves true when the Server confirmed that nobody gets in with it any more. */
  async revoke(client: Client, account: AccountRecord): Promise<boolean> {
    const link = this.linkOf(account);
    const record = client.credential(account.id);
    const { version } = record;
    record.revoked();
    if (link === undefined || version === 0) return true;
    const answer = await this.#persist(() => link.revoke(client.endpoint, record.credentialId, version, this.timing.sm3BudgetMs));
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

const done: LinkAnswer = { status: 200 };

function settleStaged(record: CredentialRecord, version: number, item: OrderItem | undefined): void {
  record.staged(version);
  if (item !== undefined) item.credentialVersion = version;
}

/** Slices that stay below the profile's limits: long endpoint names and keys count. */
function* inBatches<T extends { readonly entry: BatchStage }>(entries: readonly T[]): Generator<readonly T[]> {
  let from = 0;
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) {
    const size = Buffer.byteLength(JSON.stringify(entries[at]?.entry)) + 1;
    if (at > from && (at - from === batchItems || bytes + size > batchBytes)) {
      yield entries.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < entries.length) yield entries.slice(from);
}
