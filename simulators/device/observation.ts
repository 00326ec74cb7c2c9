import type { Observer, Response } from "../../src/coap/index.js";
import { changeSeen, mergeAttributes, notificationDue, reported, RequestError, ServerResource, valueSeen, type Attributes, type Node, type Path, type ReportState } from "../../src/lwm2m/index.js";
import { Timer } from "../../src/ports/index.js";
import type { Account } from "./account.js";
import type { Device } from "./device.js";
import { contentResponse, readNode } from "./management.js";
import { numberOf } from "./objects.js";

/** RFC 7641 §4.5: at least one notification in 24 hours is confirmable, to learn whether the observer is still there. */
const confirmEveryMs = 24 * 3600 * 1000;

/** What a Server observes on a device, and when it is told (pmin, pmax, gt, lt, st). Its own timer. */
export class Observation extends Timer {
  notifications = 0;
  #state: ReportState;
  #confirmedAt: number;
  #saidLast = false;

  constructor(
    readonly device: Device,
    readonly account: Account,
    readonly path: Path,
    readonly accept: number | undefined,
    readonly observer: Observer,
    first: Node,
  ) {
    super();
    const now = device.host.ports.clock.now();
    this.#state = reported(now, numberIn(first));
    this.#confirmedAt = now;
    this.review();
  }

  override get timerName(): string {
    return "observation";
  }

  override fire(): void {
    this.review();
  }

  /** The observed place may have changed. */
  changed(): void {
    const node = this.#read();
    const value = node === undefined ? undefined : numberIn(node);
    this.#state = value === undefined ? changeSeen(this.#state) : valueSeen(this.#state, this.#attributes(), value);
    this.review();
  }

  /** Notifies when it is time, or waits until it may be. */
  review(): void {
    const { clock } = this.device.host.ports;
    const now = clock.now();
    const { due, at } = notificationDue(this.#state, this.#attributes(), now);
    if (due && !this.device.deaf) this.#notify(now);
    else if (at !== undefined && !due) clock.start(this, Math.max(1, at - now));
    else clock.stop(this);
  }

  end(): void {
    this.device.host.ports.clock.stop(this);
    // A notification that ends the observation is still to arrive; the observer goes with its acknowledgement.
    if (!this.#saidLast) this.observer.end();
  }

  #attributes(): Attributes {
    const { shortServerId, details } = this.account;
    const pmin = numberOf(details.server, ServerResource.DefaultMinimumPeriod);
    const pmax = numberOf(details.server, ServerResource.DefaultMaximumPeriod);
    const defaults = { ...(pmin === undefined ? {} : { pmin }), ...(pmax === undefined ? {} : { pmax }) };
    return mergeAttributes(this.device.attributes?.levels(shortServerId, this.path) ?? [], defaults);
  }

  #read(): Node | undefined {
    try {
      return readNode(this.device.objects, this.path, this.device.contextFor(this.account));
    } catch (error) {
      if (error instanceof RequestError) return undefined;
      throw error;
    }
  }

  #notify(now: number): void {
    let response: Response;
    let node: Node | undefined;
    try {
      node = readNode(this.device.objects, this.path, this.device.contextFor(this.account));
      response = contentResponse(this.path, node, this.accept, this.device.version);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      // RFC 7641 §3.2: a notification that is an error ends the observation.
      this.observer.notify({ code: error.code }, { confirmable: true });
      this.#saidLast = true;
      this.device.endObservation(this);
      return;
    }
    const confirmable = now - this.#confirmedAt >= confirmEveryMs;
    if (confirmable) this.#confirmedAt = now;
    this.notifications++;
    this.device.counters.notifications++;
    this.#state = reported(now, numberIn(node));
    this.device.active();
    this.observer.notify(response, { confirmable });
    this.review();
  }
}

const numberIn = (node: Node): number | undefined => (node.kind === "resource" || node.kind === "resource-instance") && typeof node.value === "number" ? node.value : undefined;
