import type { Clock } from "../../../src/ports/index.js";
import { isTerminalItem } from "../../../src/smp/index.js";
import type { ItemReason } from "../../../src/smp/index.js";
import type { Assignment, SessionOutcome } from "../session-context.js";
import type { AccountPayload, Plan, WantedAccount, Wish } from "../plan.js";
import type { Plants } from "../plants.js";
import type { SessionFailure } from "../session.js";
import { renews, versionFor } from "./credentials.js";
import type { Items } from "./items.js";
import type { AccountRecord, AccountRevision, Client, LastBootstrap, OrderItem } from "./model.js";
import type { PlainWish } from "./plain.js";
import { isOk, isPassing } from "./server-link.js";
import type { Sm3 } from "./sm3.js";
import type { Triggering } from "./triggering.js";

export interface AssignmentContext {
  readonly clock: Clock;
  readonly items: Items;
  readonly sm3: Sm3;
  readonly triggering: Triggering;
  readonly plants: Plants;
  /** The device holds other accounts now. */
  bootstrapped(client: Client): void;
}

/** One session's share in the orders of a client: which accounts it writes and removes, and what becomes of the items. */
export class OrderAssignment implements Assignment {
  /** Items this session is to deliver; those still `accepted` are in `#late` until their credential is staged. */
  readonly #items: OrderItem[];
  readonly #late: OrderItem[];
  readonly #left = new Set<number>();
  readonly #activated = new Set<number>();
  /** Versions that this session activated, and whether one was active before that comes back with a roll-back. */
  readonly #fresh = new Map<AccountRecord, { readonly version: number; readonly replaces: boolean }>();
  #revisions = new Map<number, AccountRevision>();
  /** The credential versions that the plan writes, by account: activated are these and no others. */
  #versions = new Map<AccountRecord, number>();
  /** The session is over: what is answered now is no longer its affair. */
  #over = false;
  /** The wish as last given; undefined once something changed that it depends on. */
  #given: { readonly rewrite: boolean; readonly wish: Wish } | undefined;

