import type { PlainBootstrapInput } from "../../../config/index.js";
import type { Clock } from "../../../ports/index.js";
import { AdapterError, type AdapterFacts, type AdapterFinding, type BootstrapAdapter, type Lacks, type Property } from "../adapter.js";
import type { BootstrapCallsFile, TemplateFile } from "./schema.js";
import { checkTemplate } from "./server.js";
import { TemplateSession } from "./session.js";

export function templateBootstrapFacts(lacks: TemplateFile["lacks"]): AdapterFacts {
  const left = new Map<Property, string>([
    ["faults", "an interface for its users does nothing wrong on purpose"],
    ["configuration-writes", "the target file maps accounts only"],
    ["instance-choice", "the call names the instances, which the adapter has to choose"],
    ["orders", "the target file maps no call to it"],
    ["items", "the target file maps no call to it"],
    ["smp-bootstrap-server", "it has no Server Management interface"],
    ["order-trigger", "the target file maps no call to it"],
  ]);
  for (const [property, reason] of Object.entries(lacks)) left.set(property as Property, reason);
  for (const [property, reason] of left) if (reason === "") left.delete(property);
  return { name: "http-template", lacks: left };
}

export interface TemplateBootstrapOptions {
  readonly api: string;
  readonly file: TemplateFile;
  readonly calls: BootstrapCallsFile;
  readonly secrets: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** A Bootstrap Server whose interface a target file describes: one call to supply a device's accounts, one to take them back. */
export class TemplateBootstrapServer implements BootstrapAdapter {
  readonly name: string;
  readonly lacks: Lacks;
  readonly #session: TemplateSession;

  constructor(private readonly options: TemplateBootstrapOptions) {
    ({ name: this.name, lacks: this.lacks } = templateBootstrapFacts(options.file.lacks));
    this.#session = new TemplateSession(options.api, options.file, options.secrets, options.clock);
  }

  check(): Promise<readonly AdapterFinding[]> {
    return checkTemplate(this.#session, this.options.api, this.options.file, undefined);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async configure(endpoint: string, { accounts, keepOthers = true }: PlainBootstrapInput): Promise<void> {
    const written = accounts.map((account) => ({
      uri: account.uri,
      ssid: account.shortServerId,
      lifetime: account.lifetime ?? 86_400,
      binding: account.binding ?? "U",
      minPeriod: account.minPeriod,
      maxPeriod: account.maxPeriod,
      priority: account.priority,
      retryCount: account.retryCount,
      storeNotifications: account.storeNotifications ?? true,
    }));
    const outcome = await this.#session.call("configure", this.options.calls.configure, { endpoint, accounts: written, keepOthers });
    if (outcome.kind !== "done") throw new AdapterError("configure: the system knows no such device");
  }

  async forget(endpoint: string): Promise<void> {
    await this.#session.call("forget", this.options.calls.forget, { endpoint });
  }
}
