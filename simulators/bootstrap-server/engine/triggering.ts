import { matchesAny } from "../../../src/config/index.js";
import type { BootstrapServerTiming, PeerConfig } from "../../../src/config/index.js";
import type { Clock } from "../../../src/ports/index.js";
import { formatDuration, isTerminalAtServer, newTriggerRecord, parseDuration, nextTriggerRecord } from "../../../src/smp/index.js";
import type { NewTrigger, OrderType, ServerTriggerState, TriggerReason } from "../../../src/smp/index.js";
import type { Plants } from "../plants.js";
import type { DueQueue } from "./due-queue.js";
import type { Items } from "./items.js";
import type { Client, OrderItem, OrderRecord, TriggerTrack } from "./model.js";
import { isOk } from "./server-link.js";
import type { ServerLink, TriggerAnswer } from "./server-link.js";

/** Triggers being asked for at one moment, all Servers together. */
const parallelPosts = 32;
const keptEarlierTriggers = 32;
const keptEarlyNews = 2000;

const reasons: Readonly<Record<OrderType, TriggerReason>> = { provision: "account-change", update: "account-change", rotate: "credential-change", remove: "account-removal" };

/** A Server that may be asked, and its account on the client where one is known. */
interface Candidate {
  readonly link: ServerLink;
  readonly ssid: number | undefined;
}

export interface TriggeringContext {
  readonly clock: Clock;
  readonly due: DueQueue;
  readonly items: Items;
  readonly timing: BootstrapServerTiming;
  readonly links: ReadonlyMap<string, ServerLink>;
  readonly plants: Plants;
  /** Short Server IDs that plain configurations put on the endpoint. */
  plainShortServerIds(endpoint: string): readonly number[];
  /** A trigger was created: its state is worth following. */
  watch(link: ServerLink): void;
}

/** Asks Servers to trigger clients (SM-2), at the pace of each order, and keeps this side's record of every trigger. */
export class Triggering {
  readonly #ready: OrderItem[] = [];
  #next = 0;
  #posting = 0;
  /** Triggers a Server still has news of, by Server and id. */
  readonly #open = new Map<string, Map<string, OrderItem[]>>();
  /** News of triggers whose POST has not been answered yet. */
  readonly #early = new Map<string, { readonly state: ServerTriggerState; readonly code: string | undefined }>();

  constructor(private readonly context: TriggeringContext) {}

  /** Triggers at a Server that are not over there; live, do not keep. */
  openAt(peerId: string): ReadonlyMap<string, readonly OrderItem[]> {
    return this.#openAt(peerId);
  }

  /** The item is staged: triggers it when its order's pace allows, or lets it wait for the client. */
  start(item: OrderItem): void {
    if (item.order.policy.trigger === "wait-for-client") {
      this.context.items.move(item, { in: "wait-for-client" });
      return;
    }
    this.#pace(item);
  }

