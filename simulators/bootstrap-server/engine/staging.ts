import type { BootstrapServerTiming } from "../../../src/config/index.js";
import { renews, versionFor } from "./credentials.js";
import type { DueQueue } from "./due-queue.js";
import type { Items } from "./items.js";
import type { OrderItem } from "./model.js";
import { isOk, isPassing } from "./server-link.js";
import type { ServerLink } from "./server-link.js";
import type { Sm3 } from "./sm3.js";

/** Items that share a batch (profile, sizes). */
const batchItems = 500;
/** Batches under way at one Server: the next is being checked there while the last one's items are already triggered. */
const parallelBatches = 2;

/** One Server's items that wait for their credential to be staged. */
interface Lane {
  readonly link: ServerLink;
  readonly waiting: OrderItem[];
  taken: number;
  running: number;
  failures: number;
}

/** A batch holds items of one order, so that what a Server thinks of one operator's order delays no other. */
function endOfBatch({ waiting, taken }: Lane): number {
  const order = waiting[taken]?.order;
  let end = taken;
  while (end < waiting.length && end - taken < batchItems && waiting[end]?.order === order) end++;
  return end;
}

/** Brings items from `accepted` to `staged`: a few by themselves, many in batches (SM-3, before the trigger). */
export class Staging {
  readonly #lanes = new Map<string, Lane>();

  constructor(
    private readonly sm3: Sm3,
    private readonly items: Items,
    private readonly due: DueQueue,
    private readonly timing: BootstrapServerTiming,
    /** The item is staged: it may be triggered, or wait. */
    private readonly staged: (item: OrderItem) => void,
  ) {}

  /** Items of one order, all `accepted`. */
  add(items: readonly OrderItem[]): void {
    for (const item of items) {
      const { account, type } = item.order;
      const link = this.sm3.linkOf(account);
      // Removing needs no credential, nor does an account that has its credential already.
      if (type === "remove" || !this.sm3.hasCredentials(account) || versionFor(item.client.credential(account.id), item) !== undefined) this.pass(item);
      else if (link === undefined) void this.#alone(item);
      else this.#lane(link).waiting.push(item);
    }
    for (const lane of this.#lanes.values()) this.#fill(lane);
  }

  /** Nobody is to be told: the key is the Server's own. */
  async #alone(item: OrderItem): Promise<void> {
    if (isOk(await this.sm3.stage(item.client, item.order.account, item))) this.pass(item);
  }

  /** The credential is there, or none is needed. */
  pass(item: OrderItem): void {
    if (!renews(item)) item.credentialVersion = item.client.credential(item.order.account.id).serving?.version ?? 0;
    if (this.items.move(item, { in: "staged" })) this.staged(item);
  }

  #lane(link: ServerLink): Lane {
    let lane = this.#lanes.get(link.peer.id);
    if (lane === undefined) this.#lanes.set(link.peer.id, (lane = { link, waiting: [], taken: 0, running: 0, failures: 0 }));
    return lane;
  }

  #fill(lane: Lane): void {
    while (lane.running < parallelBatches && lane.taken < lane.waiting.length) {
      const end = endOfBatch(lane);
      const batch = lane.waiting.slice(lane.taken, end).filter((item) => item.state === "accepted");
      lane.taken = end;
      if (lane.taken === lane.waiting.length) lane.waiting.length = lane.taken = 0;
      if (batch.length > 0) void this.#run(lane, batch);
    }
  }

  async #run(lane: Lane, batch: readonly OrderItem[]): Promise<void> {
    lane.running += 1;
    const [only] = batch;
    const answers =
      batch.length === 1 && only !== undefined ? [await this.sm3.stage(only.client, only.order.account, only)] : await this.sm3.stageBatch(lane.link, batch);
    lane.running -= 1;
    const again: OrderItem[] = [];
    batch.forEach((item, index) => {
      const answer = answers[index] ?? { status: 0 };
      if (isOk(answer)) this.pass(item);
      else if (isPassing(answer)) again.push(item);
      else this.items.move(item, { in: "sm3-refused" });
    });
    this.#fill(lane);
    lane.failures = again.length === 0 ? 0 : lane.failures + 1;
    if (again.length === 0) return;
    // The Server is away: its items stay `accepted` until it is back, or their order's deadline is over.
    this.due.add(this.timing.retryDelayMs * 2 ** Math.min(lane.failures, 6), () => this.add(again.filter((item) => item.state === "accepted")));
  }
}
