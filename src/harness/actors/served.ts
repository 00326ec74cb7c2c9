import type { PlainBootstrapInput } from "../../config/index.js";
import type { DeviceOperation, FaultSpec, FaultStatus, Forgetting, Forgotten, HandshakeView, OperationResult, OperatorClient, RegistrationView, RelayAnswer, RelayRequest, Restarted, Restarting, RoleHealth, ServerKeysView, SessionView } from "../../operator/index.js";
import { Unsupported } from "../scenario/recorder.js";
import type { ServerName } from "../targets/index.js";
import { allPages, tracePage } from "./pages.js";
import type { BootstrapServerActor, LwM2mServerActor, ServedActor, ServerUris, SmpAnswer, SmpRequest, TraceSince } from "./types.js";

/** What an actor of a served role is built on. `operator` is absent where the role has no operator API. */
export interface ServedRole {
  readonly role: string;
  readonly uris: ServerUris;
  readonly smpUrl: string;
  readonly operator: OperatorClient | undefined;
}

/** Calls of the Server Management interface towards a LwM2M Server, in the place of its Bootstrap Server. */
export interface SmpCaller {
  call(request: SmpRequest): Promise<SmpAnswer>;
  close(): Promise<void>;
}

abstract class Served implements ServedActor {
  readonly role: string;
  readonly uris: ServerUris;
  readonly smpUrl: string;
  readonly #operator: OperatorClient | undefined;

  constructor(served: ServedRole) {
    this.role = served.role;
    this.uris = served.uris;
    this.smpUrl = served.smpUrl;
    this.#operator = served.operator;
  }

  /** Throws `Unsupported` where there is none. */
  protected get operator(): OperatorClient {
    if (this.#operator === undefined) throw new Unsupported(`${this.role} has no operator API`);
    return this.#operator;
  }

  async health(): Promise<RoleHealth> {
    return this.operator.health();
  }

  async serverKeys(): Promise<ServerKeysView | undefined> {
    return this.operator.serverKeys();
  }

  async setFault(id: string, fault: FaultSpec): Promise<void> {
    await this.operator.setFault(id, fault);
  }

  fault(id: string): Promise<FaultStatus | undefined> {
    return this.operator.fault(id);
  }

  async releaseFault(id: string): Promise<void> {
    await this.operator.releaseFault(id);
  }

  clearFault(id: string): Promise<void> {
    return this.operator.clearFault(id);
  }

  async trace(endpoints: readonly string[], after: number): Promise<TraceSince> {
    const operator = this.#operator;
    if (operator === undefined) return { events: [], next: after };
    return allPages(after, (from) => operator.trace({ after: from, limit: tracePage, endpoints }));
  }

  page(path: string): Promise<string> {
    return this.operator.page(path);
  }

  async eventTexts(until: AbortSignal): Promise<readonly string[]> {
    const texts: string[] = [];
    for await (const event of this.operator.events({ after: 0, signal: until })) texts.push(JSON.stringify(event));
    return texts;
  }

  async close(): Promise<void> {
    await this.#operator?.close();
  }
}

export class ServedBootstrapServer extends Served implements BootstrapServerActor {
  configure(endpoint: string, configuration: PlainBootstrapInput): Promise<void> {
    return this.operator.setBootstrap(endpoint, configuration);
  }

  forget(endpoint: string): Promise<void> {
    return this.operator.removeBootstrap(endpoint);
  }

  sessions(endpoint: string): Promise<readonly SessionView[]> {
    return this.operator.sessions({ endpoint });
  }
}

export class ServedLwM2mServer extends Served implements LwM2mServerActor {
  constructor(
    readonly name: ServerName,
    served: ServedRole,
    readonly secondUris: ServerUris,
    private readonly smp: SmpCaller,
  ) {
    super(served);
  }

  registration(endpoint: string): Promise<RegistrationView | undefined> {
    return this.operator.registration(endpoint);
  }

  async registrations(pattern: string): Promise<readonly RegistrationView[]> {
    const found: RegistrationView[] = [];
    let after: string | undefined;
    do {
      const page = await this.operator.registrations({ endpoint: pattern, limit: 1_000, ...(after === undefined ? {} : { after }) });
      found.push(...page.registrations);
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  operate(endpoint: string, operation: DeviceOperation): Promise<OperationResult> {
    return this.operator.operate(endpoint, operation);
  }

  observe(endpoint: string, path: string, attributes?: Readonly<Record<string, number>>): Promise<OperationResult> {
    return this.operator.observe(endpoint, path, attributes);
  }

  cancelObservation(endpoint: string, path: string, how: "reset" | "deregister" = "deregister"): Promise<OperationResult> {
    return this.operator.cancelObservation(endpoint, path, how);
  }

  async handshakes(pattern: string): Promise<readonly HandshakeView[]> {
    const found: HandshakeView[] = [];
    let after: string | undefined;
    do {
      const page = await this.operator.handshakes({ endpoint: pattern, limit: 1_000, ...(after === undefined ? {} : { after }) });
      found.push(...page.devices);
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  forgetSessions(what: Partial<Forgetting>): Promise<Forgotten> {
    return this.operator.forgetSessions(what);
  }

  restart(how: Restarting): Promise<Restarted> {
    return this.operator.restart(how);
  }

  relay(request: RelayRequest): Promise<RelayAnswer> {
    return this.operator.relay(request);
  }

  asBootstrapServer(request: SmpRequest): Promise<SmpAnswer> {
    return this.smp.call(request);
  }

  override async close(): Promise<void> {
    await this.smp.close();
    await super.close();
  }
}
