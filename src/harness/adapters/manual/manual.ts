import type { PlainBootstrapInput } from "../../../config/index.js";
import type { OperationResult, RegistrationView } from "../../../operator/index.js";
import { Unsupported } from "../../scenario/recorder.js";
import { AdapterError, properties, type AdapterCredential, type AdapterFacts, type AdapterFinding, type BootstrapAdapter, type Lacks, type Property, type ServerAdapter, type TriggerAnswer } from "../adapter.js";

/** What an operator says to what was asked of him. */
export type OperatorWord = "yes" | "failed" | "cannot";

/** Asks whoever sits at the terminal, one question at a time; undefined when nobody answered in time. */
export type Ask = (question: string, withinMs: number) => Promise<OperatorWord | undefined>;

/** What can be asked of a person without his word becoming the evidence: acts whose effect is seen on the wire. */
const askable: ReadonlySet<Property> = new Set<Property>(["credential", "trigger", "configuration"]);

export function manualFacts(interactive: boolean): AdapterFacts {
  const lacks = new Map<Property, string>();
  for (const property of Object.keys(properties) as Property[]) {
    if (!interactive) lacks.set(property, "nobody sits at a terminal here");
    else if (!askable.has(property)) lacks.set(property, "what an operator would say of it could not be seen on the wire");
  }
  return { name: "manual", lacks };
}

const nobodyAsked = (): never => {
  throw new Unsupported("an operator's word is no evidence");
};

/** A system without an interface: a person does what a scenario needs, and says whether it is done. What came of it is judged by what the devices saw. */
export class ManualAdapter implements ServerAdapter, BootstrapAdapter {
  readonly name: string;
  readonly lacks: Lacks;

  constructor(
    private readonly system: string,
    private readonly ask: Ask | undefined,
    private readonly withinMs: number,
  ) {
    ({ name: this.name, lacks: this.lacks } = manualFacts(ask !== undefined));
  }

  check(): Promise<readonly AdapterFinding[]> {
    const detail = this.ask === undefined ? "nobody sits at a terminal here: its scenarios are unsupported" : "you will be asked";
    return Promise.resolve([{ what: this.system, ok: true, detail }]);
  }

  async close(): Promise<void> {}

  async install(credential: AdapterCredential): Promise<void> {
    if (credential.mode === "nosec") return;
    // The key of a test device, made for this run; it goes to the terminal and nowhere else.
    await this.#do(`install for the device ${credential.endpoint}: identity ${credential.identity}, key (hex) ${Buffer.from(credential.key).toString("hex")}`);
  }

  uninstall(endpoint: string): Promise<void> {
    return this.#do(`remove the credential of the device ${endpoint}`);
  }

  async trigger(endpoint: string, shortServerId: number | undefined): Promise<TriggerAnswer> {
    await this.#do(`execute the bootstrap trigger (/1/x/9, the instance with Short Server ID ${shortServerId ?? "of this server"}) on the device ${endpoint}`);
    return { kind: "taken" };
  }

  configure(endpoint: string, { accounts }: PlainBootstrapInput): Promise<void> {
    return this.#do(`let the next bootstrap of ${endpoint} bring: ${accounts.map(({ uri, shortServerId, lifetime }) => `${uri}, Short Server ID ${shortServerId}, lifetime ${lifetime ?? 86_400} s, without security`).join("; ")}`);
  }

  forget(endpoint: string): Promise<void> {
    return this.#do(`remove the bootstrap configuration of ${endpoint}`);
  }

  // Seen on the wire, or not at all

  registration(): Promise<RegistrationView | undefined> {
    return Promise.resolve(undefined);
  }

  registrations(): Promise<readonly RegistrationView[]> {
    return Promise.resolve([]);
  }

  operate(): Promise<OperationResult | undefined> {
    return Promise.resolve().then(nobodyAsked);
  }

  observe(): Promise<OperationResult | undefined> {
    return Promise.resolve().then(nobodyAsked);
  }

  cancelObservation(): Promise<OperationResult | undefined> {
    return Promise.resolve().then(nobodyAsked);
  }

  async #do(what: string): Promise<void> {
    if (this.ask === undefined) throw new Unsupported("nobody sits at a terminal here");
    const word = await this.ask(`${this.system}: ${what}`, this.withinMs);
    if (word === "cannot") throw new Unsupported(`the operator cannot ${what.replace(/, key \(hex\).*$/, "")}`);
    if (word !== "yes") throw new AdapterError(word === undefined ? `the operator did not answer within ${this.withinMs} ms` : "the operator says that it failed");
  }
}
