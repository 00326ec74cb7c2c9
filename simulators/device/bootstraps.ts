import type { IncomingRequest } from "../../src/coap/index.js";
import { rfcRetransmission, type Resumption } from "../../src/dtls/index.js";
import { ObjectId, type InstanceNode } from "../../src/lwm2m/index.js";
import { Change } from "./account.js";
import { withoutServer } from "./access-control.js";
import { BootstrapSession } from "./bootstrap-session.js";
import type { Device } from "./device.js";
import { holdOffMs } from "./hold-off.js";
import type { DeviceState } from "./lifecycle.js";
import { instancesOf, type Objects } from "./objects.js";
import { holdsKey, sameCredential } from "./security.js";
import type { ServerLink } from "./server-link.js";
import { bootstrapAccountOf, securityOf, serverAccountsOf, withBootstrapAccountOf } from "./server-accounts.js";
import { traceBootstrapRequest } from "./tracing.js";

const formerKeysKept = 16;
const forEverMs = 1_000_000_000;

/** What causes a device's bootstraps, when they are asked for, and what each one leaves behind. */
export class Bootstraps {
  /** When the Execute came that no Bootstrap-Request has followed yet (`Clock.now()`). */
  #triggeredAt: number | undefined = undefined;
  /** What the trigger was, for the trace: Short Server ID and message id. */
  #triggeredBy: string | undefined = undefined;
  /** How often in a row a Server did not take the device. */
  #fallbacks = 0;

  /** The session with the Bootstrap Server that the next bootstrap may take up, and the account that it was made with. */
  #resumable: { readonly security: InstanceNode; readonly resumption: Resumption } | undefined = undefined;

  /** Security object instances with keys that were written or replaced: for whoever asks the device for all it ever held. */
  #keyed: InstanceNode[] | undefined = undefined;

  constructor(readonly device: Device) {}

  get formerKeys(): readonly InstanceNode[] {
    return this.#keyed ?? [];
  }

  /** A bootstrap wrote or deleted accounts: what came of it (`draft`) may be replaced or thrown away before anybody asks, as what was there before. */
  keysChanged(draft: Objects): void {
    const known = this.#keyed ?? [];
    for (const objects of [this.device.objects, draft]) for (const security of instancesOf(objects, ObjectId.Security)) if (holdsKey(security) && !known.includes(security)) known.push(security);
    this.#keyed = known.slice(-formerKeysKept);
  }

  resumptionFor(security: InstanceNode): Resumption | undefined {
    return this.#resumable !== undefined && sameCredential(this.#resumable.security, security) ? this.#resumable.resumption : undefined;
  }

  keepResumption({ security, resumption }: ServerLink): void {
    this.#resumable = resumption === undefined ? undefined : { security, resumption };
  }

  /** Execute of /1/x/9 was answered and is to be followed. */
  triggered(request: IncomingRequest, shortServerId: number, restart: boolean): void {
    const { device } = this;
    device.counters.bootstrapTriggers++;
    this.#triggeredAt ??= request.arrivedAt;
    this.#triggeredBy = `server ${shortServerId}, message id ${request.messageId}`;
    device.step({ in: restart ? "bootstrap-again" : "bootstrap-due", cause: "trigger" });
  }

  fallBack(): void {
    this.#fallbacks++;
    this.device.step({ in: "bootstrap-due", cause: "fallback" });
  }

  /** Every Server took the device. */
  servedWell(): void {
    this.#fallbacks = 0;
  }

  /** The power is off: a trigger that was to be followed is lost. */
  forget(): void {
    this.#triggeredAt = undefined;
  }

  holdOff(state: Extract<DeviceState, { at: "hold-off" }>): void {
    const { device } = this;
    const delay = holdOffMs(device, state, this.#fallbacks);
    if (delay > 0) device.host.ports.clock.start(device, delay);
    else device.step({ in: "waited" });
  }

  /** How long nothing may come of a bootstrap. */
  get patienceMs(): number {
    const { behaviour, spec } = this.device;
    return behaviour.flaws.includes("no-bootstrap-timeout") ? forEverMs : spec.timing.device.bootstrapTimeoutMs;
  }

  request(): void {
    const { device } = this;
    const { clock } = device.host.ports;
    const account = bootstrapAccountOf(device.objects);
    if (account === undefined) {
      this.failed("no Bootstrap-Server account");
      return;
    }
    clock.start(device, this.patienceMs + (device.spec.timing.dtls?.giveUpMs ?? rfcRetransmission.giveUpMs));
    device.rouse();
    device.session = new BootstrapSession(device, account, device.intended(clock.now()));
    device.session.open();
  }

  /** The Bootstrap-Request goes out now. */
  requested(): void {
    const { device } = this;
    device.counters.bootstrapRequests++;
    // What it took to make the session is not the Bootstrap Server's time.
    device.host.ports.clock.start(device, this.patienceMs);
    device.active();
    traceBootstrapRequest(device, this.#triggeredBy);
    if (this.#triggeredAt === undefined) return;
    device.host.listener.onMeasure(device, "trigger-to-bootstrap", device.host.ports.clock.now() - this.#triggeredAt);
    this.#triggeredAt = undefined;
  }

  failed(reason: string): void {
    const { device } = this;
    if (device.state.at !== "requesting" && device.state.at !== "bootstrapping") return;
    device.counters.bootstrapsFailed++;
    const { session } = device;
    device.session = undefined;
    session?.close(false);
    if (session !== undefined && !device.behaviour.rollback) device.objects = withBootstrapAccountOf(device.objects, session.draft);
    device.host.listener.onFailure(device, reason);
    device.step({ in: "bootstrap-failed", accounts: serverAccountsOf(device.objects).length });
  }

  /** The Finish was answered 2.04: the draft is the configuration now. */
  finished(draft: Objects): void {
    const { device } = this;
    const { clock } = device.host.ports;
    const { session } = device;
    device.objects = this.withoutLost(draft);
    device.lastBootstrapped = Math.floor(clock.epoch() / 1000);
    device.counters.bootstrapsFinished++;
    if (session !== undefined) device.host.listener.onMeasure(device, "bootstrap", clock.now() - session.since);
    device.session = undefined;
    session?.close(true);
    if (device.behaviour.afterBootstrap === "all") for (const account of device.accounts) account.outdated = true;
    else for (const account of device.accounts) account.unannounced |= Change.Objects;
    device.step({ in: "finished" });
  }

  /** The draft without what only the accounts had that it took away. */
  withoutLost(draft: Objects): Objects {
    let next = draft;
    for (const { shortServerId } of serverAccountsOf(this.device.objects)) if (securityOf(draft, shortServerId) === undefined) next = withoutServer(next, shortServerId);
    return next;
  }
}
