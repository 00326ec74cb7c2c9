import { Timer, type Clock } from "../../src/ports/index.js";
import type { CredentialVersion } from "./credential-record.js";

export interface AuthFailuresOptions {
  readonly clock: Clock;
  /** Failures within it are one report. */
  readonly collectMs: number;
  report(version: CredentialVersion, failures: number): void;
}

/** Handshakes that failed, or were refused because a credential is over: told in sums, since a device that fails does not fail once. */
export class AuthFailures extends Timer {
  override readonly timerName = "authentication failures";
  readonly #counts = new Map<CredentialVersion, number>();

  constructor(readonly options: AuthFailuresOptions) {
    super();
  }

  note(version: CredentialVersion): void {
    this.#counts.set(version, (this.#counts.get(version) ?? 0) + 1);
    if (!this.running) this.options.clock.start(this, this.options.collectMs);
  }

  stop(): void {
    this.options.clock.stop(this);
  }

  override fire(): void {
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [version, failures] of counts) this.options.report(version, failures);
  }
}