  constructor(
    private readonly context: AssignmentContext,
    private readonly client: Client,
    private readonly plain: PlainWish | undefined,
    readonly sessionId: number,
  ) {
    const active = client.open.filter(({ order }) => order.status === "active");
    this.#late = active.filter(({ state, order }) => state === "accepted" && order.type !== "remove");
    this.#items = active.filter((item) => context.items.move(item, { in: "bootstrap-requested" }));
    for (const item of this.#items) item.sessionId = sessionId;
    this.#remember("running");
  }

  get empty(): boolean {
    return this.plain === undefined && this.client.holdings.length === 0 && this.#items.length === 0 && this.#late.length === 0;
  }

  wish(rewrite: boolean): Wish {
    if (this.#given?.rewrite !== rewrite) this.#given = { rewrite, wish: this.#compose(rewrite) };
    return this.#given.wish;
  }

  #leave(account: AccountRecord): void {
    this.#left.add(account.ssid);
    this.#given = undefined;
  }

  #itemOf(account: AccountRecord): OrderItem | undefined {
    return [...this.#items, ...this.#late].find((item) => item.order.account === account && !isTerminalItem(item.state));
  }

  #compose(rewrite: boolean): Wish {
    this.#versions = new Map();
    const all = rewrite || (this.#items.length === 0 && this.#late.length === 0);
    const accounts: WantedAccount[] = [];
    const remove = new Set<number>();
    const revisions = new Map<number, AccountRevision>();
    const put = (revision: AccountRevision, mode: WantedAccount["mode"]): void => {
      const { ssid } = revision.account;
      if (this.#left.has(ssid)) return;
      accounts.push({ ssid, uri: revision.values.uri, payload: this.#payload(revision), grants: revision.grants, mode });
      revisions.set(ssid, revision);
    };
    const managed = new Set([...this.client.holdings.map(({ revision }) => revision.account.ssid), ...this.#items.map(({ order }) => order.account.ssid)]);
    for (const account of this.plain?.accounts ?? []) {
      if (!managed.has(account.ssid)) accounts.push({ ...account, mode: all ? "write" : "keep" });
    }
    for (const { revision } of this.client.holdings) {
      const item = this.#itemOf(revision.account);
      if (item?.order.type === "remove") {
        if (!this.context.plants.has("removed-account-left")) remove.add(revision.account.ssid);
      } else put(this.#revisionFor(revision, item), item === undefined && !all ? "keep" : "write");
    }
    for (const item of [...this.#items, ...this.#late]) {
      const { account, type } = item.order;
      if (type !== "remove" && !isTerminalItem(item.state) && this.client.holding(account.id) === undefined) put(account.revision, "write");
    }
    this.#revisions = revisions;
    const wish: Wish = {
      accounts,
      remove,
      // An account that may not be written is not to be deleted either: the device stays on what it has of it.
      removeOthers: this.plain?.configuration.keepOthers === false && this.#left.size === 0,
      resources: all ? (this.plain?.resources ?? []) : [],
    };
    return this.context.plants.has("deletes-other-operators-account") ? { ...wish, accounts: accounts.filter(({ mode }) => mode === "write"), removeOthers: true } : wish;
  }

  /** A rotation leaves the values as they are, unless the key is of a mode that the account has had since. */
  #revisionFor(held: AccountRevision, item: OrderItem | undefined): AccountRevision {
    const { account } = held;
    const record = this.client.credential(account.id);
    const version = versionFor(record, item);
    const mode = version === undefined ? undefined : record.key(version)?.mode;
    const keeps = item === undefined || item.order.type === "rotate";
    return keeps && (mode === undefined || mode === held.body.securityMode) ? held : account.revision;
  }

  /** What the device gets of an account. One whose credential is not staged yet is planned without its key, and planned again before anything is sent. */
  #payload({ account, payload, securityWith }: AccountRevision): AccountPayload {
    const record = this.client.credential(account.id);
    const version = versionFor(record, this.#itemOf(account));
    if (version !== undefined) this.#versions.set(account, version);
    if (!account.isKeyed) return payload;
    const unstaged = version === undefined && this.context.plants.has("serves-unstaged") ? this.context.sm3.unstagedKey(this.client, account) : undefined;
    const key = version === undefined ? unstaged : record.key(version);
    return key === undefined ? payload : { ...payload, security: securityWith(key) };
  }

  #managedIn(plan: Plan): AccountRecord[] {
    return [...plan.written].flatMap((ssid) => {
      const account = this.#revisions.get(ssid)?.account;
      return account === undefined || !this.context.sm3.hasCredentials(account) ? [] : [account];
    });
  }

  /** Activated after the writes: the order asks for it, or the Server has no second slot for what it would replace. */
  #isCommitted(account: AccountRecord): boolean {
    const item = this.#itemOf(account);
    if (item === undefined) return false;
    if (item.order.policy.activation === "before-finish") return true;
    const { active } = this.client.credential(account.id);
    return renews(item) && active !== undefined && active.version !== this.#versions.get(account) && this.context.sm3.slotsOf(account) === 1;
  }

  needs(plan: Plan): { stage: boolean; activate: boolean; commit: boolean } {
    const managed = this.#managedIn(plan);
    const isStaged = (account: AccountRecord): boolean => this.#versions.has(account);
    const unstagedServed = this.context.plants.has("serves-unstaged");
    const waiting = managed.filter((account) => !this.#activated.has(account.ssid) && (!unstagedServed || isStaged(account)));
    return {
      stage: !unstagedServed && managed.some((account) => !isStaged(account)),
      activate: waiting.some((account) => !this.#isCommitted(account)),
      commit: waiting.some((account) => this.#isCommitted(account)),
    };
  }

  async stage(plan: Plan): Promise<void> {
    await Promise.all(this.#managedIn(plan).map((account) => this.#stageOne(account)));
    if (this.#over) return;
    this.#takeLate();
    // Keys that were not there when the plan was made are there now.
    this.#given = undefined;
  }

  async #stageOne(account: AccountRecord): Promise<void> {
    const { items, sm3 } = this.context;
    const item = this.#itemOf(account);
    const answer = await sm3.stage(this.client, account, item);
    if (this.#over) return;
    if (isOk(answer)) {
      // The batch that was on its way may have brought the item here first.
      if (item?.state === "accepted") {
        item.credentialVersion = versionFor(this.client.credential(account.id), item) ?? 0;
        items.move(item, { in: "staged" });
      }
      return;
    }
    this.#leave(account);
    if (item === undefined || (item.state === "accepted" && isPassing(answer))) return;
    if (!isPassing(answer)) items.move(item, { in: "sm3-refused" });
    else if (items.move(item, { in: "session-lost" })) this.#goOn(item);
  }

  /** Late items whose credential is staged by now belong to this session. */
  #takeLate(): void {
    for (const item of this.#late) {
      if (item.state === "accepted" || this.#left.has(item.order.account.ssid)) continue;
      if (!this.context.items.move(item, { in: "bootstrap-requested" })) continue;
      item.sessionId = this.sessionId;
      this.#items.push(item);
    }
    if (this.#late.length > 0) this.#given = undefined;
    this.#late.length = 0;
  }

  async activate(plan: Plan, sessionId: number, withinMs: number): Promise<void> {
    this.#takeLate();
    const accounts = this.#managedIn(plan).filter((account) => !this.#isCommitted(account));
    await Promise.all(accounts.map((account) => this.#activateOne(account, sessionId, withinMs)));
  }

  async commit(plan: Plan, sessionId: number, withinMs: number): Promise<boolean> {
    const accounts = this.#managedIn(plan).filter((account) => this.#isCommitted(account));
    return (await Promise.all(accounts.map((account) => this.#activateOne(account, sessionId, withinMs)))).every((active) => active);
  }

  async #activateOne(account: AccountRecord, sessionId: number, withinMs: number): Promise<boolean> {
    const { items, sm3, plants } = this.context;
    const version = this.#versions.get(account);
    if (this.#activated.has(account.ssid) || version === undefined) return true;
    const { active } = this.client.credential(account.id);
    const isFresh = active?.version !== version;
    if (isFresh) this.#fresh.set(account, { version, replaces: active !== undefined });
    const answer = await sm3.activate(this.client, account, version, sessionId, withinMs);
    if (this.#over) return false;
    if (isOk(answer) || plants.has("sm3-budget-ignored")) {
      this.#activated.add(account.ssid);
      return true;
    }
    // A newer session has taken over: what becomes of the items is its affair.
    this.#leave(account);
    if (answer.problem === "session-displaced") return false;
    for (const item of this.#items) if (item.order.account === account && item.order.type !== "remove") items.move(item, { in: "sm3-refused" });
    // Not answered is not refused: it may have been activated, and the device will not hold it.
    if (isPassing(answer) && isFresh) void sm3.rollBack(this.client, account, version, sessionId);
    this.#fresh.delete(account);
    return false;
  }

  delivered(): void {
    for (const item of this.#items) {
      item.credentialVersion = this.#versions.get(item.order.account) ?? item.credentialVersion;
      item.delivered = this.#revisions.get(item.order.account.ssid);
      this.context.items.move(item, { in: "delivered" });
    }
  }

  ended(outcome: SessionOutcome): void {
    this.#over = true;
    switch (outcome.state.at) {
      case "finished":
        return this.#finished(outcome);
      case "displaced":
        // The items stay where they are: the session that took over has them already.
        return this.#remember("displaced");
      case "timed-out":
        this.#remember("timeout");
        return this.#lost(outcome, undefined);
      default:
        this.#remember("failed");
        return this.#lost(outcome, outcome.state.at === "failed" ? outcome.state.failure : undefined);
    }
  }

  #remember(outcome: LastBootstrap["outcome"]): void {
    this.client.lastBootstrap = { at: this.context.clock.epoch(), outcome, sessionId: this.sessionId };
  }

  #finished({ plan }: SessionOutcome): void {
    this.#remember("finished");
    const { items, plants } = this.context;
    this.#settleHoldings(plan);
    for (const item of this.#items) {
      const applied = items.move(item, { in: "finished" });
      if (plants.has("confirmed-at-finish") && item.order.type === "provision") items.move(item, { in: "confirmed" });
      if (!applied || item.order.type !== "remove") continue;
      void this.context.sm3.revoke(this.client, item.order.account).then((revoked) => {
        // Nobody registers under a removed account: that its credential is revoked is what confirms it.
        if (revoked) items.move(item, { in: "confirmed" });
      });
    }
    this.context.bootstrapped(this.client);
  }

  /** What the device holds now, as far as this server wrote or removed it. */
  #settleHoldings(plan: Plan | undefined): void {
    const { client } = this;
    const now = this.context.clock.epoch();
    const ours = new Set([...this.#revisions.keys(), ...(this.plain?.accounts ?? []).map(({ ssid }) => ssid), ...client.holdings.map(({ revision }) => revision.account.ssid)]);
    if (plan !== undefined) client.others = [...plan.instances.keys()].filter((ssid) => !ours.has(ssid) && !plan.removed.has(ssid));
    for (const ssid of plan?.written ?? []) {
      const revision = this.#revisions.get(ssid);
      if (revision === undefined) continue;
      client.hold(revision, this.#items.find(({ order }) => order.account === revision.account)?.order.id, now);
    }
    for (const { order, state } of this.#items) {
      if (order.type !== "remove" || (state !== "delivered" && state !== "bootstrapping")) continue;
      const at = client.holdings.findIndex(({ revision }) => revision.account === order.account);
      if (at >= 0) client.holdings.splice(at, 1);
    }
  }

  #lost(outcome: SessionOutcome, failure: SessionFailure | undefined): void {
    const { items, sm3 } = this.context;
    for (const item of this.#items) {
      if (isTerminalItem(item.state)) continue;
      const { account } = item.order;
      const written = outcome.touched.has(account.ssid);
      const reason = this.#reasonFor(item, outcome, failure);
      const fresh = this.#fresh.get(account);
      if (fresh?.replaces === true && !outcome.finishUnanswered) {
        this.#takeBack(item, fresh.version, reason, written);
        continue;
      }
      // A device that fell silent restores what it had, or is written again: the item goes on as long as its order allows.
      if (reason === undefined && !outcome.finishUnanswered && (!written || mayGoOn(item)) && items.move(item, { in: "session-lost" })) {
        this.#goOn(item);
        continue;
      }
      if (reason?.cause === "finish-failed") items.move(item, { in: "finish-failed", ...(reason.code === undefined ? {} : { code: reason.code }) });
      else items.move(item, { in: "session-failed", reason: reason ?? { cause: "timeout" }, written });
      // When Finish was not answered the device may hold the account: its credential stays. Else nothing of it shall admit anybody.
      if (outcome.finishUnanswered) this.#settleHoldings(outcome.plan);
      else if (fresh !== undefined) void sm3.rollBack(this.client, account, fresh.version, this.sessionId);
    }
  }

  /** The device goes on with what it had, so its Server has to as well: a device that waited for the end of the overlap would be locked out. */
  #takeBack(item: OrderItem, version: number, reason: ItemReason | undefined, written: boolean): void {
    const { items, sm3 } = this.context;
    const tookBack = sm3.rollBack(this.client, item.order.account, version, this.sessionId);
    // A key that its Server made cannot be replaced here: the version is spent, and the Server has to order again.
    if (reason === undefined && item.ownKey === undefined && mayGoOn(item) && items.move(item, { in: "session-lost" })) {
      this.#goOn(item);
      return;
    }
    const why = reason ?? { cause: "timeout" };
    void tookBack.then((isBack) => {
      // A session that began meanwhile has the item now.
      if (item.sessionId === this.sessionId) items.move(item, isBack ? { in: "rolled-back", reason: why } : { in: "session-failed", reason: why, written });
    });
  }

  /** What ended while the item was in its session ends it now; else it may be triggered again. */
  #goOn(item: OrderItem): void {
    const { clock, items, triggering } = this.context;
    const { status, deadline } = item.order;
    if (status === "cancelled") items.move(item, { in: "cancel" });
    else if (deadline !== undefined && Date.parse(deadline) <= clock.epoch()) items.move(item, { in: "deadline" });
    else triggering.again(item);
  }

  /** Undefined: the session ended, but not because of anything of this item. */
  #reasonFor(item: OrderItem, outcome: SessionOutcome, failure: SessionFailure | undefined): ItemReason | undefined {
    if (failure === undefined || failure.reason === "activation-refused" || failure.code === undefined) return undefined;
    if (failure.reason === "finish-failed") return { cause: "finish-failed", code: failure.code };
    if (failure.reason === "refused") return { cause: "unauthorized", code: failure.code };
    const step = outcome.refused;
    if (step?.ssid !== undefined && step.ssid !== item.order.account.ssid) return undefined;
    return { cause: "request-failed", path: failure.path, code: failure.code };
  }
}

const mayGoOn = ({ order, machine }: OrderItem): boolean => order.policy.trigger === "wait-for-client" || machine.attempts < order.policy.maxAttempts;
