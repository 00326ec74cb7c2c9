import { ExchangeError, formatCode, type Endpoint, type FailureReason, type Request, type Response } from "../../src/coap/index.js";
import { underRoot } from "../../src/lwm2m/index.js";
import type { Metrics } from "../../src/metrics/index.js";
import type { FaultBoard } from "../../src/operator/index.js";
import { formatAddress, type Clock } from "../../src/ports/index.js";
import { isAwake, type DeviceJob, type DeviceQueues, type DropReason } from "./queue-mode.js";
import type { PlantedFaults } from "./plants.js";
import { codeOf } from "./registration-interface.js";
import type { Registration, Registry } from "./registry.js";

/** Operations a Server has with a device, as faults and metrics name them. */
export type DeviceOperationName = "read" | "write" | "execute" | "discover" | "create" | "delete" | "write-attributes" | "observe";

/** A request that brought no response, or never left. */
export class DeliveryError extends Error {
  constructor(readonly reason: FailureReason | "not-registered") {
    super(`no response: ${reason}`);
    this.name = "DeliveryError";
  }
}

const dropReasons: Readonly<Record<DropReason, DeliveryError["reason"]>> = { expired: "timeout", "not-registered": "not-registered", "queue-full": "cancelled", withdrawn: "cancelled" };

export interface DeviceLinkOptions {
  readonly clock: Clock;
  readonly endpoint: Endpoint;
  readonly registry: Registry;
  readonly queues: DeviceQueues;
  readonly faults: FaultBoard;
  readonly metrics: Metrics;
  readonly awakeMs: number;
  /** How long an operation waits for a sleeping device. */
  readonly holdMs: number;
  readonly plants?: PlantedFaults;
}

/** The way to a registered device: at once, or in its turn once a sleeper was heard of. */
export class DeviceLink {
  constructor(readonly options: DeviceLinkOptions) {}

  awake(registration: Registration): boolean {
    return isAwake(registration, this.options.clock.now(), this.options.awakeMs);
  }

  /** False when the job has to wait for the device, or was dropped at once. */
  start(registration: Registration, job: DeviceJob): boolean {
    const { queues } = this.options;
    if (registration.queueMode || queues.heldFor(registration.endpoint) > 0) return queues.add(registration.endpoint, job);
    void job.run();
    return true;
  }

  /** Waits for the next message of the device, whatever its binding says. */
  hold(registration: Registration, job: DeviceJob): void {
    this.options.queues.hold(registration.endpoint, job);
  }

  /** A message came from the device: it listens, and what is held goes out in order. */
  heard(registration: Registration): void {
    registration.lastSeen = this.options.clock.now();
    this.options.queues.wake(registration.endpoint);
  }

  /** Does `work` when the device listens; rejects with `DeliveryError` if that never comes. */
  inTurn<T>(registration: Registration, work: (registration: Registration) => Promise<T>): Promise<T> {
    const { clock, registry, holdMs, plants } = this.options;
    const asleep = registration.queueMode && !this.awake(registration);
    if (asleep && plants?.has("sleeper-not-waited-for") === true) return Promise.reject(new DeliveryError("timeout"));
    return new Promise<T>((resolve, reject) => {
      const job: DeviceJob = {
        holdUntil: clock.now() + holdMs,
        run: async () => {
          const current = registry.byEndpoint(registration.endpoint);
          if (asleep && plants?.has("held-requests-lost") === true) reject(new DeliveryError("timeout"));
          else if (current === undefined) reject(new DeliveryError("not-registered"));
          else await work(current).then(resolve, reject);
        },
        dropped: (why) => {
          reject(new DeliveryError(dropReasons[why]));
        },
      };
      this.start(registration, job);
    });
  }

  /**
   * One exchange with a device that listens, faults of the operation applied. `beforeSend` is asked when the request is about to
   * leave; false keeps it back. Rejects with `DeliveryError`.
   */
  async exchange(registration: Registration, operation: DeviceOperationName, request: Request, beforeSend?: () => boolean): Promise<Response> {
    const { clock, endpoint, faults, metrics, registry } = this.options;
    const fault = faults.empty ? undefined : await faults.apply(operation, registration.endpoint);
    if (fault?.kind === "silence") throw new DeliveryError("timeout");
    if (fault?.kind === "refuse") return { code: codeOf(fault.code) };
    if (!registration.reachable) throw new DeliveryError("unreachable");
    if (beforeSend?.() === false) throw new DeliveryError("cancelled");
    const cell = metrics.operation(operation);
    const startedAt = clock.now();
    let response: Response;
    try {
      response = await endpoint.request(registration.peer, underRoot(request, registration.objects.rootPath));
    } catch (error) {
      const reason = error instanceof ExchangeError ? error.reason : "closed";
      cell.failed(reason, clock.now() - startedAt);
      throw new DeliveryError(reason);
    }
    cell.done(formatCode(response.code), clock.now() - startedAt);
    if (registry.holds(registration)) registration.lastSeen = clock.now();
    if (fault?.kind === "lose-answer") throw new DeliveryError("timeout");
    return fault?.kind === "wrong-code" ? { ...response, code: codeOf(fault.code) } : response;
  }

  addressOf(registration: Registration): string {
    return formatAddress(registration.peer.address);
  }
}
