import type { DatagramMutation, IncomingRequest } from "../../src/coap/index.js";
import { parseBinding, pathCovers, queuedUdpBinding, ServerResource, udpBinding, versionRules, type Binding, type InstanceNode, type LwM2mVersion, type Path } from "../../src/lwm2m/index.js";
import { Timer } from "../../src/ports/index.js";
import { seededRandom } from "../../src/ports/seeded-random.js";
import { Change, type Account } from "./account.js";
import { isLeaving, matchAccounts, pauseAccounts, startAccounts } from "./account-order.js";
import type { AttributeBook } from "./attribute-book.js";
import type { BootstrapSession } from "./bootstrap-session.js";
import { Bootstraps } from "./bootstraps.js";
import { fleetStateOf } from "./fleet-state.js";
import { Handshakes } from "./handshakes.js";
import type { DeviceHost } from "./host.js";
import { deviceOff, nextDevice, type AccountInput, type AccountState, type BootstrapCause, type DeviceInput, type DeviceState } from "./lifecycle.js";
import type { ManagementContext } from "./management.js";
import { flagOf, textOf, type Objects } from "./objects.js";
import type { Observation } from "./observation.js";
import { personality, type Personality, type PersonalityName } from "./personalities.js";
import { Radio, type Receiver } from "./radio.js";
import { answerServer } from "./requests.js";
import { bootstrapAccountOf, serverAccountsOf, withBootstrapAccountOf } from "./server-accounts.js";
import { Sleeper } from "./sleeper.js";
import { newCounters, type DeviceCounters, type FleetState } from "./snapshot.js";
import type { DeviceSpec } from "./spec.js";
import { traceAccount, traceDevice } from "./tracing.js";

/** One simulated LwM2M Client: the effects of its lifecycle, on sockets, timers and its object store. */
export class Device extends Timer implements Receiver {
  state: DeviceState = deviceOff;
  fleetState: FleetState = "off";
  objects: Objects;
  accounts: Account[] = [];
  /** Accounts that are gone but for their De-register. */
  departing: Account[] | undefined = undefined;
  session: BootstrapSession | undefined = undefined;
  behaviour: Personality;
  personality: PersonalityName;
  asleep = false;
  /** Says nothing any more, and hears nothing once it is deaf. */
  silent = false;
  /** Goes, or went, without a word: no De-register, no close_notify. */
  abrupt = false;
  attributes: AttributeBook | undefined = undefined;
  observations: Observation[] | undefined = undefined;
  /** Execute requests carried out, by path. */
  executed: Map<string, number> | undefined = undefined;
  lastBootstrapCause: BootstrapCause | undefined = undefined;
  /** Seconds since 1970, /1/x/12. */
  lastBootstrapped: number | undefined = undefined;
  mutation: DatagramMutation | undefined = undefined;
  readonly counters: DeviceCounters = newCounters();
  readonly bootstraps = new Bootstraps(this);
  /** Its datagrams and states go to the trace. May be switched on later, for what comes then. */
  traced: boolean;
  /** Its ports. */
  readonly radio: Radio;
  #handshakes: Handshakes | undefined = undefined;
  #intendedAt: number | undefined = undefined;
  #startedAt: number | undefined = undefined;
  #sleeper: Sleeper | undefined = undefined;
  #whenOff: (() => void) | undefined = undefined;
  /** When it turned or turns deaf, while silent (`Clock.now()`). */
  #deafFrom = 0;
  #pausing = false;

  constructor(
    readonly host: DeviceHost,
    readonly spec: DeviceSpec,
  ) {
    super();
    this.radio = new Radio(host.ports, this, seededRandom(`${spec.seed} ${spec.endpoint}`));
    this.personality = spec.personality;
    this.traced = spec.traced !== false;
    this.behaviour = personality(spec.personality, spec.deviations);
    this.objects = host.factory.objectsOf(spec);
    if (this.behaviour.sleeper) this.#sleeper = new Sleeper(this);
  }

