import { after, sleep, type Clock, type Timer } from "../../ports/index.js";
import { isTerminalAtServer, parseDuration, ProblemError, type ServerTriggerState, type SmpEventLog, type Trigger, type TriggerBody } from "../../smp/index.js";
import type { TriggerAnswer } from "./adapter.js";

const maxTriggers = 100_000;
/** How long whoever asks for a trigger waits for what the device says; later it is news. */
const answerWithinMs = 1_000;
/** How often the system is asked again about a device that sleeps. */
const askAgainMs = 250;
const defaultValidityMs = 60_000;

interface Noted {
  readonly tenant: string;
  readonly body: TriggerBody;
  readonly expiresAt: number;
  trigger: Trigger;
  /** The system is being asked. */
  asking: boolean;
}

/**
 * Triggers that were passed on to a system that has none. Each is a note of what the system said of its Execute; one for a device that sleeps is asked for again
 * while it is valid.
 */
export class PassedOnTriggers {
  readonly #notes = new Map<string, Noted>();
  readonly #open = new Set<Noted>();
  #count = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    private readonly clock: Clock,
    /** For problems: the name of the system. */
    private readonly system: string,
    private readonly ask: (endpoint: string, shortServerId: number | undefined) => Promise<TriggerAnswer>,
    private readonly events: SmpEventLog,
  ) {}

  /** Throws `not-registered` where the system says so at once. */
  async create(tenant: string, body: TriggerBody): Promise<Trigger> {
    const created = this.clock.epoch();
    const expiresAt = created + (parseDuration(body.validity) ?? defaultValidityMs);
    const now = new Date(created).toISOString();
    const { ep, ssid, reason, validity, priority, orderItem } = body;
    const noted: Noted = {
      tenant,
      body,
      expiresAt,
      asking: false,
      trigger: {
        triggerId: `t-${++this.#count}`,
        ep,
        ...(ssid === undefined ? {} : { ssid }),
        state: "sent",
        reason,
        validity,
        priority,
        ...(orderItem === undefined ? {} : { orderItem }),
        attempts: 0,
        createdAt: now,
        expiresAt: new Date(expiresAt).toISOString(),
        updatedAt: now,
      },
    };
    if (this.#notes.size >= maxTriggers) this.#notes.delete(this.#notes.keys().next().value ?? "");
    this.#notes.set(noted.trigger.triggerId, noted);
    this.#open.add(noted);
    try {
      const answered = this.#ask(noted);
      // A failure that comes later is told by the end of its validity only.
      void answered.catch(() => undefined);
      await Promise.race([answered, sleep(this.clock, answerWithinMs, "adapter trigger")]);
      if (noted.trigger.state === "not-registered") throw new ProblemError("not-registered", `${this.system} has no registration of it`);
    } catch (error) {
      this.#notes.delete(noted.trigger.triggerId);
      this.#open.delete(noted);
      throw error;
    }
    this.#schedule();
    return noted.trigger;
  }

  get(triggerId: string): Trigger {
    return this.#note(triggerId).trigger;
  }

  /** What waits for a device that sleeps is not asked for again; what was passed on cannot be taken back. */
  withdraw(triggerId: string): Trigger {
    const noted = this.#note(triggerId);
    if (noted.trigger.state === "queued") this.#move(noted, "withdrawn");
    return noted.trigger;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) this.clock.stop(this.#timer);
  }

  #note(triggerId: string): Noted {
    const noted = this.#notes.get(triggerId);
    if (noted === undefined) throw new ProblemError("not-found", "there is no such trigger");
    return noted;
  }

  async #ask(noted: Noted): Promise<void> {
    noted.asking = true;
    noted.trigger = { ...noted.trigger, attempts: noted.trigger.attempts + 1 };
    try {
      const answer = await this.ask(noted.body.ep, noted.body.ssid);
      if (isTerminalAtServer(noted.trigger.state)) return;
      this.#move(noted, ...stateOf(answer));
    } finally {
      noted.asking = false;
    }
  }

  #move(noted: Noted, state: ServerTriggerState, code?: string): void {
    const from = noted.trigger.state;
    if (isTerminalAtServer(state)) this.#open.delete(noted);
    if (state === from) return;
    noted.trigger = { ...noted.trigger, state, ...(code === undefined ? {} : { code }), updatedAt: new Date(this.clock.epoch()).toISOString() };
    const { ep, triggerId, orderItem } = noted.trigger;
    this.events.publish(noted.tenant, { type: "smp.trigger.changed", subject: ep, data: { ep, triggerId, from, state, ...(code === undefined ? {} : { code }), ...(orderItem === undefined ? {} : { orderItem }) } });
  }

  #schedule(): void {
    if (this.#stopped || this.#timer !== undefined || this.#open.size === 0) return;
    this.#timer = after(this.clock, askAgainMs, "adapter triggers", () => {
      this.#timer = undefined;
      this.#look();
      this.#schedule();
    });
  }

  #look(): void {
    const now = this.clock.epoch();
    for (const noted of [...this.#open]) {
      if (now >= noted.expiresAt) this.#move(noted, "expired");
      else if (noted.trigger.state === "queued" && !noted.asking) void this.#ask(noted).catch(() => undefined);
    }
  }
}

/** What the device answered decides, as the profile has it; a system that tells no more leaves the trigger open. */
function stateOf(answer: TriggerAnswer): [state: ServerTriggerState, code?: string] {
  switch (answer.kind) {
    case "not-registered":
      return ["not-registered"];
    case "asleep":
      return ["queued"];
    case "taken":
      return ["sent"];
    // Nothing more will be heard of it; the device may have carried it out.
    case "no-answer":
      return ["expired"];
    case "answered": {
      const { code } = answer;
      if (code.startsWith("2.")) return ["acknowledged", code];
      return [code === "4.04" || code === "4.05" ? "unsupported" : "refused", code];
    }
  }
}
