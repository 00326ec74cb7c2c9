import { formatCode, type Request } from "../../src/coap/index.js";
import { executeRequest, ObjectId, ServerResource } from "../../src/lwm2m/index.js";
import { after, Timer, type Clock } from "../../src/ports/index.js";
import { isTerminalAtServer, parseDuration, ProblemError, type Caller, type ServerTriggerInput, type ServerTriggerState, type TriggerBody } from "../../src/smp/index.js";
import { DeliveryError, type DeviceLink } from "./device-link.js";
import type { PlantedFaults } from "./plants.js";
import type { DeviceJob } from "./queue-mode.js";
import type { Registration, Registry } from "./registry.js";
import { findServerInstance, type ServerInstance } from "./server-instance.js";
import { TriggerRecord } from "./trigger.js";

export interface TriggerServiceOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly link: DeviceLink;
  readonly plants: PlantedFaults;
  /** Text that makes ids of this run differ from those of another. */
  readonly idPrefix: string;
  readonly defaultValidityMs: number;
  /** Least time between two Executes for one client: what comes in between becomes one. A Register of the client ends it. */
  readonly windowMs: number;
  /** Triggers of one caller that may be open at once. */
  readonly maxOpen: number;
  /** Triggers for one client within a minute. */
  readonly maxPerClientPerMinute: number;
  /** Triggers that are over and can still be read. */
  readonly maxEnded: number;
  /** Our Short Server ID on a client, where the trigger names none. */
  shortServerIdFor(endpoint: string): number | undefined;
  /** Whether the client was ever heard of here. */
  knows(endpoint: string): boolean;
  expectedUplink(registration: Registration): number | undefined;
  changed(trigger: TriggerRecord, from: ServerTriggerState | "none", input: string): void;
}

/** What one client was lately asked. */
interface ClientWindow {
  /** While it runs, no further Execute. */
  timer: Timer | undefined;
  /** Wait for the window's end, one per tenant. */
  readonly next: TriggerRecord[];
  /** `Clock.now()` of the last minute's triggers, by tenant: one does not use up what another may ask. */
  readonly arrivals: Map<string, number[]>;
}

const minuteMs = 60_000;

/** SM-2 at the LwM2M Server: each accepted trigger becomes one Execute of `/1/x/9`, at most. */
export class TriggerService extends Timer {
  override readonly timerName = "trigger rates";
  readonly #byId = new Map<string, TriggerRecord>();
  /** The one open trigger per caller's tenant and client, by `tenant endpoint`. */
  readonly #open = new Map<string, TriggerRecord>();
  readonly #openOf = new Map<string, number>();
  readonly #windows = new Map<string, ClientWindow>();
  readonly #ended: string[] = [];
  #endedAt = 0;
  #count = 0;

  constructor(readonly options: TriggerServiceOptions) {
    super();
  }

  get open(): number {
    return this.#open.size;
  }

  get(tenant: string, id: string): TriggerRecord | undefined {
    const trigger = this.#byId.get(id);
    return trigger?.tenant === tenant ? trigger : undefined;
  }

