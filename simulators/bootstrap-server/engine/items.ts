import type { EventLog } from "../../../src/operator/index.js";
import type { Clock, Trace } from "../../../src/ports/index.js";
import { isTerminalItem, itemStates, nextItem } from "../../../src/smp/index.js";
import type { Item, ItemEvidence, ItemInput, ItemState, ItemTrigger, SmpEventLog } from "../../../src/smp/index.js";
import type { OrderItem, OrderRecord, TriggerTrack } from "./model.js";

/** What moving an item needs to tell the world. */
export interface ItemsContext {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly events: SmpEventLog;
  readonly operatorEvents: EventLog;
}

export const timeOf = (epoch: number): string => new Date(epoch).toISOString();

/** Moves items through their states and keeps what follows from that: counts, evidence, events, the order's status. */
export class Items {
  /** Told of every item that came to a terminal state. */
  onEnd: (item: OrderItem) => void = () => {};

  readonly #counts = new Map<ItemState, number>();

  constructor(private readonly context: ItemsContext) {}

  /** Moves into a state that have not been left, orders that were forgotten included. */
  count(state: ItemState): number {
    return this.#counts.get(state) ?? 0;
  }

  /** Every new item starts in `accepted`. */
  added(count: number): void {
    this.#counts.set("accepted", this.count("accepted") + count);
  }

  /** False when the input has no meaning in the item's state; nothing changes then. */
  move(item: OrderItem, input: ItemInput): boolean {
    const next = nextItem(item.machine, input);
    if (next === undefined) return false;
    const { order } = item;
    const from = item.state;
    const now = this.context.clock.epoch();
    item.machine = next;
    item.enter(next.at, now);
    order.updatedAt = now;
    if (from !== next.at) {
      order.counts[from] -= 1;
      order.counts[next.at] += 1;
      this.#counts.set(from, this.count(from) - 1);
      this.#counts.set(next.at, this.count(next.at) + 1);
    }
    this.#tell(item, from, next.at, input.in);
    if (isTerminalItem(next.at)) this.#ended(item);
    return true;
  }

  setStatus(order: OrderRecord, status: OrderRecord["status"]): void {
    const from = order.status;
    if (from === status) return;
    order.status = status;
    order.version += 1;
    order.updatedAt = this.context.clock.epoch();
    this.context.events.publish(order.tenant, { type: "smp.order.changed", data: { orderId: order.id, from, state: status } });
    this.context.trace.record({ kind: "state", machine: "order", id: order.id, from, to: status, input: status });
  }

  triggerChanged(item: OrderItem, track: TriggerTrack, from: string, input: string): void {
    const state = track.unavailable ? "unavailable" : track.record.state;
    track.at = this.context.clock.epoch();
    item.updatedAt = track.at;
    const { endpoint } = item.client;
    const { code } = track.record;
    this.context.trace.record({ kind: "state", machine: "trigger", id: track.id ?? "-", from, to: state, input, detail: { server: track.server, ...(code === undefined ? {} : { code }) } }, endpoint);
    this.context.events.publish(item.order.tenant, {
      type: "smp.trigger.changed",
      subject: endpoint,
      data: { orderId: item.order.id, ep: endpoint, from, state, ...(track.id === undefined ? {} : { triggerId: track.id }), ...(code === undefined ? {} : { code }) },
    });
  }

  #tell(item: OrderItem, from: ItemState, to: ItemState, input: string): void {
    const { order, client } = item;
    const cause = item.machine.reason?.cause;
    this.context.trace.record({ kind: "state", machine: "item", id: item.reference, from, to, input, ...(cause === undefined ? {} : { detail: { cause } }) }, client.endpoint);
    this.context.events.publish(order.tenant, {
      type: "smp.item.changed",
      subject: client.endpoint,
      data: { orderId: order.id, ep: client.endpoint, from, state: to, ...(cause === undefined ? {} : { reason: cause }) },
    });
    this.context.operatorEvents.publish("item", client.endpoint, { order: order.id, from, to, input });
  }

  #ended(item: OrderItem): void {
    const { order, client } = item;
    order.openItems -= 1;
    order.account.openItems -= 1;
    const at = client.open.indexOf(item);
    if (at >= 0) client.open.splice(at, 1);
    this.onEnd(item);
    if (order.openItems === 0 && order.status !== "cancelled") this.setStatus(order, "completed");
  }
}

function triggerView(track: TriggerTrack): ItemTrigger {
  return {
    server: track.server,
    ...(track.id === undefined ? {} : { id: track.id }),
    state: track.unavailable ? "unavailable" : track.record.state,
    ...(track.record.code === undefined ? {} : { code: track.record.code }),
    at: timeOf(track.at),
  };
}

export function itemView(item: OrderItem, hasCredential: boolean): Item {
  const evidence: { -readonly [State in keyof ItemEvidence]: ItemEvidence[State] } = {};
  for (const state of itemStates) {
    const at = item.enteredAt(state);
    if (at !== undefined) evidence[state] = timeOf(at);
  }
  const { order } = item;
  const { reason } = item.machine;
  return {
    orderId: order.id,
    ep: item.client.endpoint,
    state: item.state,
    ...(reason === undefined ? {} : { reason }),
    attempts: item.machine.attempts,
    ...(item.trigger === undefined ? {} : { trigger: triggerView(item.trigger) }),
    ...(item.earlierTriggers === undefined ? {} : { earlierTriggers: item.earlierTriggers.map(triggerView) }),
    evidence,
    ...(item.sessionId === 0 ? {} : { sessionId: item.sessionId }),
    ...(hasCredential && item.credentialVersion > 0 ? { credential: { server: order.account.owner, credentialId: item.client.credential(order.account.id).credentialId, version: item.credentialVersion } } : {}),
    ...(item.supersededBy === undefined ? {} : { supersededBy: item.supersededBy }),
    updatedAt: timeOf(item.updatedAt),
  };
}
