import type { AccountSnapshot, ActionResult, DeviceCounters } from "../../simulators/device/index.js";
import { bootstrapAccountOf, Server, type ServerAccount } from "./accounts.js";
import { Format } from "./answers.js";
import { Objects } from "./model.js";
import { addressOf, formatAddress, type Address, type CoapPort, type Exchange, type OutgoingRequest, type Reply } from "./port.js";
import type { HostedTiming } from "./spec.js";
import type { ObjectStore } from "./store.js";
import { Alarm } from "./timers.js";

export type AccountState = AccountSnapshot["state"];

/** The device, as far as its registrations need it. */
export interface Registrant {
  readonly endpoint: string;
  readonly port: CoapPort | undefined;
  /** Where a URI leads, its DTLS session prepared; undefined where this device cannot go. */
  reach(uri: string, securityInstance: number, to: number | "bootstrap"): Address | undefined;
  readonly store: ObjectStore;
  readonly timing: HostedTiming;
  readonly counters: DeviceCounters;
  objectList(): Buffer;
  registrationMoved(registration: Registration, from: AccountState, input: string): void;
  endObservations(registration: Registration): void;
  /** All attempts are used up, or the refusal was final. */
  registrationFailed(registration: Registration): void;
}

/** What an Update has to say besides that the device is there. */
export interface Changes {
  readonly lifetime?: boolean;
  readonly objects?: boolean;
}

const failed = (failure: NonNullable<ActionResult["failure"]>): ActionResult => ({ ok: false, failure });
export const resultOf = (reply: Reply): ActionResult =>
  "failure" in reply ? failed(reply.failure) : { ok: reply.code.startsWith("2."), code: reply.code, ...(reply.location.length === 0 ? {} : { location: reply.location }) };

/**
 * The registration with one LwM2M Server: Register with the retries of /1/x/17 to /1/x/20, Update before the lifetime is over, De-register.
 * The initial delay, /1/x/14, is not followed.
 */
export class Registration {
  state: AccountState = "idle";
  location: readonly string[] | undefined;
  lastFailure: string | undefined;
  #attempt = 1;
  #sequence = 1;
  #exchange: Exchange | undefined;
  readonly #alarm = new Alarm();

  constructor(
    private readonly device: Registrant,
    public account: ServerAccount,
  ) {}

  get registered(): boolean {
    return this.state === "registered" || this.state === "updating";
  }

  /** `127.0.0.1:5683`, where requests of this Server come from. */
  get peer(): string | undefined {
    const address = addressOf(this.account.uri);
    return address === undefined ? undefined : formatAddress(address);
  }

  /** Seconds; 0 never ends. */
  get lifetime(): number {
    return this.#resource(Server.lifetime) ?? 86_400;
  }

