import { after, type Clock, type Timer } from "../../ports/index.js";
import type { NewConfirmation } from "../../smp/index.js";
import type { ServerAdapter } from "./adapter.js";
import type { ActiveCredential } from "./server-handlers.js";

const pollMs = 250;
/** With more devices than these the whole list is cheaper. */
const fewDevices = 10;

interface Pending extends ActiveCredential {
  /** Its location when the credential was installed: a Register after it has another one. */
  readonly before: string | undefined;
}

/** Tells the Bootstrap Server that a device has registered under its new credential, where the LwM2M Server itself knows nobody to tell. */
export class Confirmer {
  readonly #pending = new Map<string, Pending>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly adapter: ServerAdapter,
    private readonly confirm: (confirmation: NewConfirmation) => Promise<unknown>,
  ) {}

  /** Resolves when it is known where the device is registered now. */
  async expect(credential: ActiveCredential): Promise<void> {
    const before = await this.adapter.registration(credential.endpoint).catch(() => undefined);
    this.#pending.set(`${credential.endpoint} ${credential.credentialId}`, { ...credential, before: before?.location });
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) this.clock.stop(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped || this.#timer !== undefined || this.#pending.size === 0) return;
    this.#timer = after(this.clock, pollMs, "adapter confirmations", () => {
      void this.#look().finally(() => {
        this.#timer = undefined;
        this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    try {
      const located = await this.#locations();
      for (const [key, pending] of [...this.#pending]) {
        const location = located.get(pending.endpoint);
        if (location === undefined || location === pending.before) continue;
        this.#pending.delete(key);
        const { endpoint, ssid, credentialId, version } = pending;
        await this.confirm({ ep: endpoint, ssid, event: "registered", at: new Date(this.clock.epoch()).toISOString(), credentialId, version });
      }
    } catch {
      // The system, or the Bootstrap Server, is away: looked at again.
    }
  }

  async #locations(): Promise<Map<string, string>> {
    if (this.#pending.size > fewDevices) return new Map((await this.adapter.registrations()).map(({ endpoint, location }) => [endpoint, location]));
    const endpoints = [...new Set([...this.#pending.values()].map(({ endpoint }) => endpoint))];
    const found = await Promise.all(endpoints.map((endpoint) => this.adapter.registration(endpoint)));
    return new Map(found.flatMap((view) => (view === undefined ? [] : [[view.endpoint, view.location] as const])));
  }
}
