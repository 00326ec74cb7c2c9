import type { Clock } from "../../../src/ports/index.js";
import { recipientOf } from "../../../src/smp/index.js";
import type { Recipient, SecretTransport } from "../../../src/smp/index.js";
import { isFailure } from "./server-link.js";
import type { LinkAnswer, ServerLink } from "./server-link.js";

/** How a Server wants its secrets, and what it does with two versions. */
export interface Terms {
  readonly slots: 1 | 2;
  /** What the Server calls the tenant that this Bootstrap Server's token stands for. */
  readonly tenant: string;
  /** Undefined: secrets go in the clear. */
  readonly recipient: Recipient | undefined;
}

/** A key set may be kept for so long (openapi.yaml, Secrets). */
const keptMs = 3_600_000;

/** What one Server says of itself, read when it is needed first and kept for an hour. */
export class ServerTerms {
  #slots: 1 | 2 = 2;
  #read: { readonly until: number; readonly terms: Promise<Terms | LinkAnswer> } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly link: ServerLink,
    /** `cleartext` in a laboratory that is told so: then where the Server takes it. */
    private readonly transport: Exclude<SecretTransport, "none">,
  ) {}

  /** As the Server said last; two until it was asked. */
  get slots(): 1 | 2 {
    return this.#slots;
  }

  /** Many that ask at once are answered by one look. A failure is not kept. */
  get(timeoutMs: number): Promise<Terms | LinkAnswer> {
    if (this.#read !== undefined && this.#read.until > this.clock.now()) return this.#read.terms;
    const read = { until: this.clock.now() + keptMs, terms: this.#ask(timeoutMs) };
    this.#read = read;
    void read.terms.then((terms) => {
      if (isFailure(terms)) {
        if (this.#read === read) this.#read = undefined;
      } else this.#slots = terms.slots;
    });
    return read.terms;
  }

  /** The Server does not know its own key any more: the next look is a new one. */
  forget(): void {
    this.#read = undefined;
  }

  async #ask(timeoutMs: number): Promise<Terms | LinkAnswer> {
    const capabilities = await this.link.capabilities(timeoutMs);
    if (isFailure(capabilities)) return capabilities;
    const terms = { slots: capabilities.lwm2mServer?.credentialSlots === 1 ? 1 : 2, tenant: capabilities.tenant ?? this.link.peer.tenant } as const;
    const { secretTransport } = capabilities;
    if (this.transport === "cleartext" && secretTransport.includes("cleartext")) return { ...terms, recipient: undefined };
    if (!secretTransport.includes("jwe")) return noWay;
    const set = await this.link.jwks(timeoutMs);
    if (isFailure(set)) return set;
    const recipient = await recipientOf(set);
    return recipient === undefined ? noWay : { ...terms, recipient };
  }
}

/** The Server takes no secret in the form that this one sends: its own answer would be no other. */
const noWay: LinkAnswer = { status: 422, problem: "unsupported-mode" };