  #resource(id: number): number | undefined {
    return this.device.store.number(Objects.server, this.account.serverInstance, id);
  }

  /** Register now, whatever was before. */
  register(input: string): Promise<ActionResult> {
    this.#attempt = 1;
    this.#sequence = 1;
    return this.#register(input);
  }

  async #register(input: string): Promise<ActionResult> {
    this.#move("registering", input);
    const binding = this.device.store.text(Objects.server, this.account.serverInstance, Server.binding) ?? "U";
    const reply = await this.#ask({
      method: "POST",
      path: "/rd",
      query: [`ep=${this.device.endpoint}`, `lt=${this.lifetime}`, "lwm2m=1.1", `b=${/^[UTSN]+$/.test(binding) ? binding : "U"}`],
      contentFormat: Format.link,
      payload: this.device.objectList(),
    });
    if (reply === undefined) return failed("cancelled");
    const { counters } = this.device;
    if ("code" in reply && reply.code === "2.01" && reply.location.length > 0) {
      counters.registrations++;
      this.lastFailure = undefined;
      this.location = reply.location;
      this.device.endObservations(this);
      this.#registered("registered");
    } else {
      counters.registrationsFailed++;
      this.lastFailure = "failure" in reply ? reply.failure : reply.code === "2.01" ? "2.01 without a location" : reply.code;
      this.#notRegistered(reply);
    }
    return resultOf(reply);
  }

  #notRegistered(reply: Reply): void {
    const refused = "code" in reply && reply.code !== "5.03" && reply.code !== "4.29";
    const final = "failure" in reply && reply.final === true;
    if ((refused || final) && this.fallsBack) {
      this.#giveUp("refused");
      return;
    }
    const { timing } = this.device;
    const inSeconds = (id: number): number | undefined => {
      const seconds = this.#resource(id);
      return seconds === undefined ? undefined : seconds * 1000;
    };
    const input = refused ? "refused" : "unanswered";
    if (!final && this.#attempt < (this.#resource(Server.retryCount) ?? timing.retryCount)) {
      const wait = (inSeconds(Server.retryTimer) ?? timing.retryTimerMs) * 2 ** (this.#attempt - 1);
      this.#attempt++;
      this.#wait(wait, input);
    } else if (this.#sequence < (this.#resource(Server.sequenceRetryCount) ?? timing.sequenceCount)) {
      this.#attempt = 1;
      this.#sequence++;
      this.#wait(inSeconds(Server.sequenceDelay) ?? timing.sequenceDelayMs, input);
    } else {
      this.#giveUp(input);
    }
  }

  #wait(milliseconds: number, input: string): void {
    this.#move("waiting", input);
    this.#alarm.set(milliseconds, () => void this.#register("timer"));
  }

  #giveUp(input: string): void {
    this.location = undefined;
    this.#move("failed", input);
    this.device.registrationFailed(this);
  }

  /** /1/x/16, true where it is absent. */
  get fallsBack(): boolean {
    return this.device.store.flag(Objects.server, this.account.serverInstance, Server.bootstrapOnFailure) !== false && bootstrapAccountOf(this.device.store) !== undefined;
  }

  #registered(input: string): void {
    this.#move("registered", input);
    if (this.lifetime > 0) this.#alarm.set(this.lifetime * 1000 * this.device.timing.updateMarginFactor, () => void this.update("timer"));
  }

  async update(input: string, changes: Changes = {}): Promise<ActionResult> {
    if (!this.registered || this.location === undefined) return failed("not-registered");
    this.#move("updating", input);
    const reply = await this.#ask({
      method: "POST",
      path: `/${this.location.join("/")}`,
      ...(changes.lifetime === true ? { query: [`lt=${this.lifetime}`] } : {}),
      ...(changes.objects === true ? { contentFormat: Format.link, payload: this.device.objectList() } : {}),
    });
    if (reply === undefined) return failed("cancelled");
    if ("code" in reply && reply.code === "2.04") {
      this.device.counters.updates++;
      this.#registered("updated");
    } else {
      // The registration is taken to be gone (LwM2M Core 1.1 §6.2.2).
      this.device.counters.updatesFailed++;
      this.lastFailure = "failure" in reply ? reply.failure : reply.code;
      this.location = undefined;
      this.device.endObservations(this);
      void this.register("update-failed");
    }
    return resultOf(reply);
  }

  /** Another session, and an Update in it. This stack resumes none. */
  reconnect(): Promise<ActionResult> {
    const address = addressOf(this.account.uri);
    if (address !== undefined) this.device.port?.loseSession(address);
    return this.update("update");
  }

  /** De-register; `disabled` comes back after /1/x/5 seconds. */
  async deregister(then: "left" | "disabled"): Promise<ActionResult> {
    if (!this.registered || this.location === undefined) return failed("not-registered");
    const path = `/${this.location.join("/")}`;
    this.#move("deregistering", "deregister");
    const reply = await this.#ask({ method: "DELETE", path });
    if (reply === undefined) return failed("cancelled");
    if ("code" in reply) this.device.counters.deregistrations++;
    this.location = undefined;
    this.#move(then, "deregistered");
    if (then === "disabled") this.#alarm.set((this.#resource(Server.disableTimeout) ?? 86_400) * 1000, () => void this.register("timer"));
    return resultOf(reply);
  }

  /** Lets everything be, without a word. */
  stop(): void {
    this.location = undefined;
    if (this.state !== "idle") this.#move("idle", "stop");
  }

  /** Asks the Server; undefined when something else came in between. */
  async #ask(request: OutgoingRequest): Promise<Reply | undefined> {
    const { uri, securityInstance, shortServerId } = this.account;
    const address = this.device.reach(uri, securityInstance, shortServerId);
    const exchange = address === undefined ? undefined : this.device.port?.request(address, request);
    if (exchange === undefined) return { failure: "unreachable" };
    this.#exchange = exchange;
    const reply = await exchange.reply;
    if (this.#exchange !== exchange) return undefined;
    this.#exchange = undefined;
    // A server that lost the session does not answer in it.
    if (address !== undefined && "failure" in reply && reply.failure === "timeout") this.device.port?.loseSession(address);
    return reply;
  }

  #move(to: AccountState, input: string): void {
    this.#alarm.clear();
    const running = this.#exchange;
    this.#exchange = undefined;
    running?.cancel();
    const from = this.state;
    this.state = to;
    this.device.registrationMoved(this, from, input);
  }
}
