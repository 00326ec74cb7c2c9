import { after, type Clock, type Timer } from "../../src/ports/index.js";
import type { NewConfirmation } from "../../src/smp/index.js";

/** What became of a confirmation that was sent: accepted, refused for good, or to be sent again. */
export type SendOutcome = "done" | "refused" | "again";

export interface ConfirmationOptions {
  readonly clock: Clock;
  /** Calls to the peer at the same time. */
  readonly concurrency: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** Confirmations that wait; the oldest gives way to a newer one. */
  readonly maxWaiting: number;
  /** Never rejects. */
  send(confirmation: NewConfirmation): Promise<SendOutcome>;
}

/**
 * What one Bootstrap Server is still to be told: registrations under its credentials. While it cannot be reached they wait, the
 * newest for each client and credential, and are sent again with a growing pause.
 */
export class Confirmations {
  readonly #waiting = new Map<string, NewConfirmation>();
  /** On their way, one at a time for each client and credential, so that an older one never comes after a newer. */
  readonly #sending = new Set<string>();
  #pauseMs: number;
  #paused: Timer | undefined;
  #stopped = false;
  dropped = 0;

  constructor(readonly options: ConfirmationOptions) {
    this.#pauseMs = options.retryMs;
  }

  get waiting(): number {
    return this.#waiting.size + this.#sending.size;
  }

  add(confirmation: NewConfirmation): void {
    if (this.#stopped) return;
    const key = `${confirmation.credentialId ?? ""} ${confirmation.event} ${confirmation.ep}`;
    const before = this.#waiting.get(key);
    // A device that came under the new version may come once more on a session of the old one; that does not unsay it.
    if (before !== undefined && (before.version ?? 0) > (confirmation.version ?? 0)) return;
    this.#waiting.delete(key);
    if (this.#waiting.size >= this.options.maxWaiting) this.#dropOldest();
    this.#waiting.set(key, withFailuresOf(before, confirmation));
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    if (this.#paused !== undefined) this.options.clock.stop(this.#paused);
  }

  #pump(): void {
    if (this.#stopped || this.#paused !== undefined) return;
    for (const [key, confirmation] of this.#waiting) {
      if (this.#sending.size >= this.options.concurrency) return;
      if (this.#sending.has(key)) continue;
      this.#waiting.delete(key);
      void this.#send(key, confirmation);
    }
  }

  async #send(key: string, confirmation: NewConfirmation): Promise<void> {
    this.#sending.add(key);
    const outcome = await this.options.send(confirmation);
    this.#sending.delete(key);
    if (this.#stopped) return;
    if (outcome === "again") {
      // A newer one of the same client says all that this one would.
      const newer = this.#waiting.get(key);
      this.#waiting.set(key, newer === undefined ? confirmation : withFailuresOf(confirmation, newer));
      this.#pause();
      return;
    }
    this.#pauseMs = this.options.retryMs;
    this.#pump();
  }

  #pause(): void {
    if (this.#paused !== undefined) return;
    this.#paused = after(this.options.clock, this.#pauseMs, "confirmation retry", () => {
      this.#paused = undefined;
      this.#pump();
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.options.maxRetryMs);
  }

  #dropOldest(): void {
    for (const key of this.#waiting.keys()) {
      this.#waiting.delete(key);
      this.dropped += 1;
      return;
    }
  }
}

const mostFailures = 1_000_000;

/** What was not told yet is told with the next. */
function withFailuresOf(before: NewConfirmation | undefined, now: NewConfirmation): NewConfirmation {
  if (before?.failures === undefined || now.failures === undefined || before.version !== now.version) return now;
  return { ...now, failures: Math.min(before.failures + now.failures, mostFailures) };
}
