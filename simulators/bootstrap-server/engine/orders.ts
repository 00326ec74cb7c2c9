import { matchesAny } from "../../../src/config/index.js";
import type { PeerConfig } from "../../../src/config/index.js";
import type { Clock, Secrets } from "../../../src/ports/index.js";
import { ProblemError } from "../../../src/smp/index.js";
import type { Caller, ItemCause, Order, OrderBody, OrderStatus, OrderType, ItemState } from "../../../src/smp/index.js";
import { etagOf, checkTag, pageOf } from "./accounts.js";
import type { Accounts } from "./accounts.js";
import { timeOf } from "./items.js";
import type { Items } from "./items.js";
import { Client, OrderItem, OrderRecord } from "./model.js";
import type { AccountRecord } from "./model.js";
import type { Plants } from "../plants.js";

export interface OrdersContext {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly accounts: Accounts;
  readonly items: Items;
  readonly plants: Plants;
  /** Items kept for one tenant, those of orders that are over included. */
  readonly maxItems: number;
  /** Whether so many devices more can be kept. */
  hasRoomFor(devices: number): boolean;
  /** False: the Bootstrap Server does not know the endpoint. */
  knows(endpoint: string): boolean;
  client(endpoint: string): Client;
  /** The device, where orders concerned it before. */
  knownClient(endpoint: string): Client | undefined;
  /** Whether keys can be brought to the Server of the account (SM-3). */
  canTell(account: AccountRecord): boolean;
  /** Accounts that plain configurations put on the endpoint. */
  plainShortServerIds(endpoint: string): readonly number[];
}

/** The orders (SM-1) of all tenants, each seen by its own tenant only. */
export class Orders {
  readonly #orders = new Map<string, OrderRecord>();
  #newest = 0;
  /** By tenant. */
  readonly #items = new Map<string, number>();

  constructor(private readonly context: OrdersContext) {}

