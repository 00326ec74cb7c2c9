import type { CertificateAuthority } from "../../../src/certificates/index.js";
import { matchesAny } from "../../../src/config/index.js";
import type { BootstrapServerConfig, PeerConfig } from "../../../src/config/index.js";
import type { EventLog } from "../../../src/operator/index.js";
import type { Clock, Log, Secrets, Trace } from "../../../src/ports/index.js";
import { ProblemError, SmpEventLog } from "../../../src/smp/index.js";
import type { Caller, Confirmation, Client as ClientView, OrderBody, SecretKeys, SecretTransport } from "../../../src/smp/index.js";
import type { Assignments } from "../bootstrap-handler.js";
import type { Assignment } from "../session-context.js";
import type { Plants } from "../plants.js";
import { Accounts } from "./accounts.js";
import { OrderAssignment } from "./assignment.js";
import { clientView } from "./client-view.js";
import { KeyMaker } from "./device-keys.js";
import { DueQueue } from "./due-queue.js";
import { Items } from "./items.js";
import { Client } from "./model.js";
import type { AccountRecord, OrderRecord } from "./model.js";
import { OrderKeys } from "./order-keys.js";
import { Orders } from "./orders.js";
import { PlainAssignment } from "./plain-assignment.js";
import { PlainBootstraps } from "./plain.js";
import type { PlainWish } from "./plain.js";
import { Patterns } from "./patterns.js";
import type { ServerLink } from "./server-link.js";
import { Sm3 } from "./sm3.js";
import { StageBodies } from "./stage-bodies.js";
import { Staging } from "./staging.js";
import { Triggering } from "./triggering.js";
import { Watch } from "./watch.js";

export interface ServerManagementPorts {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly log: Log;
  readonly trace: Trace;
  readonly operatorEvents: EventLog;
  readonly plants: Plants;
  /** The Servers this one may call, by peer id. */
  readonly links: ReadonlyMap<string, ServerLink>;
  /** Whether the endpoint has a key at this server: then it is known without being listed. */
  readonly holdsKey?: (endpoint: string) => boolean;
  /** Who certifies devices in mode `x509`. */
  readonly authority: () => Promise<CertificateAuthority>;
  /** To which Servers encrypt the keys that they make themselves; without them none are taken. */
  readonly keys?: SecretKeys | undefined;
}

/** Items of orders kept for one tenant, and devices that orders concerned, of all tenants. */
const keptItems = 200_000;
const keptClients = 500_000;

/** A clock of a peer may differ from ours by so much outside a laboratory. */
const clockSkewMs = 300_000;

/**
 * Server Management as the Bootstrap Server does it: accounts, orders and their items from SM-1 to the confirmation, the credentials and triggers
 * on the way, and for every bootstrap session what it has to bring about.
 */
export class ServerManagement implements Assignments {
  readonly accounts: Accounts;
  readonly orders: Orders;
  readonly plain: PlainBootstraps;
  readonly events: SmpEventLog;
  readonly items: Items;
  readonly #clients = new Map<string, Client>();
  readonly #known: Patterns;
  readonly #plainAssignments = new Map<PlainWish | undefined, PlainAssignment>();
  readonly #due: DueQueue;
  readonly #sm3: Sm3;
  readonly #orderKeys: OrderKeys;
  readonly #staging: Staging;
  readonly #triggering: Triggering;
  readonly #watch: Watch;

