import { Server } from "./accounts.js";
import { Objects } from "./model.js";
import type { Registration } from "./registration.js";
import type { ObjectStore } from "./store.js";

/**
 * Which account registers when: those with a place in the order (/1/x/13) one after the other, the others at once. An account whose attempts are used up
 * lets the next one begin, unless it is to block those behind it (/1/x/15).
 */
export class RegistrationOrder {
  #waiting: Registration[] = [];
  #current: Registration | undefined;
  #input = "";

  /** Registers all of them, each in its turn; what was still waiting is forgotten. */
  begin(registrations: readonly Registration[], store: ObjectStore, input: string): void {
    const placeOf = ({ account }: Registration): number | undefined => store.number(Objects.server, account.serverInstance, Server.priority);
    this.forget();
    this.#input = input;
    this.#waiting = registrations.filter((registration) => placeOf(registration) !== undefined).sort((a, b) => (placeOf(a) ?? 0) - (placeOf(b) ?? 0));
    for (const registration of registrations) if (!this.#waiting.includes(registration)) void registration.register(input);
    this.#next();
  }

  /** A registration came to another state. */
  moved(registration: Registration, store: ObjectStore): void {
    if (registration !== this.#current) return;
    const blocks = store.flag(Objects.server, registration.account.serverInstance, Server.failureBlock) === true;
    if (registration.registered || (registration.state === "failed" && !blocks)) this.#next();
  }

  forget(): void {
    this.#waiting = [];
    this.#current = undefined;
  }

  #next(): void {
    this.#current = this.#waiting.shift();
    void this.#current?.register(this.#input);
  }
}
