/** How the program ends; scripts rely on these numbers (docs/command-line.md). */
export const ExitCode = {
  /** Every verdict is pass, not-applicable or declared unsupported; an expectation was met. */
  ok: 0,
  /** Some verdict is fail; an expectation was not met; doctor found a problem. */
  fail: 1,
  /** Usage or configuration. */
  usage: 2,
  /** Inconclusive, saturated or incomplete. */
  inconclusive: 3,
  /** Our own error. */
  internal: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The command line or a file is wrong: what, and how to put it right. Exit code 2, no stack trace. */
export class UsageError extends Error {
  constructor(message: string, fix: string) {
    super(`${message}; ${fix}`);
    this.name = "UsageError";
  }
}
