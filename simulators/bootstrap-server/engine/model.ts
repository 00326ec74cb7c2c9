import { itemStates, newItem, noItems } from "../../../src/smp/index.js";
import type { AccountBody, ItemCounts, ItemMachine, ItemState, OrderPolicyBody, OrderStatus, OrderType, SecurityMode, TriggerRecord } from "../../../src/smp/index.js";
import type { Grant } from "../access-control.js";
import type { AccountValues } from "../account-objects.js";
import type { AccountPayload } from "../plan.js";
import { CredentialRecord } from "./credentials.js";
import { isKeyed } from "./device-keys.js";
import type { DeviceKey } from "./device-keys.js";
import type { OwnKey } from "./order-keys.js";

/** The values of an account at one of its versions, encoded once for every device that gets them. */
export interface AccountRevision {
  readonly account: AccountRecord;
  readonly version: number;
  readonly body: AccountBody;
  readonly values: AccountValues;
  readonly grants: readonly Grant[];
  /** The same for every device that gets no key; the `security` of one that gets one is made for it. */
  readonly payload: AccountPayload;
  readonly securityWith: (key: DeviceKey) => Uint8Array;
}

/** A Server account as its operator supplied it (SM-1). */
export class AccountRecord {
  readonly id: string;
  readonly tenant: string;
  /** The peer that supplied it, whose Server the account leads to. */
  readonly owner: string;
  readonly ssid: number;
  readonly createdAt: number;
  updatedAt: number;
  revision: AccountRevision;
  /** Open items that name it. */
  openItems = 0;

  get mode(): SecurityMode {
    return this.revision.body.securityMode;
  }

  /** Its devices authenticate themselves. */
  get isKeyed(): boolean {
    return isKeyed(this.mode);
  }

  /** `revise` makes the first revision, which names the account it belongs to. */
  constructor(of: Pick<AccountRecord, "id" | "tenant" | "owner" | "ssid" | "createdAt">, revise: (account: AccountRecord) => AccountRevision) {
    this.id = of.id;
    this.tenant = of.tenant;
    this.owner = of.owner;
    this.ssid = of.ssid;
    this.createdAt = this.updatedAt = of.createdAt;
    this.revision = revise(this);
  }
}

/** An account on a device, as the last bootstrap wrote it that was finished or that its Server confirmed. */
export interface Holding {
  readonly revision: AccountRevision;
  readonly orderId: string | undefined;
  readonly writtenAt: number;
}

export interface LastBootstrap {
  readonly at: number;
  readonly outcome: "running" | "finished" | "failed" | "displaced" | "timeout";
  readonly sessionId: number;
}

/** One device, as far as orders concern it. */
export class Client {
  holdings: Holding[] = [];
  /** Short Server IDs of accounts on the device that nobody here put there, as the last finished session saw them. */
  others: readonly number[] = [];
  credentials: CredentialRecord[] = [];
  /** Items that are not in a terminal state. */
  open: OrderItem[] = [];
  lastBootstrap: LastBootstrap | undefined;

  constructor(readonly endpoint: string) {}

  holding(accountId: string): Holding | undefined {
    return this.holdings.find(({ revision }) => revision.account.id === accountId);
  }

  /** The device has this revision of an account, and no other of it. */
  hold(revision: AccountRevision, orderId: string | undefined, writtenAt: number): void {
    const at = this.holdings.findIndex((holding) => holding.revision.account === revision.account);
    if (at >= 0) this.holdings[at] = { revision, orderId: orderId ?? this.holdings[at]?.orderId, writtenAt };
    else this.holdings.push({ revision, orderId, writtenAt });
  }

  credential(accountId: string): CredentialRecord {
    let record = this.credentials.find((one) => one.accountId === accountId);
    if (record === undefined) this.credentials.push((record = new CredentialRecord(accountId)));
    return record;
  }
}

/** The Bootstrap Server's record of one trigger (SM-2). */
export interface TriggerTrack {
  readonly server: string;
  /** Absent when the Server could not be asked. */
  readonly id: string | undefined;
  record: TriggerRecord;
  unavailable: boolean;
  at: number;
}

const stateIndex = new Map<ItemState, number>(itemStates.map((state, index) => [state, index]));

/** One device's share of an order. */
export class OrderItem {
  machine: ItemMachine = newItem;
  supersededBy: string | undefined;
  trigger: TriggerTrack | undefined;
  earlierTriggers: TriggerTrack[] | undefined;
  /** Servers asked in this round, rounds so far in which none could be asked, and trigger requests altogether. */
  asked = 0;
  rounds = 0;
  posts = 0;
  /** While a trigger is being asked for: whether the device's request came before the Server's answer did. */
  overtaken: boolean | undefined;
  sessionId = 0;
  /** What a session wrote of its account; of a removal nothing. */
  delivered: AccountRevision | undefined;
  /** The version staged for it, and in the end the one that was delivered. */
  credentialVersion = 0;
  /** The key that its Server made and sent with the order; undefined in the end where it was refused. */
  ownKey: Promise<OwnKey | undefined> | undefined;
  /** The account has another mode than when the device got it: it gets a version of the new one. */
  changesMode = false;
  updatedAt: number;
  /** Milliseconds since 1970 by the index of the state; 0: never entered. */
  readonly #entered: number[] = [];

  constructor(
    readonly order: OrderRecord,
    readonly client: Client,
    /** Its place in the order. */
    readonly index: number,
    now: number,
  ) {
    this.updatedAt = now;
    this.enter("accepted", now);
  }

  get state(): ItemState {
    return this.machine.at;
  }

  get reference(): string {
    return `${this.order.id}/${this.client.endpoint}`;
  }

  enter(state: ItemState, now: number): void {
    const index = stateIndex.get(state) ?? 0;
    while (this.#entered.length <= index) this.#entered.push(0);
    this.#entered[index] = now;
    this.updatedAt = now;
  }

  enteredAt(state: ItemState): number | undefined {
    const at = this.#entered[stateIndex.get(state) ?? 0];
    return at === undefined || at === 0 ? undefined : at;
  }
}

/** An order (SM-1): an account and the devices that get, change or lose it. */
export class OrderRecord {
  readonly items = new Map<string, OrderItem>();
  readonly list: OrderItem[] = [];
  readonly counts: { -readonly [State in keyof ItemCounts]: number } = { ...noItems };
  status: OrderStatus = "active";
  version = 1;
  updatedAt: number;
  /** Items that are not in a terminal state. */
  openItems = 0;
  /** `Clock.now()` before which the next trigger of this order must not go. */
  nextTriggerAt = 0;

  constructor(
    readonly id: string,
    readonly tenant: string,
    readonly owner: string,
    readonly type: OrderType,
    readonly account: AccountRecord,
    readonly policy: OrderPolicyBody,
    readonly notBefore: string | undefined,
    readonly deadline: string | undefined,
    readonly createdAt: number,
  ) {
    this.updatedAt = createdAt;
  }
}
