import type { BootstrapServerTiming } from "../../../src/config/index.js";
import { sleep } from "../../../src/ports/index.js";
import type { Clock, Log } from "../../../src/ports/index.js";
import { serverTriggerStates } from "../../../src/smp/index.js";
import type { ServerTriggerState, SmpEvent } from "../../../src/smp/index.js";
import type { ServerLink } from "./server-link.js";
import type { Sm3 } from "./sm3.js";
import type { Triggering } from "./triggering.js";

/** Seconds of one long poll. */
const waitSeconds = 20;
/** Triggers looked at one by one in a round, where a Server has no events to follow. */
const polledPerRound = 50;

const isTriggerState = (state: string | undefined): state is ServerTriggerState => serverTriggerStates.some((known) => known === state);

/**
 * Follows the news of Servers while there is something to learn from them: one long poll of `events` at each, and where that is not
 * offered a look at each open trigger in turn.
 */
export class Watch {
  readonly #running = new Set<string>();
  readonly #cursors = new Map<string, string>();
  #stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly timing: BootstrapServerTiming,
    private readonly triggering: Triggering,
    private readonly sm3: Sm3,
    private readonly log: Log,
  ) {}

  /** Something is under way at this Server; harmless to call again. */
  follow(link: ServerLink): void {
    if (this.#stopped || this.#running.has(link.peer.id)) return;
    this.#running.add(link.peer.id);
    void this.#run(link).finally(() => this.#running.delete(link.peer.id));
  }

  stop(): void {
    this.#stopped = true;
  }

  #isNeeded(peerId: string): boolean {
    return !this.#stopped && (this.triggering.openAt(peerId).size > 0 || this.sm3.waitsAt(peerId));
  }

  async #run(link: ServerLink): Promise<void> {
    const peerId = link.peer.id;
    while (this.#isNeeded(peerId)) {
      const page = await link.events(this.#cursors.get(peerId), waitSeconds);
      if ("status" in page) {
        this.log.debug({ peer: peerId, status: page.status }, "no events from the LwM2M Server, its triggers are looked at one by one");
        await this.#poll(link);
        await sleep(this.clock, this.timing.triggerPollMs, "trigger poll");
        continue;
      }
      this.#cursors.set(peerId, page.next);
      for (const event of page.events) this.#event(peerId, event);
      // News was lost: what is open has to be read again.
      if (page.lost > 0) await this.#poll(link);
    }
  }

  #event(peerId: string, { type, data }: SmpEvent): void {
    if (type === "smp.trigger.changed" && data.triggerId !== undefined && isTriggerState(data.state)) this.triggering.heard(peerId, data.triggerId, data.state, data.code);
    else if (type === "smp.credential.effective" && data.ep !== undefined && data.credentialId !== undefined) this.sm3.effective(peerId, data.ep, data.credentialId);
  }

  async #poll(link: ServerLink): Promise<void> {
    const ids = [...this.triggering.openAt(link.peer.id).keys()].slice(0, polledPerRound);
    await Promise.all(
      ids.map(async (id) => {
        const { trigger, status } = await link.getTrigger(id, this.timing.sm3BudgetMs);
        if (trigger !== undefined) this.triggering.heard(link.peer.id, id, trigger.state, trigger.code);
        // A Server that forgot a trigger has lost it.
        else if (status === 404) this.triggering.heard(link.peer.id, id, "expired", undefined);
      }),
    );
  }
}