  override get timerName(): string {
    return "device lifecycle";
  }

  get endpoint(): string {
    return this.spec.endpoint;
  }

  get version(): LwM2mVersion {
    return this.spec.lwm2m;
  }

  get bootstrapUri(): string | undefined {
    return bootstrapAccountOf(this.objects)?.uri;
  }

  get handshakes(): Handshakes {
    return (this.#handshakes ??= new Handshakes(this));
  }

  /** Whether a registration ends with the security session it was made in. */
  get registersInNewSession(): boolean {
    const { onNewSession } = this.behaviour.sessions;
    return onNewSession === "by-version" ? versionRules(this.version).registrationNeedsItsSession : onNewSession === "register";
  }

  get deaf(): boolean {
    return this.asleep || (this.silent && this.host.ports.clock.now() >= this.#deafFrom);
  }

  /** Power on. `intendedAt`: when the schedule wanted it (`Clock.now()`), which latencies count from. */
  start(intendedAt: number = this.host.ports.clock.now()): boolean {
    if (this.state.at !== "off") return false;
    this.#intendedAt = intendedAt;
    this.#startedAt = intendedAt;
    this.asleep = false;
    this.silent = false;
    this.abrupt = false;
    return this.step({ in: "power-on", accounts: serverAccountsOf(this.objects).length, bootstrapAccount: bootstrapAccountOf(this.objects) !== undefined });
  }

  /** Power off, after a De-register at every Server when asked for. `whenOff` hears the end. */
  stop(deregister: boolean, whenOff?: () => void): void {
    if (this.state.at === "off") {
      whenOff?.();
      return;
    }
    const earlier = this.#whenOff;
    this.#whenOff = () => {
      earlier?.();
      whenOff?.();
    };
    // A sleeper listens for the answer to what it says itself.
    this.asleep = false;
    this.abrupt = !deregister;
    if (deregister && !this.silent) for (const account of this.accounts) account.step({ in: "deregister", then: "left" });
    else this.#off();
    this.#offWhenLeft();
  }

  /** Off and on again in one moment. What a bootstrap had written so far is kept only by a device that does not roll back. */
  powerCycle(): void {
    const { draft } = this.session ?? {};
    this.abrupt = true;
    this.step({ in: "power-off" });
    if (draft !== undefined && !this.behaviour.rollback) this.objects = withBootstrapAccountOf(this.objects, draft);
    this.start();
  }

  #offWhenLeft(): void {
    if (this.#whenOff !== undefined && !isLeaving(this)) this.#off();
  }

  #off(): void {
    const whenOff = this.#whenOff;
    this.#whenOff = undefined;
    this.step({ in: "power-off" });
    whenOff?.();
  }

  /** Feeds the state machine; false when the input means nothing now. */
  step(input: DeviceInput): boolean {
    const from = this.state;
    const to = nextDevice(from, input);
    if (to === undefined) return false;
    this.state = to;
    traceDevice(this, from, to, input);
    this.#enter(to);
    this.reviewFleetState();
    return true;
  }

