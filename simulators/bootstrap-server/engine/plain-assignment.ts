import type { Wish } from "../plan.js";
import type { Assignment, Extras } from "../session-context.js";
import type { PlainWish } from "./plain.js";

/** An endpoint without orders: its plain configuration, or nothing. Shared by all endpoints that the configuration fits. */
export class PlainAssignment implements Assignment {
  readonly empty: boolean;
  readonly extras: Extras | undefined;
  readonly #wish: Wish;

  constructor(plain: PlainWish | undefined) {
    this.empty = plain === undefined;
    this.extras = plain?.configuration;
    this.#wish = {
      accounts: (plain?.accounts ?? []).map((account) => ({ ...account, mode: "write" })),
      remove: new Set(),
      removeOthers: plain?.configuration.keepOthers === false,
      resources: plain?.resources ?? [],
    };
  }

  wish(): Wish {
    return this.#wish;
  }

  needs(): { stage: boolean; activate: boolean; commit: boolean } {
    return { stage: false, activate: false, commit: false };
  }

  async stage(): Promise<void> {}
  async activate(): Promise<void> {}
  commit(): Promise<boolean> {
    return Promise.resolve(true);
  }
  delivered(): void {}
  ended(): void {}
}
