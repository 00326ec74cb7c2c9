import { Codes, formatCode, isSuccess, type Endpoint, type Exchange, type FailureReason, type IncomingRequest, type Peer, type Request, type Response, type ResponseHandler } from "../../src/coap/index.js";
import { deregisterRequest, locationOf, ServerResource, updateRequest, registerRequest } from "../../src/lwm2m/index.js";
import { Timer } from "../../src/ports/index.js";
import type { ActionResult } from "./actions.js";
import type { Device } from "./device.js";
import type { LinkFailure } from "./handshakes.js";
import { idleAccount, nextAccount, type AccountInput, type AccountState, type RetryPolicy } from "./lifecycle.js";
import { lingerMs } from "./lingering.js";
import { numberOf, textOf } from "./objects.js";
import { noteAlert } from "./alert-code.js";
import { lifetimeOf, retryPolicyOf, type ServerAccount } from "./server-accounts.js";
import { ServerLink, type LinkOwner } from "./server-link.js";

/** What an Update has to carry. */
export const Change = { Lifetime: 1, Binding: 2, Objects: 4 } as const;

const defaultDisableSeconds = 86_400;
const unused: RetryPolicy = { count: 1, timerMs: 0, sequenceDelayMs: 0, sequences: 1 };
/** For the personality that knows no back-off. */
const atOnce: RetryPolicy = { count: Number.POSITIVE_INFINITY, timerMs: 0, sequenceDelayMs: 0, sequences: 1 };

/** The registration of a device with one LwM2M Server: its link, its timer, its place in the lifecycle. */
export class Account extends Timer implements ResponseHandler, LinkOwner {
  state: AccountState = idleAccount;
  location: readonly string[] | undefined = undefined;
  readonly link: ServerLink;
  lastFailure: string | undefined = undefined;
  /** Hears how the exchange that a tester asked for ended. */
  waiter: ((result: ActionResult) => void) | undefined = undefined;
  /** `Change` bits that the Server does not know of. */
  unannounced = 0;
  /** The account is gone from the object store; a De-register may still be on its way. */
  detached = false;
  /** A bootstrap has passed: register anew although the registration still holds. */
  outdated = false;
  /** Registered since the last bootstrap; the initial delay (/1/x/14) counts until then. */
  settled = false;
  #exchange: Exchange | undefined = undefined;
  #sentAt = 0;
  /** When the present attempt began (`Clock.now()`). */
  #beganAt = 0;
  /** `Change` bits that the Update under way carries. */
  #announcing = 0;

  constructor(
    readonly device: Device,
    public details: ServerAccount,
  ) {
    super();
    this.link = new ServerLink(device, details.shortServerId, details.uri, details.security, this);
  }

  override get timerName(): string {
    return "registration";
  }

  get shortServerId(): number {
    return this.details.shortServerId;
  }

  get endpoint(): Endpoint | undefined {
    return this.link.endpoint;
  }

  get peer(): Peer | undefined {
    return this.link.peer;
  }

  get wantsLink(): boolean {
    const { at } = this.state;
    return at === "registering" || at === "updating" || at === "deregistering";
  }

  get registered(): boolean {
    return this.state.at === "registered" || this.state.at === "updating";
  }

  override fire(): void {
    if (this.device.silent) return;
    if (this.registered) this.device.rouse();
    if (this.state.at === "disabled" && this.endpoint !== undefined) {
      this.close();
      this.device.host.ports.clock.start(this, this.#disabledMs - this.#lingerMs);
      return;
    }
    this.step({ in: "timer" });
  }

  /** Feeds the state machine; false when the input means nothing now. */
  step(input: AccountInput): boolean {
    const from = this.state;
    const to = nextAccount(from, input, this.#policyFor(input));
    if (to === undefined) return false;
    this.state = to;
    this.device.accountMoved(this, from, to, input);
    this.#enter(to);
    this.device.accountSettled(this);
    return true;
  }

  #policyFor(input: AccountInput): RetryPolicy {
    const { spec, behaviour } = this.device;
    // What another try cannot mend is not tried again even by such a device.
    if (input.in === "no-session" && !input.barred && behaviour.sessions.backOff === "none") return atOnce;
    return input.in === "unanswered" || input.in === "refused" || input.in === "no-session" ? retryPolicyOf(this.details.server, spec.timing.device) : unused;
  }

  #enter(state: AccountState): void {
    const { clock } = this.device.host.ports;
    clock.stop(this);
    switch (state.at) {
      case "waiting":
        clock.start(this, state.delayMs);
        return;
      case "registering":
      case "updating":
      case "deregistering":
        this.#drop();
        this.#beganAt = clock.now();
        this.#sentAt = this.device.intended(this.#beganAt);
        this.#transmit();
        return;
      case "registered":
        this.settled = true;
        this.#scheduleUpdate();
        return;
      case "disabled":
        // The answer to the Execute may be lost: who asks again is given it once more before the session ends (RFC 7252 §4.2).
        this.location = undefined;
        clock.start(this, this.#lingerMs);
        return;
      case "idle":
      case "left":
      case "failed":
        this.close();
        return;
    }
  }

  get #disabledMs(): number {
    return (numberOf(this.details.server, ServerResource.DisableTimeout) ?? defaultDisableSeconds) * 1000;
  }

