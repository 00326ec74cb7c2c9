import type { BootstrapServerConfig } from "../../src/config/index.js";
import { defaultLimits, ProblemError } from "../../src/smp/index.js";
import type {
  Account, AccountBody, AccountPage, AccountPath, BootstrapServerHandlers, CallContext, Caller, Capabilities, Client, ConditionalContext, Confirmation, EndpointPath, EventPage, EventQuery, Item, ItemPage, JwkSet,
  ItemQuery, Order, OrderBody, OrderPage, OrderPath, OrderQuery, PageQuery, SecretKeys, Tagged,
} from "../../src/smp/index.js";
import { etagOf, offeredModes } from "./engine/accounts.js";
import { itemView } from "./engine/items.js";
import type { AccountRecord, OrderRecord } from "./engine/model.js";
import type { ServerManagement } from "./engine/server-management.js";

/** The BS-API: what peers may ask of this Bootstrap Server (SM-1), on top of what it knows. */
export class SmpHandlers implements BootstrapServerHandlers {
  constructor(
    private readonly config: BootstrapServerConfig,
    private readonly management: ServerManagement,
    private readonly keys?: SecretKeys,
  ) {}

  getCapabilities(caller: Caller): Capabilities {
    const [first, last] = this.management.peer(caller).shortServerIds;
    const { secretTransport } = this.management;
    return {
      profile: "smp/1",
      role: "bootstrap-server",
      software: "muster",
      securityModes: offeredModes(this.config.lab),
      secretTransport: secretTransport.length === 0 ? ["none"] : secretTransport,
      tenant: caller.tenant,
      limits: defaultLimits,
      bootstrapServer: {
        orderTypes: this.management.plants.has("capabilities-incomplete") ? ["provision", "rotate", "remove"] : ["provision", "update", "rotate", "remove"],
        triggers: ["via-server", "wait-for-client"],
        activation: ["before-first-write", "before-finish"],
        keyOrigins: secretTransport.length === 0 ? ["bs"] : ["bs", "server"],
        shortServerIds: [first, last],
      },
    };
  }

  getJwks(): JwkSet {
    return this.keys?.set ?? { keys: [] };
  }

  createAccount(caller: Caller, body: AccountBody): Tagged<Account> {
    return this.#account(caller, this.management.accounts.create(caller, this.management.peer(caller), body));
  }

  listAccounts(caller: Caller, query: PageQuery): AccountPage {
    const { accounts, next } = this.management.accounts.page(caller, query.cursor, query.limit);
    return { accounts: accounts.map((account) => this.#account(caller, account).value), ...(next === undefined ? {} : { next }) };
  }

  getAccount(caller: Caller, { accountId }: AccountPath): Tagged<Account> {
    return this.#account(caller, this.management.accounts.get(caller, accountId));
  }

  replaceAccount(caller: Caller, { accountId }: AccountPath, body: AccountBody, { ifMatch }: ConditionalContext): Tagged<Account> {
    return this.#account(caller, this.management.accounts.replace(caller, this.management.peer(caller), accountId, body, ifMatch));
  }

  deleteAccount(caller: Caller, { accountId }: AccountPath, { ifMatch }: ConditionalContext): void {
    this.management.accounts.remove(caller, accountId, ifMatch);
  }

  createOrder(caller: Caller, body: OrderBody): Tagged<Order> {
    return this.#order(this.management.createOrder(caller, body));
  }

  listOrders(caller: Caller, { cursor, limit, ...filter }: OrderQuery): OrderPage {
    const { orders, next } = this.management.orders.page(caller, filter, cursor, limit);
    return { orders: orders.map((order) => this.management.orders.view(order)), ...(next === undefined ? {} : { next }) };
  }

  getOrder(caller: Caller, { orderId }: OrderPath): Tagged<Order> {
    return this.#order(this.management.orders.get(caller, orderId));
  }

  cancelOrder(caller: Caller, { orderId }: OrderPath, { ifMatch }: ConditionalContext): Tagged<Order> {
    return this.#order(this.management.orders.cancel(caller, orderId, ifMatch));
  }

  listItems(caller: Caller, { orderId }: OrderPath, { state, cursor, limit }: ItemQuery): ItemPage {
    const { items, next } = this.management.orders.itemPage(caller, orderId, state, cursor, limit);
    return { items: items.map((item) => itemView(item, this.management.hasCredentials(item.order))), ...(next === undefined ? {} : { next }) };
  }

  getItem(caller: Caller, { orderId, ep }: OrderPath & EndpointPath): Item {
    const item = this.management.orders.item(caller, orderId, ep);
    return itemView(item, this.management.hasCredentials(item.order));
  }

  getClient(caller: Caller, { ep }: EndpointPath): Client {
    const client = this.management.clientView(caller, ep);
    if (client === undefined) throw new ProblemError("not-found", "there is no such client");
    return client;
  }

  createConfirmation(caller: Caller, body: Confirmation): void {
    this.management.confirm(caller, body);
  }

  listEvents(caller: Caller, { after, wait, limit }: EventQuery, { signal }: CallContext): Promise<EventPage> {
    return this.management.events.poll(caller.tenant, after === undefined ? 0 : Number(after), limit, wait * 1000, signal);
  }

  #account(caller: Caller, account: AccountRecord): Tagged<Account> {
    const peer = this.config.peers.find(({ id }) => id === caller.peerId);
    return { value: this.management.accounts.view(account, peer), etag: etagOf(account.revision.version) };
  }

  #order(order: OrderRecord): Tagged<Order> {
    return { value: this.management.orders.view(order), etag: etagOf(order.version) };
  }
}
