import type { ActionResult, DeviceCounters, DeviceSnapshot } from "../../simulators/device/index.js";
import { bootstrapAccountOf, credentialOf, inconsistency, Security, serverAccountsOf, type ServerAccount } from "./accounts.js";
import { dropLostServers } from "./access.js";
import { answerOf, Refused } from "./answers.js";
import { bootstrapOperation } from "./bootstrap-interface.js";
import { factoryStore } from "./factory.js";
import { formatLinks } from "./links.js";
import { ManagedDevice } from "./managed.js";
import { modelOf, Objects } from "./model.js";
import { formatPath, parsePath, type Path } from "./paths.js";
import { addressOf, CoapPort, formatAddress, type Address, type Exchange, type Incoming, type OutgoingRequest } from "./port.js";
import { Registration, resultOf, type AccountState, type Changes, type Registrant } from "./registration.js";
import { RegistrationOrder } from "./registration-order.js";
import { accountSnapshot, fleetStateOf, snapshotObjects } from "./snapshot.js";
import type { CreateDtlsSocket } from "./secured-session.js";
import type { HostedSpec } from "./spec.js";
import type { ObjectStore } from "./store.js";
import { Alarm } from "./timers.js";
import type { TraceLog } from "./trace.js";
import { toBytes, ValueError, type Value } from "./values.js";

type State = DeviceSnapshot["state"];
type Cause = NonNullable<DeviceSnapshot["lastBootstrapCause"]>;

/** A bootstrap from its request to its Finish; what it writes is a draft until then. */
interface Session {
  readonly from: string;
  draft: ObjectStore;
  readonly exchange: Exchange;
}

const done: ActionResult = { ok: true };
const refused = (failure: NonNullable<ActionResult["failure"]>): ActionResult => ({ ok: false, failure });

/** A LwM2M 1.1 Client on node-coap: one socket, its object store, a bootstrap when it needs one, a registration for each account. */
export class HostedDevice implements Registrant {
  state: State = "off";
  port: CoapPort | undefined;
  store: ObjectStore;
  registrations: Registration[] = [];
  /** Seconds since 1970, /1/x/12. */
  lastBootstrapped: number | undefined;
  readonly counters: DeviceCounters = {
    bootstrapRequests: 0,
    bootstrapsFinished: 0,
    bootstrapsFailed: 0,
    registrations: 0,
    registrationsFailed: 0,
    updates: 0,
    updatesFailed: 0,
    deregistrations: 0,
    notifications: 0,
    executes: 0,
    bootstrapTriggers: 0,
    handshakes: 0,
    handshakesResumed: 0,
    handshakesRefused: 0,
    handshakesUnanswered: 0,
    handshakeStorms: 0,
    rebinds: 0,
    updatesLost: 0,
    handshakesAfterRebind: 0,
  };
  readonly #managed: ManagedDevice;
  readonly #order = new RegistrationOrder();
  readonly #alarm = new Alarm();
  #opening: Promise<void> | undefined;
  #session: Session | undefined;
  #cause: Cause = "factory";
  #attempt = 0;
  #fallbacks = 0;
  #trigger = "";
  #lastCause: Cause | undefined;
  /** What the newest Bootstrap-Request came to, for whoever asked for it. */
  #requested: Promise<ActionResult> = Promise.resolve(refused("off"));

  constructor(
    readonly spec: HostedSpec,
    private readonly trace: TraceLog,
    private readonly dtls?: CreateDtlsSocket,
  ) {
    this.store = factoryStore(spec);
    this.#managed = new ManagedDevice(this);
  }

  get endpoint(): string {
    return this.spec.endpoint;
  }

  get timing(): HostedSpec["timing"]["device"] {
    return this.spec.timing.device;
  }

  /** A bootstrap is asked for or under way: its trigger would ask for no other one. */
  get busyBootstrapping(): boolean {
    return this.state === "requesting" || this.state === "bootstrapping" || (this.state === "hold-off" && this.#attempt === 0);
  }

  /** Objects may not change under a bootstrap that writes them. */
  get inSession(): boolean {
    return this.#session !== undefined;
  }

  // Power

  async start(): Promise<ActionResult> {
    if (this.state !== "off" || this.#opening !== undefined) return refused("busy");
    this.#opening = this.#open();
    try {
      await this.#opening;
    } finally {
      this.#opening = undefined;
    }
    return done;
  }

  async #open(): Promise<void> {
    const port = await this.#openPort();
    this.port = port;
    port.onRequest = (request) => this.#requestCame(request);
    if (serverAccountsOf(this.store).length > 0) this.#serve("power-on");
    else if (bootstrapAccountOf(this.store) !== undefined) this.#bootstrap("factory", 0, "power-on");
    else this.#move("stranded", "power-on");
  }

  #openPort(): Promise<CoapPort> {
    const { host, timing, traced, endpoint } = this.spec;
    return CoapPort.open(host, timing.coap, traced ? (...datagram) => this.trace.datagram(endpoint, ...datagram) : () => {}, this.dtls);
  }