  /** A session of the client was lost before anything was written: another trigger, if the order allows one more. */
  again(item: OrderItem): void {
    if (item.order.policy.trigger === "wait-for-client") return;
    if (item.machine.attempts >= item.order.policy.maxAttempts) {
      this.context.items.move(item, { in: "attempts-exhausted" });
      return;
    }
    // A further attempt begins with the first Server again.
    item.asked = 0;
    this.context.due.add(this.context.timing.retryDelayMs, () => this.#pace(item));
  }

  /** The client's Bootstrap-Request confirmed a trigger and never got its session: another trigger, if the order allows one more. */
  gaveUp(client: Client): void {
    for (const item of [...client.open]) if (isTriggerable(item) && item.trigger?.record.state === "confirmed") this.again(item);
  }

  /** A new Bootstrap-Request of the client came. */
  requested(client: Client): void {
    for (const item of client.open) {
      if (item.overtaken === undefined) this.#note(item, { in: "bootstrap-requested" });
      else item.overtaken = true;
    }
  }

  /** What a Server says of a trigger. */
  heard(peerId: string, triggerId: string, state: ServerTriggerState, code: string | undefined): void {
    const items = this.#openAt(peerId).get(triggerId);
    if (items !== undefined) {
      for (const item of [...items]) this.#serverSays(item, state, code);
      return;
    }
    if (this.#posting === 0) return;
    if (this.#early.size >= keptEarlyNews) this.#early.clear();
    this.#early.set(`${peerId} ${triggerId}`, { state, code });
  }

  /** An item ended: a trigger that was not carried out is withdrawn when the item will not be; else its outcome is still of interest. */
  ended(item: OrderItem): void {
    const track = item.trigger;
    if (track?.id === undefined) return;
    const { state } = track.record;
    if (item.state !== "cancelled" && item.state !== "expired") return;
    if (state !== "accepted" && state !== "queued" && state !== "sent") return;
    if (this.context.plants.has("cancel-leaves-triggers")) return;
    const link = this.context.links.get(track.server);
    const { id } = track;
    void link?.withdrawTrigger(id, this.context.timing.sm3BudgetMs).then((answer) => {
      if (answer.trigger !== undefined) this.#note(item, { in: "server-says", state: answer.trigger.state, ...(answer.trigger.code === undefined ? {} : { code: answer.trigger.code }) });
    });
  }

  #pace(item: OrderItem): void {
    const { order } = item;
    const perMinute = order.policy.spread?.perMinute;
    const now = this.context.clock.now();
    if (perMinute === undefined) return this.#queue(item);
    const at = Math.max(now, order.nextTriggerAt);
    order.nextTriggerAt = at + 60_000 / perMinute;
    if (at <= now) return this.#queue(item);
    this.context.due.add(at - now, () => this.#queue(item));
  }

  #queue(item: OrderItem): void {
    this.#ready.push(item);
    this.#fill();
  }

  #fill(): void {
    while (this.#posting < parallelPosts && this.#next < this.#ready.length) {
      const item = this.#ready[this.#next];
      this.#next += 1;
      if (this.#next > 1024 && this.#next * 2 > this.#ready.length) {
        this.#ready.splice(0, this.#next);
        this.#next = 0;
      }
      if (item === undefined || !isTriggerable(item)) continue;
      this.#posting += 1;
      void this.#ask(item).finally(() => {
        this.#posting -= 1;
        this.#fill();
      });
    }
  }

  /** Servers of the client, those of other accounts first: the one that changes may be on its way out. */
  #candidates(item: OrderItem): Candidate[] {
    const { client, order } = item;
    const known = new Map<string, number | undefined>();
    for (const { revision } of client.holdings) known.set(revision.account.owner, revision.account.ssid);
    for (const ssid of [...client.others, ...this.context.plainShortServerIds(client.endpoint)]) {
      const peer = [...this.context.links.values()].find((link) => inRange(link.peer, ssid))?.peer.id;
      if (peer !== undefined && !known.has(peer)) known.set(peer, ssid);
    }
    // Of a device never seen here any Server may turn out to be its Server.
    if (known.size === 0) for (const id of this.context.links.keys()) known.set(id, undefined);
    const named = order.policy.triggerServers;
    const ids = named.length > 0 ? named : [...known.keys()].sort((a, b) => Number(a === order.account.owner) - Number(b === order.account.owner));
    return ids.flatMap((id) => {
      const link = this.context.links.get(id);
      return link === undefined || !matchesAny(link.peer.endpoints, client.endpoint) ? [] : [{ link, ssid: known.get(id) }];
    });
  }

  async #ask(item: OrderItem): Promise<void> {
    const candidates = this.#candidates(item);
    let reachable = false;
    let unavailable = 0;
    while (isTriggerable(item)) {
      const candidate = candidates[item.asked];
      if (candidate === undefined) break;
      // Counted before: the answer may bring the trigger's end, and with it the turn of the next Server.
      item.asked += 1;
      const answer = await this.#post(item, candidate);
      if (isOk(answer)) {
        reachable = true;
        break;
      }
      if (answer.status === 0 || answer.status >= 500 || answer.status === 429) unavailable += 1;
      if (this.context.plants.has("second-server-not-asked")) break;
    }
    if (reachable || !isTriggerable(item)) return;
    item.asked = 0;
    // A staged item has to wait somewhere; one that was triggered before is there already.
    this.context.items.move(item, item.state === "staged" ? { in: "wait-for-client" } : { in: "trigger-undeliverable" });
    if (unavailable > 0 && item.rounds < item.order.policy.maxAttempts) {
      item.rounds += 1;
      this.context.due.add(this.context.timing.retryDelayMs * 2 ** Math.min(item.rounds, 6), () => this.#queue(item));
    }
  }

  async #post(item: OrderItem, { link, ssid }: Candidate): Promise<TriggerAnswer> {
    const { order, client } = item;
    const validityMs = validityOf(order, this.context.timing);
    const body: NewTrigger = {
      ep: client.endpoint,
      ...(ssid === undefined ? {} : { ssid }),
      reason: reasons[order.type],
      validity: formatDuration(validityMs),
      orderItem: item.reference,
    };
    item.posts += 1;
    const key = `${order.id}.${item.index}.${item.posts}`;
    item.overtaken = false;
    const answer = await link.createTrigger(body, key, this.context.timing.sm3BudgetMs);
    const requestSeen = item.overtaken;
    item.overtaken = undefined;
    const { trigger } = answer;
    const track: TriggerTrack = { server: link.peer.id, id: trigger?.triggerId, record: { ...newTriggerRecord, requestSeen }, unavailable: false, at: this.context.clock.epoch() };
    if (!isOk(answer) || trigger === undefined) {
      const refusal: ServerTriggerState | undefined = answer.problem === "not-registered" || answer.problem === "client-unreachable" ? "not-registered" : answer.problem === "not-found" ? "unknown-client" : undefined;
      track.unavailable = refusal === undefined;
      if (refusal !== undefined) track.record = { state: refusal, requestSeen: false };
      this.#remember(item, track);
      this.context.items.triggerChanged(item, track, "-", "refused");
      return isOk(answer) ? { status: 502 } : answer;
    }
    this.#remember(item, track);
    this.context.items.triggerChanged(item, track, "-", "created");
    // A Server may answer with the trigger it has open for this client already.
    const items = this.#openAt(track.server).get(trigger.triggerId) ?? [];
    this.#openAt(track.server).set(trigger.triggerId, [...items, item]);
    // The device may be in its session already; the trigger counts all the same.
    if (!this.context.items.move(item, { in: "trigger-created" })) item.machine = { ...item.machine, attempts: item.machine.attempts + 1 };
    this.context.watch(link);
    this.context.due.add(validityMs, () => void this.#validityOver(item, track, link));
    const early = this.#early.get(`${track.server} ${trigger.triggerId}`);
    this.#early.delete(`${track.server} ${trigger.triggerId}`);
    const newest = early ?? { state: trigger.state, code: trigger.code };
    if (newest.state !== "accepted") this.#serverSays(item, newest.state, newest.code);
    return answer;
  }

  #openAt(peerId: string): Map<string, OrderItem[]> {
    let open = this.#open.get(peerId);
    if (open === undefined) this.#open.set(peerId, (open = new Map<string, OrderItem[]>()));
    return open;
  }

  /** The item expects no more news of the trigger. */
  #close(item: OrderItem, { server, id }: TriggerTrack): void {
    if (id === undefined) return;
    const open = this.#openAt(server);
    const rest = open.get(id)?.filter((other) => other !== item) ?? [];
    if (rest.length === 0) open.delete(id);
    else open.set(id, rest);
  }

  #remember(item: OrderItem, track: TriggerTrack): void {
    if (item.trigger !== undefined) {
      item.earlierTriggers ??= [];
      item.earlierTriggers.push(item.trigger);
      if (item.earlierTriggers.length > keptEarlierTriggers) item.earlierTriggers.shift();
      this.#close(item, item.trigger);
    }
    item.trigger = track;
  }

  #note(item: OrderItem, input: Parameters<typeof nextTriggerRecord>[1]): boolean {
    const track = item.trigger;
    if (track === undefined || track.unavailable) return false;
    const next = nextTriggerRecord(track.record, input);
    if (next === undefined) return false;
    const from = track.record.state;
    track.record = next;
    if (next.state !== from) this.context.items.triggerChanged(item, track, from, input.in);
    return true;
  }

  #serverSays(item: OrderItem, state: ServerTriggerState, code: string | undefined): void {
    const track = item.trigger;
    if (track === undefined || !this.#note(item, { in: "server-says", state, ...(code === undefined ? {} : { code }) })) return;
    if (isTerminalAtServer(state)) this.#close(item, track);
    switch (state) {
      case "accepted":
      case "queued":
      case "sent":
        return;
      case "acknowledged":
        this.context.items.move(item, { in: "trigger-acknowledged" });
        if (this.context.plants.has("trigger-confirmed-without-bootstrap")) this.#note(item, { in: "bootstrap-requested" });
        this.context.due.add(this.context.timing.confirmWindowMs, () => this.#windowOver(item, track));
        return;
      case "refused":
        // Busy, or without Bootstrap-Server account: another Server of the client may be tried, this one has spoken.
        if (this.#anotherServer(item)) return;
        this.context.items.move(item, { in: "trigger-refused", ...(code === undefined ? {} : { code }) });
        return;
      case "unsupported":
      case "not-registered":
      case "unknown-client":
      case "withdrawn":
      case "superseded":
        if (this.#anotherServer(item)) return;
        this.context.items.move(item, { in: "trigger-undeliverable" });
        return;
      case "expired":
        return this.#nextAttempt(item);
    }
  }

  /** Nothing came of a trigger: another one, at the next Server where there is one. */
  #nextAttempt(item: OrderItem): void {
    if (this.#anotherServer(item)) return;
    item.asked = 0;
    if (isTriggerable(item)) this.again(item);
  }

  /** True when the item's share goes to the next of the client's Servers. */
  #anotherServer(item: OrderItem): boolean {
    if (this.context.plants.has("second-server-not-asked")) return false;
    if (!isTriggerable(item) || item.machine.attempts >= item.order.policy.maxAttempts || item.asked >= this.#candidates(item).length) return false;
    this.#queue(item);
    return true;
  }

  #windowOver(item: OrderItem, track: TriggerTrack): void {
    if (item.trigger === track && this.#note(item, { in: "window-over" })) this.#nextAttempt(item);
  }

  async #validityOver(item: OrderItem, track: TriggerTrack, link: ServerLink): Promise<void> {
    if (track.id !== undefined && this.#openAt(track.server).get(track.id)?.includes(item) === true) {
      // The last word is the Server's: its news may have been lost.
      const answer = await link.getTrigger(track.id, this.context.timing.sm3BudgetMs);
      if (answer.trigger !== undefined) this.heard(track.server, track.id, answer.trigger.state, answer.trigger.code);
      this.#close(item, track);
    }
    if (isTriggerable(item)) this.#windowOver(item, track);
  }
}

const isTriggerable = ({ state, order }: OrderItem): boolean => (state === "staged" || state === "triggering" || state === "awaiting-client") && order.status === "active";

const inRange = ({ shortServerIds: [first, last] }: PeerConfig, ssid: number): boolean => ssid >= first && ssid <= last;

function validityOf(order: OrderRecord, timing: BootstrapServerTiming): number {
  const { triggerValidity } = order.policy;
  return (triggerValidity === undefined ? undefined : parseDuration(triggerValidity)) ?? timing.triggerValidityMs;
}