  /** The new trigger, or the open one for the same client. Throws `ProblemError` `rate`. */
  create(caller: Caller, body: TriggerBody): TriggerRecord {
    const { clock, registry } = this.options;
    const window = this.#windowOf(body.ep);
    this.#countArrival(window, caller.tenant, body.ep);
    const key = openKey(caller.tenant, body.ep);
    const before = this.#open.get(key);
    const validityMs = parseDuration(body.validity) ?? this.options.defaultValidityMs;
    if (before !== undefined && !this.options.plants.has("triggers-not-coalesced")) {
      if (before.body.ssid === body.ssid && body.replaces !== before.id) {
        this.#extend(before, validityMs);
        return before;
      }
      this.#supersede(before);
    }
    if ((this.#openOf.get(caller.peerId) ?? 0) >= this.options.maxOpen) throw new ProblemError("rate", "too many triggers are open", { retryAfter: 1 });
    this.#count += 1;
    const epoch = clock.epoch();
    const trigger = new TriggerRecord(`${this.options.idPrefix}${this.#count.toString(36)}`, caller.peerId, caller.tenant, body, epoch, epoch + validityMs, (expired) => this.#end(expired, { in: "expire" }));
    this.#byId.set(trigger.id, trigger);
    this.#open.set(key, trigger);
    this.#openOf.set(caller.peerId, (this.#openOf.get(caller.peerId) ?? 0) + 1);
    clock.start(trigger, validityMs);
    this.options.changed(trigger, "none", "created");
    if (registry.byEndpoint(body.ep) === undefined) this.#end(trigger, { in: this.options.knows(body.ep) ? "not-registered" : "unknown-client" });
    else if (window.timer === undefined) this.#begin(trigger);
    else window.next.push(trigger);
    return trigger;
  }

  /** DELETE: what was not sent yet never is. */
  withdraw(trigger: TriggerRecord): void {
    this.#end(trigger, { in: "withdraw" });
  }

  /** With its credential went everything that waited for the device. */
  withdrawAll(tenant: string, endpoint: string): void {
    const trigger = this.#open.get(openKey(tenant, endpoint));
    if (trigger !== undefined) this.#end(trigger, { in: "withdraw" });
  }

  /** A Register shows that the client is through with what the Execute before started. */
  registered(endpoint: string): void {
    const window = this.#windows.get(endpoint);
    if (window?.timer !== undefined) this.#closeWindow(window);
  }

  stop(): void {
    this.options.clock.stop(this);
    for (const trigger of this.#open.values()) this.options.clock.stop(trigger);
    for (const window of this.#windows.values()) if (window.timer !== undefined) this.options.clock.stop(window.timer);
  }

  #begin(trigger: TriggerRecord): void {
    const registration = this.options.registry.byEndpoint(trigger.body.ep);
    if (registration === undefined) {
      this.#end(trigger, { in: "not-registered" });
      return;
    }
    this.#wait(trigger, registration, (job) => this.options.link.start(registration, job));
  }

  #wait(trigger: TriggerRecord, registration: Registration, put: (job: DeviceJob) => boolean): void {
    const { clock } = this.options;
    const job: DeviceJob = {
      holdUntil: clock.now() + (trigger.expiresAt - clock.epoch()) + 1000,
      run: () => {
        trigger.job = undefined;
        return this.#carryOut(trigger);
      },
      dropped: (why) => {
        trigger.job = undefined;
        if (why === "not-registered") this.#end(trigger, { in: "not-registered" });
        else if (why === "queue-full") this.#end(trigger, { in: "withdraw" }, "too much waits for this device");
        else this.#end(trigger, { in: why === "expired" ? "expire" : "withdraw" });
      },
    };
    trigger.job = job;
    if (put(job) || isTerminalAtServer(trigger.machine.state)) return;
    trigger.expectedAt = this.options.expectedUplink(registration);
    this.#move(trigger, { in: "queue" });
  }

  async #carryOut(trigger: TriggerRecord): Promise<void> {
    const { registry, plants } = this.options;
    const registration = registry.byEndpoint(trigger.body.ep);
    if (isTerminalAtServer(trigger.machine.state)) {
      if (plants.has("withdrawn-trigger-sent") && registration !== undefined) await this.#sendAllTheSame(trigger, registration);
      return;
    }
    if (registration === undefined) {
      this.#end(trigger, { in: "not-registered" });
      return;
    }
    if (!registration.reachable) {
      // Its session is over; a device in good order comes back with a new one.
      this.#wait(trigger, registration, (job) => (this.options.link.hold(registration, job), false));
      return;
    }
    if (plants.has("trigger-acknowledged-without-execute")) {
      this.#move(trigger, { in: "send" });
      this.#end(trigger, { in: "answer", code: "2.04" });
      return;
    }
    const found = await this.#instance(trigger, registration);
    if (found === undefined || isTerminalAtServer(trigger.machine.state)) return;
    switch (found.found) {
      case "absent":
        this.#end(trigger, { in: "resource-absent" }, found.detail);
        return;
      case "refused":
        this.#move(trigger, { in: "send" });
        this.#end(trigger, { in: "answer", code: found.code }, found.detail);
        return;
      case "instance":
        await this.#execute(trigger, registration, executeRequest({ object: ObjectId.Server, instance: found.instance, resource: ServerResource.BootstrapRequestTrigger }));
    }
  }

  /** Undefined when the device did not answer: nothing was executed yet, so the trigger waits for its next message. */
  async #instance(trigger: TriggerRecord, registration: Registration): Promise<ServerInstance | undefined> {
    const { link, plants } = this.options;
    if (plants.has("trigger-instance-zero")) return { found: "instance", instance: 0 };
    const shortServerId = trigger.body.ssid ?? this.options.shortServerIdFor(trigger.body.ep);
    const known = registration.serverInstance;
    if (known !== undefined && known.shortServerId === shortServerId) return { found: "instance", instance: known.instance };
    try {
      const found = await findServerInstance(registration, shortServerId, (operation, request) => link.exchange(registration, operation, request));
      if (found.found === "instance") registration.serverInstance = { shortServerId, instance: found.instance };
      return found;
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      const current = this.options.registry.byEndpoint(trigger.body.ep);
      if (isTerminalAtServer(trigger.machine.state)) return undefined;
      if (current === undefined) this.#end(trigger, { in: "not-registered" });
      else this.#wait(trigger, current, (job) => (link.hold(current, job), false));
      return undefined;
    }
  }

  async #execute(trigger: TriggerRecord, registration: Registration, request: Request): Promise<void> {
    const { link, plants } = this.options;
    const sent = (): boolean => {
      if (!this.#move(trigger, { in: "send" })) return false;
      trigger.attempts += 1;
      this.#openWindow(trigger.body.ep);
      return true;
    };
    try {
      const response = await link.exchange(registration, "execute", request, sent);
      if (plants.has("execute-twice")) await link.exchange(registration, "execute", request).catch(() => undefined);
      if (trigger.machine.state !== "sent") this.#move(trigger, { in: "send" });
      this.#end(trigger, { in: "answer", code: formatCode(response.code) });
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      // An Execute without an answer may have been carried out: it is not sent again, and ends with its validity.
      if (trigger.machine.state === "sent") trigger.detail = `no answer to the Execute: ${error.reason}`;
    }
  }

  async #sendAllTheSame(trigger: TriggerRecord, registration: Registration): Promise<void> {
    const found = await this.#instance(trigger, registration);
    if (found?.found !== "instance") return;
    const request = executeRequest({ object: ObjectId.Server, instance: found.instance, resource: ServerResource.BootstrapRequestTrigger });
    await this.options.link.exchange(registration, "execute", request).catch(() => undefined);
  }