  get #lingerMs(): number {
    return Math.min(this.#disabledMs, lingerMs(this.device.spec.timing.coap));
  }

  #scheduleUpdate(): void {
    if (this.unannounced !== 0) {
      this.step({ in: "update" });
      return;
    }
    const lifetime = lifetimeOf(this.details.server);
    // A lifetime of 0 never ends.
    if (lifetime > 0) this.device.host.ports.clock.start(this, lifetime * 1000 * this.device.spec.timing.device.updateMarginFactor);
  }

  /** Sends an Update for the changes, now or with the one that is under way. */
  announce(changes: number): void {
    this.unannounced |= changes;
    if (!this.device.deaf) this.step({ in: "update" });
  }

  /** Takes what the object store says now about the same account. */
  renew(details: ServerAccount): void {
    if (lifetimeOf(details.server) !== lifetimeOf(this.details.server) && !this.device.behaviour.flaws.includes("lifetime-unannounced")) this.unannounced |= Change.Lifetime;
    if (textOf(details.server, ServerResource.Binding) !== textOf(this.details.server, ServerResource.Binding)) this.unannounced |= Change.Binding;
    this.details = details;
    this.link.security = details.security;
  }

  /** The account is gone; with `deregister` its Server is told so first. */
  detach(deregister: boolean): void {
    this.detached = true;
    if (deregister && this.step({ in: "deregister", then: "left" })) return;
    if (!this.step({ in: "stop" })) this.close();
  }

  close(): void {
    this.location = undefined;
    this.#drop();
    this.#tellCancelled();
    this.link.close();
  }

  /** Another address; false without a session. */
  rebind(): Promise<boolean> {
    return this.link.rebind(this.#exchange !== undefined);
  }

  /** Stops what it waits for, without a word to anybody (a device gone silent). */
  freeze(): void {
    this.device.host.ports.clock.stop(this);
    this.#drop();
    this.link.freeze();
    this.#tellCancelled();
  }

  #drop(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.cancel();
  }

  #transmit(): void {
    if (this.device.silent || !this.link.ensure()) return;
    const request = this.#request();
    if (request === undefined) return;
    this.device.active();
    this.#exchange = this.link.send(request, this);
  }

  #request(): Request | undefined {
    const { device, details, location } = this;
    const { version } = device;
    switch (this.state.at) {
      case "registering":
        this.unannounced = 0;
        this.outdated = false;
        return registerRequest({ version, endpoint: device.endpoint, lifetime: lifetimeOf(details.server), binding: device.bindingOf(details.server) }, device.objectList());
      case "updating": {
        if (location === undefined) return undefined;
        const changes = (this.#announcing = this.unannounced);
        this.unannounced = 0;
        if (changes === 0) return updateRequest(location, version);
        return updateRequest(
          location,
          version,
          {
            ...((changes & Change.Lifetime) === 0 ? {} : { lifetime: lifetimeOf(details.server) }),
            ...((changes & Change.Binding) === 0 ? {} : { binding: device.bindingOf(details.server) }),
          },
          (changes & Change.Objects) === 0 ? undefined : device.objectList(),
        );
      }
      case "deregistering":
        return location === undefined ? undefined : deregisterRequest(location);
      default:
        return undefined;
    }
  }

  onLink(made: "new" | "resumed" | "plain"): void {
    if (!this.wantsLink) return;
    if (made === "new" && this.device.registersInNewSession && this.step({ in: "new-session" })) this.location = undefined;
    else this.#transmit();
  }

  onNoLink({ reason, class: alertClass, alert, handshake }: LinkFailure): void {
    if (!handshake) {
      this.#failed(reason, "unreachable");
      return;
    }
    const { device, waiter } = this;
    this.waiter = undefined;
    if (alert !== undefined) noteAlert(device, this.details.server.id, alert);
    switch (this.state.at) {
      case "registering":
      case "updating":
        if (this.state.at === "registering") device.counters.registrationsFailed++;
        else device.counters.updatesFailed++;
        this.lastFailure = reason;
        this.location = undefined;
        device.endObservations(this);
        this.step({ in: "no-session", barred: alertClass === "fail" && !device.behaviour.flaws.includes("final-alert-retried"), final: device.fallsBack(this) });
        break;
      case "deregistering":
        this.step({ in: "deregistered" });
        break;
      default:
    }
    waiter?.({ ok: false, failure: reason === "unreachable" ? reason : "handshake" });
  }

  /** Nothing to do before there is something to say: the next Update makes a session, and registers in it. */
  onSessionLost(): void {}

  onResponse(response: Response): void {
    this.#exchange = undefined;
    const recovered = this.link.answered();
    const { device, waiter } = this;
    this.waiter = undefined;
    device.active();
    const took = device.host.ports.clock.now() - this.#sentAt;
    switch (this.state.at) {
      case "registering":
        this.#registerAnswered(response, took);
        break;
      case "updating":
        if (response.code === Codes.Changed) {
          device.counters.updates++;
          // The time that a changed address cost is measured as recovery, and says nothing of the server.
          if (!recovered) device.host.listener.onMeasure(device, "update", took);
          this.step({ in: "updated" });
        } else {
          this.#updateFailed(formatCode(response.code));
        }
        break;
      case "deregistering":
        device.counters.deregistrations++;
        device.host.listener.onMeasure(device, "deregister", took);
        this.step({ in: "deregistered" });
        break;
      default:
    }
    waiter?.({ ok: isSuccess(response.code), code: formatCode(response.code), ...(response.locationPath === undefined ? {} : { location: response.locationPath }) });
  }

  #registerAnswered(response: Response, took: number): void {
    const { device } = this;
    const location = locationOf(response);
    if (location !== undefined) {
      this.location = location;
      this.lastFailure = undefined;
      device.counters.registrations++;
      device.host.listener.onMeasure(device, "register", took);
      device.endObservations(this);
      this.step({ in: "registered" });
      return;
    }
    this.lastFailure = response.code === Codes.Created ? "2.01 without a location" : formatCode(response.code);
    device.counters.registrationsFailed++;
    // Overload is no refusal of this device: try again as if nothing had come (RFC 7252 §5.9.3.4, RFC 8516).
    const overloaded = response.code === Codes.ServiceUnavailable || response.code === Codes.TooManyRequests;
    this.step(overloaded ? { in: "unanswered" } : { in: "refused", final: device.fallsBack(this) });
  }

  #updateFailed(why: string): void {
    this.lastFailure = why;
    this.device.counters.updatesFailed++;
    this.location = undefined;
    this.device.endObservations(this);
    this.step({ in: "update-failed" });
    if (this.device.behaviour.flaws.includes("falls-back-on-update") && this.device.fallsBack(this)) this.device.bootstraps.fallBack();
  }

  onFailure(reason: FailureReason): void {
    // `cancelled` and `closed` are our own doing.
    if (reason === "cancelled" || reason === "closed") return;
    this.#exchange = undefined;
    if (reason === "timeout" || reason === "unreachable") {
      const { at } = this.state;
      if (at === "updating") this.link.updateLost();
      const hasty = at === "updating" && this.device.behaviour.flaws.includes("falls-back-on-update");
      const another = !hasty && (at === "registering" || at === "updating") && this.link.hadSessionBefore(this.#beganAt);
      // Whoever lost the session cannot say so: silence in it may mean nothing else.
      this.link.loseSession();
      if (another) {
        this.unannounced |= this.#announcing;
        this.#transmit();
        return;
      }
    }
    this.#failed(reason, reason);
  }

  #failed(why: string, reason: FailureReason): void {
    const { waiter } = this;
    this.waiter = undefined;
    switch (this.state.at) {
      case "registering":
        this.lastFailure = why;
        this.device.counters.registrationsFailed++;
        this.step(this.device.behaviour.flaws.includes("falls-back-on-register") ? { in: "refused", final: this.device.fallsBack(this) } : { in: "unanswered" });
        break;
      case "updating":
        this.#updateFailed(why);
        break;
      case "deregistering":
        this.step({ in: "deregistered" });
        break;
      default:
    }
    waiter?.({ ok: false, failure: reason });
  }

  #tellCancelled(): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.({ ok: false, failure: "cancelled" });
  }

  onRequest(request: IncomingRequest): void {
    // LwM2M Core 1.1 §6.2.1: nothing is answered before the registration is complete.
    if (this.location === undefined || this.device.silent) request.ignore();
    else this.device.serverRequest(this, request);
  }
}