  constructor(
    private readonly config: BootstrapServerConfig,
    private readonly ports: ServerManagementPorts,
  ) {
    const { clock, secrets, plants, links } = ports;
    const timing = config.timing.bootstrapServer;
    this.#known = new Patterns(config.clients.names);
    this.events = new SmpEventLog(clock, `urn:muster:${config.name}`, 50_000);
    this.plain = new PlainBootstraps(config.bootstrap, plants);
    this.items = new Items({ clock, trace: ports.trace, events: this.events, operatorEvents: ports.operatorEvents });
    this.accounts = new Accounts(clock, secrets, config.lab, plants, () => this.plain.shortServerIds());
    this.orders = new Orders({
      clock,
      secrets,
      accounts: this.accounts,
      items: this.items,
      plants,
      maxItems: keptItems,
      hasRoomFor: (devices) => this.#clients.size + devices <= keptClients,
      knownClient: (endpoint) => this.#clients.get(endpoint),
      knows: (endpoint) => this.knows(endpoint),
      client: (endpoint) => this.#client(endpoint),
      canTell: (account) => this.#sm3.linkOf(account) !== undefined,
      plainShortServerIds: (endpoint) => this.#plainShortServerIds(endpoint),
    });
    this.#due = new DueQueue(clock, "orders");
    this.#sm3 = new Sm3(clock, timing, links, this.#due, new StageBodies(clock, secrets, config.secretTransport, plants, new KeyMaker(clock, secrets, ports.authority)), plants);
    this.#orderKeys = new OrderKeys(this.items, ports.keys, this.secretTransport);
    this.#staging = new Staging(this.#sm3, this.items, this.#due, timing, (item) => this.#triggering.start(item));
    this.#triggering = new Triggering({
      clock,
      due: this.#due,
      items: this.items,
      timing,
      links,
      plants,
      plainShortServerIds: (endpoint) => this.#plainShortServerIds(endpoint),
      watch: (link) => this.#watch.follow(link),
    });
    this.#watch = new Watch(clock, timing, this.#triggering, this.#sm3, ports.log);
    this.#sm3.watch = (link) => this.#watch.follow(link);
    this.items.onEnd = (item) => this.#triggering.ended(item);
  }

  get plants(): Plants {
    return this.ports.plants;
  }

  /** How secrets may travel to this server. */
  get secretTransport(): SecretTransport[] {
    const { keys } = this.ports;
    return [...(keys === undefined ? [] : (["jwe"] as const)), ...(this.config.secretTransport === "cleartext" ? (["cleartext"] as const) : [])];
  }

  stop(): void {
    this.#watch.stop();
    this.#due.close();
    this.events.close();
  }

  peer(caller: Caller): PeerConfig {
    const peer = this.config.peers.find(({ id }) => id === caller.peerId);
    if (peer === undefined) throw new Error(`no peer ${caller.peerId}`);
    return peer;
  }

  knows(endpoint: string): boolean {
    return this.#known.fits(endpoint) || this.ports.holdsKey?.(endpoint) === true || this.plain.of(endpoint) !== undefined;
  }

  requested(endpoint: string): void {
    const client = this.#clients.get(endpoint);
    if (client !== undefined) this.#triggering.requested(client);
  }

  gaveUp(endpoint: string): void {
    const client = this.#clients.get(endpoint);
    if (client !== undefined) this.#triggering.gaveUp(client);
  }

  assign(endpoint: string, sessionId: number): Assignment {
    const plain = this.plain.of(endpoint);
    const client = this.#clients.get(endpoint);
    // Most devices of a plain Bootstrap Server have nothing of their own: they share one assignment.
    if (client === undefined || (client.holdings.length === 0 && client.open.length === 0)) return this.#plainAssignment(plain);
    return new OrderAssignment(
      {
        clock: this.ports.clock,
        items: this.items,
        sm3: this.#sm3,
        triggering: this.#triggering,
        plants: this.ports.plants,
        bootstrapped: (one) => this.#bootstrapped(one),
      },
      client,
      plain,
      sessionId,
    );
  }

  createOrder(caller: Caller, body: OrderBody): OrderRecord {
    const order = this.orders.create(caller, this.peer(caller), body);
    if (body.credentials !== undefined) this.#orderKeys.take(order, body.credentials);
    const now = this.ports.clock.epoch();
    if (order.deadline !== undefined) this.#due.add(Math.max(0, Date.parse(order.deadline) - now), () => this.#deadline(order));
    const wait = order.notBefore === undefined ? 0 : Date.parse(order.notBefore) - now;
    if (order.openItems === 0) this.items.setStatus(order, "completed");
    else if (wait > 0) {
      this.items.setStatus(order, "scheduled");
      this.#due.add(wait, () => this.#begin(order));
    } else this.#staging.add(order.list.filter(({ state }) => state === "accepted"));
    return order;
  }

  /** A Server saw its device register (or fail to) under a credential. Throws `not-found` for a device that is not the caller's. */
  confirm(caller: Caller, { ep, ssid, event, at, credentialId, version }: Confirmation): void {
    if (!matchesAny(this.peer(caller).endpoints, ep) || !this.knows(ep)) throw new ProblemError("not-found", "there is no such client", { field: "/ep" });
    const client = this.#clients.get(ep);
    this.events.publish(caller.tenant, {
      type: event === "registered" ? "smp.client.registered" : "smp.client.authfailed",
      subject: ep,
      data: { ep, ssid, ...(credentialId === undefined ? {} : { credentialId }), ...(version === undefined ? {} : { version }) },
    });
    if (client === undefined || event !== "registered") return;
    const named = client.credentials.find((one) => one.credentialId === credentialId && this.accounts.byId(one.accountId)?.tenant === caller.tenant);
    const seenAt = Date.parse(at) + (this.config.lab ? 0 : clockSkewMs);
    for (const item of [...client.open]) {
      const { account, type } = item.order;
      if (account.tenant !== caller.tenant || account.ssid !== ssid || type === "remove") continue;
      // A key is proved by a session under this very version; without one a Server need not name what it saw.
      if (account.isKeyed && (named?.accountId !== account.id || version !== item.credentialVersion)) continue;
      if (version !== undefined && item.credentialVersion > 0 && version < item.credentialVersion) continue;
      // A Register from before this session's bootstrap proves nothing of what it wrote.
      if (seenAt < Math.floor(item.enteredAt("bootstrapping") ?? 0)) continue;
      // The answer to Finish may still be on its way, or lost: a device that registers has the account all the same.
      if (this.items.move(item, { in: "confirmed" }) && item.delivered !== undefined) client.hold(item.delivered, item.order.id, this.ports.clock.epoch());
    }
    if (version !== undefined) named?.seen(version);
  }

  clientView(caller: Caller, endpoint: string): ClientView | undefined {
    if (!matchesAny(this.peer(caller).endpoints, endpoint) || !this.knows(endpoint)) return undefined;
    return clientView(endpoint, this.#clients.get(endpoint), caller.tenant);
  }

  /** Whether accounts of this order have credentials. */
  hasCredentials({ account }: { readonly account: AccountRecord }): boolean {
    return this.#sm3.hasCredentials(account);
  }

  #begin(order: OrderRecord): void {
    if (order.status !== "scheduled") return;
    this.items.setStatus(order, "active");
    this.#staging.add(order.list.filter(({ state }) => state === "accepted"));
  }

  #deadline(order: OrderRecord): void {
    for (const item of order.list) this.items.move(item, { in: "deadline" });
  }

  #bootstrapped(client: Client): void {
    for (const tenant of new Set(client.holdings.map(({ revision }) => revision.account.tenant))) {
      this.events.publish(tenant, { type: "smp.client.bootstrapped", subject: client.endpoint, data: { ep: client.endpoint } });
    }
  }

  #client(endpoint: string): Client {
    let client = this.#clients.get(endpoint);
    if (client === undefined) this.#clients.set(endpoint, (client = new Client(endpoint)));
    return client;
  }

  #plainAssignment(plain: PlainWish | undefined): PlainAssignment {
    let assignment = this.#plainAssignments.get(plain);
    if (assignment === undefined) {
      // What the operator set for one endpoint and replaced is not kept for ever.
      if (this.#plainAssignments.size > 1000) this.#plainAssignments.clear();
      this.#plainAssignments.set(plain, (assignment = new PlainAssignment(plain)));
    }
    return assignment;
  }

  #plainShortServerIds(endpoint: string): readonly number[] {
    return this.plain.of(endpoint)?.accounts.map(({ ssid }) => ssid) ?? [];
  }
}