  #enter(state: DeviceState): void {
    const { clock } = this.host.ports;
    clock.stop(this);
    switch (state.at) {
      case "off":
        this.#powerOff();
        return;
      case "hold-off":
        this.session?.close(false);
        this.session = undefined;
        this.#pausing = true;
        pauseAccounts(this, state.cause);
        this.#pausing = false;
        if (!isLeaving(this)) this.bootstraps.holdOff(state);
        return;
      case "requesting":
        this.lastBootstrapCause = state.cause;
        this.bootstraps.request();
        return;
      case "serving":
        matchAccounts(this);
        startAccounts(this);
        return;
      case "bootstrapping":
        clock.start(this, this.bootstraps.patienceMs);
        return;
      case "stranded":
        this.host.listener.onFailure(this, "no Server account, and no Bootstrap-Server account to get one from");
        return;
    }
  }

  override fire(): void {
    if (this.silent) return;
    if (this.state.at === "hold-off") this.step({ in: "waited" });
    else this.bootstraps.failed("no Bootstrap-Finish in time");
  }

  // Accounts

  /** An account changed its state: for the trace. */
  accountMoved(account: Account, from: AccountState, to: AccountState, input: AccountInput): void {
    traceAccount(this, account, from, to, input);
  }

  /** An account changed its state, and what follows from it for itself is done. */
  accountSettled(account: Account): void {
    if (account.detached) {
      if (account.state.at !== "deregistering") this.departing = this.departing?.filter((other) => other !== account);
      return;
    }
    const { at } = account.state;
    if (this.#whenOff !== undefined) this.#offWhenLeft();
    else if (this.state.at === "hold-off") {
      if (!this.#pausing && !isLeaving(this) && !this.running) this.bootstraps.holdOff(this.state);
    } else if (this.state.at === "serving") {
      if (at === "failed") this.#accountFailed(account);
      if (at === "failed" || (account.registered && this.accounts.length > 1)) startAccounts(this);
    }
    this.reviewFleetState();
  }

  #accountFailed(account: Account): void {
    this.host.listener.onFailure(this, `Register at server ${account.shortServerId}: ${account.lastFailure ?? "gave up"}`);
    if (this.fallsBack(account)) this.bootstraps.fallBack();
  }

  /** /1/x/16, which is true where it is absent. */
  fallsBack(account: Account): boolean {
    return flagOf(account.details.server, ServerResource.BootstrapOnRegistrationFailure) !== false && bootstrapAccountOf(this.objects) !== undefined;
  }

  reviewFleetState(): void {
    const before = this.fleetState;
    const now = fleetStateOf(this.state, this.accounts);
    if (now === before) return;
    this.fleetState = now;
    if (now === "registered") {
      this.bootstraps.servedWell();
      if (this.#startedAt !== undefined) this.host.listener.onMeasure(this, "start-to-registered", this.host.ports.clock.now() - this.#startedAt);
      this.#startedAt = undefined;
    }
    this.host.listener.onState(this, before, now);
  }

  // What accounts and sessions ask of the device

  /** When the first message was meant to go out; later ones are meant now. */
  intended(now: number): number {
    const intended = this.#intendedAt ?? now;
    this.#intendedAt = undefined;
    return intended;
  }

  objectList(): Buffer {
    return this.host.objectLists.payloadOf(this.objects, this.version);
  }

  bindingOf(server: InstanceNode): Binding {
    const queue = this.behaviour.sleeper || this.spec.queueMode === true;
    const text = textOf(server, ServerResource.Binding) ?? "U";
    const parsed = text === "U" ? udpBinding : (parseBinding(text, this.version) ?? udpBinding);
    if (!queue) return parsed;
    return parsed.transports === "U" ? queuedUdpBinding : { transports: parsed.transports, queue };
  }

  contextFor(account: Account): ManagementContext {
    return {
      version: this.version,
      shortServerId: account.shortServerId,
      endpoint: this.endpoint,
      behaviour: this.behaviour,
      time: Math.floor(this.host.ports.clock.epoch() / 1000),
      lastBootstrapped: this.lastBootstrapped,
    };
  }

  /** Its objects change: Servers are told what they must know, observers what they asked for. */
  change(next: Objects, at: Path): void {
    const before = this.objects;
    this.objects = next;
    if (next.length !== before.length) for (const account of this.accounts) account.announce(Change.Objects);
    else if (at.object === 1) this.#renewAccounts();
    for (const observation of this.observations ?? []) if (pathCovers(at, observation.path) || pathCovers(observation.path, at)) observation.changed();
  }

  #renewAccounts(): void {
    const details = serverAccountsOf(this.objects);
    for (const account of this.accounts) {
      const renewed = details.find(({ shortServerId }) => shortServerId === account.shortServerId);
      if (renewed === undefined) continue;
      account.renew(renewed);
      if (account.unannounced !== 0) account.announce(0);
    }
  }

  observe(observation: Observation): void {
    (this.observations ??= []).push(observation);
  }

  endObservation(observation: Observation): void {
    observation.end();
    const left = this.observations?.filter((other) => other !== observation) ?? [];
    this.observations = left.length === 0 ? undefined : left;
  }

  endObservations(account: Account): void {
    for (const observation of this.observations ?? []) if (observation.account === account) this.endObservation(observation);
  }

  serverRequest(account: Account, request: IncomingRequest): void {
    this.active();
    answerServer(this, account, request);
  }

  executes(path: string): void {
    this.counters.executes++;
    this.executed ??= new Map();
    this.executed.set(path, (this.executed.get(path) ?? 0) + 1);
  }

  // Sleep and silence

  get canSleep(): boolean {
    return this.state.at === "serving" && this.accounts.every(({ state: { at } }) => at !== "registering" && at !== "updating" && at !== "deregistering");
  }

  /** A message came or went. */
  active(): void {
    if (this.#sleeper !== undefined && !this.asleep) this.#sleeper.extend();
  }

  sleep(): void {
    this.asleep = true;
    this.#sleeper?.asleep();
  }

  /** Listens again, because an Update is due. */
  rouse(): void {
    if (!this.asleep) return;
    this.asleep = false;
    this.#sleeper?.extend();
    for (const observation of this.observations ?? []) observation.review();
  }

  wake(): void {
    if (!this.asleep) return;
    this.rouse();
    for (const account of this.accounts) account.step({ in: "update" });
  }

  /** Another address in each session, or in that with one Server; false where there is none. */
  async rebind(shortServerId?: number): Promise<boolean> {
    const accounts = this.accounts.filter((account) => shortServerId === undefined || account.shortServerId === shortServerId);
    const moved = await Promise.all([...accounts.map((account) => account.rebind()), ...(shortServerId === undefined && this.session !== undefined ? [this.session.link.rebind(false)] : [])]);
    return moved.includes(true);
  }

  /** For `hearingMs` more it answers once more what it has answered already. */
  goSilent(hearingMs = 0): void {
    this.silent = true;
    this.#deafFrom = this.host.ports.clock.now() + hearingMs;
    this.host.ports.clock.stop(this);
    this.session?.freeze();
    for (const account of this.accounts) account.freeze();
  }

  /** After silence: what was going on is lost, registrations are made anew. */
  speakAgain(): void {
    if (!this.silent) return;
    this.silent = false;
    if (this.state.at !== "serving") {
      this.powerCycle();
      return;
    }
    // What was under way when it fell silent has no end of its own.
    for (const account of this.accounts) if (account.state.at === "registering") account.step({ in: "stop" });
    startAccounts(this);
    for (const account of this.accounts) account.step({ in: "register" });
  }

  behave(name: PersonalityName, deviations: Partial<Personality> | undefined): void {
    this.personality = name;
    this.behaviour = personality(name, deviations);
    if (this.behaviour.sleeper) this.#sleeper ??= new Sleeper(this);
    else this.#sleeper?.stop();
    if (!this.behaviour.sleeper) this.#sleeper = undefined;
    this.active();
  }

  #powerOff(): void {
    this.session?.close(false);
    this.session = undefined;
    for (const observation of this.observations ?? []) observation.end();
    this.observations = undefined;
    for (const account of this.accounts) if (!account.step({ in: "stop" })) account.close();
    this.accounts = [];
    for (const account of this.departing ?? []) account.close();
    this.departing = undefined;
    this.#sleeper?.stop();
    this.asleep = false;
    this.bootstraps.forget();
    this.#startedAt = undefined;
    this.#intendedAt = undefined;
  }
}