  async stop(deregister: boolean): Promise<ActionResult> {
    if (deregister) await Promise.all(this.registrations.map((registration) => registration.deregister("left")));
    await this.#powerOff();
    return done;
  }

  async powerCycle(): Promise<ActionResult> {
    await this.#powerOff();
    return this.start();
  }

  async #powerOff(): Promise<void> {
    await this.#opening;
    const { port } = this;
    if (port === undefined) return;
    this.#endSession();
    this.#alarm.clear();
    this.#managed.forgetAll();
    this.#order.forget();
    for (const registration of this.registrations) registration.stop();
    this.registrations = [];
    this.port = undefined;
    this.#move("off", "power-off");
    await port.close();
  }

  // Bootstrap

  /** A Bootstrap-Request now, on somebody's wish. */
  manualBootstrap(): Promise<ActionResult> {
    if (this.port === undefined || this.state === "off") return Promise.resolve(refused("off"));
    if (bootstrapAccountOf(this.store) === undefined) return Promise.resolve(refused("no-account"));
    this.#bootstrap("manual", 0, "bootstrap-again");
    return this.#requested;
  }

  /** Execute of /1/x/9 was answered 2.04. */
  triggered(shortServerId: number, messageId: number): void {
    this.counters.bootstrapTriggers++;
    this.#trigger = `server ${shortServerId}, message id ${messageId}`;
    if (!this.busyBootstrapping) this.#bootstrap("trigger", 0, "bootstrap-due");
  }

  #bootstrap(cause: Cause, attempt: number, input: string): void {
    this.#endSession();
    this.#order.forget();
    for (const registration of this.registrations) if (!registration.registered) registration.stop();
    this.#cause = cause;
    this.#attempt = attempt;
    this.#move("hold-off", input);
    const delay = this.#delay();
    if (delay > 0) this.#alarm.set(delay, () => void this.#request());
    else this.#requested = this.#request();
  }

  reach(uri: string, securityInstance: number, to: number | "bootstrap", port = this.port): Address | undefined {
    const address = addressOf(uri);
    const credential = credentialOf(this.store, securityInstance);
    const secured = uri.startsWith("coaps:");
    if (address === undefined || credential === undefined || secured !== (credential !== "none")) return undefined;
    if (credential === "none") return address;
    const moved = (from: string, state: string, input: string, reason?: string): void => {
      if (input === "full") this.counters.handshakes++;
      else if (input === "timeout") this.counters.handshakesUnanswered++;
      else if (from === "handshaking" && state === "none") this.counters.handshakesRefused++;
      this.#record("dtls", `${this.endpoint}/${to}`, from, state, input, reason === undefined ? {} : { reason });
    };
    return port?.secure(address, credential, { moved }) === true ? address : undefined;
  }

  #delay(): number {
    if (this.#attempt > 0) return this.#backOff(this.#attempt);
    if (this.#cause === "factory") return (this.store.number(Objects.security, bootstrapAccountOf(this.store)?.securityInstance ?? -1, Security.holdOff) ?? 0) * 1000;
    return this.#cause === "fallback" && this.#fallbacks > 1 ? this.#backOff(this.#fallbacks - 1) : 0;
  }

  #backOff(times: number): number {
    return Math.min(this.timing.bootstrapRetryMs * 2 ** Math.min(times - 1, 30), this.timing.bootstrapRetryMaxMs);
  }

  async #request(): Promise<ActionResult> {
    this.#move("requesting", "waited");
    const account = bootstrapAccountOf(this.store);
    const address = account === undefined ? undefined : this.reach(account.uri, account.securityInstance, "bootstrap");
    const { port } = this;
    if (address === undefined || port === undefined) {
      this.#bootstrapFailed();
      return refused("unreachable");
    }
    this.counters.bootstrapRequests++;
    this.#lastCause = this.#cause;
    this.#record("device", this.endpoint, "requesting", "requesting", "bootstrap-request", { ...this.#causeDetail(), ...(this.#cause === "trigger" ? { trigger: this.#trigger } : {}) });
    const exchange = port.request(address, { method: "POST", path: "/bs", query: [`ep=${this.endpoint}`, "pct=11542"] });
    const session: Session = { from: formatAddress(address), draft: this.store.clone(), exchange };
    this.#session = session;
    this.#alarm.set(this.timing.bootstrapTimeoutMs, () => this.#bootstrapFailed());
    const reply = await exchange.reply;
    if ("failure" in reply) {
      if (this.#session === session) this.#bootstrapFailed();
      return refused(reply.failure);
    }
    const ok = reply.code.startsWith("2.");
    if (this.#session === session) {
      if (!ok) this.#bootstrapFailed();
      else this.#accepted("request-accepted");
    }
    return { ok, code: reply.code };
  }

  #accepted(input: string): void {
    if (this.state === "requesting") this.#move("bootstrapping", input);
  }

  /** What was written is forgotten; without an account to live from the device asks again, later each time. */
  #bootstrapFailed(): void {
    this.counters.bootstrapsFailed++;
    this.#endSession();
    if (serverAccountsOf(this.store).length > 0) this.#serve("bootstrap-failed");
    else this.#bootstrap(this.#cause, this.#attempt + 1, "bootstrap-failed");
  }

  #endSession(): void {
    this.#alarm.clear();
    const session = this.#session;
    this.#session = undefined;
    session?.exchange.cancel();
  }

  #finish(session: Session, request: Incoming): void {
    const complete = session.draft.clone();
    dropLostServers(this.store, complete);
    const fault = inconsistency(complete);
    if (fault !== undefined) throw new Refused("4.06", fault);
    request.respond({ code: "2.04" });
    this.counters.bootstrapsFinished++;
    this.lastBootstrapped = Math.floor(Date.now() / 1000);
    this.store = complete;
    this.#alarm.clear();
    // Its answer may still come, for whoever asked for this bootstrap.
    this.#session = undefined;
    this.#serve("finished", true);
  }

  // Accounts

  #serve(input: string, anew = false): void {
    this.#move("serving", input);
    const before = this.registrations;
    const wanted = serverAccountsOf(this.store);
    this.registrations = wanted.map((account) => {
      const present = before.find((registration) => sameServer(registration.account, account)) ?? new Registration(this, account);
      present.account = account;
      return present;
    });
    for (const gone of before) if (!this.registrations.includes(gone)) this.#leave(gone, wanted);
    // After a bootstrap every Server hears of the device again (LwM2M Core 1.1 §6.2.1).
    const due = this.registrations.filter(({ registered }) => anew || !registered);
    this.#order.begin(due, this.store, anew ? "register" : "start");
  }

  /** An account that moved is de-registered where it was; one that was taken away is not: the device counts as gone there. */
  #leave(registration: Registration, wanted: readonly ServerAccount[]): void {
    this.endObservations(registration);
    if (registration.registered && wanted.some(({ shortServerId }) => shortServerId === registration.account.shortServerId)) void registration.deregister("left");
    else registration.stop();
  }

  registrationMoved(registration: Registration, from: AccountState, input: string): void {
    const { account, state, lastFailure } = registration;
    this.#record("registration", `${this.endpoint}/${account.shortServerId}`, from, state, input, { shortServerId: account.shortServerId, uri: account.uri, ...(lastFailure === undefined ? {} : { lastFailure }) });
    if (this.registrations.every(({ registered }) => registered)) this.#fallbacks = 0;
    this.#order.moved(registration, this.store);
  }

  registrationFailed(registration: Registration): void {
    if (this.state !== "serving" || !registration.fallsBack) return;
    this.#fallbacks++;
    this.#bootstrap("fallback", 0, "bootstrap-due");
  }

  endObservations(registration: Registration): void {
    this.#managed.forget(registration);
  }

  /** Objects and instances for Register and Update; /0 is nobody's business. */
  objectList(): Buffer {
    const links = this.store.objects().filter((object) => object !== Objects.security).flatMap((object) => this.store.instances(object).map((id) => ({ target: `/${object}/${id}` })));
    return Buffer.from(formatLinks(links));
  }

  /** One account, or all of them one after the other; the result is that of the last one. */
  async registration(action: "register" | "reconnect" | "update" | "deregister", shortServerId: number | undefined): Promise<ActionResult> {
    if (this.state === "off") return refused("off");
    let result = refused("no-account");
    for (const registration of this.registrations) {
      if (shortServerId !== undefined && registration.account.shortServerId !== shortServerId) continue;
      if (action === "register") result = registration.state === "registering" ? refused("busy") : await registration.register("register");
      else if (action === "reconnect") result = await registration.reconnect();
      else result = await (action === "update" ? registration.update("update") : registration.deregister("left"));
    }
    return result;
  }

  /** A request that is somebody else's idea, from the socket that it has, or from one made for the purpose, which hears no request. */
  async send(to: number | "bootstrap", request: OutgoingRequest): Promise<ActionResult> {
    const account = to === "bootstrap" ? bootstrapAccountOf(this.store) : serverAccountsOf(this.store).find(({ shortServerId }) => shortServerId === to);
    if (account === undefined) return refused("no-account");
    const port = this.port ?? (await this.#openPort());
    try {
      const address = this.reach(account.uri, account.securityInstance, to, port);
      return address === undefined ? refused("unreachable") : resultOf(await port.request(address, request).reply);
    } finally {
      if (port !== this.port) await port.close();
    }
  }

  // Requests of others

  #requestCame(request: Incoming): void {
    const session = this.#session;
    const registration = this.registrations.find(({ peer, location }) => peer === request.from && location !== undefined);
    try {
      if (session !== undefined && request.from === session.from) this.#bootstrapCame(session, request);
      else if (registration !== undefined) this.#managed.answer(registration, request);
      // LwM2M Core 1.1 §6.2.1: nobody is answered before the registration is complete.
      else request.ignore();
    } catch (error) {
      // node-coap would swallow it.
      if (!(error instanceof Refused)) console.error(error);
      request.respond(error instanceof Refused ? answerOf(error) : { code: "5.00" });
    }
  }

  #bootstrapCame(session: Session, request: Incoming): void {
    this.#accepted("operation");
    if (request.path === "/bs") {
      if (request.method !== "POST" || request.payload.length > 0) throw new Refused("4.00", "not a Bootstrap-Finish");
      this.#finish(session, request);
      return;
    }
    const path = parsePath(request.path);
    if (path === undefined) throw new Refused("4.00", `${request.path} is no path of the object tree`);
    // An operation that is refused half-way leaves nothing behind.
    const draft = session.draft.clone();
    const answer = bootstrapOperation(draft, { ...request, path });
    session.draft = draft;
    request.respond(answer);
  }

  // What changes, and who is to know

  /** The store changed at a path, or objects came and went. */
  changed(path: Path, changes: Changes = {}): void {
    this.#managed.changed(path);
    if (path.object === Objects.server || changes.objects === true) {
      for (const registration of this.registrations) {
        const lifetime = changes.lifetime === true && registration.account.serverInstance === path.instance;
        if (registration.registered && (lifetime || changes.objects === true)) void registration.update("update", { ...changes, lifetime });
      }
    }
  }

  setResource(text: string, value: Value): ActionResult {
    const path = parsePath(text);
    const { object = -1, instance = -1, resource = -1, resourceInstance } = path ?? {};
    const known = modelOf(object)?.resources.get(resource);
    if (path === undefined || known === undefined || this.store.get(object, instance) === undefined || known.multiple !== (resourceInstance !== undefined)) return refused("unknown-path");
    try {
      toBytes(known.type, value);
    } catch (error) {
      if (error instanceof ValueError) throw new Refused("4.00", `${formatPath(path)}: ${error.message}`);
      throw error;
    }
    const before = this.store.get(object, instance)?.get(resource);
    const others = before !== undefined && "values" in before ? [...before.values] : [];
    this.store.putResource(object, instance, resource, resourceInstance === undefined ? { value } : { values: new Map([...others, [resourceInstance, value]]) });
    this.changed(path, object === Objects.server && resource === 1 ? { lifetime: true } : {});
    return done;
  }

  snapshot(): DeviceSnapshot {
    const bootstrap = bootstrapAccountOf(this.store);
    return {
      endpoint: this.endpoint,
      lwm2m: "1.1",
      personality: "default",
      state: this.state,
      fleetState: fleetStateOf(this.state, this.registrations),
      asleep: false,
      silent: false,
      ...(bootstrap === undefined ? {} : { bootstrap }),
      ...(this.#lastCause === undefined ? {} : { lastBootstrapCause: this.#lastCause }),
      accounts: this.registrations.map((registration) => accountSnapshot(registration, this.port)),
      objects: snapshotObjects(this.#session?.draft ?? this.store),
      counters: { ...this.counters },
      executed: Object.fromEntries(this.#managed.executed),
      observations: this.#managed.observations(),
    };
  }

  #move(to: State, input: string): void {
    const from = this.state;
    this.state = to;
    const asking = to === "hold-off" || to === "requesting" || to === "bootstrapping";
    this.#record("device", this.endpoint, from, to, input, asking ? this.#causeDetail() : {});
  }

  #causeDetail(): { cause: Cause; attempt: number } {
    return { cause: this.#cause, attempt: this.#attempt };
  }

  #record(machine: string, id: string, from: string, to: string, input: string, detail: Readonly<Record<string, string | number | boolean>>): void {
    if (this.spec.traced) this.trace.state(this.endpoint, { kind: "state", machine, id, from, to, input, detail });
  }
}

const sameServer = (a: ServerAccount, b: ServerAccount): boolean => a.shortServerId === b.shortServerId && a.uri === b.uri && a.securityInstance === b.securityInstance;