  #supersede(trigger: TriggerRecord): void {
    if (!this.#end(trigger, { in: "supersede" })) this.#open.delete(openKey(trigger.tenant, trigger.body.ep));
  }

  #extend(trigger: TriggerRecord, validityMs: number): void {
    const { clock } = this.options;
    const until = clock.epoch() + validityMs;
    if (until <= trigger.expiresAt) return;
    trigger.expiresAt = until;
    clock.start(trigger, validityMs);
  }

  /** Moves to an end; false where the input means nothing. */
  #end(trigger: TriggerRecord, input: ServerTriggerInput, detail?: string): boolean {
    if (detail !== undefined) trigger.detail = detail;
    if (!this.#move(trigger, input)) return false;
    const { clock, link, plants } = this.options;
    clock.stop(trigger);
    if (trigger.job !== undefined && !plants.has("withdrawn-trigger-sent")) link.options.queues.withdraw(trigger.body.ep, trigger.job);
    trigger.job = undefined;
    const window = this.#windows.get(trigger.body.ep);
    const waiting = window?.next.indexOf(trigger) ?? -1;
    if (waiting >= 0) window?.next.splice(waiting, 1);
    const key = openKey(trigger.tenant, trigger.body.ep);
    if (this.#open.get(key) === trigger) this.#open.delete(key);
    this.#openOf.set(trigger.owner, (this.#openOf.get(trigger.owner) ?? 1) - 1);
    this.#remember(trigger.id);
    return true;
  }

  #move(trigger: TriggerRecord, input: ServerTriggerInput): boolean {
    const from = trigger.machine.state;
    if (!trigger.move(input, this.options.clock.epoch())) return false;
    this.options.changed(trigger, from, input.in);
    return true;
  }

  /** The oldest of those that are over is forgotten for each one more. */
  #remember(id: string): void {
    const forgotten = this.#ended[this.#endedAt];
    if (forgotten !== undefined) this.#byId.delete(forgotten);
    this.#ended[this.#endedAt] = id;
    this.#endedAt = (this.#endedAt + 1) % this.options.maxEnded;
  }

  #windowOf(endpoint: string): ClientWindow {
    let window = this.#windows.get(endpoint);
    if (window === undefined) {
      window = { timer: undefined, next: [], arrivals: new Map() };
      this.#windows.set(endpoint, window);
      if (!this.running) this.options.clock.start(this, minuteMs);
    }
    return window;
  }

  /** A client that nobody triggers any more costs nothing. */
  override fire(): void {
    const { clock } = this.options;
    for (const [endpoint, window] of this.#windows) {
      if (window.timer === undefined && window.next.length === 0 && [...window.arrivals.values()].every((arrivals) => clock.now() - (arrivals.at(-1) ?? 0) >= minuteMs)) this.#windows.delete(endpoint);
    }
    if (this.#windows.size > 0) clock.start(this, minuteMs);
  }

  #countArrival(window: ClientWindow, tenant: string, endpoint: string): void {
    const now = this.options.clock.now();
    const arrivals = window.arrivals.get(tenant) ?? [];
    window.arrivals.set(tenant, arrivals);
    while (arrivals.length > 0 && now - (arrivals[0] ?? now) >= minuteMs) arrivals.shift();
    if (arrivals.length >= this.options.maxPerClientPerMinute) throw new ProblemError("rate", `more than ${this.options.maxPerClientPerMinute} triggers a minute for ${endpoint}`, { retryAfter: 1 });
    arrivals.push(now);
  }

  #openWindow(endpoint: string): void {
    const window = this.#windowOf(endpoint);
    if (window.timer !== undefined) this.options.clock.stop(window.timer);
    window.timer = after(this.options.clock, this.options.windowMs, "trigger window", () => this.#closeWindow(window));
  }

  #closeWindow(window: ClientWindow): void {
    if (window.timer !== undefined) this.options.clock.stop(window.timer);
    window.timer = undefined;
    const next = window.next.shift();
    if (next !== undefined) this.#begin(next);
  }
}

const openKey = (tenant: string, endpoint: string): string => `${tenant} ${endpoint}`;