  /** Checks the order and makes its items; what may not be done becomes a rejected item, what stands in the way of the whole order a problem. */
  create(caller: Caller, peer: PeerConfig, body: OrderBody): OrderRecord {
    const { accounts, clock, secrets, items } = this.context;
    const account = accounts.get(caller, body.accountId, "/accountId");
    const now = clock.epoch();
    this.#checkKeys(account, body);
    if (body.deadline !== undefined && Date.parse(body.deadline) <= now) throw new ProblemError("schema", "the deadline is over", { field: "/deadline" });
    if (body.deadline !== undefined && body.notBefore !== undefined && Date.parse(body.deadline) <= Date.parse(body.notBefore)) {
      throw new ProblemError("schema", "the deadline is not after notBefore", { field: "/deadline" });
    }
    const order = new OrderRecord(
      `o-${(++this.#newest).toString(36)}-${secrets.bytes(6).toString("hex")}`,
      caller.tenant,
      caller.peerId,
      body.type,
      account,
      body.policy,
      body.notBefore,
      body.deadline,
      now,
    );
    const { endpoints } = body.targets;
    this.#makeRoom(caller.tenant, endpoints.length);
    if (this.#itemsOf(caller.tenant) + endpoints.length > this.context.maxItems || !this.context.hasRoomFor(endpoints.length)) throw new ProblemError("rate", "too many items are open; wait for orders to end, or cancel some", { retryAfter: 60 });
    const refusals = endpoints.map((endpoint, index) => this.#judge(order.type, account, peer, endpoint, index));
    endpoints.forEach((endpoint, index) => {
      const refused = refusals[index];
      // A device that is refused leaves no trace beyond its item.
      const item = new OrderItem(order, refused === undefined ? this.context.client(endpoint) : new Client(endpoint), index, now);
      item.changesMode = order.type !== "remove" && changesMode(account, item.client);
      order.items.set(endpoint, item);
      order.list.push(item);
      order.counts.accepted += 1;
      order.openItems += 1;
      account.openItems += 1;
      if (refused === undefined) item.client.open.push(item);
    });
    this.#orders.set(order.id, order);
    this.#items.set(order.tenant, this.#itemsOf(order.tenant) + endpoints.length);
    items.added(endpoints.length);
    for (const item of order.list) if (refusals[item.index] === undefined) this.#supersede(item);
    order.list.forEach((item, index) => {
      const refused = refusals[index];
      if (refused !== undefined) items.move(item, { in: "rejected", reason: { cause: refused } });
    });
    return order;
  }

  get(caller: Caller, orderId: string): OrderRecord {
    const order = this.#orders.get(orderId);
    if (order?.tenant !== caller.tenant) throw new ProblemError("not-found", "there is no such order");
    return order;
  }

  item(caller: Caller, orderId: string, endpoint: string): OrderItem {
    const item = this.get(caller, orderId).items.get(endpoint);
    if (item === undefined) throw new ProblemError("not-found", "the order has no such device");
    return item;
  }

  /** Open items become `cancelled`; one in a session comes to the session's end. */
  cancel(caller: Caller, orderId: string, ifMatch: string): OrderRecord {
    const order = this.get(caller, orderId);
    checkTag(ifMatch, order.version);
    if (order.status === "completed" || order.status === "cancelled") return order;
    this.context.items.setStatus(order, "cancelled");
    for (const item of order.list) this.context.items.move(item, { in: "cancel" });
    return order;
  }

  /** Newest last. */
  page(caller: Caller, filter: { readonly status?: OrderStatus; readonly type?: OrderType; readonly accountId?: string }, cursor: string | undefined, limit: number): { readonly orders: readonly OrderRecord[]; readonly next: string | undefined } {
    const fitting = [...this.#orders.values()].filter(
      (order) =>
        order.tenant === caller.tenant &&
        (filter.status === undefined || order.status === filter.status) &&
        (filter.type === undefined || order.type === filter.type) &&
        (filter.accountId === undefined || order.account.id === filter.accountId),
    );
    return pageOf(fitting, cursor, limit, (orders, next) => ({ orders, next }));
  }

  /** The cursor is the index of the next item to look at, so that pages are stable while items move. */
  itemPage(caller: Caller, orderId: string, state: ItemState | undefined, cursor: string | undefined, limit: number): { readonly items: readonly OrderItem[]; readonly next: string | undefined } {
    const { list } = this.get(caller, orderId);
    const found: OrderItem[] = [];
    let index = cursor === undefined ? 0 : Number(cursor);
    if (!/^[0-9]{1,9}$/.test(cursor ?? "0")) throw new ProblemError("schema", "not a cursor of this list", { field: "cursor" });
    for (; index < list.length && found.length < limit; index++) {
      const item = list[index];
      if (item !== undefined && (state === undefined || item.state === state)) found.push(item);
    }
    return { items: found, next: index < list.length ? String(index) : undefined };
  }

  view(order: OrderRecord): Order {
    return {
      orderId: order.id,
      owner: order.owner,
      type: order.type,
      accountId: order.account.id,
      policy: order.policy,
      ...(order.notBefore === undefined ? {} : { notBefore: order.notBefore }),
      ...(order.deadline === undefined ? {} : { deadline: order.deadline }),
      status: order.status,
      total: order.list.length,
      counts: { ...order.counts },
      version: order.version,
      createdAt: timeOf(order.createdAt),
      updatedAt: timeOf(order.updatedAt),
    };
  }

  etag(order: OrderRecord): string {
    return etagOf(order.version);
  }

  #checkKeys(account: AccountRecord, { type, policy, credentials }: OrderBody): void {
    if (!account.isKeyed && type === "rotate") throw new ProblemError("unsupported-mode", "an account of mode nosec has no key to rotate", { field: "/type" });
    if (account.mode !== "psk" && credentials !== undefined) {
      throw new ProblemError("unsupported-mode", account.isKeyed ? `keys of mode ${account.mode} are made by this server only` : "an account of mode nosec has no keys", { field: "/credentials" });
    }
    if (!account.isKeyed) return;
    const makesKeys = (type === "provision" || type === "rotate") && policy.credential?.origin !== "server";
    if (makesKeys && !this.context.canTell(account)) throw new ProblemError("unsupported-mode", "this server has no way to tell keys to the Server of the account; let the Server make them", { field: "/policy/credential/origin" });
  }

  /** Why this device's item is rejected; throws for what stands in the way of the order. */
  #judge(type: OrderType, account: AccountRecord, peer: PeerConfig, endpoint: string, index: number): ItemCause | undefined {
    // A device of somebody else looks like one that does not exist.
    if (!matchesAny(peer.endpoints, endpoint) || !this.context.knows(endpoint)) return "unknown-endpoint";
    const client = this.context.knownClient(endpoint) ?? new Client(endpoint);
    const field = `/targets/endpoints/${index}`;
    // An item that waits is overtaken, one that was applied only lacks its confirmation; between the two the device is being written.
    if (client.open.some(({ order, state }) => order.account === account && (state === "bootstrapping" || state === "delivered"))) {
      throw new ProblemError("order-overlap", `a bootstrap session is changing this account on ${endpoint} now`, { field });
    }
    if (client.open.some(({ order }) => order.account !== account && order.account.ssid === account.ssid && order.type === "provision")) {
      throw new ProblemError("ssid-conflict", `an open order brings another account with Short Server ID ${account.ssid} to ${endpoint}`, { field });
    }
    const others = client.holdings.filter(({ revision }) => revision.account.id !== account.id);
    if (type === "provision") {
      if (others.some(({ revision }) => revision.account.ssid === account.ssid)) throw new ProblemError("ssid-conflict", `${endpoint} holds another account with Short Server ID ${account.ssid}`, { field });
      return undefined;
    }
    if (client.holding(account.id) === undefined) return "account-gone";
    if (type === "update" || type === "rotate") return undefined;
    const leaving = new Set(client.open.filter(({ order }) => order.type === "remove").map(({ order }) => order.account.id));
    const remaining = others.filter(({ revision }) => !leaving.has(revision.account.id)).length + client.others.length + this.context.plainShortServerIds(endpoint).filter((ssid) => ssid !== account.ssid).length;
    return remaining === 0 && !this.context.plants.has("last-account-removed") ? "last-account" : undefined;
  }

  /** An older open item of the same account and device gives way. */
  #supersede(item: OrderItem): void {
    for (const older of [...item.client.open]) {
      if (older === item || older.order.account !== item.order.account) continue;
      older.supersededBy = item.order.id;
      if (!this.context.items.move(older, { in: "supersede" })) older.supersededBy = undefined;
    }
  }

  #itemsOf(tenant: string): number {
    return this.#items.get(tenant) ?? 0;
  }

  /** The tenant's oldest orders that are over give way to so many items. */
  #makeRoom(tenant: string, items: number): void {
    for (const [id, order] of this.#orders) {
      if (this.#itemsOf(tenant) + items <= this.context.maxItems) return;
      if (order.tenant !== tenant || order.openItems > 0) continue;
      this.#orders.delete(id);
      this.#items.set(tenant, this.#itemsOf(tenant) - order.list.length);
    }
  }
}

/** Whether the device authenticates itself in another way than the account says today. */
function changesMode(account: AccountRecord, { credentials }: Client): boolean {
  const mode = credentials.find(({ accountId }) => accountId === account.id)?.latestKey?.mode;
  return mode !== undefined && mode !== account.mode;
}
